"""Actions as steps of a real run: compiled, substituted, executed, journaled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runyard.model.execution import CAPTURE
from runyard.model.result import Outcome
from runyard.model.status import Status
from runyard.runners.web import BODY_LIMIT
from runyard.service.runs import Runs
from runyard.service.started import Started
from tests.integration.support import run, text_of, with_runs
from tests.unit.runners.server import serving


def outcomes(started: Started) -> dict[str, Outcome]:
    return {result.step: result.outcome for result in started.results}


def test_actions_work_on_from_each_other(tmp_path: Path) -> None:
    text = f"""
        vars: {{PORT: 8080, LIST: [a, b]}}
        steps:
          - name: set
            action: env.set
            args: {{env: {{WHO: "${{PORT}} people", N: 3}}}}
          - name: render
            action: template.render
            args:
              content: "port=${{PORT}} list=${{LIST}} who=${{WHO}} x=${{X}} literal=$${{Y}}"
              dest: {tmp_path}/out
              vars: {{X: 5}}
              mode: 0640
          - name: script
            action: script.python
            args:
              export_vars: on
              script: |
                import json, os
                print(json.loads(os.environ["LIST"]), open("{tmp_path}/out").read())
                print("BOPS_EXPORT:DONE=yes")
            expect_vars: [DONE]
          - name: copy
            action: file.copy
            args: {{src: {tmp_path}/out, dest: "{tmp_path}/copy-${{DONE}}", mode: 0600}}
          - name: wait
            action: wait.until
            args: {{file: "{tmp_path}/copy-${{DONE}}", timeout: 60s}}
          - name: cat
            action: command.run
            args: {{command: cat, args: ["{tmp_path}/copy-${{DONE}}"]}}
          - name: copy again
            action: file.copy
            args: {{src: {tmp_path}/out, dest: "{tmp_path}/copy-${{DONE}}", mode: 0600}}
        """
    rendered = 'port=8080 list=["a", "b"] who=8080 people x=5 literal=${Y}'

    async def scenario(runs: Runs) -> None:
        record, started = await run(runs, text)
        found = outcomes(started)
        assert record.status is Status.SUCCESS, record
        assert (tmp_path / "out").read_text() == rendered
        assert found["script"].stdout.startswith(f"['a', 'b'] {rendered}\n")
        assert found["cat"].stdout == rendered
        assert (found["copy"].changed, found["copy again"].changed) == (True, False)
        assert (tmp_path / "out").stat().st_mode & 0o777 == 0o640

    with_runs(tmp_path / "state", scenario)


def test_the_answer_of_a_request_is_whole_in_the_log_and_bounded_in_the_result(
    tmp_path: Path,
) -> None:
    async def scenario(runs: Runs) -> None:
        with serving() as server:
            text = f"""
                steps:
                  - name: big
                    action: http.request
                    args: {{url: "{server.url}/big"}}
                  - name: gone
                    action: http.request
                    args: {{url: "{server.url}/503?key=hunter2"}}
                    retries: {{attempts: 3, delay: 1ms}}
                    continue_on_error: true
                """
            record, started = await run(runs, text)
            found = outcomes(started)
        big = found["big"]
        assert len(big.stdout.encode()) < CAPTURE + 100
        assert f"{BODY_LIMIT - CAPTURE} bytes dropped" in big.stdout
        assert len(await text_of(runs, record.run_id, step="big")) == BODY_LIMIT
        assert found["gone"].status is Status.FAILED
        assert "hunter2" not in found["gone"].message
        assert [path for _, path, _, _ in server.seen] == ["/big", *["/503?key=hunter2"] * 3]

    with_runs(tmp_path / "state", scenario)


def run_step(tmp_path: Path, action: str, args: str) -> Outcome:
    kept: list[Outcome] = []

    async def scenario(runs: Runs) -> None:
        _, started = await run(
            runs,
            f"""
            steps:
              - name: one
                action: {action}
                args: {args}
            """,
        )
        kept.append(outcomes(started)["one"])

    with_runs(tmp_path / "state", scenario)
    return kept[0]


def error_of(outcome: Outcome) -> dict[str, Any]:
    assert outcome.error is not None
    return dict(outcome.error)


def test_failures_are_results_with_their_code_and_class(tmp_path: Path) -> None:
    missing = run_step(tmp_path, "file.copy", "{src: gone, dest: /tmp/x}")
    assert missing.status is Status.ERROR and error_of(missing)["code"] == "NOT_FOUND"
    unset = run_step(tmp_path, "template.render", '{content: "${NOT_SET_ANYWHERE}", dest: /tmp/x}')
    assert unset.status is Status.ERROR and error_of(unset)["code"] == "UNSET"
    refused = run_step(tmp_path, "http.request", '{url: "http://127.0.0.1:1/"}')
    assert refused.status is Status.ERROR and error_of(refused)["class"] == "network"
    late = run_step(tmp_path, "wait.until", "{file: /no/such/file, timeout: 50ms}")
    assert late.status is Status.TIMEOUT and error_of(late)["class"] == "timeout"

"""Every key of a document, run for real (contract 1, "Document" and "Grammar by example")."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runyard.model.result import StepResult
from runyard.model.run import RunRecord
from runyard.service.job import RunOptions
from runyard.service.runs import Runs
from tests.integration.support import events_of, job, text_of, with_runs


class Outcome:
    """What one run came to, and its complete output by step."""

    def __init__(self, record: RunRecord, results: list[StepResult], out: dict[str, str]) -> None:
        self.record = record
        self.results = results
        self.out = out
        self.warnings: list[str] = []

    @property
    def statuses(self) -> list[tuple[str, str]]:
        return [(r.step, r.status.value) for r in self.results]

    def of(self, step: str) -> StepResult:
        return next(r for r in self.results if r.step == step)


def play(tmp_path: Path, text: str, **options: Any) -> Outcome:
    """Run a workflow; `@` in it is a directory of the test's own."""
    work = tmp_path / "work"
    work.mkdir(exist_ok=True)
    got: list[Outcome] = []

    async def scenario(runs: Runs) -> None:
        task = job(text.replace("@", str(work)), path=str(work / "w.yaml"))
        started = await runs.start(task, RunOptions(**options))
        record = await started.wait()
        keys = dict.fromkeys(r.step for r in started.results)
        out = {key: await text_of(runs, record.run_id, step=key) for key in keys}
        got.append(Outcome(record, list(started.results), out))
        got[0].warnings = [
            e.data["message"]
            for e in await events_of(runs, record.run_id)
            if e.type == "warning.raised"
        ]

    with_runs(tmp_path / "home", scenario)
    return got[0]


def test_loop_and_matrix_instances(tmp_path: Path) -> None:
    done = play(
        tmp_path,
        """
        steps:
          - name: each
            loop: [{name: a b}, {name: "c'd"}]
            action: cmd.run
            args: {cmd: 'echo "<${item.name}>"'}
          - name: cross
            matrix: {os: [deb, rpm], arch: [x86, arm]}
            action: cmd.run
            args: {cmd: 'echo ${matrix.os}-${matrix.arch}'}
        """,
    )
    assert done.out["each[0]"] == "<a b>\n" and done.out["each[1]"] == "<c'd>\n"
    combos = [done.out[f"cross[{n}]"].strip() for n in range(4)]
    assert combos == ["deb-x86", "deb-arm", "rpm-x86", "rpm-arm"]


def test_depends_on_relaxes_the_order(tmp_path: Path) -> None:
    done = play(
        tmp_path,
        """
        steps:
          - {name: root, action: cmd.run, args: {cmd: 'true'}}
          - name: left
            depends_on: [root]
            action: cmd.run
            args: {cmd: 'touch @/left; while ! test -e @/right; do sleep 0.02; done'}
            timeout: 20s
          - name: right
            depends_on: [root]
            action: cmd.run
            args: {cmd: 'touch @/right; while ! test -e @/left; do sleep 0.02; done'}
            timeout: 20s
          - {name: join, depends_on: [left, right], action: cmd.run, args: {cmd: 'true'}}
        """,
    )
    assert done.statuses == [(n, "success") for n in ("root", "left", "right", "join")]


def test_retries_timeout_and_how_each_end_is_told(tmp_path: Path) -> None:
    done = play(
        tmp_path,
        """
        steps:
          - name: flaky
            retries: {attempts: 4, delay: 10ms, backoff: 1, on: ['exit:75']}
            action: cmd.run
            args: {cmd: 'echo x >>@/n; test $(wc -l <@/n) -ge 3 || exit 75'}
          - name: hopeless
            continue_on_error: true
            retries: {attempts: 3, delay: 10ms, on: ['exit:75']}
            action: cmd.run
            args: {cmd: 'exit 7'}
          - name: slow
            continue_on_error: true
            timeout: 300ms
            action: cmd.run
            args: {cmd: 'sleep 1000'}
          - name: shot
            continue_on_error: true
            action: cmd.run
            args: {cmd: 'kill -9 $$'}
        """,
    )
    assert done.record.status.value == "success"
    assert done.of("flaky").attempt == 3
    assert done.of("hopeless").attempt == 1 and done.of("hopeless").outcome.exit_code == 7
    slow = done.of("slow").outcome
    assert (slow.status.value, slow.ended_by, slow.survivors) == ("timeout", "timeout", 0)
    shot = done.of("shot").outcome
    assert shot.signal == 9 and shot.ended_by == "signal:9" and "SIGKILL" in shot.message


def test_handlers_finally_and_rollback(tmp_path: Path) -> None:
    text = """
        on_failure: rollback
        steps:
          - name: config
            notify: [reload]
            action: file.copy
            args: {src: src.txt, dest: @/dest.txt}
            rollback: {action: cmd.run, args: {cmd: 'rm @/dest.txt; echo undone >>@/log'}}
          - name: maybe
            action: cmd.run
            args: {cmd: 'exit ${FAIL:-0}'}
            changed_when: "false"
        handlers:
          - {name: reload, action: cmd.run, args: {cmd: 'echo reloaded >>@/log'}}
        finally:
          - {name: last, action: cmd.run, args: {cmd: 'echo last >>@/log'}}
    """
    (tmp_path / "work").mkdir()
    (tmp_path / "work/src.txt").write_text("content")
    first = play(tmp_path, text)
    log = tmp_path / "work/log"
    assert first.record.status.value == "success", first.record.message
    assert log.read_text().split() == ["reloaded", "last"]
    log.unlink()
    again = play(tmp_path, text)
    assert log.read_text().split() == ["last"] and again.of("config").outcome.changed is False
    log.unlink()
    (tmp_path / "work/dest.txt").unlink()
    failed = play(tmp_path, text, vars={"FAIL": "1"})
    assert failed.record.status.value == "failed"
    assert log.read_text().split() == ["undone", "last"]
    assert not (tmp_path / "work/dest.txt").exists()


def test_check_skips_what_is_done(tmp_path: Path) -> None:
    text = """
        steps:
          - name: make
            check: {cmd: test -f @/made}
            action: cmd.run
            args: {cmd: touch @/made}
    """
    assert play(tmp_path, text).statuses == [("make", "success")]
    second = play(tmp_path, text)
    assert second.statuses == [("make", "skipped")]
    assert "already done" in second.of("make").outcome.message


def test_exports_in_every_form_and_expect_and_must_vars(tmp_path: Path) -> None:
    done = play(
        tmp_path,
        """
        steps:
          - name: export
            action: shell.run
            expect_vars: [A, B, C, D, TEXT]
            args:
              export_vars: true
              script: |
                echo 'BOPS_EXPORT:A=1 = one'
                echo 'BOPS_EXPORT:{B=two}'
                echo 'BOPS_EXPORT:{"C": "three", "D": 4}'
                printf 'BOPS_EXPORT:TEXT<<END\\nline 1\\nline 2\\nEND\\n'
                echo 'BOPS_EXPORT:9bad=x'
          - name: use
            must_vars: [A]
            when: ${D} == 4 && ${C} in "three,four"
            action: cmd.run
            args: {cmd: 'printf "%s|" "$A" "$B" "$C" "$D" "$TEXT"'}
          - name: lacking
            continue_on_error: true
            expect_vars: [NOPE]
            action: cmd.run
            args: {cmd: 'true', export_vars: yes}
          - name: unset
            must_vars: [NOPE]
            action: cmd.run
            args: {cmd: 'touch @/never'}
        """,
    )
    assert done.out["use"] == "1 = one|two|three|4|line 1\nline 2|"
    assert done.of("lacking").status.value == "failed"
    assert done.of("unset").status.value == "error" and not (tmp_path / "work/never").exists()
    assert any("9bad" in w for w in done.of("export").outcome.warnings)


def test_variables_follow_the_one_precedence(tmp_path: Path) -> None:
    text = """
        defaults: {vars: {V: defaults}}
        inventory:
          vars: {V: inventory, I: inventory}
          groups:
            a: {hosts: [h], vars: {V: group a, G: group a}}
            b: {hosts: [h], vars: {V: group b, G: group b}}
          hosts: {h: {address: local, vars: {V: host, H: host}}}
        vars: {V: workflow}
        steps:
          - name: before
            action: cmd.run
            args: {cmd: 'echo "$V,$I,$G,$H"'}
          - {name: set, action: env.set, args: {env: {V: env.set}}}
          - {name: after-set, action: cmd.run, args: {cmd: 'echo $V'}}
          - name: export
            action: cmd.run
            args: {export_vars: true, cmd: 'echo BOPS_EXPORT:V=export'}
          - {name: after-export, action: cmd.run, args: {cmd: 'echo $V'}}
          - {name: own, action: cmd.run, args: {cmd: 'echo $V', env: {V: 'own after ${V}'}}}
    """
    done = play(tmp_path, text)
    shown = {step: out.strip() for step, out in done.out.items()}
    assert shown["before"] == "workflow,inventory,group b,host"
    assert (shown["after-set"], shown["after-export"]) == ("env.set", "export")
    assert shown["own"] == "own after export"
    given = play(tmp_path, text, vars={"V": "cli"})
    assert given.out["after-export"].strip() == "cli"
    assert any("--var" in warning for warning in given.warnings)


def test_hosts_see_their_own_exports_and_each_others(tmp_path: Path) -> None:
    done = play(
        tmp_path,
        """
        inventory: {hosts: {a: {address: local}, b: {address: local}}}
        steps:
          - name: export
            action: cmd.run
            args: {export_vars: true, cmd: 'echo BOPS_EXPORT:K=$RUNYARD_HOST'}
          - name: use
            action: cmd.run
            args: {cmd: 'echo "$K ${hosts.a.K} ${hosts.b.K}"'}
        """,
    )
    assert sorted(done.out["use"].splitlines()) == ["a a b", "b a b"]
    assert any("differ" in warning for warning in done.warnings)


def test_values_never_run_as_commands(tmp_path: Path) -> None:
    nasty = "$(touch @/pwned) `touch @/pwned`; touch @/pwned #'\"\n*".replace(
        "@", str(tmp_path / "work")
    )
    done = play(
        tmp_path,
        """
        steps:
          - name: show
            loop: [x]
            action: shell.run
            args:
              script: |
                printf '%s' "${V}"
                printf '%s' "${item}" "${hosts.local.V}"
        """,
        vars={"V": nasty},
    )
    assert done.out["show[0]"] == f"{nasty}x{nasty}"
    assert not (tmp_path / "work/pwned").exists()


def test_modules_with_tasks(tmp_path: Path) -> None:
    done = play(
        tmp_path,
        """
        inventory:
          groups: {web: {hosts: [w1, w2]}}
          hosts: {w1: {address: local}, w2: {address: local}, db: {address: local}}
        modules:
          - name: prepare
            tasks:
              - name: install
                targets: [web]
                concurrency: 2
                steps:
                  - {name: one, action: cmd.run, args: {cmd: 'echo one'}}
                  - {name: two, action: cmd.run, args: {cmd: 'echo two'}}
              - name: ignored
                targets: [db]
                ignore_error: true
                steps:
                  - {name: boom, action: cmd.run, args: {cmd: 'false'}}
          - name: off
            enabled: false
            tasks:
              - name: never
                steps:
                  - {name: never, action: cmd.run, args: {cmd: 'true'}}
        """,
    )
    assert done.record.status.value == "success", done.record.message
    assert [(r.host, r.step, r.status.value) for r in done.results] == [
        ("w1", "one", "success"), ("w1", "two", "success"),
        ("w2", "one", "success"), ("w2", "two", "success"), ("db", "boom", "failed"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("limits", "script", "ended_by"),
    [
        ("{memory: 64MB}", "python3 -c 'x = b\"x\" * 300_000_000; print(len(x))'", "memory"),
        ("{output: 100k}", "yes", "output"),
        ("{cpu_time: 1}", "while :; do :; done", "cpu"),
    ],
)
def test_limits_hold_for_the_whole_tree(
    tmp_path: Path, limits: str, script: str, ended_by: str
) -> None:
    done = play(
        tmp_path,
        f"""
        steps:
          - name: hog
            limits: {limits}
            timeout: 30s
            action: shell.run
            args:
              script: |
                ({script}) & wait $!
        """,
    )
    outcome = done.of("hog").outcome
    assert outcome.status.value in ("failed", "error")
    assert ended_by in f"{outcome.ended_by} {outcome.message}".lower(), outcome
    assert outcome.survivors == 0


def test_output_is_bounded_in_the_result_and_whole_in_the_log(tmp_path: Path) -> None:
    done = play(
        tmp_path,
        """
        steps:
          - name: much
            action: cmd.run
            args:
              cmd: 'seq 1 100000; echo aside >&2'
              max_output_bytes: 2048
              output_path: @/artifacts
        """,
    )
    outcome = done.of("much").outcome
    assert len(outcome.stdout) < 2300
    assert outcome.stdout.startswith("1\n2\n") and outcome.stdout.endswith("100000\n")
    assert "dropped" in outcome.stdout
    everything = "".join(f"{n}\n" for n in range(1, 100001))
    assert done.out["much"].replace("aside\n", "") == everything
    kept = {p.name: p.read_text() for p in (tmp_path / "work/artifacts").iterdir()}
    assert sorted(kept.values()) == sorted([everything, "aside\n"])


def test_cache_and_fallback(tmp_path: Path) -> None:
    text = """
        steps:
          - name: build
            cache: {ttl: 1h, inputs: ['@/in']}
            action: cmd.run
            args: {cmd: 'cat @/in >>@/built', export_vars: true}
          - name: risky
            action: cmd.run
            args: {cmd: 'exit 3'}
            fallback: {action: cmd.run, args: {cmd: 'echo instead'}}
    """
    (tmp_path / "work").mkdir()
    source = tmp_path / "work/in"
    source.write_text("1")
    first = play(tmp_path, text)
    assert first.statuses == [("build", "success"), ("risky", "success")]
    assert any("fell back" in w for w in first.of("risky").outcome.warnings)
    assert play(tmp_path, text).of("build").status.value == "skipped"
    source.write_text("2")
    assert play(tmp_path, text).of("build").status.value == "success"
    assert (tmp_path / "work/built").read_text() == "12"


def test_serial_canary_and_run_once(tmp_path: Path) -> None:
    hosts = ", ".join(f"h{n}: {{address: local}}" for n in range(6))
    done = play(
        tmp_path,
        f"""
        inventory: {{hosts: {{{hosts}}}}}
        steps:
          - name: once
            run_once: true
            action: cmd.run
            args: {{cmd: 'echo once'}}
          - name: roll
            serial: [1, 50%]
            action: cmd.run
            args: {{cmd: 'echo $RUNYARD_HOST >>@/order; test $RUNYARD_HOST != h2'}}
        """,
    )
    assert done.out["once"] == "once\n"
    assert set((tmp_path / "work/order").read_text().split()) == {"h0", "h1", "h2", "h3"}
    assert done.record.status.value == "failed" and "h2" in done.record.message


def test_argv_lists_run_without_a_shell(tmp_path: Path) -> None:
    done = play(
        tmp_path,
        """
        steps:
          - name: argv
            action: cmd.run
            args: {cmd: [printf, '%s|', '$HOME', '${V}', 'a b']}
        """,
        vars={"V": "v; v"},
    )
    assert done.out["argv"] == "$HOME|v; v|a b|"


def test_a_timeout_holds_for_work_in_our_own_process(tmp_path: Path) -> None:
    done = play(
        tmp_path,
        """
        steps:
          - name: wait
            timeout: 200ms
            action: wait.until
            args: {file: @/never}
        """,
    )
    assert done.of("wait").status.value == "timeout"


def test_facts_of_the_host_and_scripts_in_other_languages(tmp_path: Path) -> None:
    done = play(
        tmp_path,
        """
        steps:
          - name: here
            when: ${facts.os} == "linux" || ${facts.os} == "Linux"
            action: cmd.run
            args: {cmd: 'echo "${facts.hostname}"'}
          - name: python
            action: script.python
            args:
              script: |
                import os, sys
                print(os.environ["V"], "${not.ours}", sys.argv[1:])
              args: [a b]
          - name: pasted
            continue_on_error: true
            loop: [{x: 1}]
            action: script.python
            args: {script: 'print("${item.x}")'}
        """,
        vars={"V": "it's"},
    )
    assert done.of("here").status.value == "success" and done.out["here"].strip()
    assert done.out["python"] == "it's ${not.ours} ['a b']\n"
    assert done.of("pasted[0]").status.value == "error"


def test_hosts_with_chinese_names_and_file_modes_as_written(tmp_path: Path) -> None:
    done = play(
        tmp_path,
        """
        inventory:
          groups: {生产: {hosts: [数据库]}}
          hosts: {数据库: {address: local, vars: {PORT: 5432}}, web: {address: local}}
        steps:
          - name: 写入
            targets: [生产]
            action: template.render
            args: {content: 'port ${PORT}', dest: '@/a', mode: 0o640}
          - name: second
            targets: ['数据*']
            action: template.render
            args: {content: x, dest: '@/b', mode: 0600}
          - name: show
            targets: [web]
            action: cmd.run
            args: {cmd: 'echo ${hosts.数据库.PORT}'}
        """,
    )
    assert done.record.status.value == "success", done.record.message
    assert (tmp_path / "work/a").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "work/b").stat().st_mode & 0o777 == 0o600
    assert done.out["show"] == "5432\n"


def test_a_tolerated_failure_is_a_warning_of_the_run(tmp_path: Path) -> None:
    done = play(
        tmp_path,
        """
        steps:
          - {name: s, continue_on_error: true, action: cmd.run, args: {cmd: 'exit 4'}}
        """,
    )
    assert done.record.status.value == "success"
    assert done.warnings == ["exit code 4, tolerated by continue_on_error"]

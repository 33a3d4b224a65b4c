"""Every example is run by the installed program and ends as its comment says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.acceptance import postgres
from tests.acceptance.webhook import receiver
from tests.conftest import PROGRAM, ROOT, Run

EXAMPLES = ROOT / "examples"


@dataclass(frozen=True)
class Case:
    """How an example is run and what it must come to."""

    file: str
    options: tuple[str, ...] = ()
    code: int = 0
    prints: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    steps: dict[str, str] = field(default_factory=dict)
    """Step to status, as `show` tells it afterwards."""


CASES = [
    Case("hello.yaml", prints=("hello from ",)),
    Case(
        "guide/02-three-agents.yaml",
        ("--local",),
        prints=("tick 1 on", "tick 3 on"),
        never=("missing BACKUP_OK",),
    ),
    Case("guide/04-structure.yaml", ("--local",), prints=("hello",)),
    Case("guide/05-cmd-run.yaml", prints=("hello",)),
    Case("guide/05-shell-run.yaml", prints=("hello",)),
    Case("guide/06-export-vars.yaml", prints=("the token is abc",)),
    Case("guide/07-expect-vars.yaml", steps={"step-1": "success"}),
    Case(
        "guide/07-expect-vars-missing.yaml",
        code=1,
        prints=("OK",),
        never=("unreachable",),
        steps={"step-1": "failed"},
    ),
    Case("guide/07-expect-vars-go-on.yaml", prints=("reached",), steps={"reached": "success"}),
    *(
        Case(
            "inventory/rollout.yaml",
            ("-i", str(EXAMPLES / "inventory" / source)),
            prints=("web1 | release 1.0 to port 808", f"db1 is a host of {site}"),
            never=("web1 is a host",),
        )
        for source, site in (
            ("hosts.yaml", "the lab"),
            ("hosts.ini", "the lab"),
            ("site", "a folder"),
            ("hosts.py", "a program"),
        )
    ),
    Case(
        "guide/08-when.yaml",
        prints=("count is 3",),
        never=("unreachable",),
        steps={"measure": "success", "enough": "success", "not enough": "skipped"},
    ),
    Case("guide/09-long-step.yaml", prints=("tick 1", "tick 5")),
    Case("guide/10-output-limits.yaml", ("--var", "ARTIFACTS={tmp}/artifacts")),
    Case(
        "patterns/retries.yaml",
        ("--var", "PLACE={tmp}/retries"),
        prints=("try 1", "try 3"),
        never=("try 4",),
        steps={"flaky": "success"},
    ),
    Case(
        "patterns/loop-and-matrix.yaml",
        prints=("hello ada", "hello grace", "ada uses /bin/sh", "package for rpm on arm"),
    ),
    Case(
        "patterns/check-and-handlers.yaml",
        ("--var", "PLACE={tmp}/app"),
        prints=("reloading once, at the end", "site.conf"),
    ),
    Case(
        "patterns/rollback.yaml",
        ("--var", "PLACE={tmp}/release"),
        code=1,
        prints=("does not answer", "removed the release"),
    ),
    Case("patterns/depends-on.yaml", prints=("sum is 3",)),
    Case("patterns/canary.yaml", code=1, prints=("web1", "web2"), steps={"deploy": "failed"}),
    Case("patterns/approval.yaml", ("--yes",), prints=("built", "released")),
    Case("patterns/modules.yaml", prints=("dumped", "applied", "stopped", "nobody listens")),
    Case(
        "patterns/limits.yaml",
        prints=("still here",),
        steps={"too long": "timeout", "too much": "failed", "after all": "success"},
    ),
    Case(
        "demo.yaml",
        ("--var", "SITE={tmp}/site"),
        prints=("is still cold", "web2 reloaded", "nothing is left"),
        never=("come and try",),
        steps={"smoke test": "success", "announce the beta": "skipped", "pack": "success"},
    ),
    Case(
        "fleet.yaml",
        ("-i", "web1,web2,", "--local", "--var", "SITE={tmp}/site"),
        prints=("second 3: release 1.4", "restarted on web2"),
        steps={"release": "success", "compare": "success"},
    ),
]
INVENTORIES = {"inventory/hosts.yaml", "inventory/site/02-more.yaml"}
OWN_TEST = {"postgres-backup.yaml", "patterns/secrets.yaml", "patterns/wait-and-http.yaml"}


def test_no_example_is_left_out() -> None:
    files = {str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*.yaml")}
    files = {name for name in files if not name.startswith("plugin/")}
    assert files == {case.file for case in CASES} | OWN_TEST | INVENTORIES


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}-{case.code}")
def test_example(case: Case, program: Run, tmp_path: Path) -> None:
    options = [option.replace("{tmp}", str(tmp_path)) for option in case.options]
    done = program("run", EXAMPLES / case.file, *options)
    shown = done.stdout + done.stderr
    assert done.returncode == case.code, shown
    for text in case.prints:
        assert text in shown
    for text in case.never:
        assert text not in shown
    if case.steps:
        record = json.loads(program("show", "last", "-o", "json").stdout)
        found = {step["name"]: step["status"] for step in record["steps"]}
        assert {name: found.get(name) for name in case.steps} == case.steps


def test_output_limit_bounds_the_record_and_not_the_log(program: Run, tmp_path: Path) -> None:
    file = EXAMPLES / "guide/10-output-limits.yaml"
    done = program("run", file, "--var", f"ARTIFACTS={tmp_path / 'artifacts'}")
    assert done.returncode == 0, done.stderr
    record = json.loads(program("show", "last", "-o", "json").stdout)
    (host,) = record["steps"][0]["hosts"].values()
    kept = host["output"]["stdout"]
    assert len(kept) < 2048 + 200
    assert kept.startswith("1\n2\n")
    assert "5000" in kept
    whole = "".join(f"{n}\n" for n in range(1, 5001))
    copies = [path.read_text() for path in (tmp_path / "artifacts").rglob("*") if path.is_file()]
    assert whole in copies
    assert "\n".join(map(str, range(2400, 2600))) in program("logs", "last").stdout.replace(
        "local | ", ""
    )


def test_somebody_else_approves(program: Run, tmp_path: Path) -> None:
    with subprocess.Popen(
        [PROGRAM, "run", EXAMPLES / "patterns/approval.yaml", "--run-id", "approve-me"],
        env={**os.environ, "RUNYARD_STATE": str(tmp_path / "state")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as run:
        assert run.stdout is not None
        seen = ""
        while "waits for approval" not in seen:
            line = run.stdout.readline()
            assert line, seen
            seen += line
        assert "built" in seen
        assert program("approve", "approve-me").returncode == 0
        rest = run.stdout.read()
    assert run.returncode == 0, rest
    assert "released" in rest


def test_canary_stops_before_the_rest(program: Run) -> None:
    assert program("run", EXAMPLES / "patterns/canary.yaml").returncode == 1
    record = json.loads(program("show", "last", "-o", "json").stdout)
    hosts = record["steps"][0]["hosts"]
    done = {name for name, host in hosts.items() if host["status"] == "success"}
    assert done == {"web1", "web2"}
    assert hosts["web3"]["status"] == "failed"


def test_check_leaves_nothing_to_do_the_second_time(program: Run, tmp_path: Path) -> None:
    file = EXAMPLES / "patterns/check-and-handlers.yaml"
    first = program("run", file, "--var", f"PLACE={tmp_path / 'app'}")
    second = program("run", file, "--var", f"PLACE={tmp_path / 'app'}")
    assert first.returncode == second.returncode == 0
    assert "reloading once" in first.stdout
    assert "reloading once" not in second.stdout
    assert (tmp_path / "app" / "site.conf").read_text() == "listen 8080;\n"


def test_secrets_stay_out_of_the_log(program: Run, tmp_path: Path) -> None:
    secret = "correct-horse-battery-staple"
    done = program("run", EXAMPLES / "patterns/secrets.yaml", RUNYARD_SECRET_API_TOKEN=secret)
    assert done.returncode == 0, done.stderr
    assert "it is the real value" in done.stdout
    encoded = "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZQ"
    everything = done.stdout + done.stderr + program("logs", "last").stdout
    everything += program("events", "last").stdout + program("show", "last", "-o", "json").stdout
    assert secret not in everything
    assert encoded not in everything
    for path in (tmp_path / "state").rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


def test_waits_for_a_service_and_calls_it(program: Run) -> None:
    with receiver() as service:
        done = program(
            "run", EXAMPLES / "patterns/wait-and-http.yaml", "--var", f"URL={service.url}"
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert service.bodies == [{"name": "first"}]


def _backup(
    program: Run, server: postgres.Server, backups: Path, *options: str
) -> subprocess.CompletedProcess[str]:
    return program(
        "run",
        EXAMPLES / "postgres-backup.yaml",
        *("--var", f"PGPORT={server.port}"),
        *("--var", f"BACKUPS={backups}"),
        *(part for option in options for part in ("--var", option)),
        RUNYARD_SECRET_PGPASSWORD=postgres.PASSWORD,
    )


def test_backs_up_a_real_database(program: Run, tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    backups.mkdir()
    for day in range(1, 5):
        (backups / f"shop-2020010{day}T000000.0.dump").write_text("old")
    others = {
        "shop-archive-20200101T000000.0.dump",
        "shop-zoo-20990101T000000.0.dump",
        "shop-20200101T000000.0-20200101T000000.0.dump",
        "shop-before-the-move.dump",
        "shop-20200101T000000.0.dump.part",
    }
    for name in others:
        (backups / name).write_text("somebody else's")
    with postgres.server(_postgres()) as server, receiver() as hook:
        server.sql("create database shop")
        server.sql("create table orders as select n from generate_series(1, 1000) n", "shop")
        server.sql("create table customers (name text)", "shop")
        done = _backup(
            program, server, backups, "PGDATABASE=shop", "KEEP=3", f"WEBHOOK={hook.url}/done"
        )
        shown = done.stdout + done.stderr
        assert done.returncode == 0, shown
        assert postgres.PASSWORD not in shown

        found = {path.name for path in backups.iterdir()}
        assert others <= found
        dumps = sorted(found - others)
        assert len(dumps) == 3
        assert dumps[:2] == ["shop-20200103T000000.0.dump", "shop-20200104T000000.0.dump"]
        (body,) = hook.bodies
        assert body["database"] == "shop"
        assert body["dump"] == str(backups / dumps[2])
        assert int(body["tables"]) == 2
        assert int(body["pruned"]) == 2
        assert int(body["bytes"]) == (backups / dumps[2]).stat().st_size
        assert (backups / dumps[2]).stat().st_mode & 0o777 == 0o600

        server.sql("create database again")
        subprocess.run(
            ["pg_restore", "--dbname=again", backups / dumps[2]],
            env={**os.environ, **server.env},
            check=True,
        )
        assert server.sql("select count(*) from orders", "again") == "1000\n"


def test_databases_with_a_common_prefix_keep_their_own_dumps(program: Run, tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    with postgres.server(_postgres()) as server, receiver() as hook:
        for name in ("shop", "shop-archive"):
            server.sql(f'create database "{name}"')
            server.sql("create table orders (n int)", name)
        for _ in range(2):
            for name in ("shop-archive", "shop"):
                done = _backup(
                    program, server, backups, f"PGDATABASE={name}", "KEEP=1", f"WEBHOOK={hook.url}"
                )
                assert done.returncode == 0, done.stdout + done.stderr
        last = {body["database"]: body["dump"] for body in hook.bodies}
        assert len(hook.bodies) == 4
        assert [int(body["pruned"]) for body in hook.bodies] == [0, 0, 1, 1]
        assert {str(path) for path in backups.iterdir()} == set(last.values())
        assert set(last) == {"shop", "shop-archive"}


def test_a_dump_that_is_no_good_is_removed_and_no_other(program: Run, tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    backups.mkdir()
    kept = {f"empty-2020010{day}T000000.0.dump" for day in range(1, 4)} | {"other.dump.part"}
    for name in kept:
        (backups / name).write_text("old")
    with postgres.server(_postgres()) as server:
        server.sql("create database empty")
        done = _backup(program, server, backups, "PGDATABASE=empty", "KEEP=1")
        assert done.returncode == 1, done.stdout + done.stderr
        assert "the dump holds 0 tables" in done.stdout
        assert {path.name for path in backups.iterdir()} == kept


def _postgres() -> Path:
    folder = postgres.tools()
    if folder is None:
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL is not installed")
        pytest.skip("PostgreSQL is not installed")
    return folder


PROGRAMS = {
    "run_a_workflow.py": ("enough on local: success\n", "count is 5\n", "the run: success\n"),
    "build_a_pipeline.py": (
        "left: measure, attempt 1, success\n",
        "right: greet, attempt 2, success\n",
        "hello from right, which runs ",
    ),
    "stores_and_notifier.py": (
        "run-20260212-001: success, 1 step\n",
        "heard last: hello: success\n",
    ),
}


def test_no_python_example_is_left_out() -> None:
    assert {path.name for path in (EXAMPLES / "python").glob("*.py")} == set(PROGRAMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_python_example(name: str, tmp_path: Path) -> None:
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, EXAMPLES / "python" / name],
            env={**os.environ, "RUNYARD_STATE": str(tmp_path / "state")},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        for text in PROGRAMS[name]:
            assert text in done.stdout


@pytest.mark.parametrize(
    ("cmd", "prints"),
    [("exit 0", "published\n"), ("exit 3", "build on local: failed, exit code 3\n")],
)
def test_the_page_on_embedding(cmd: str, prints: str, tmp_path: Path) -> None:
    page = (ROOT / "docs/how-to/embed-in-python.md").read_text()
    code = page.split("```python\n", 1)[1].split("```", 1)[0]
    (tmp_path / "release.yaml").write_text(
        "version: v0.1\nname: release\nsteps:\n"
        f"  - {{name: build, action: cmd.run, args: {{cmd: {cmd}}}}}\n"
        "  - {name: publish, action: cmd.run, args: {cmd: echo published}}\n"
    )
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "RUNYARD_STATE": str(tmp_path / "state")},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.returncode, done.stdout) == (0, prints), done.stderr

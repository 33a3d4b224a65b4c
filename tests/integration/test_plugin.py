"""The example plugin, installed by pip into a directory of its own, seen by its entry points."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

PLUGIN = Path(__file__).resolve().parents[2] / "examples" / "plugin"

# Runs in a process of its own: what is installed is read when Python starts.
_PRELUDE = """
import asyncio, json
from pathlib import Path
from runyard.model.action import Work
from runyard.model.errors import UsageError
from runyard.runners.batch import WorkUnit, run_unit
from runyard.runners.params import resolve_args
from runyard.runners.registry import ActionRegistry
from runyard.runners.runner import RunnerContext
from runyard.runners.runner_registry import RunnerRegistry
from tests.unit.runners.fake import FakeConnector, do

def unit(command, args, **more):
    one = WorkUnit("sqlite", command, json.dumps(args), **more)
    return asyncio.run(run_unit(one, RunnerRegistry(), RunnerContext(FakeConnector()))).to_dict()

def act(name, **args):
    outcome = do(ActionRegistry().require(name), args)
    return [outcome.status, outcome.stdout, outcome.message, dict(outcome.data)]
"""


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plugin")
    wheel = build_wheel(folder)
    target = folder / "site"
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--quiet"]
    command += ["--disable-pip-version-check", "--no-input", "--target", str(target), str(wheel)]
    if subprocess.run([*command[:3], "--version"], capture_output=True, check=False).returncode:
        command = ["uv", "pip", "install", "--offline", "--no-deps", "--target", str(target)]
        command += ["--python", sys.executable, str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


def build_wheel(folder: Path) -> Path:
    """The wheel that hatchling would build from the same pyproject.toml, made offline."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    name = f"{project['name'].replace('-', '_')}-{project['version']}"
    info = f"{name}.dist-info"
    entries = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in points.items())
        for group, points in project["entry-points"].items()
    ]
    files = {
        path.relative_to(PLUGIN / "src").as_posix(): path.read_text()
        for path in sorted((PLUGIN / "src").rglob("*.py"))
    }
    files[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/entry_points.txt"] = "\n".join(entries)
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    wheel = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


def python(installed: Path | None, code: str) -> Any:
    """What `code` prints as JSON, in an interpreter that sees the plugin."""
    env = dict(os.environ)
    root = str(Path(__file__).resolve().parents[2])
    env["PYTHONPATH"] = os.pathsep.join([*([str(installed)] if installed else []), root])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _PRELUDE + code],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_without_the_plugin_its_names_are_unknown() -> None:
    code = "r = ActionRegistry(); print(json.dumps([r.get('disk.free'), r.get('sqlite.run')]))"
    assert python(None, code) == [None, None]


def test_it_is_listed_by_being_installed(installed: Path) -> None:
    code = "print(json.dumps([ActionRegistry().names(), RunnerRegistry().categories()]))"
    actions, categories = python(installed, code)
    assert {"disk.free", "sqlite.run", "cmd.run"} <= set(actions)
    assert categories == ["command", "docker", "http", "script", "sqlite"]


def test_its_action_runs(installed: Path) -> None:
    code = "print(json.dumps(act('disk.free', path='/tmp', at_least='1k')))"
    status, stdout, message, data = python(installed, code)
    assert status == "success" and stdout and data["free"] > 0
    assert message.endswith("MiB free")
    status, _, message, _ = python(installed, code.replace("1k", "900000T"))
    assert status == "failed" and "bytes are free on /tmp" in message


def test_its_arguments_are_checked(installed: Path) -> None:
    code = (
        "from runyard.runners.params import check_args\n"
        "params = ActionRegistry().require('disk.free').params\n"
        "print(json.dumps([p.message for p in check_args(params, {'pat': 1, 'at_least': 'x'})]))"
    )
    assert python(installed, code) == [
        'unknown argument "pat"',
        "at_least must be a size such as 64k, 512MB or 2GiB",
        "path is required",
    ]


def test_its_category_executes_units_of_work(installed: Path, tmp_path: Path) -> None:
    base = f"unit('{tmp_path}/a.db', {{'query': "
    code = (
        f"made = {base}'create table t (x)'}})\n"
        f"put = {base}'insert into t values (?), (?)', 'params': [1, 'a']}})\n"
        f"got = {base}'select x from t'}})\n"
        f"bad = {base}'selec'}})\n"
        f'slow = {base}"with recursive c(x) as (select 1 union all select x + 1 from c) '
        'select sum(x) from c"}, timeout=0.1)\n'
        "wrong = unit('', {})\n"
        "print(json.dumps([made, put, got, bad, slow, wrong]))"
    )
    made, put, got, bad, slow, wrong = python(installed, code)
    assert (made["status"], put["status"]) == ("success", "success")
    assert got["output"] == '[1]\n["a"]\n'
    assert (bad["status"], "syntax error" in bad["error"]) == ("failed", True)
    assert slow["status"] == "timeout"
    assert (wrong["status"], "query" in wrong["error"]) == ("error", True)


def test_its_category_is_an_action_too(installed: Path) -> None:
    code = "print(json.dumps(act('sqlite.run', command=':memory:', args={'query': 'select 6*7'})))"
    status, stdout, _, _ = python(installed, code)
    assert (status, stdout) == ("success", "[42]\n")


def test_its_demo_runs_and_the_command_line_knows_it(installed: Path, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(installed), "RUNYARD_STATE": str(tmp_path / "state")}

    def runyard(*args: str) -> str:
        command = [str(Path(sys.executable).with_name("runyard")), *args]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    assert "bytes that must be free" in runyard("actions", "disk.free")
    assert "2 ok" in runyard("run", str(PLUGIN / "demo.yaml"))
    assert "[42]" in runyard("logs", "last", "--step", "count")
    query = json.dumps({"query": "select 6 * 7"})
    command = ["exec", "--category", "sqlite", "--command", ":memory:", "--args", query]
    assert runyard(*command) == "[42]\n"

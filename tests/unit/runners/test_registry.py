"""Finding actions: built-ins, aliases, plugins, and what is imported for it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard.model.action import Action
from runyard.model.errors import UsageError
from runyard.runners.actions.env import EnvSet
from runyard.runners.convert import _KINDS
from runyard.runners.registry import ActionRegistry

CONTRACT = """cmd.run shell.run script.run http.request env.set template.render file.copy file.fetch
    pkg.install service.ensure service.restart wait.until wait.event approval.wait command.run
    docker.run"""


def test_every_action_of_the_contract_is_there() -> None:
    assert set(CONTRACT.split()) <= set(ActionRegistry().names())


@pytest.mark.parametrize("name", ActionRegistry().names())
def test_every_action_describes_itself(name: str) -> None:
    action = ActionRegistry().require(name)
    assert action.name == name
    assert 5 < len(action.summary) < 70 and not action.summary.endswith(".")
    assert type(action).__doc__
    names = [param.name for param in action.params]
    assert len(names) == len(set(names))
    for param in action.params:
        assert param.kind in _KINDS
        assert param.doc and not param.doc.endswith(".")
        assert not (param.required and param.default is not None)


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("script.shell", "script.run"),
        ("script.python", "script.run"),
        ("http.run", "http.request"),
    ],
)
def test_aliases(alias: str, name: str) -> None:
    registry = ActionRegistry()
    assert registry.require(alias).name == name
    assert alias not in registry.names()
    assert registry.aliases()[alias] == name


def test_unknown_names() -> None:
    registry = ActionRegistry()
    assert registry.get("no.such") is None
    with pytest.raises(UsageError) as caught:
        registry.require("cmd.rum")
    assert caught.value.code == "UNKNOWN_ACTION"
    assert caught.value.hint == "did you mean cmd.run?"
    assert "known: approval.wait, cmd.run, " in caught.value.message


def test_one_instance_serves_all_steps() -> None:
    registry = ActionRegistry()
    assert registry.get("cmd.run") is registry.get("cmd.run")


def test_actions_of_the_callers_own_come_first() -> None:
    class Mine(EnvSet):
        name = "cmd.run"

    def make() -> Action:
        return Mine()

    assert isinstance(ActionRegistry({"cmd.run": make}).get("cmd.run"), Mine)
    assert not isinstance(ActionRegistry().get("cmd.run"), Mine)


def test_only_what_is_named_is_imported() -> None:
    code = """if 1:
        import sys
        from runyard.runners.registry import ActionRegistry
        r = ActionRegistry()
        [r.get(n) for n in ("cmd.run", "shell.run", "env.set", "script.run", "http.request",
                            "template.render", "wait.until", "pkg.install", "file.copy")]
        heavy = {"aiohttp", "jinja2", "ssl", "importlib.metadata", "subprocess", "tempfile",
                 "inspect", "email", "urllib.request", "asyncio.subprocess"} & set(sys.modules)
        mine = [m for m in sys.modules if m.startswith("runyard.runners.actions.")]
        print(sorted(heavy - {"inspect", "subprocess", "ssl", "asyncio.subprocess"}), len(mine))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("] ")[0] == "["


def test_the_hello_path_imports_three_modules_of_actions() -> None:
    code = """if 1:
        import sys
        from runyard.runners.registry import ActionRegistry
        ActionRegistry().get("cmd.run")
        print(sorted(m for m in sys.modules if m.startswith("runyard.runners.actions.")))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['runyard.runners.actions.cmd']"


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    info = tmp_path / "odd_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[runyard.actions]\n"
        "odd.broken = odd_plugin_gone:Action\n"
        "odd.partial = odd_plugin_here:Partial\n"
        "cmd.run = odd_plugin_here:Partial\n"
        "[runyard.runners]\n"
        "odd = odd_plugin_here:factory\n"
    )
    (tmp_path / "odd_plugin_here.py").write_text(
        "class Partial:\n    name = 'odd.partial'\n    def run(self, work): ...\n"
        "def factory(context): raise AssertionError\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("odd_plugin_here", None)


@pytest.mark.usefixtures("plugins")
def test_a_broken_plugin_is_named() -> None:
    with pytest.raises(UsageError, match=r"plugin odd-plugin: odd\.broken") as caught:
        ActionRegistry().get("odd.broken")
    assert "pip uninstall odd-plugin" in caught.value.hint
    with pytest.raises(UsageError, match="lacks summary, params, idempotent"):
        ActionRegistry().get("odd.partial")


@pytest.mark.usefixtures("plugins")
def test_plugins_add_but_never_replace() -> None:
    registry = ActionRegistry()
    assert type(registry.require("cmd.run")).__module__.startswith("runyard.")
    assert {"odd.broken", "odd.partial", "odd.run"} <= set(registry.names())
    assert registry.require("odd.run").name == "odd.run"
    assert os.environ  # the plugin's factory is not called for a look-up

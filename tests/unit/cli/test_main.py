"""The program as a whole: commands, wrong use, defects."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from runyard.cli import failure
from runyard.cli.lazy import Command, did_you_mean
from runyard.cli.main import main, root
from runyard.cli.settings import Settings
from runyard.cli.style import Paint
from runyard.cli.table import COMMANDS
from runyard.model.errors import UsageError


def call(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(args)
    return int(ended.value.code or 0)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_examples(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(name, "--help") == 0
    text = capsys.readouterr().out
    assert f"Usage: runyard {name}" in text
    assert "Examples:" in text
    command = root.get_command(click.Context(root), name)
    assert isinstance(command, Command)
    assert command.name == name
    for param in command.params:
        if isinstance(param, click.Option):
            assert param.help, f"{name} {param.opts} has no help"


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--help") == 0
    text = capsys.readouterr().out
    for name, entry in COMMANDS.items():
        assert f"  {name} " in text
        assert entry.short_help in text


def test_help_imports_nothing_but_click() -> None:
    code = (
        "import sys\n"
        "from runyard.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'asyncio', 'sqlite3', 'yaml', 'rich', 'aiohttp', 'jinja2', 'ssl', 'subprocess'}\n"
        "found = sorted(heavy & {m.partition('.')[0] for m in sys.modules})\n"
        "ours = [m for m in sys.modules if m.startswith('runyard.cli.commands.')]\n"
        "print(found + ours, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_no_arguments_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert call() == 2
    assert "Usage: runyard" in capsys.readouterr().err


def test_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("rnu") == 2
    assert "no command 'rnu'; did you mean 'run'?" in capsys.readouterr().err


def test_unknown_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("runs", "--staus", "failed") == 2
    text = capsys.readouterr().err
    assert "--status" in text
    assert "runyard runs --help" in text


def test_errors_of_the_tree_are_words_and_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("show", "nosuchrun") == 2
    text = capsys.readouterr().err
    assert "error[RUN]: no run nosuchrun" in text
    assert "hint:" in text
    assert "Traceback" not in text


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--version") == 0
    assert capsys.readouterr().out.startswith("runyard ")


def test_colour_is_a_matter_of_options_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings(color="always").paint().on
    assert not Settings(color="never").paint().on
    assert not Settings().paint().on
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert Settings().paint().on
    monkeypatch.setenv("NO_COLOR", "1")
    assert not Settings().paint().on
    assert Settings(color="always").paint().on


def test_error_text_has_code_and_hint() -> None:
    error = UsageError("wrong", code="WRONG", hint="do it right")
    assert failure.error_text(error, Paint()) == "error[WRONG]: wrong\n  hint: do it right"


def test_a_defect_is_one_paragraph_and_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNYARD_STATE", str(tmp_path))
    monkeypatch.delenv("RUNYARD_DEBUG", raising=False)
    with pytest.raises(ZeroDivisionError) as raised:
        raise ZeroDivisionError("by nothing")
    assert failure.crash(raised.value, Settings()) == 1
    text = capsys.readouterr().err
    (file,) = tmp_path.glob("crash-*.txt")
    assert str(file) in text
    assert "Traceback" not in text
    assert "Traceback" in file.read_text()
    assert "by nothing" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_defect_with_debug_shows_the_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNYARD_STATE", str(tmp_path))
    monkeypatch.setenv("RUNYARD_DEBUG", "1")
    failure.crash(ValueError("x"), Settings())
    assert "ValueError: x" in capsys.readouterr().err


def test_did_you_mean_is_silent_about_strangers() -> None:
    assert did_you_mean("xyzzy", ["run", "runs"]) == ""

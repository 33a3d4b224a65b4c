"""script.run: inline and from files, with real interpreters."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from runyard.model.errors import NotFoundError
from runyard.model.status import Status
from runyard.runners.actions.script import PythonScript, ScriptRun, ShellScript, shebang
from tests.unit.runners.fake import do


def test_inline_script_takes_the_interpreter_of_its_first_line() -> None:
    outcome = do(
        ScriptRun(),
        {
            "script": f"#!{sys.executable} -I\nimport sys; print(sys.argv[1:], sys.flags.isolated)",
            "args": ["a b", "$HOME", "--", "*"],
        },
    )
    assert outcome.stdout == "['a b', '$HOME', '--', '*'] 1\n"


def test_without_one_it_is_a_shell_script() -> None:
    assert do(ScriptRun(), {"script": 'echo "$# $1"', "args": ["x y"]}).stdout == "1 x y\n"


def test_interpreter_options_and_exit_code() -> None:
    outcome = do(
        ScriptRun(),
        {
            "script": "import sys; print(sys.flags.no_site); sys.exit(4)",
            "interpreter": "python3 -S",
        },
    )
    assert (outcome.stdout, outcome.exit_code, outcome.status) == ("1\n", 4, Status.FAILED)


def test_python_by_its_alias_imports_nothing_from_a_shared_directory() -> None:
    outcome = do(
        PythonScript(),
        {"script": "import os, sys\nprint(oct(os.stat(sys.path[0]).st_mode & 0o777), sys.path[0])"},
    )
    mode, place = outcome.stdout.split()
    assert mode == "0o700"
    assert not Path(place).exists()


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    outcome = do(ShellScript(), {"script": "echo $0", "env": {"TMPDIR": str(tmp_path)}})
    assert outcome.stdout.startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_the_script_does_not_inherit_the_private_umask(tmp_path: Path) -> None:
    do(ScriptRun(), {"script": f"umask > {tmp_path}/kept", "env": {}})
    before = do(ScriptRun(), {"path": "/bin/sh", "args": ["-c", "umask"]}).stdout
    assert (tmp_path / "kept").read_text() == before


def test_stdin_of_a_script_is_empty() -> None:
    assert do(ScriptRun(), {"script": "cat\necho end"}).stdout == "end\n"


def test_relative_path_is_read_beside_the_workflow(tmp_path: Path) -> None:
    (tmp_path / "hello.py").write_text("import sys\nprint('hello', sys.argv[1])\n")
    outcome = do(
        ScriptRun(),
        {"path": "hello.py", "interpreter": "python3", "args": ["you"]},
        base=tmp_path,
    )
    assert outcome.stdout == "hello you\n"


def test_relative_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no such file: .*gone\.sh"):
        do(ScriptRun(), {"path": "gone.sh"}, base=tmp_path)


def test_absolute_path_runs_in_place(tmp_path: Path) -> None:
    script = tmp_path / "run.sh"
    script.write_text('#!/bin/sh\necho "$0 $1"\n')
    script.chmod(0o755)
    assert do(ScriptRun(), {"path": str(script), "args": ["x"]}).stdout == f"{script} x\n"
    script.chmod(0o644)
    refused = do(ScriptRun(), {"path": str(script)})
    assert refused.status is Status.ERROR
    assert "chmod" in (refused.error or {})["hint"]
    again = do(ScriptRun(), {"path": str(script), "interpreter": "sh", "args": ["x"]})
    assert again.stdout == f"{script} x\n"


def test_an_interpreter_that_is_not_installed() -> None:
    outcome = do(ScriptRun(), {"script": "x", "interpreter": "no-such-interpreter"})
    assert outcome.exit_code == 127
    assert "command not found" in (outcome.error or {})["hint"]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (b"#!/bin/sh -e\n", ("/bin/sh", "-e")),
        (b"#! /usr/bin/env python3", ("/usr/bin/env", "python3")),
        (b"#!\n", ()),
        (b"echo", ()),
        (b"", ()),
        (b"#!\xff\n", ("\ufffd",)),
    ],
)
def test_shebang(script: bytes, words: tuple[str, ...]) -> None:
    assert shebang(script) == words

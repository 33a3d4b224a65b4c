"""Commands for a host without Python pass through whatever login shell its user has."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from runyard.hosts.become import as_user
from runyard.hosts.plain_script import send
from runyard.hosts.ssh.shell import one_line

SHELLS = ["sh", "bash", "dash", "zsh", "fish", "tcsh", "csh", "ksh", "busybox"]
ODD = [
    "two\nlines\n",
    "it's",
    "!!",
    "a\\b\\\\c\\0101",
    "",
    '$HOME `x` "y"',
    "%s%b",
    "主机",
    "-n",
    "\t",
]
LIST = ["sh", "-c", 'for word do\n  printf "<%s>" "$word"\ndone', "sh", *ODD]


@pytest.mark.parametrize("name", SHELLS)
def test_every_word_arrives_as_it_is(name: str) -> None:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    shell = [found, "sh", "-c"] if name == "busybox" else [found, "-c"]
    done = subprocess.run([*shell, one_line([], LIST)], capture_output=True, check=False)
    assert (done.stdout.decode(), done.stderr) == ("".join(f"<{word}>" for word in ODD), b"")


def test_bytes_that_are_no_text_arrive_too(tmp_path: Path) -> None:
    odd = tmp_path / "\udcff"
    done = subprocess.run(["sh", "-c", one_line([], ["touch", str(odd)])], check=False)
    assert done.returncode == 0 and odd.exists()


def test_the_command_is_one_line_that_csh_and_fish_can_read() -> None:
    line = one_line(as_user("deploy"), send("mark", 1, True, "TERM").argv)
    assert "\n" not in line and "!" not in line
    for word in shlex.split(line):
        assert "'" not in word and "\\\\" not in word

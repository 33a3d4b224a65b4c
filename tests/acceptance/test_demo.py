"""`make demo` and the bootstrap behind it, as a new user meets them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


def _processes() -> set[str]:
    return {
        command
        for entry in Path("/proc").glob("[0-9]*")
        if (command := _command(entry)) and "runyard-demo-" in command
    }


def _command(entry: Path) -> str:
    try:
        words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
    except OSError:
        return ""
    return words.replace(b"\0", b" ").decode(errors="replace")


def test_the_demo_runs_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """`scripts/demo.sh` is all of `make demo` but the installation."""
    place = tmp_path / "clone"
    place.mkdir()
    for name in ("examples", "scripts"):
        shutil.copytree(ROOT / name, place / name)
    (place / ".venv").symlink_to(Path(sys.prefix))
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    done = subprocess.run(
        ["scripts/demo.sh"],
        cwd=place,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is still cold" in done.stdout
    assert "retry: attempt 2" in done.stdout
    assert "attempt 2" in done.stdout.split("$ runyard show last")[1]
    assert list(temporary.iterdir()) == []
    assert _processes() == set()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with nothing but what the bootstrap reads, and a PATH of its own."""
    place = tmp_path / "tree"
    (place / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "bootstrap.sh", place / "scripts")
    (place / "pyproject.toml").write_text("[project]\n")
    (place / "constraints.txt").write_text("")
    (place / "bin").mkdir()
    for tool in ("cat", "cksum", "cut", "dirname", "mkdir", "rm", "sh", "tr", "chmod"):
        found = shutil.which(tool)
        assert found
        (place / "bin" / tool).symlink_to(found)
    return place


def _tool(place: Path, name: str, script: str) -> None:
    path = place / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def _bootstrap(place: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["scripts/bootstrap.sh", "run"],
        cwd=place,
        env={"PATH": str(place / "bin"), "HOME": str(place), "PYTHON": "python3", **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


WITHOUT_ENSUREPIP = f'case "$2" in *ensurepip*) exit 1;; *) exec {sys.executable} "$@";; esac'
UV = """
echo "uv $*" >>"$HOME/calls"
[ "$1" = venv ] || exit 0
for venv; do :; done
mkdir -p "$venv/bin"
printf '#!/bin/sh\\nexit 0\\n' >"$venv/bin/runyard"
printf '#!/bin/sh\\n[ "$2" != pip ]\\n' >"$venv/bin/python"
chmod +x "$venv/bin/runyard" "$venv/bin/python"
"""


def test_bootstrap_names_the_missing_package(tree: Path) -> None:
    _tool(tree, "python3", WITHOUT_ENSUREPIP)
    done = _bootstrap(tree)
    assert done.returncode == 1
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert done.stderr.splitlines()[-1] == f"    sudo apt-get install -y python{version}-venv"


def test_bootstrap_uses_uv_where_venv_is_missing(tree: Path) -> None:
    _tool(tree, "python3", WITHOUT_ENSUREPIP)
    _tool(tree, "uv", UV)
    done = _bootstrap(tree)
    assert done.returncode == 0, done.stderr
    made, installed = (tree / "calls").read_text().splitlines()
    assert made.startswith("uv venv ")
    assert "--constraint constraints.txt --editable ." in installed


def test_bootstrap_does_nothing_the_second_time_until_requirements_change(tree: Path) -> None:
    _tool(tree, "python3", WITHOUT_ENSUREPIP)
    _tool(tree, "uv", UV)
    _bootstrap(tree)
    (tree / "calls").unlink()
    again = _bootstrap(tree)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert not (tree / "calls").exists()
    (tree / "constraints.txt").write_text("click==8.0\n")
    assert _bootstrap(tree).returncode == 0
    assert (tree / "calls").read_text().startswith("uv pip install")


def test_bootstrap_refuses_an_old_python(tree: Path) -> None:
    _tool(tree, "python3", "exit 1")
    done = _bootstrap(tree)
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr

"""`make demo-hosts`, as whoever tries runyard for many hosts meets it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.integration.users import needed, needed_root, new_user


def _left(mark: str) -> list[str]:
    """Command lines of processes that have `mark` in them or in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if mark.encode() in words:
            found.append(words.replace(b"\0", b" ").decode(errors="replace")[:500])
    return found


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What of the repository the script needs, installed, and a TMPDIR."""
    place = tmp_path / "clone"
    place.mkdir()
    for name in ("examples", "scripts"):
        shutil.copytree(ROOT / name, place / name)
    (place / ".venv").symlink_to(Path(sys.prefix))
    (tmp_path / "tmp").mkdir()
    return place


@pytest.fixture
def demo(clone: Path) -> Iterator[subprocess.Popen[str]]:
    """The script at work."""
    needed("sshd")
    process = subprocess.Popen(
        ["scripts/demo-hosts.sh"],
        cwd=clone,
        env={**os.environ, "TMPDIR": str(clone.parent / "tmp")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    process.communicate()


def check(shown: str) -> None:
    """Five hosts have worked, and one has lost its agent meanwhile."""
    for name in ("agent1", "agent2", "agent3"):
        assert f"\n{name}  ok " in shown
    assert "agent[1-3],web[1-2]: same 1 line\n" in shown
    for host in ("agent1", "agent2", "agent3", "web1  ", "web2  "):
        assert f"{host} | second 3: release 1.4" in shown
    assert "web1   | 5\n" in shown
    assert "success: 21 ok, 21 changed, 0 skipped, 0 failed" in shown
    last = shown.split("kill -9 $AGENT")[1]
    assert "agent2 | before\nagent2 | after\nagent2 = success" in last


def test_the_demo_runs_and_leaves_nothing_behind(
    demo: subprocess.Popen[str], tmp_path: Path
) -> None:
    out, err = demo.communicate(timeout=90)
    assert (demo.returncode, err) == (0, ""), out + err
    check(out)
    assert list((tmp_path / "tmp").iterdir()) == []
    assert _left(str(tmp_path / "tmp")) == []


def test_ctrl_c_leaves_nothing_behind(demo: subprocess.Popen[str], tmp_path: Path) -> None:
    assert demo.stdout is not None
    for line in demo.stdout:
        if "second 1" in line:
            break
    os.killpg(demo.pid, signal.SIGINT)  # as the terminal does
    demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert list((tmp_path / "tmp").iterdir()) == []
    assert _left(str(tmp_path / "tmp")) == []


def test_as_an_ordinary_user(clone: Path) -> None:
    """Nothing of it stays in her home, not even what travels to SSH hosts."""
    needed_root()
    with new_user("d") as user:
        home = user.home / "clone"
        shutil.copytree(clone, home, symlinks=True)
        subprocess.run(["chown", "-R", user.name, home], check=True)
        before = {path for path in user.home.rglob("*") if not path.is_relative_to(home)}
        her = ["runuser", "-u", user.name, "--", "env", f"HOME={user.home}"]
        if subprocess.run([*her, home / ".venv/bin/runyard", "--version"], check=False).returncode:
            pytest.skip("this installation is for its owner alone")
        done = subprocess.run(
            [*her, "scripts/demo-hosts.sh"],
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        check(done.stdout)
        after = {path for path in user.home.rglob("*") if not path.is_relative_to(home)}
        assert after == before


def test_without_an_ssh_server_it_says_what_to_install(clone: Path) -> None:
    script = clone / "scripts" / "demo-hosts.sh"
    script.write_text(script.read_text().replace("/usr/local/sbin:/usr/sbin:/sbin", "/nowhere"))
    tools = clone / "tools"
    tools.mkdir()
    for tool in ("dirname", "sh"):
        (tools / tool).symlink_to(needed(tool))
    done = subprocess.run(
        ["scripts/demo-hosts.sh"],
        cwd=clone,
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "an SSH server is needed" in done.stderr
    assert "    sudo apt-get install -y openssh-server" in done.stderr

"""The command that brings the supervisor to a machine: on any Python and any cache."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import pytest

from runyard.hosts import boot
from runyard.hosts.become import as_user
from runyard.hosts.client import Client
from runyard.supervisor.relay import GREETING, machine

OWNER = f"boot-{os.getpid()}"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def talk(
    home: Path, words: list[str], path: str = os.defpath, archive: bytes = b""
) -> list[dict[str, object]]:
    """What the far side says, given `archive` when it asks; its stdin ends after the greeting."""
    process = subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"HOME": str(home), "PATH": path},
    )
    assert process.stdin is not None and process.stdout is not None
    said: list[dict[str, object]] = []
    with process:
        for line in process.stdout:
            if not line.startswith(GREETING.encode()):
                continue
            said.append(json.loads(line)["runyard"])
            if "need" not in said[-1]:
                break
            process.stdin.write(archive or boot.archive())
            process.stdin.flush()
        process.stdin.close()
    return said


def test_the_archive_is_asked_for_once(home: Path) -> None:
    words = boot.words(OWNER, sys.executable)
    first, greeting = talk(home, words)
    assert first == {"need": True}
    assert Path(str(greeting["root"])) == home / ".local/state/runyard/remote" / machine()
    assert [said.get("need") for said in talk(home, words)] == [None]


@pytest.mark.parametrize("harm", ["shorter", "missing", "empty", "gone"])
def test_a_damaged_program_is_fetched_again(home: Path, harm: str) -> None:
    words = boot.words(OWNER, sys.executable)
    talk(home, words)
    (folder,) = (home / ".cache/runyard").glob("supervisor-*")
    os.utime(folder, (0, 0))
    if harm == "shorter":
        os.truncate(folder / "verbs.py", 1000)
    elif harm == "missing":
        (folder / "relay.py").unlink()
    elif harm == "empty":
        (folder / "__main__.py").write_bytes(b"")
    else:
        folder.rename(home / "elsewhere")  # the first supervisor may still be about to end
    assert "need" in talk(home, words)[0]
    assert "need" not in talk(home, words)[0]


def test_many_at_once_get_whole_programs(home: Path) -> None:
    """Nobody pulls away the program that another one has just started from."""
    words = boot.words(OWNER, sys.executable)
    said: list[list[dict[str, object]]] = []
    threads = [threading.Thread(target=lambda: said.append(talk(home, words))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each[-1].get("error") for each in said] == [None] * 12
    left = [path.name for path in (home / ".cache/runyard").iterdir()]
    assert len(left) == 1
    assert left[0].startswith("supervisor-")


def test_programs_of_long_ago_go_when_another_comes(home: Path) -> None:
    cache = home / ".cache" / "runyard"
    for name, days in (("supervisor-old", 100), ("supervisor-new", 10)):
        (cache / name).mkdir(parents=True)
        then = time.time() - days * 86400
        os.utime(cache / name, (then, then))
    talk(home, boot.words(OWNER, sys.executable))
    assert not (cache / "supervisor-old").exists()
    assert (cache / "supervisor-new").exists()


def test_an_archive_that_came_damaged_is_refused(home: Path) -> None:
    words = boot.words(OWNER, sys.executable)
    for bad, why in ((bytes(100), "damaged"), (zlib.compress(b"{}"), "another program")):
        said = talk(home, words, archive=bad)[-1]
        assert (said["code"], why in str(said["error"])) == ("SYSTEM", True)
    assert not list((home / ".cache").glob("runyard/supervisor-*"))


def test_a_home_that_cannot_be_written_to(home: Path) -> None:
    (home / ".cache").write_text("a file")
    said = talk(home, boot.words(OWNER, sys.executable))[-1]
    assert (said["code"], ".cache" in str(said["error"])) == ("SYSTEM", True)


def test_no_python_at_all(home: Path) -> None:
    """Where `/usr/bin/python3` is, it would be found; so the places are replaced by none."""
    words = boot.words(OWNER)
    words[2] = words[2].replace("/usr/bin/python3 /usr/local/bin/python3", "")
    (home / "sh").symlink_to("/bin/sh")
    assert talk(home, words, path=str(home))[-1]["code"] == "no-python"


def test_a_python_too_old_makes_way_for_another(home: Path) -> None:
    """`python3` says it is 3.6; beside it there is a newer one with its number in the name."""
    old = home / "bin" / "python3"
    old.parent.mkdir()
    old.write_text(
        "#!/bin/sh\n"
        'shift 3; program=$1; shift; exec "' + sys.executable + '" -I -S -c '
        '\'import sys; sys.version_info = (3, 6, 9); exec(sys.argv.pop(1))\' "$program" "$@"\n'
    )
    old.chmod(0o755)
    path = f"{old.parent}:/bin:/usr/bin"
    words = boot.words(OWNER, str(old))
    if not shutil.which("python3.11", path=path):
        (old.parent / "python3.11").symlink_to(sys.executable)
    assert "root" in talk(home, words, path=path)[-1]
    alone = talk(home, words, path=only(home, "sh"))[-1]
    assert (alone["code"], "3.6" in str(alone["error"])) == ("no-python", True)


def lacking(home: Path, *modules: str) -> str:
    """A Python without these modules, as an embedded system or a broken upgrade has it."""
    path = home / "lacking"
    without = f"import sys; sys.modules.update(dict.fromkeys({list(modules)!r}))"
    path.write_text(
        "#!/bin/sh\n"
        'shift 3; program=$1; shift; exec "' + sys.executable + '" -I -S -c '
        f'"{without}; exec(sys.argv.pop(1))" "$program" "$@"\n'
    )
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("module", ["json", "zlib", "fcntl", "ctypes", "pwd", "_socket"])
@pytest.mark.parametrize("known", [False, True])
def test_a_python_that_lacks_something_is_none(home: Path, module: str, known: bool) -> None:
    """Also where another one has already brought the program, and ours is never unpacked."""
    if known:
        talk(home, boot.words(OWNER, sys.executable))
    said = talk(home, boot.words("lacking", lacking(home, module)))
    if "code" in said[-1]:
        assert (said[-1]["code"], module in str(said[-1]["error"])) == ("no-python", True)
    else:  # the relay does without; the supervisor may not, see test_relay.py
        assert known


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts")
def test_a_system_without_proc_is_for_the_plain_way(home: Path) -> None:
    """Such as macOS and the BSDs: a supervisor there would find nothing, and call it the proof."""
    hidden = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"]
    said = talk(home, [*hidden, *boot.words(OWNER, sys.executable)])
    assert [(each["code"], "/proc" in str(each["error"])) for each in said] == [("no-python", True)]


def test_a_word_that_is_no_ascii_comes_whole(home: Path) -> None:
    place = home / "schön-主机"
    place.mkdir()
    (place / ".cache").write_text("a file")
    said = talk(place, boot.words(OWNER, sys.executable))[-1]
    assert "schön-主机/.cache" in str(said["error"])


def test_nobody_misses_a_greeting_that_nobody_waits_for() -> None:
    """As when the user breaks it off while hosts are being connected."""
    reported: list[object] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reported.append(context))
        arrival = boot.Arrival(Client())
        waiting = asyncio.ensure_future(arrival.wait())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        arrival.connection_lost(None)
        del arrival, waiting
        gc.collect()

    asyncio.run(run())
    assert reported == []


def test_the_command_passes_through_any_login_shell() -> None:
    """As one line of words in single quotes: see csh about newlines, and fish about backslashes."""
    for word in [*as_user("deploy"), *boot.words("run-1", "python3")]:
        assert "\n" not in word
        assert "'" not in word
        assert "\\\\" not in word
        assert "!" not in word


@pytest.mark.parametrize("shell", ["sh", "bash", "dash", "zsh", "fish", "tcsh", "csh", "ksh"])
def test_login_shells_that_are_here(home: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    command = boot.command(OWNER, sys.executable)
    assert "root" in talk(home, [shell, "-c", command])[-1]


def test_the_archive_is_the_whole_program() -> None:
    files = json.loads(zlib.decompress(boot.archive()))
    assert {"__main__.py", "relay.py", "main.py", "verbs.py"} <= set(files)
    assert files["relay.py"] == (Path(boot.program()) / "relay.py").read_text()


def only(home: Path, *names: str) -> str:
    """A PATH with these programs and no other."""
    folder = home / "only"
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to(str(shutil.which(name)))
    return str(folder)

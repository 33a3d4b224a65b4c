"""Output of every kind: huge, broken, hidden, too much for the disk; nothing is lost unsaid."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from runyard.model.errors import ArgumentError
from runyard.model.execution import Exec, Exit
from runyard.supervisor.spool import read_records
from tests.integration.yards import attempt, execute, local, outcome, pid_in, shell, spool, until

SECRET = "s3cr3t/pass word+'\"\\é"


def streams(path: Path) -> dict[int, bytes]:
    """Both streams of a spool; fails when the offsets do not fit."""
    whole = {1: b"", 2: b""}
    fd = os.open(path, os.O_RDONLY)
    try:
        position = 0
        while True:
            records, position = read_records(fd, position, 1 << 20)
            if not records:
                return whole
            for stream, _, offset, payload in records:
                assert offset == len(whole[stream])
                whole[stream] += payload
    finally:
        os.close(fd)


def spool_of(home: Path, step: str = "s") -> Path:
    return spool(home) / f"{step}%2Fhere%2F1.log"


def test_both_streams_are_spooled_and_captured(tmp_path: Path) -> None:
    (end,) = execute(tmp_path, shell("echo out; echo err >&2; printf 'no newline'"))
    assert (end.stdout, end.stderr) == ("out\nno newline", "err\n")
    assert streams(spool_of(tmp_path)) == {1: b"out\nno newline", 2: b"err\n"}


def test_no_output_makes_no_spool(tmp_path: Path) -> None:
    execute(tmp_path, shell("true"))
    assert sorted(p.name for p in spool(tmp_path).iterdir()) == ["exits.jsonl", "starts.jsonl"]


def test_two_hundred_megabytes(tmp_path: Path) -> None:
    size = 200 << 20
    (end,) = execute(tmp_path, shell(f"yes 'all work and no play' | head -c {size}", capture=1000))
    assert end.ok and end.stdout_bytes == size
    assert end.stdout.startswith("all work") and f"… {size - 1000} bytes dropped …" in end.stdout
    records = spool_of(tmp_path)
    assert size < records.stat().st_size < size * 1.01


def test_invalid_and_cut_utf8(tmp_path: Path) -> None:
    (end,) = execute(tmp_path, shell(r"printf 'a\377b\303'; printf '\251\n'"))
    assert end.stdout == "a\ufffdbé\n"
    assert streams(spool_of(tmp_path))[1] == b"a\xffb\xc3\xa9\n"
    (cut,) = execute(tmp_path, shell("printf '%s' éééééééééé", "cut", capture=7))
    assert "\ufffd" not in cut.stdout and "bytes dropped" in cut.stdout


def test_stdout_closed_early(tmp_path: Path) -> None:
    text = "echo first; exec >&-; sleep 0.1; echo more >&2; exit 4"
    (end,) = execute(tmp_path, shell(text))
    assert (end.exit_code, end.stdout, end.stderr) == (4, "first\n", "more\n")


def test_reopening_dev_stdout_loses_nothing(tmp_path: Path) -> None:
    (end,) = execute(tmp_path, shell("echo a; echo b >/dev/stdout; echo c"))
    assert end.stdout == "a\nb\nc\n"


def test_stdin_is_passed_and_ended(tmp_path: Path) -> None:
    data = os.urandom(3 << 20)
    (end,) = execute(tmp_path, shell("wc -c", stdin=data))
    assert end.stdout.strip() == str(len(data))
    (unread,) = execute(tmp_path, shell("exit 3", "unread", stdin=data))
    assert unread.exit_code == 3
    (empty,) = execute(tmp_path, shell("cat; echo end", "empty"))
    assert empty.stdout == "end\n"


def test_a_terminal(tmp_path: Path) -> None:
    text = "test -t 0 && test -t 1 && stty size && read line && echo got $line"
    (end,) = execute(tmp_path, shell(text, pty=(40, 120), stdin=b"hello\n"))
    assert end.ok and "40 120" in end.stdout and "got hello" in end.stdout


def test_secrets_are_masked_everywhere(tmp_path: Path) -> None:
    forms = [
        SECRET,
        quote(SECRET, safe=""),
        json.dumps(SECRET)[1:-1],
        SECRET.replace("'", "'\"'\"'"),
        *(base64.b64encode(b"x" * n + SECRET.encode()).decode() for n in range(3)),
    ]
    source = tmp_path / "source"
    source.write_text("\n".join(forms))
    out = tmp_path / "copies"
    text = f"cat {source}; dd if={source} bs=1 2>/dev/null; cat {source} >&2"
    (end,) = execute(tmp_path, shell(text, secrets={"PW": SECRET}, output_path=str(out)))
    written = [spool_of(tmp_path), spool(tmp_path) / "exits.jsonl", *out.iterdir()]
    assert len(written) == 4
    for data in [*(path.read_bytes() for path in written), repr(end).encode()]:
        assert b"***" in data
        for form in forms[:4]:
            assert form.encode() not in data
        assert base64.b64encode(SECRET.encode())[:20] not in data


def test_a_short_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError) as caught:
        execute(tmp_path, shell("echo hi", secrets={"PIN": "12345"}))
    assert caught.value.code == "SECRET_SHORT"
    assert "PIN" in caught.value.message and "12345" not in caught.value.message


def test_exports_are_found_and_kept_when_the_step_fails(tmp_path: Path) -> None:
    text = f"""
    echo BOPS_EXPORT:A=1=2
    echo 'BOPS_EXPORT:{{B=two}}'
    echo 'BOPS_EXPORT:{{"C":"x","N":3,"L":[1,"{SECRET[:6]}"]}}'
    printf 'BOPS_EXPORT:D<<EOF\\nline 1\\nline 2\\nEOF\\n'
    echo ' BOPS_EXPORT:NO=indented'
    echo BOPS_EXPORT:1BAD=x
    echo BOPS_EXPORT:T=token-value
    head -c 300000 /dev/zero | tr '\\0' x; echo
    printf BOPS_EXPORT:LAST=end
    exit 9"""
    work = shell(text, exports=True, secrets={"TOKEN": "token-value"}, capture=100)
    (end,) = execute(tmp_path, work)
    assert end.exit_code == 9
    assert end.exports == {
        "A": "1=2",
        "B": "two",
        "C": "x",
        "N": 3,
        "L": [1, SECRET[:6]],
        "D": "line 1\nline 2",
        "T": "${secret:TOKEN}",
        "LAST": "end",
    }
    assert len(end.warnings) == 1 and "1BAD" in end.warnings[0]


def test_full_copies_have_safe_names(tmp_path: Path) -> None:
    work = shell("echo o; echo e >&2", "a b/../c", output_path="copies", cwd=str(tmp_path))
    (end,) = execute(tmp_path, work)
    assert end.ok and end.warnings == ()
    copies = tmp_path / "copies"
    name = f"run-00000001.{quote('a b/../c', safe='')}.here.1"
    assert (copies / f"{name}.stdout").read_text() == "o\n"
    assert (copies / f"{name}.stderr").read_text() == "e\n"
    (odd,) = execute(tmp_path, shell("true", output_path="/dev/null/x"))
    assert odd.ok and "output_path" in odd.warnings[0]


def test_what_cannot_be_started(tmp_path: Path) -> None:
    script = tmp_path / "plain"
    script.write_text("echo from a script without a first line\n")
    script.chmod(0o755)
    locked = tmp_path / "locked"
    locked.write_text("echo no")
    nothing, no_dir, denied, plain = execute(
        tmp_path,
        _argv("a", "no-such-program-here"),
        _argv("b", "true", cwd="/no/such/dir"),
        _argv("c", str(locked)),
        _argv("d", str(script)),
    )
    assert nothing.ended_by == no_dir.ended_by == denied.ended_by == "start-failed"
    assert "no-such-program-here" in nothing.error
    assert "/no/such/dir: cannot enter the directory: No such file" in no_dir.error
    assert "locked" in denied.error and "ermission" in denied.error
    assert plain.stdout == "from a script without a first line\n"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("cannot mount a small file system here")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="needs tmpfs")
def test_a_full_disk_costs_the_output_and_not_the_work(tmp_path: Path, small_disk: Path) -> None:
    text = "yes | head -c 3000000; echo last; exit 6"

    async def run() -> Exit:
        async with local(small_disk) as host:
            end = await host.exec(shell(text))
            os.kill(host.supervisor_pid, 15)  # it would wait for room for the exit record
            return end

    end = asyncio.run(run())
    assert (end.ended_by, end.exit_code) == ("exit", 6)
    assert end.stdout_bytes == 3000005 and end.stdout.endswith("last\n")
    assert any("dropped" in w and "No space" in w for w in end.warnings)
    whole = spool_of(small_disk).read_bytes()
    assert 0 < len(whole) < 1 << 20
    fd = os.open(spool_of(small_disk), os.O_RDONLY)
    assert read_records(fd, 0, 2 << 20)[1] == len(whole)  # no record is torn
    os.close(fd)


@pytest.mark.skipif(sys.platform != "linux", reason="needs tmpfs")
def test_an_exit_is_recorded_once_there_is_room_again(tmp_path: Path, small_disk: Path) -> None:
    ballast = small_disk / "ballast"

    async def run() -> None:
        async with local(small_disk) as host:
            text = f"echo $$ >{tmp_path}/pid; while ! [ -e {tmp_path}/go ]; do sleep 0.02; done"
            task = asyncio.create_task(host.exec(shell(text)))
            await pid_in(tmp_path / "pid")
            with open(ballast, "wb", buffering=0) as file:
                try:
                    while True:
                        file.write(b"x" * 1024)
                except OSError:
                    pass
            (tmp_path / "go").touch()
            end = await outcome(task)
            assert end.exit_code == 0
            assert any("could not be written yet" in w for w in end.warnings)
            ballast.unlink()
        exits = spool(small_disk) / "exits.jsonl"
        await until(lambda: attempt("s") in exits.read_text(), "the exit was recorded")

    asyncio.run(run())


def _argv(step: str, *argv: str, cwd: str | None = None) -> Exec:
    return Exec(attempt(step), argv, cwd=cwd)


def test_what_cannot_be_recorded_is_not_started(tmp_path: Path) -> None:
    """If the supervisor died as well, nobody would know of it, and it would run twice."""

    async def run() -> None:
        async with local(tmp_path) as host:
            assert (await host.exec(shell("true"))).ok
            (spool(tmp_path) / "starts.jsonl").unlink()
            (spool(tmp_path) / "starts.jsonl").symlink_to("/dev/full")
            end = await host.exec(shell(f"touch {tmp_path}/ran", n=2))
            assert end.ended_by == "start-failed" and "No space left on device" in end.error
            assert not (tmp_path / "ran").exists()

    asyncio.run(run())

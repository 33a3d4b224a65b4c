"""The supervisor as a program: alone, on the oldest Python it promises, out of a zip."""

from __future__ import annotations

import ast
import socket
import subprocess
import sys
import time
import zipapp
from pathlib import Path

import pytest

from runyard.hosts.launch import program
from runyard.supervisor.frames import Decoder, encode

OLD = Path.home() / ".pyenv/versions/3.8.18/bin/python"


def session(command: list[str], folder: Path) -> list[tuple[dict[str, object], bytes]]:
    """Start a supervisor, run one attempt through it; the frames of its answers."""
    path = folder / "s.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        done = subprocess.run(
            [*command, str(path), "me"], stdin=listener.fileno(), timeout=20, check=False
        )
    assert done.returncode == 0
    frames: list[tuple[dict[str, object], bytes]] = []
    with socket.socket(socket.AF_UNIX) as door:
        door.settimeout(20)
        door.connect(str(path))
        door.sendall(encode({"id": 1, "verb": "hello", "version": 1, "owner": "me", "epoch": 1}))
        spec = {
            "attempt": "run/step/here/1",
            "argv": ["sh", "-c", "echo BOPS_EXPORT:A=1; echo the-secret; setsid sleep 1000 &"],
            "cwd": "/",
            "spool": str(folder / "out" / "a.log"),
            "exits": str(folder / "out" / "exits.jsonl"),
            "exports": True,
            "secrets": {"S": "the-secret"},
            "limits": {"memory": 1 << 30, "open_files": 100},
            "pty": None,
        }
        door.sendall(encode({"id": 2, "verb": "start", "wait": True, **spec}))
        door.sendall(encode({"id": 3, "verb": "probe"}))
        door.sendall(encode({"id": 4, "verb": "put", "dest": str(folder / "f")}, b"data"))
        door.sendall(encode({"id": 5, "verb": "stat", "path": str(folder / "f"), "digest": True}))
        door.sendall(encode({"id": 6, "verb": "get", "src": str(folder / "f")}))
        decoder = Decoder()
        while len(frames) < 6:
            data = door.recv(1 << 16)
            assert data
            frames += decoder.feed(data)
    return sorted(frames, key=lambda frame: int(str(frame[0]["id"])))


def check(frames: list[tuple[dict[str, object], bytes]]) -> None:
    import json

    hello, end, probe, put, stat, get = frames
    assert hello[0]["ok"]["version"] == 1  # type: ignore[index]
    record = json.loads(end[1])
    assert (record["exit_code"], record["survivors"]) == (0, 0)
    assert record["stdout"] == "BOPS_EXPORT:A=1\n***\n" and record["exports"] == {"A": "1"}
    assert probe[0]["ok"]["facts"]["os"]  # type: ignore[index]
    assert put[0]["ok"]["changed"] and stat[0]["ok"]["stat"]["size"] == 4  # type: ignore[index]
    assert get[1] == b"data"


def test_as_a_folder(tmp_path: Path) -> None:
    check(session([sys.executable, "-I", "-S", program()], tmp_path))


def test_as_a_zip(tmp_path: Path) -> None:
    zipapp.create_archive(program(), tmp_path / "s.pyz", filter=lambda p: p.suffix == ".py")
    check(session([sys.executable, "-I", "-S", str(tmp_path / "s.pyz")], tmp_path))


@pytest.mark.skipif(not OLD.exists(), reason="no Python 3.8 here")
def test_on_python_3_8(tmp_path: Path) -> None:
    check(session([str(OLD), "-I", "-S", "-B", program()], tmp_path))


def test_it_imports_the_standard_library_alone() -> None:
    allowed = set(sys.stdlib_module_names)
    for path in Path(program()).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(), feature_version=(3, 8))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [str(node.module)]
            else:
                continue
            assert {name.split(".")[0] for name in names} <= allowed, path


def test_who_says_nothing_does_not_end_it_and_who_said_hello_does(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        subprocess.run(
            [sys.executable, "-I", "-S", program(), str(path), "me"],
            stdin=listener.fileno(), check=True,
        )  # fmt: skip
    with socket.socket(socket.AF_UNIX) as door:
        door.connect(str(path))
    with socket.socket(socket.AF_UNIX) as door:
        door.settimeout(20)
        door.connect(str(path))
        door.sendall(encode({"id": 1, "verb": "hello", "version": 1, "owner": "me", "epoch": 1}))
        assert Decoder().feed(door.recv(1 << 16))[0][0]["ok"]
    for _ in range(1000):
        if not path.exists():
            return
        time.sleep(0.01)
    raise AssertionError("the supervisor is still there")

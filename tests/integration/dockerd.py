"""A docker daemon of the tests' own: real, as root, on a socket below /tmp, without a network."""

from __future__ import annotations

import http.client
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

IMAGE = "runyard/busybox:test"
PYTHON = "runyard/python:test"
_STARTED = 30.0
_LEFT_OUT = re.compile(
    r"__pycache__|/(test|idlelib|lib2to3|tkinter|turtledemo|ensurepip|pydoc_data|dist-packages"
    r"|config-3[^/]*)(/|$)"
)


def why_not() -> str:
    """Why no daemon can be started here, or an empty string."""
    missing = [name for name in ("dockerd", "containerd", "busybox") if not shutil.which(name)]
    if missing:
        return f"{', '.join(missing)} not installed (docker.io, busybox-static)"
    return "" if os.geteuid() == 0 else "only root can start dockerd"


def need() -> None:
    """Skip the test where no daemon can be; in CI, fail it."""
    if why := why_not():
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)


class Daemon:
    """A daemon that can be stopped and started again; its containers stay where they are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "d.sock"
        self.address = f"unix://{self.socket}"
        self._containerd: subprocess.Popen[bytes] | None = None
        self._dockerd: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._dockerd is not None
        return self._dockerd.pid

    def start(self, *options: str) -> None:
        """Start it, and containerd before it, which outlives it as it does elsewhere."""
        if self._containerd is None:
            self._containerd = self._start_containerd()
        with (self.folder / "dockerd.log").open("ab") as log:
            self._dockerd = subprocess.Popen(
                ["dockerd", "--host", self.address, "--data-root", self.folder / "data",
                 "--exec-root", self.folder / "exec", "--pidfile", self.folder / "pid",
                 "--containerd", self.folder / "c.sock", "--iptables=false", "--bridge=none",
                 "--storage-driver=vfs", *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self._wait_for(self._dockerd, lambda: self.api("GET", "/version"))

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Send it a signal and wait for its end."""
        if self._dockerd is not None:
            self._dockerd.send_signal(number)
            self._dockerd.wait(60)
            self._dockerd = None
            (self.folder / "pid").unlink(missing_ok=True)

    def close(self) -> None:
        """End everything that was started, containers first, and remove the folder."""
        if self._dockerd is not None and self._dockerd.poll() is None:
            self.clear()
            self.stop()
        if self._containerd is not None:
            self._containerd.terminate()
            self._containerd.wait(30)
        for mount in _mounts_below(self.folder):
            subprocess.run(["umount", "-l", mount], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def clear(self) -> None:
        """Remove all containers."""
        for found in self.containers():
            self.api("DELETE", f"/containers/{found['Id']}?force=1&v=1")

    def kill(self) -> None:
        """SIGKILL, once it has written down what it has started: it would forget that."""
        names = [found["Id"] for found in self.containers() if found["State"] == "running"]
        for path in [
            self.folder / "data" / "containers" / name / "config.v2.json" for name in names
        ]:
            deadline = time.monotonic() + _STARTED
            while not json.loads(path.read_text())["State"]["Running"]:
                assert time.monotonic() < deadline
                time.sleep(0.01)
        self.stop(signal.SIGKILL)

    def containers(self) -> list[dict[str, Any]]:
        """All containers, ended ones too."""
        listed: list[dict[str, Any]] = self.api("GET", "/containers/json?all=1")
        return listed

    def inspect(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api("GET", f"/containers/{name}/json")
        return found

    def run(self, name: str, *command: str, image: str = IMAGE, **host: Any) -> str:
        """Start a container of the test's own; its id."""
        config = {"Image": image, "Cmd": command, "HostConfig": {"NetworkMode": "none", **host}}
        made = self.api("POST", f"/containers/create?name={name}", config)
        self.api("POST", f"/containers/{made['Id']}/start")
        return str(made["Id"])

    def load(self, name: str, files: bytes) -> None:
        """Make an image of a tar file."""
        repo, _, tag = name.rpartition(":")
        path = f"/images/create?fromSrc=-&repo={repo}&tag={tag}"
        self.api("POST", path, files)

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """One request; raises AssertionError for a refusal, OSError when nobody is there."""
        connection = _Connection(self.socket)
        kind = "application/x-tar" if isinstance(body, bytes) else "application/json"
        data = body if isinstance(body, bytes) else json.dumps(body) if body is not None else None
        try:
            connection.request(method, path, data, {"Content-Type": kind})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        assert answer.status < 400, f"{method} {path}: {answer.status} {text[:500]!r}"
        if "json" not in (answer.headers["Content-Type"] or ""):
            return text
        return json.loads(text.splitlines()[-1]) if text else None

    def _start_containerd(self) -> subprocess.Popen[bytes]:
        config = self.folder / "containerd.toml"
        config.write_text(
            f'version = 2\nroot = "{self.folder}/c/root"\nstate = "{self.folder}/c/state"\n'
            'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
            f'[grpc]\naddress = "{self.folder}/c.sock"\n'
        )
        with (self.folder / "containerd.log").open("ab") as log:
            started = subprocess.Popen(
                ["containerd", "--config", config],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._wait_for(started, lambda: _knock(self.folder / "c.sock"))
        return started

    def _wait_for(self, process: subprocess.Popen[bytes], look: Any) -> None:
        deadline = time.monotonic() + _STARTED
        while True:
            try:
                look()
            except OSError:
                logs = [path.read_text()[-2000:] for path in self.folder.glob("*.log")]
                assert process.poll() is None, "\n".join(logs)
                assert time.monotonic() < deadline, "\n".join(logs)
                time.sleep(0.02)
            else:
                return


@contextmanager
def daemon() -> Iterator[Daemon]:
    """A running daemon with the image `IMAGE`."""
    need()
    made = Daemon(Path(tempfile.mkdtemp(prefix="runyard-d-", dir="/tmp")))
    try:
        made.start()
        made.load(IMAGE, busybox())
        yield made
    finally:
        made.close()


def busybox() -> bytes:
    """The files of an image with nothing but busybox."""
    return _archive(_busybox)


def python() -> bytes:
    """The same with this machine's own Python 3, for lack of a network to get another."""
    return _archive(_busybox, _python)


def _archive(*fill: Any) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for each in fill:
            each(tar)
    return data.getvalue()


def _busybox(tar: tarfile.TarFile) -> None:
    for name, mode in (("bin", 0o755), ("etc", 0o755), ("root", 0o700), ("tmp", 0o1777)):
        _folder(tar, name, mode)
    program = shutil.which("busybox")
    assert program is not None
    _file(tar, "bin/busybox", Path(program).resolve().read_bytes(), 0o755)
    tools = subprocess.run([program, "--list"], check=True, capture_output=True, text=True)
    for tool in set(tools.stdout.split()) - {"busybox"}:
        _link(tar, f"bin/{tool}", "busybox")
    users = "root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/tmp:/bin/sh\n"
    _file(tar, "etc/passwd", users.encode(), 0o644)


def _python(tar: tarfile.TarFile) -> None:
    program = Path("/usr/bin/python3").resolve()
    library = Path("/usr/lib") / program.name
    _file(tar, "usr/bin/python3", program.read_bytes(), 0o755)
    objects = [program]
    # A folder that the archive does not name is root's alone.
    for folder in ("usr", "usr/bin", "usr/lib"):
        _folder(tar, folder)
    for path in [library, *sorted(library.rglob("*/"))]:
        if path.is_dir() and not _LEFT_OUT.search(str(path)):
            _folder(tar, str(path)[1:])
    for path in sorted(library.rglob("*")):
        if path.is_file() and not _LEFT_OUT.search(str(path)):
            _file(tar, str(path)[1:], path.read_bytes(), 0o644)
            objects += [path] if path.suffix == ".so" else []
    needed = sorted(_libraries(objects))
    for folder in sorted({str(parent) for name in needed for parent in Path(name).parents}):
        _folder(tar, folder.lstrip("/") or ".")
    for name in needed:
        _file(tar, name[1:], Path(name).read_bytes(), 0o755)


def _libraries(objects: Iterable[Path]) -> set[str]:
    told = subprocess.run(["ldd", *objects], check=False, capture_output=True, text=True).stdout
    return set(re.findall(r"(?:=> |^\s)(/\S+) \(0x", told, re.MULTILINE))


def _folder(tar: tarfile.TarFile, name: str, mode: int = 0o755) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, mode
    tar.addfile(info)


def _file(tar: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), mode
    tar.addfile(info, io.BytesIO(data))


def _link(tar: tarfile.TarFile, name: str, target: str) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    tar.addfile(info)


def _knock(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(path))


def _mounts_below(folder: Path) -> list[str]:
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return [line.split()[1] for line in lines if line.split()[1].startswith(f"{folder}/")]


class _Connection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(str(self._path))

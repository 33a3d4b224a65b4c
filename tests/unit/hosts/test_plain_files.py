"""Files and facts of a host that has a POSIX shell and no Python."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runyard.hosts.facts import FACTS
from runyard.hosts.plain import PlainConnector
from runyard.hosts.plain_files import _of_ls
from runyard.model.errors import ArgumentError, NotFoundError, RunyardError, SystemFault
from runyard.supervisor.facts import probe
from tests.unit.hosts.shells import LocalShell
from tests.unit.hosts.test_plain import raw, use, way

__all__ = ["raw", "way"]

DATA = bytes(range(256)) * 1000


async def whole(host: PlainConnector, src: str) -> bytes:
    return b"".join([part async for part in host.get(src)])


def leftovers(folder: Path) -> list[Path]:
    return list(folder.rglob(".runyard-*"))


def test_put_get_stat(tmp_path: Path, way: str, raw: bool) -> None:
    async def test(host: PlainConnector, _: LocalShell) -> None:
        here = tmp_path / "far/a file"
        first = await host.put(DATA, "~/a file", mode=0o600)
        assert (first.changed, first.size) == (True, len(DATA))
        assert here.read_bytes() == DATA and here.stat().st_mode & 0o7777 == 0o600
        assert not (await host.put(DATA, "a file")).changed
        assert (await host.put(DATA, str(here), mode=0o640)).changed
        assert (await host.put(b"", str(here))).changed
        assert here.read_bytes() == b"" and here.stat().st_mode & 0o7777 == 0o640
        assert await whole(host, "a file") == b""
        await host.put(DATA, "a file")
        assert await whole(host, str(here)) == DATA
        found = await host.stat("a file", digest=True)
        assert found is not None and found.sha256 == first.sha256
        assert (found.kind, found.size, found.mode) == ("file", len(DATA), 0o640)
        assert abs(found.mtime - here.stat().st_mtime) <= 1
        assert (await host.put(DATA, "new")).changed
        mask = os.umask(0o022)
        os.umask(mask)
        assert (tmp_path / "far/new").stat().st_mode & 0o777 == 0o666 & ~mask
        assert leftovers(tmp_path) == []

    use(tmp_path, way, test, raw=raw)


def test_a_file_is_streamed_in_parts(tmp_path: Path, way: str, raw: bool) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(300_000 if not raw else 9_000_000))

    async def test(host: PlainConnector, _: LocalShell) -> None:
        assert (await host.put(source, "copy")).changed
        assert (tmp_path / "far/copy").read_bytes() == source.read_bytes()
        assert await whole(host, "copy") == source.read_bytes()

    use(tmp_path, way, test, raw=raw)


def test_links_and_kinds(tmp_path: Path, way: str) -> None:
    async def test(host: PlainConnector, _: LocalShell) -> None:
        far = tmp_path / "far"
        (far / "real").write_bytes(b"old")
        (far / "link").symlink_to("real")
        os.mkfifo(far / "pipe")
        kinds = [
            await host.stat(name) for name in ("real", "link", "pipe", ".", "/none/x", "real/x")
        ]
        assert [k and k.kind for k in kinds] == ["file", "link", "other", "dir", None, None]
        await host.put(b"new", "link")
        assert (far / "link").is_symlink() and (far / "real").read_bytes() == b"new"
        assert not (await host.put(b"new", "link")).changed

    use(tmp_path, way, test)


def test_failures_are_said_and_leave_the_old_file(tmp_path: Path, way: str, raw: bool) -> None:
    async def test(host: PlainConnector, shell: LocalShell) -> None:
        far = tmp_path / "far"
        (far / "old").write_bytes(b"old")
        with pytest.raises(NotFoundError, match="no such directory"):
            await host.put(b"", "none/file")
        with pytest.raises(SystemFault, match="is a directory"):
            await host.put(b"", str(far))
        with pytest.raises(NotFoundError):
            await whole(host, "none")
        with pytest.raises(SystemFault, match="not a regular file"):
            await whole(host, str(far))
        with pytest.raises(RunyardError):
            await host.put(b"new", "old", owner="no-such-user-here")
        with pytest.raises(NotFoundError):
            await host.put(tmp_path / "none", "old")
        with pytest.raises(ArgumentError):
            await host.put(tmp_path, "old")
        assert (far / "old").read_bytes() == b"old"
        assert leftovers(tmp_path) == []

    use(tmp_path, way, test, raw=raw)


def test_a_disk_that_fills_up_leaves_the_old_file(tmp_path: Path, way: str) -> None:
    async def test(host: PlainConnector, shell: LocalShell) -> None:
        (tmp_path / "far/old").write_bytes(b"old")
        whole = shell.run

        async def filling(argv: tuple[str, ...], **more: object) -> None:
            if "cat >>" in argv[2]:
                argv = (*argv[:2], f"ulimit -f 8; {argv[2]}", *argv[3:])
            await whole(argv, **more)  # type: ignore[arg-type]

        shell.run = filling  # type: ignore[method-assign, assignment]
        with pytest.raises(SystemFault):
            await host.put(DATA, "old")
        assert (tmp_path / "far/old").read_bytes() == b"old"
        assert leftovers(tmp_path) == []

    use(tmp_path, way, test)


def test_facts(tmp_path: Path, way: str, raw: bool) -> None:
    async def test(host: PlainConnector, _: LocalShell) -> None:
        facts = await host.probe()
        system = os.uname()
        assert (facts["os"], facts["arch"], facts["hostname"]) == (
            system.sysname.lower(),
            system.machine,
            system.nodename,
        )
        assert facts["python"] == "" and facts["has.sh"] and facts["machine_id"]
        assert [name for name in facts if not name.startswith("has.")] == list(FACTS)
        same = ("distro", "distro_version", "cpus", "memory")
        assert [facts[name] for name in same] == [probe()[name] for name in same]
        with pytest.raises(SystemFault) as error:
            await host.socket("/run/docker.sock")
        assert error.value.code == "NO_SOCKET"

    use(tmp_path, way, test, raw=raw)


@pytest.mark.parametrize(
    ("line", "kind", "mode"),
    [
        ("-rwsr-x--T 1 0 0 42 Jan 1 1970 a", "file", 0o5750),
        ("drwxrwxrwt 9 0 0 42 Jan 1 1970 a", "dir", 0o1777),
        ("lrwxrwxrwx 1 0 0 42 Jan 1 1970 a -> b", "link", 0o777),
        ("crw--w---- 1 0 5 4, 1 Jan 1 1970 a", "other", 0o620),
    ],
)
def test_where_there_is_no_stat_ls_will_do(line: str, kind: str, mode: int) -> None:
    found = _of_ls([line, line.replace(" 0 ", " root ", 1), "abc", ""])
    assert (found.kind, found.mode, found.owner) == (kind, mode, "root")
    assert found.sha256 == ("abc" if kind == "file" else "")

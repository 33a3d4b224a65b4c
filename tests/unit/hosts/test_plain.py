"""Work on a host that has a POSIX shell and no Python: dash, bash and BusyBox, raw and as text."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from runyard.hosts import plain_exec
from runyard.hosts.plain import PlainConnector
from runyard.model.errors import ArgumentError, HostLost, NetworkError, SystemFault
from runyard.model.execution import Exec
from runyard.model.limits import Limits
from runyard.store.spool import spool_path
from runyard.supervisor.lost import captured
from tests.integration.yards import alive, pid_in, until
from tests.unit.hosts.shells import SHELLS, LocalShell, tools

# Other tests, at the same time, sweep the machine for what bears the names of their attempts.
RUN = f"run-{secrets.token_hex(4)}"
Use = Callable[[PlainConnector, LocalShell], Coroutine[Any, Any, None]]


@pytest.fixture(params=SHELLS)
def way(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return tools(tmp_path, request.param)


@pytest.fixture(params=[True, False], ids=["raw", "text"])
def raw(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def use(tmp_path: Path, path: str, test: Use, **more: Any) -> None:
    home = tmp_path / "far"
    home.mkdir(exist_ok=True)

    async def run() -> None:
        shell = LocalShell(home, path, **more)
        host = PlainConnector("far", shell, tmp_path / "output")
        try:
            await host.connect()
            await test(host, shell)
        finally:
            await host.close()

    asyncio.run(run())


def work(text: str, step: str = "s", n: int = 1, **more: Any) -> Exec:
    return Exec(f"{RUN}/{step}/far/{n}", ("sh", "-c", text), **more)


def spooled(tmp_path: Path, step: str = "s", n: int = 1) -> tuple[str, str]:
    path = spool_path(tmp_path / "output", f"{RUN}/{step}/far/{n}")
    out, err = captured(str(path), 1 << 26)
    return out.text(), err.text()


def test_streams_code_directory_and_environment(tmp_path: Path, way: str, raw: bool) -> None:
    odd = 'it\'s "$HOME" `id`\n\\two\tзÿ中文 \x1e!'

    async def test(host: PlainConnector, _: LocalShell) -> None:
        text = 'pwd; printf "%s|" "$ODD" "$IFS" "$RUNYARD_ATTEMPT" "$1"; echo err >&2; exit 3'
        end = await host.exec(
            Exec(
                f"{RUN}/s/far/1",
                ("sh", "-c", text, "sh", odd),
                env={"ODD": odd, "x": "y", "IFS": "?", "UID": "7", "not a name": "1"},
            )
        )
        seen = end.stdout.replace("|?|", "|I|").replace(
            "| \t\n|", "|I|"
        )  # a shell's IFS is its own
        assert seen == f"{tmp_path}/far\n{odd}|I|{RUN}/s/far/1|{odd}|"
        assert (end.exit_code, end.ended_by, end.stderr) == (3, "exit", "err\n")
        assert spooled(tmp_path) == (end.stdout, "err\n")
        there = await host.exec(work("pwd", n=2, cwd=str(tmp_path)))
        assert there.stdout == f"{tmp_path}\n"

    use(tmp_path, way, test, raw=raw, noise="Welcome!\n")


def test_no_value_is_in_a_command_line(tmp_path: Path, way: str, raw: bool) -> None:
    async def test(host: PlainConnector, shell: LocalShell) -> None:
        end = await host.exec(
            work(
                "echo $KEY; cat",
                env={"KEY": "geheimnis"},
                stdin=b"unten",
                secrets={"K": "geheimnis"},
            )
        )
        assert end.stdout == "***\nunten"
        assert not [word for argv in shell.argvs for word in argv if "geheimnis" in word]
        assert not [word for argv in shell.argvs for word in argv if "unten" in word]

    use(tmp_path, way, test, raw=raw)


def test_stdin_is_whole_or_nothing(tmp_path: Path, way: str, raw: bool) -> None:
    data = bytes(range(256)) * 2000

    async def test(host: PlainConnector, _: LocalShell) -> None:
        whole = await host.exec(work("sha256sum", stdin=data))
        here = await asyncio.create_subprocess_exec(
            "sha256sum", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert whole.stdout == (await here.communicate(data))[0].decode()
        assert (await host.exec(work("wc -c", n=2, stdin=b""))).stdout.strip() == "0"
        assert (await host.exec(work("wc -c", n=3))).stdout.strip() == "0"

    use(tmp_path, way, test, raw=raw)


def test_what_cannot_be_started_is_said(tmp_path: Path, way: str) -> None:
    async def test(host: PlainConnector, _: LocalShell) -> None:
        async def error(n: int, *argv: str, **more: Any) -> str:
            end = await host.exec(Exec(f"{RUN}/s/far/{n}", argv, **more))
            assert (end.ended_by, end.exit_code) == ("start-failed", None)
            return end.error

        assert await error(1, "no-such-program") == "no-such-program: no such file or program"
        assert await error(2, "/etc/passwd") == "/etc/passwd: permission denied"
        assert "no such file" in await error(3, "/etc")
        assert await error(4, "true", cwd="/none") == "cannot enter the directory: /none"
        assert "open_files" in await error(5, "true", limits=Limits(open_files=1 << 40))
        with pytest.raises(ArgumentError):
            await host.exec(work("true", n=6, env={"A": "\0"}))
        with pytest.raises(ArgumentError) as short:
            await host.exec(work("true", n=7, secrets={"A": "abc"}))
        assert short.value.code == "SECRET_SHORT"

    use(tmp_path, way, test)


def test_output_is_live_searched_and_bounded(tmp_path: Path, way: str) -> None:
    async def test(host: PlainConnector, _: LocalShell) -> None:
        text = f"echo BOPS_EXPORT:A=1; while ! [ -e {tmp_path}/go ]; do sleep 0.02; done; echo end"
        task = asyncio.create_task(host.exec(work(text, exports=True)))
        await until(lambda: spooled(tmp_path)[0] == "BOPS_EXPORT:A=1\n", "the first line is here")
        (tmp_path / "go").touch()
        assert (await task).exports == {"A": "1"}
        flood = await host.exec(work("yes", n=2, limits=Limits(output=100_000)))
        assert (flood.ended_by, flood.stdout_bytes) == ("limit:output", 100_000)
        big = await host.exec(work("yes 0123456789 | head -c 3000000", n=3, capture=100))
        assert (big.ok, big.stdout_bytes) == (True, 3_000_000)

    use(tmp_path, way, test)


def test_a_copy_of_the_output_is_left_there(tmp_path: Path, way: str, raw: bool) -> None:
    async def test(host: PlainConnector, _: LocalShell) -> None:
        end = await host.exec(work("echo out; echo err >&2", output_path="~/logs/deep"))
        assert end.ok
        logs = tmp_path / "far/logs/deep"
        assert (logs / f"{RUN}.s.far.1.stdout").read_text() == "out\n"
        assert (logs / f"{RUN}.s.far.1.stderr").read_text() == "err\n"
        bad = await host.exec(work("echo out", n=2, output_path="/proc/none"))
        assert bad.ok and "output_path" in bad.warnings[0]

    use(tmp_path, way, test, raw=raw)


def test_what_it_cannot_do_is_said_once(tmp_path: Path, way: str) -> None:
    async def test(host: PlainConnector, _: LocalShell) -> None:
        first = await host.exec(work("true"))
        assert [w for w in first.warnings if "no python3 there" in w and "install python3" in w]
        assert (await host.exec(work("true", n=2))).warnings == ()
        bound = await host.exec(work("true", n=3, limits=Limits(memory=1 << 30), lease=5.0))
        assert len(bound.warnings) == 2

    use(tmp_path, way, test)


TREE = (
    "echo $$ >{0}/main; (trap '' TERM; echo; exec sleep 1000) & echo $! >{0}/deaf;"
    " setsid sh -c 'echo $$ >{0}/far-off; exec sleep 1000' & sleep 1000"
)


@pytest.mark.parametrize("how", ["cancel", "timeout"])
def test_an_order_ends_the_whole_tree(tmp_path: Path, way: str, raw: bool, how: str) -> None:
    async def test(host: PlainConnector, _: LocalShell) -> None:
        text = TREE.format(tmp_path)
        timeout = 0.5 if how == "timeout" else None
        task = asyncio.create_task(host.exec(work(text, grace=0.3, timeout=timeout)))
        pids = [await pid_in(tmp_path / name) for name in ("main", "deaf", "far-off")]
        if how == "cancel":
            task.cancel()
        end = await task
        assert (end.ended_by, end.survivors) == (how, 0)
        assert not [pid for pid in pids if alive(pid)]
        assert any("nothing proves" in warning for warning in end.warnings)

    use(tmp_path, way, test, raw=raw)


def test_another_attempt_of_the_same_name_is_left_alone(tmp_path: Path, way: str) -> None:
    """As that of another dispatcher: names of runs are unique to one."""

    async def test(host: PlainConnector, shell: LocalShell) -> None:
        text = f"echo $$ >{tmp_path}/other; exec sleep 1000"
        other = asyncio.create_task(host.exec(work(text, grace=0.0)))
        pid = await pid_in(tmp_path / "other")
        ours = PlainConnector("far", shell, tmp_path / "ours")
        assert (await ours.exec(work("true"))).ok
        assert alive(pid)
        other.cancel()
        assert (await other).survivors == 0 and not alive(pid)

    use(tmp_path, way, test)


def test_a_second_cancellation_does_not_wait(tmp_path: Path, way: str) -> None:
    async def test(host: PlainConnector, _: LocalShell) -> None:
        text = f"trap '' TERM; echo $$ >{tmp_path}/main; while :; do sleep 0.1; done"
        task = asyncio.create_task(host.exec(work(text, grace=1000.0)))
        pid = await pid_in(tmp_path / "main")
        task.cancel()
        await asyncio.sleep(0.2)
        assert not task.done()
        task.cancel()
        end = await task
        assert (end.ended_by, end.signal) == ("cancel", 9)
        assert not alive(pid)

    use(tmp_path, way, test)


def test_what_is_left_behind_is_swept(tmp_path: Path, way: str) -> None:
    async def test(host: PlainConnector, _: LocalShell) -> None:
        text = f"sleep 1000 & echo $! >{tmp_path}/left; echo done"
        end = await host.exec(work(text))
        assert (end.ok, end.stdout, end.swept, end.survivors) == (True, "done\n", 1, 0)
        assert not alive(int((tmp_path / "left").read_text()))

    use(tmp_path, way, test)


def test_a_cut_link_is_a_lost_host_and_nothing_starts_twice(tmp_path: Path, way: str) -> None:
    text = f"echo x >>{tmp_path}/starts; while ! [ -e {tmp_path}/go ]; do sleep 0.05; done"

    async def test(host: PlainConnector, shell: LocalShell) -> None:
        task = asyncio.create_task(host.exec(work(text)))
        await until((tmp_path / "starts").exists, "it runs")
        shell.cut()
        with pytest.raises(HostLost):
            await task
        again = PlainConnector("far", shell, tmp_path / "output")  # as a resume would have it
        for connector in (host, again):
            assert not await connector.recall(f"{RUN}/s/far/1")
            with pytest.raises(SystemFault) as error:
                await connector.exec(work(text))
            assert (error.value.code, error.value.retryable) == ("INTERRUPTED", False)
        (tmp_path / "go").touch()
        assert (await again.exec(work(text, n=2))).ok

    use(tmp_path, way, test)
    assert (tmp_path / "starts").read_text() == "x\nx\n"


def test_what_was_not_started_may_be(tmp_path: Path, way: str) -> None:
    async def test(host: PlainConnector, shell: LocalShell) -> None:
        shell.absent = True
        with pytest.raises(HostLost, match="nothing ran"):
            await host.exec(work("true"))
        with pytest.raises(NetworkError):
            await host.connect()
        shell.absent = False
        await host.connect()
        assert (await host.exec(work("true"))).ok

    use(tmp_path, way, test)


def test_a_host_that_answers_no_more_is_lost_to_a_cancellation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_exec, "PATIENCE", 0.2)

    async def test(host: PlainConnector, shell: LocalShell) -> None:
        task = asyncio.create_task(host.exec(work(f"touch {tmp_path}/runs; sleep 1000", grace=0.1)))
        await until((tmp_path / "runs").exists, "it runs")
        shell.absent = True
        task.cancel()
        with pytest.raises(HostLost, match="could not be delivered"):
            await task
        shell.absent = False

    use(tmp_path, tools(tmp_path, SHELLS[0]), test)


def test_a_held_channel_does_not_hold_the_exit(tmp_path: Path, way: str) -> None:
    """Somebody who has got away, its mark and all, keeps our stdout open."""

    async def test(host: PlainConnector, _: LocalShell) -> None:
        text = (
            f"setsid env -i PATH=$PATH sh -c 'echo $$ >{tmp_path}/pid; exec sleep 1000' & sleep 0.3"
        )
        began = time.monotonic()
        assert (await host.exec(work(text))).ok
        assert time.monotonic() - began < 100
        pid = int((tmp_path / "pid").read_text())
        assert alive(pid)  # this is what the warning is about
        os.kill(pid, 9)

    use(tmp_path, way, test)


def test_a_host_without_a_shell(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/sh").symlink_to("/bin/false")

    async def test(host: PlainConnector, _: LocalShell) -> None:
        raise AssertionError

    with pytest.raises(SystemFault) as error:
        use(tmp_path, str(tmp_path / "bin"), test)
    assert error.value.code == "NO_SHELL"

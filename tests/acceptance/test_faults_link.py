"""Bad links between a dispatcher and its hosts, by push agent and by SSH, all in one run.

Every fault has a host behind a proxy of its own on each transport. On each a file is copied there
and back, a step prints numbered lines, and a request is made, while the fault goes on. At the same
time, for all of it takes long: a cable that is pulled, machines that never come back, and a link
that falls silent when a run is canceled.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.agents import Agents, far, open_place, some_agents
from tests.acceptance.dispatcher import (
    Dispatcher,
    Done,
    dispatcher,
    ended,
    is_whole,
    lines_of,
    marked,
    numbers,
    until,
    write,
)
from tests.acceptance.namespaces import Machines, two_machines
from tests.integration.proxy import Proxy
from tests.integration.sshd import Sshd

STALL = 30.0
SIZE = 200_000
WORK = """
echo "work ${RUNYARD_HOST}" >> ${PLACE}/starts
n=0
while [ -e ${PLACE}/stay ]; do n=$((n + 1)); echo "line $n"; sleep 0.25; done
echo $n > ${PLACE}/${RUNYARD_HOST}.last
"""
STEPS: tuple[Mapping[str, Any], ...] = (
    {
        "name": "put",
        "action": "file.copy",
        "args": {"src": "${HERE}/data", "dest": "${PLACE}/${ME}.data"},
    },
    {"name": "work", "script": WORK},
    {
        "name": "get",
        "action": "file.fetch",
        "args": {"src": "${PLACE}/${ME}.data", "dest": "${HERE}/${ME}.data"},
    },
)

Fault = Callable[[Proxy, asyncio.Event], Awaitable[None]]
"""Does to a proxy what it is about until it is canceled; the event: all steps are at work."""


async def slow(proxy: Proxy, working: asyncio.Event) -> None:
    proxy.delay, proxy.jitter = 0.15, 0.1
    proxy.bandwidth = 1_000_000


async def lossy(proxy: Proxy, working: asyncio.Event) -> None:
    proxy.loss = 0.3


async def flapping(proxy: Proxy, working: asyncio.Event) -> None:
    async with proxy.flapping(1.0, 0.7):
        await asyncio.Event().wait()


async def cut(proxy: Proxy, working: asyncio.Event) -> None:
    while True:
        await asyncio.sleep(random.uniform(0.3, 1.5))
        proxy.cut()


async def truncated(proxy: Proxy, working: asyncio.Event) -> None:
    """Answers that end in the middle: of a greeting, a handshake, a frame."""
    for size in (0, 20, 500, 2_000):
        proxy.truncate(size)
        await asyncio.sleep(0.5)
        proxy.cut()
    await working.wait()
    for size in (0, 20, 500, 2_000, 5_000, 10_000) * 2:
        proxy.truncate(size)
        proxy.cut()
        await asyncio.sleep(2.0)


async def doubled(proxy: Proxy, working: asyncio.Event) -> None:
    """What is said first, said twice: greetings, orders, requests for a door."""
    while True:
        proxy.duplicate(2)
        proxy.cut()
        await asyncio.sleep(1.0)


async def stalled(proxy: Proxy, working: asyncio.Event) -> None:
    """Half a minute in which nothing passes and nobody is told."""
    await working.wait()
    proxy.stall()
    await asyncio.sleep(STALL)
    proxy.resume()


FAULTS: dict[str, Fault] = {
    "slow": slow,
    "lossy": lossy,
    "flapping": flapping,
    "cut": cut,
    "truncated": truncated,
    "doubled": doubled,
    "stalled": stalled,
}
WAYS = ("agent", "ssh")


@dataclass
class Found:
    """What has come of a run."""

    done: Done
    record: dict[str, Any]
    starts: dict[str, int]
    lines: dict[str, list[int]] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    same: dict[str, bool] = field(default_factory=dict)
    proxies: dict[str, Proxy] = field(default_factory=dict)

    def result(self, step: str, host: str) -> dict[str, Any]:
        found = [one for one in self.record["steps"] if one["name"] == step]
        result: dict[str, Any] = found[0]["hosts"][host]
        return result

    def check(self, host: str, least: int) -> None:
        """Everything was done there, once, and every line has come."""
        for step in ("put", "work", "get"):
            result = self.result(step, host)
            assert result["status"] == "success", f"{step}: {result['message']}\n{self.done}"
        assert self.starts[f"work {host}"] == 1
        assert is_whole(self.lines[host], least), self.lines[host]
        assert len(self.lines[host]) == self.last[host]
        assert self.same[host]


async def bad_links(folder: Path, place: Path, agents: Agents, sshd: Sshd) -> Found:
    """All the faults of proxies at once."""
    agent, working = agents(), asyncio.Event()
    async with AsyncExitStack() as stack:
        run = await stack.enter_async_context(dispatcher(folder, sshd.environment))
        proxies: dict[str, Proxy] = {}
        hosts: dict[str, Any] = {}
        for fault in FAULTS:
            for way, port in zip(WAYS, (agent.port, sshd.port), strict=True):
                proxy = await stack.enter_async_context(Proxy(port, seed=len(proxies)))
                of = agents.host(agent, proxy.port) if way == "agent" else far(sshd, proxy.port)
                name = f"{way}-{fault}"
                proxies[name], hosts[name] = proxy, of
        calls: Counter[str] = Counter()
        url = await stack.enter_async_context(counting(calls))
        args = {"url": f"{url}/${{ME}}", "method": "POST"}
        call = {"name": "call", "action": "http.request", "args": args}
        file = workflow(folder, place, hosts, call)
        faults = [
            asyncio.ensure_future(FAULTS[host.partition("-")[2]](proxy, working))
            for host, proxy in proxies.items()
        ]
        process = await run.start("run", file, "--no-group")
        await until(at_work(place, hosts), "all at work", process)
        working.set()
        await asyncio.sleep(STALL + 3.0)
        (place / "stay").unlink()
        done = await ended(process)
        for each in faults:
            each.cancel()
        for failed in await asyncio.gather(*faults, return_exceptions=True):
            if isinstance(failed, Exception):
                raise failed
        found = await gather(run, place, done, proxies)
        found.starts.update(calls)
        return found


@asynccontextmanager
async def counting(calls: Counter[str]) -> AsyncIterator[str]:
    """A web server that counts requests, as `POST HOST`, and takes its time; its URL."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, path, _ = head.decode().split(" ", 2)
        calls[f"{method} {path[1:]}"] += 1
        await asyncio.sleep(1.0)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def pulled_cable(folder: Path, place: Path, machines: Machines) -> Found:
    """Two machines: the cable between them is out for half a minute, then for a moment."""
    async with dispatcher(folder, machines.environment, prefix=machines.prefix) as run:
        hosts = machines.hosts()
        process = await run.start("run", workflow(folder, place, hosts))
        await until(at_work(place, hosts), "all at work", process)
        for seconds in (STALL, 2.0):
            machines.cable("down")
            await asyncio.sleep(seconds)
            machines.cable("up")
            await asyncio.sleep(1.0)
        (place / "stay").unlink()
        return await gather(run, place, await ended(process), hosts)


async def dead_machines(folder: Path, place: Path, agents: Agents, sshd: Sshd) -> Found:
    """Hosts that were there, and will not be any more."""
    agent = agents()
    async with dispatcher(folder, sshd.environment) as run, AsyncExitStack() as stack:
        proxies = [await stack.enter_async_context(Proxy(p)) for p in (agent.port, sshd.port)]
        ports = [proxy.port for proxy in proxies]
        hosts = {"agent": agents.host(agent, ports[0]), "ssh": far(sshd, ports[1])}
        only = {"name": "work", "script": WORK}
        process = await run.start("run", write(folder, hosts, only, vars={"PLACE": str(place)}))
        await until(at_work(place, hosts), "all at work", process)
        for proxy in proxies:
            proxy.refuse()
            proxy.cut()
        done = await ended(process)
        (place / "stay").unlink()
        return Found(done, await run.record(), dict(lines_of(place / "starts")))


async def silence(folder: Path, agents: Agents, sshd: Sshd) -> Found:
    """Canceled at the moment at which nothing passes any more; the work has a lease."""
    agent, mark = agents(), f"3601.{os.getpid()}"
    async with dispatcher(folder, sshd.environment) as run, AsyncExitStack() as stack:
        proxies = [await stack.enter_async_context(Proxy(p)) for p in (agent.port, sshd.port)]
        ports = [proxy.port for proxy in proxies]
        hosts = {"agent": agents.host(agent, ports[0]), "ssh": far(sshd, ports[1])}
        tree = {"name": "work", "script": f"setsid sleep {mark} & (sleep {mark} &); sleep {mark}"}
        offline = {"policy": "fail", "lease": "2s"}
        process = await run.start("run", write(folder, hosts, tree, offline=offline))
        await until(lambda: marked(mark) == 6, "both trees are up", process)
        for proxy in proxies:
            proxy.stall()
        process.send_signal(signal.SIGINT)
        done = await ended(process)
        await until(lambda: marked(mark) == 0, "the far side has ended them")
        return Found(done, await run.record(), {})


def workflow(folder: Path, place: Path, hosts: Mapping[str, Any], *more: Mapping[str, Any]) -> Path:
    (folder / "data").write_bytes(random.randbytes(SIZE))
    return write(
        folder,
        {name: {**host, "vars": {"ME": name}} for name, host in hosts.items()},
        *({**step, "concurrency": 100, "continue_on_error": True} for step in (*STEPS, *more)),
        vars={"PLACE": str(place), "HERE": str(folder)},
        offline={"policy": "wait", "deadline": "90s"},
    )


def at_work(place: Path, hosts: Iterable[str]) -> Callable[[], bool]:
    every = {f"work {host}" for host in hosts}
    return lambda: set(lines_of(place / "starts")) >= every


async def gather(run: Dispatcher, place: Path, done: Done, hosts: Mapping[str, Any]) -> Found:
    found = Found(done, await run.record(), dict(lines_of(place / "starts")))
    data = (run.folder / "data").read_bytes()
    for host, proxy in hosts.items():
        found.lines[host] = numbers(await run.raw("work", host))
        last = place / f"{host}.last"
        found.last[host] = int(last.read_text()) if last.exists() else 0
        copies = (place / f"{host}.data", run.folder / f"{host}.data")
        found.same[host] = all(path.exists() and path.read_bytes() == data for path in copies)
        found.proxies[host] = proxy
    return found


WAITS = ("links", "dead", "cable", "silence")


@pytest.fixture(scope="module")
def found(
    tmp_path_factory: pytest.TempPathFactory, server_of_session: Sshd
) -> dict[str, Found | BaseException]:
    """What has come of each, all of them at the same time."""

    async def scenario(stack: ExitStack) -> dict[str, Found | BaseException]:
        agents = stack.enter_context(some_agents())
        folders = [tmp_path_factory.mktemp(name) for name in WAITS]
        places = [stack.enter_context(open_place()) for _ in folders]
        sshd = server_of_session
        work = {
            "links": bad_links(folders[0], places[0], agents, sshd),
            "dead": dead_machines(folders[1], places[1], agents, sshd),
            "silence": silence(folders[3], agents, sshd),
        }
        if os.geteuid() == 0:
            machines = stack.enter_context(two_machines())
            work["cable"] = pulled_cable(folders[2], places[2], machines)
        done = await asyncio.gather(*work.values(), return_exceptions=True)
        return dict(zip(work, done, strict=True))

    with ExitStack() as stack:
        return asyncio.run(scenario(stack))


def of(found: dict[str, Found | BaseException], name: str) -> Found:
    result = found[name]
    if isinstance(result, BaseException):
        raise result
    return result


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_lost_and_nothing_runs_twice(
    way: str, fault: str, found: dict[str, Found | BaseException]
) -> None:
    links, host = of(found, "links"), f"{way}-{fault}"
    links.check(host, 100)
    assert links.result("call", host)["status"] == "success", links.done
    assert links.starts[f"POST {host}"] == 1


def test_the_faults_took_place(found: dict[str, Found | BaseException]) -> None:
    proxies = of(found, "links").proxies
    for way in WAYS:
        for fault in ("flapping", "cut", "truncated", "doubled"):
            assert proxies[f"{way}-{fault}"].connections >= 5
        assert proxies[f"{way}-stalled"].connections >= 2
        assert proxies[f"{way}-doubled"].replays > 2


@pytest.mark.parametrize("way", WAYS)
def test_a_cable_is_pulled(way: str, found: dict[str, Found | BaseException]) -> None:
    if "cable" not in found:
        pytest.skip("only root can make network namespaces")
    of(found, "cable").check(way, 100)


@pytest.mark.parametrize("way", WAYS)
def test_a_machine_never_comes_back(way: str, found: dict[str, Found | BaseException]) -> None:
    """Its steps are reported as lost, and the run has ended: nothing is running for ever."""
    dead = of(found, "dead")
    assert dead.done.code == 1
    result = dead.result("work", way)
    assert result["status"] == "error"
    assert result["message"].startswith(f"contact with {way} was lost"), result
    assert "runyard resume" in dead.done.out
    assert dead.starts[f"work {way}"] == 1
    assert dead.record["status"] == "failed"


@pytest.mark.parametrize("way", WAYS)
def test_a_link_falls_silent_at_the_cancel(
    way: str, found: dict[str, Found | BaseException]
) -> None:
    """The far side takes silence for a cut, and ends by its lease what nobody claims."""
    canceled = of(found, "silence")
    assert (canceled.done.code, canceled.record["status"]) == (3, "canceled")
    result = canceled.result("work", way)
    assert "its cancellation could not be delivered" in result["message"]
    assert "survivors" not in result["output"]  # nobody can know

"""Cancel and timeout on every transport: nothing survives, and the result says so.

What is to end is a tree of processes that call setsid, fork twice, forget their environment and
ignore SIGTERM. All that takes its grace does so at the same time.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.agents import Agents, far, some_agents
from tests.acceptance.dispatcher import Dispatcher, Done, census, dispatcher, ended, until, write
from tests.integration.dockerd import PYTHON, Daemon, daemon, python, why_not
from tests.integration.proxy import Proxy
from tests.integration.sshd import Sshd
from tests.integration.users import User, new_user

TREE = """
echo "up ${RUNYARD_HOST}"
sleep ${MARK} &
setsid sleep ${MARK} &
(setsid sh -c 'trap "" TERM; sleep "$1"; sleep "$1"' sh ${MARK} &)
(env -i PATH="${PATH}" setsid sh -c 'sleep "$1" & exec sleep "$1"' sh ${MARK} >/dev/null 2>&1 &)
sleep ${MARK}
"""
SLEEPERS = 7
WAYS = ("local", "become", "ssh", "agent", "agent-become", "docker")
MODES = ("ctrl-c", "cancel", "timeout", "fail-fast", "orphaned", "cut")
LEASE = 3.0

_marks = count()


@dataclass
class Ended:
    """What has come of a run: how many slept before and after, and the results by host."""

    done: Done
    marks: dict[str, str]
    before: dict[str, int]
    record: dict[str, Any] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)

    def result(self, host: str) -> dict[str, Any]:
        result: dict[str, Any] = self.record["steps"][0]["hosts"][host]
        return result


@dataclass
class Yard:
    """One run of the tree on some hosts, in a state directory of its own."""

    run: Dispatcher
    hosts: dict[str, Any]
    marks: dict[str, str] = field(default_factory=dict)

    def file(self, **more: Any) -> Path:
        for host in self.hosts:
            self.marks[host] = f"3600.{os.getpid()}{next(_marks):03d}"
        step = {"name": "tree", "script": TREE, "concurrency": 100, **more}
        named = {
            host: {**of, "vars": {"MARK": self.marks[host]}} for host, of in self.hosts.items()
        }
        offline = {"policy": "fail", "lease": f"{LEASE:g}s"}
        return write(self.run.folder, named, step, offline=offline)

    def sleepers(self) -> dict[str, int]:
        found = census("3600.")
        return {host: found[mark] for host, mark in self.marks.items()}

    async def begin(self, **more: Any) -> asyncio.subprocess.Process:
        """Start it; all trees are there when this returns."""
        process = await self.run.start("run", self.file(**more), "--run-id", self.run_id)
        await until(
            lambda: set(self.sleepers().values()) == {SLEEPERS}, "all trees are up", process
        )
        return process

    @property
    def run_id(self) -> str:
        return f"tree-{self.run.folder.name}"

    async def finish(self, done: Done) -> Ended:
        """Look at once: nothing may need a moment more."""
        left = self.sleepers()
        found = Ended(done, self.marks, dict.fromkeys(self.hosts, SLEEPERS), after=left)
        found.record = await self.run.record()
        return found


async def by_ctrl_c(yard: Yard) -> Ended:
    process = await yard.begin()
    process.send_signal(signal.SIGINT)
    return await yard.finish(await ended(process))


async def by_cancel(yard: Yard) -> Ended:
    """From another terminal."""
    process = await yard.begin()
    canceled = await yard.run("cancel", yard.run_id)
    left = yard.sleepers()
    assert canceled.code == 0, canceled
    assert canceled.out == f"canceled: {yard.run_id}, survivors: 0\n"
    assert set(left.values()) == {0}, left
    return await yard.finish(await ended(process))


async def by_timeout(yard: Yard) -> Ended:
    return await yard.finish(await ended(await yard.begin(timeout="4s")))


async def by_fail_fast(yard: Yard) -> Ended:
    """Somebody else's failure: one more host, on which the same step fails when it is told to."""
    go = yard.run.folder / "go"
    failing = (
        f'if [ "$RUNYARD_HOST" = bad ]; then until [ -e {go} ]; do sleep 0.05; done; exit 9; fi'
    )
    others = dict(yard.hosts)
    yard.hosts["bad"] = {}
    file = yard.file(fail_fast=True, args={"script": f"{failing}\n{TREE}"})
    yard.marks.pop("bad")
    process = await yard.run.start("run", file, "--run-id", yard.run_id)
    await until(lambda: set(yard.sleepers().values()) == {SLEEPERS}, "all trees are up", process)
    go.touch()
    yard.hosts = others
    return await yard.finish(await ended(process))


async def when_orphaned(yard: Yard) -> Ended:
    """The dispatcher is killed; `runyard cancel` ends what it has left behind."""
    process = await yard.begin()
    process.kill()
    await process.communicate()
    return await yard.finish(await yard.run("cancel", yard.run_id))


MEANS = {
    "ctrl-c": by_ctrl_c,
    "cancel": by_cancel,
    "timeout": by_timeout,
    "fail-fast": by_fail_fast,
    "orphaned": when_orphaned,
}


async def when_cut(yard: Yard, proxies: list[Proxy]) -> Ended:
    """The link goes at the very moment: the far side ends it by itself, by its lease."""
    process = await yard.begin()
    for proxy in proxies:
        proxy.refuse()
        proxy.cut()
    process.send_signal(signal.SIGINT)
    done = await ended(process)
    await until(lambda: set(yard.sleepers().values()) == {0}, "the lease is over")
    return await yard.finish(done)


@dataclass(frozen=True)
class Machines:
    """Where the work is done."""

    agents: Agents
    sshd: Sshd
    user: User | None
    docker: Daemon | None

    def hosts(self) -> dict[str, Any]:
        agent = self.agents()
        found = {"local": {}, "ssh": far(self.sshd), "agent": self.agents.host(agent)}
        if self.user is not None:
            found["become"] = {"become": self.user.name}
            found["agent-become"] = self.agents.host(agent, become=self.user.name)
        if self.docker is not None:
            found["docker"] = {"address": "docker://tree"}
        return found


@pytest.fixture(scope="module")
def all_ended(
    tmp_path_factory: pytest.TempPathFactory, server_of_session: Sshd
) -> dict[str, Ended | BaseException]:
    """What has come of each mode, on all transports."""
    if why_not() and os.environ.get("CI"):
        pytest.fail(why_not())

    async def scenario(machines: Machines) -> dict[str, Ended | BaseException]:
        env = dict(server_of_session.environment)
        if machines.docker is not None:
            env["DOCKER_HOST"] = machines.docker.address
        async with AsyncExitStack() as stack:
            hosts, work = machines.hosts(), {}
            for mode, means in MEANS.items():
                run = dispatcher(tmp_path_factory.mktemp(mode), env)
                work[mode] = means(Yard(await stack.enter_async_context(run), dict(hosts)))
            agent, sshd = machines.agents(), machines.sshd
            both = [await stack.enter_async_context(Proxy(p)) for p in (agent.port, sshd.port)]
            behind = {
                "agent": machines.agents.host(agent, both[0].port),
                "ssh": far(sshd, both[1].port),
            }
            run = dispatcher(tmp_path_factory.mktemp("cut"), env)
            work["cut"] = when_cut(Yard(await stack.enter_async_context(run), behind), both)
            done = await asyncio.gather(*work.values(), return_exceptions=True)
        return dict(zip(work, done, strict=True))

    with ExitStack() as stack:
        user = docker = None
        if os.geteuid() == 0:
            user = stack.enter_context(new_user("c"))
        if not why_not():
            docker = stack.enter_context(daemon())
            docker.load(PYTHON, python())
            docker.run("tree", "sleep", "100000", image=PYTHON, Init=True)
        agents = stack.enter_context(some_agents())
        return asyncio.run(scenario(Machines(agents, server_of_session, user, docker)))


def of(found: dict[str, Ended | BaseException], mode: str, way: str) -> Ended:
    result = found[mode]
    if isinstance(result, BaseException):
        raise result
    if way not in result.marks:
        pytest.skip(f"{way} needs root" if mode != "cut" else "has no link to cut")
    return result


STATUS = {"timeout": "timeout", "orphaned": "interrupted"}


@pytest.mark.parametrize("mode", MEANS)
@pytest.mark.parametrize("way", WAYS)
def test_nothing_survives(way: str, mode: str, all_ended: dict[str, Ended | BaseException]) -> None:
    found = of(all_ended, mode, way)
    assert (found.before[way], found.after[way]) == (SLEEPERS, 0)
    result = found.result(way)
    if mode == "orphaned":
        return
    assert result["status"] == STATUS.get(mode, "canceled"), result
    output = result["output"]
    assert output["ended_by"] == ("timeout" if mode == "timeout" else "cancel"), output
    assert output["survivors"] == 0
    assert output["swept"] > 0
    assert output["stdout"] == f"up {way}\n"


@pytest.mark.parametrize("mode", MEANS)
def test_the_run_says_how_it_ended(mode: str, all_ended: dict[str, Ended | BaseException]) -> None:
    found = of(all_ended, mode, "local")
    expected = {
        "ctrl-c": ("canceled", 3),
        "cancel": ("canceled", 3),
        "timeout": ("failed", 1),
        "fail-fast": ("failed", 1),
        "orphaned": ("interrupted", 0),
    }[mode]
    assert (found.record["status"], found.done.code) == expected, found.done
    if mode == "orphaned":
        assert f"ended now: {len(found.marks)}, survivors: 0;" in found.done.out, found.done


@pytest.mark.parametrize("way", ["agent", "ssh"])
def test_a_cut_link_and_a_lease(way: str, all_ended: dict[str, Ended | BaseException]) -> None:
    found = of(all_ended, "cut", way)
    assert (found.before[way], found.after[way]) == (SLEEPERS, 0)
    result = found.result(way)
    assert result["status"] == "error", result
    assert "its cancellation could not be delivered" in result["message"]
    assert (found.record["status"], found.done.code) == ("canceled", 3)

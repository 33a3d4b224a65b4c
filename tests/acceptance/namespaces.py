"""Two machines with a cable between them: network namespaces, and what runs in them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.agent_process import PROGRAM, Agent, end
from tests.integration.sshd import Sshd
from tests.integration.users import needed, new_user

TOKEN = "of-this-test-alone"


@dataclass
class Machines:
    """`near` is where a dispatcher is to run, by `prefix`; at `far` are an agent and an sshd."""

    near: str
    far: str
    agent: Agent
    sshd: Sshd
    address: str

    @property
    def prefix(self) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.near)

    @property
    def environment(self) -> dict[str, str]:
        """Of a dispatcher that is let in."""
        return {**self.sshd.environment, "RUNYARD_AGENT_TOKEN": TOKEN}

    def hosts(self) -> dict[str, Any]:
        """Both, as under `inventory.hosts`."""
        port = self.sshd.port
        self.sshd.known_hosts.write_text(self.sshd.host_line(name=f"[{self.address}]:{port}"))
        ssh = f"ssh://{self.sshd.user.name}@{self.address}:{port}"
        return {
            "agent": {"address": f"http://{self.address}:{self.agent.port}"},
            "ssh": {"address": ssh, "identity": str(self.sshd.key)},
        }

    def cable(self, state: str) -> None:
        """Pull it (`down`), or put it in again (`up`)."""
        _ip("-n", self.near, "link", "set", "cable", state)


@contextmanager
def two_machines() -> Iterator[Machines]:
    """For root alone. No packet of theirs can leave this one: their range leads nowhere here."""
    number = os.getpid() % 250
    around, here, there = (f"198.18.{number}.{n}" for n in (0, 1, 2))
    near, far = (f"ry{os.getpid()}{end}" for end in ("near", "far"))
    with ExitStack() as stack:
        _ip("route", "add", "unreachable", f"{around}/24")
        stack.callback(_ip, "route", "del", "unreachable", f"{around}/24")
        for name in (near, far):
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "del", name)
        _ip("-n", near, "link", "add", "cable", "type", "veth", "peer", "cable", "netns", far)
        for name, address in ((near, here), (far, there)):
            _ip("-n", name, "addr", "add", f"{address}/30", "dev", "cable")
            for device in ("lo", "cable"):
                _ip("-n", name, "link", "set", device, "up")
        folder = Path(tempfile.mkdtemp(prefix="runyard-n-", dir="/tmp"))
        stack.callback(shutil.rmtree, folder)
        agent = stack.enter_context(_agent(folder, far, there))
        sshd = stack.enter_context(_sshd(folder, far, there))
        yield Machines(near, far, agent, sshd, there)


@contextmanager
def _agent(folder: Path, machine: str, address: str) -> Iterator[Agent]:
    made = Agent(folder / "agent")
    made.process = subprocess.Popen(
        ["ip", "netns", "exec", machine, PROGRAM, "agent", "--addr", f"{address}:7072",
         "--state", made.state],
        env={**os.environ, "RUNYARD_AGENT_TOKEN": TOKEN},
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert made.process.stderr is not None
        line = made.process.stderr.readline()
        found = re.search(r" at http://[\d.]+:(\d+)", line)
        assert found, line
        made.port = int(found[1])
        yield made
    finally:
        end(made)


@contextmanager
def _sshd(folder: Path, machine: str, address: str) -> Iterator[Sshd]:
    with new_user("n") as user:
        made = Sshd(folder, user)
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        config = folder / "sshd_config"
        config.write_text(made._config().replace("127.0.0.1", address))
        process = subprocess.Popen(
            ["ip", "netns", "exec", machine, needed("sshd"), "-D", "-E", folder / "log",
             "-f", config],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield made
        finally:
            process.kill()
            process.wait()


def _ip(*words: str) -> None:
    subprocess.run([needed("ip"), *words], check=True, capture_output=True, text=True)

"""Ten SSH hosts, twenty no-op steps: whole processes of ours and of others, one sshd for all."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.integration.sshd import Sshd, server

from bench import floor, peers
from bench.bench import Bench
from bench.figure import Figure
from bench.process import call

_HOSTS, _STEPS = 10, 20
_QUIET = "-o StrictHostKeyChecking=yes -o ControlMaster=auto -o ControlPersist=60s"


def run(bench: Bench) -> list[Figure]:
    """Seconds of whole processes; and of a step once connected, against the local floor."""
    with server() as sshd:
        return [*_ours(bench, sshd), *_peers(bench, sshd)]


def _ours(bench: Bench, sshd: Sshd) -> list[Figure]:
    def seconds(steps: int) -> float:
        return bench.runyard("run", "--quiet", files[steps], **sshd.environment).seconds

    files = {steps: _workflow(bench, sshd, steps) for steps in (1, _STEPS)}
    seconds(1)  # the program is cached at the far side from now on
    whole = bench.median(lambda: seconds(_STEPS))
    what = f"{_HOSTS} SSH hosts × {_STEPS} no-op steps"
    figures = [Figure(f"{what}: runyard, whole process", whole, "s", 0.8)]
    more = _HOSTS * (_STEPS - 1)
    each, took, ratio = bench.pairs(
        lambda: floor.measure(bench, "asyncio", more), lambda: seconds(_STEPS) - seconds(1)
    )
    words = f"{took / more * 1000:.2f} ms a step; asyncio, here, {each / more * 1000:.2f} ms"
    figures.append(Figure("the same per step once connected", ratio, "× floor", 2, ratio=words))
    return figures


def _workflow(bench: Bench, sshd: Sshd, steps: int) -> Path:
    hosts = {f"h{n}": {"address": sshd.address, "identity": str(sshd.key)} for n in range(_HOSTS)}
    made = [
        {"name": f"step-{n}", "action": "cmd.run", "args": {"cmd": "true"}} for n in range(steps)
    ]
    document = {"version": "v0.1", "name": "ssh", "inventory": {"hosts": hosts}, "steps": made}
    return bench.write(f"ssh-{steps}.yaml", json.dumps(document))


def _peers(bench: Bench, sshd: Sshd) -> list[Figure]:
    venv = peers.install()
    if venv is None:
        return []
    commands: dict[str, list[str | Path]] = {
        "pyinfra": [
            venv / "bin" / "pyinfra",
            "-y",
            bench.write("hosts.py", _pyinfra_hosts(sshd)),
            bench.write("deploy_ssh.py", peers.deploy(_STEPS)),
        ],
        "ansible-core, raw": _ansible(bench, sshd, venv, "raw"),
        "ansible-core, command": _ansible(bench, sshd, venv, "command"),
    }
    figures = []
    rounds = Bench(bench.place, min(bench.rounds, 2), bench.quick)
    env = bench.env(**sshd.environment, ANSIBLE_HOST_KEY_CHECKING="True")
    for name, argv in commands.items():
        try:
            took = rounds.median(lambda argv=argv: call(argv, env).seconds)  # type: ignore[misc]
        except (RuntimeError, subprocess.SubprocessError) as error:
            raise RuntimeError(f"{name}: {error}") from error
        figures.append(Figure(f"{_HOSTS} SSH hosts × {_STEPS} no-op steps: {name}", took, "s"))
    return figures


def _pyinfra_hosts(sshd: Sshd) -> str:
    data = {
        "ssh_hostname": "127.0.0.1",
        "ssh_port": sshd.port,
        "ssh_user": sshd.user.name,
        "ssh_key": str(sshd.key),
        "ssh_known_hosts_file": str(sshd.known_hosts),
    }
    hosts = [(f"h{n}", data) for n in range(_HOSTS)]
    return f"web = {hosts!r}\n"


def _ansible(bench: Bench, sshd: Sshd, venv: Path, module: str) -> list[str | Path]:
    common = (
        f"ansible_host=127.0.0.1 ansible_port={sshd.port} ansible_user={sshd.user.name} "
        f"ansible_ssh_private_key_file={sshd.key} ansible_python_interpreter=/usr/bin/python3 "
        f'ansible_ssh_common_args="-o UserKnownHostsFile={sshd.known_hosts} {_QUIET}"'
    )
    hosts = "".join(f"h{n} {common}\n" for n in range(_HOSTS))
    tasks = "".join(f"    - {{name: step {n}, {module}: 'true'}}\n" for n in range(_STEPS))
    play = f"- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}"
    return [
        venv / "bin" / "ansible-playbook",
        "-f",
        str(_HOSTS),
        "-i",
        bench.write(f"hosts-{module}.ini", hosts),
        bench.write(f"play-{module}.yaml", play),
    ]

"""The same small jobs done by other tools, where they can be installed."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bench.bench import Bench
from bench.figure import Figure
from bench.process import PYTHON, call
from bench.steps import sequential_workflow

_STEPS = 50
_PACKAGES = ("ansible-core", "pyinfra")


def install() -> Path | None:
    """A virtual environment with the other tools, or None where they cannot be installed."""
    venv = Path(__file__).resolve().parents[1] / ".cache" / "bench-peers"
    if (venv / "bin" / "pyinfra").exists() and (venv / "bin" / "ansible-playbook").exists():
        return venv
    try:
        subprocess.run([PYTHON, "-m", "venv", venv], check=True, capture_output=True)
        subprocess.run(
            [venv / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-input", *_PACKAGES],
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return venv


def _playbook(count: int) -> str:
    tasks = "".join(
        f"    - {{name: step {n}, ansible.builtin.shell: 'true'}}\n" for n in range(count)
    )
    return f"- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n{tasks}"


def deploy(count: int) -> str:
    """No-op steps for pyinfra."""
    calls = "".join(f"server.shell(name='step {n}', commands=['true'])\n" for n in range(count))
    return f"from pyinfra.operations import server\n{calls}"


def _ours(bench: Bench, file: Path) -> float:
    return bench.runyard("run", "--quiet", file).seconds


def _other(bench: Bench, argv: Sequence[str | Path]) -> float:
    return call(argv, bench.env()).seconds


def run(bench: Bench) -> list[Figure]:
    """Seconds of whole processes: one step, and 50 no-op steps."""
    figures = []
    venv = install()
    for count in (1, _STEPS):
        what = "hello" if count == 1 else f"{count} no-op steps"
        file = sequential_workflow(bench, count)
        ours = bench.median(partial(_ours, bench, file))
        figures.append(Figure(f"{what}: runyard", ours, "s"))
        if venv is None:
            continue
        play = bench.write(f"play-{count}.yaml", _playbook(count))
        script = bench.write(f"deploy_{count}.py", deploy(count))
        commands: dict[str, list[str | Path]] = {
            "ansible-core": [
                venv / "bin" / "ansible-playbook",
                "-i",
                "localhost,",
                "-e",
                f"ansible_python_interpreter={PYTHON}",
                play,
            ],
            "pyinfra": [venv / "bin" / "pyinfra", "-y", "@local", script],
        }
        for name, argv in commands.items():
            took = bench.median(partial(_other, bench, argv))
            figures.append(Figure(f"{what}: {name}", took, "s", ratio=f"{took / ours:.1f}× ours"))
    return figures

"""Tasks of an agent over HTTP (contract 2): `/run`, `/status`, `/cancel`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runyard.hosts.agent.web import ANSWER, AgentWeb
from runyard.model.errors import ArgumentError, NetworkError, SystemFault
from runyard.model.light import dataclass

SYNC = 4.0
"""Seconds for which an agent may keep `/run` waiting before it goes on by itself."""

RUNNING = "running"


@dataclass(frozen=True, slots=True)
class State:
    """A task as the agent tells it.

    Attributes:
        status: running, success, failed or canceled.
        output: `stdout`, `stderr`, `vars`, `exit_code`, `ended_by`, ….
        result: the whole of it.
    """

    status: str
    output: Mapping[str, Any]
    error: str
    result: Mapping[str, Any]

    @property
    def ended(self) -> bool:
        return self.status != RUNNING

    @property
    def outcome(self) -> Mapping[str, Any] | None:
        """What one of our agents tells of the outcome; None when it tells nothing."""
        ours = self.result.get("runyard")
        told = ours.get("outcome") if isinstance(ours, dict) else None
        return told if isinstance(told, dict) else None

    def text(self, name: str) -> str:
        """`stdout` or `stderr`, as much as there is of it."""
        value = self.output.get(name)
        return value if isinstance(value, str) else ""


async def run(web: AgentWeb, task: Mapping[str, Any], *, wait: float | None = None) -> State:
    """Start a task, or attach to the one with its ID; answers within SYNC or `wait` seconds.

    Raises:
        ArgumentError: the agent does not take it: an action it does not have, for one.
        NetworkError, SystemFault: see `AgentWeb.ask`.
    """
    params = None if wait is None else {"wait": f"{wait:g}"}
    status, answer = await web.ask(
        "POST", "/run", params=params, body={"task": task}, seconds=SYNC + ANSWER
    )
    if status == 413:
        raise ArgumentError(f"too large for the agent of {web.host}: {_error(answer)}")
    if status != 200:
        raise ArgumentError(
            f"the agent of {web.host} does not take it: {_error(answer)}", code="AGENT_REFUSED"
        )
    return _state(web, answer)


async def status(
    web: AgentWeb, task_id: str, *, wait: float = 0.0, offsets: Mapping[str, int] | None = None
) -> State | None:
    """How a task is; None when the agent does not know it. `wait`: seconds to wait for its end.

    `offsets` leaves out that many bytes of `stdout` and `stderr`; an original agent ignores both.
    """
    params = {"task_id": task_id, **({"wait": f"{wait:g}"} if wait else {})}
    params.update({f"{name}_offset": str(n) for name, n in (offsets or {}).items()})
    code, answer = await web.ask("GET", "/status", params=params, seconds=wait + ANSWER)
    if code == 404:
        return None
    if code != 200:
        raise NetworkError(f"the agent of {web.host}: /status: {_error(answer)}")
    return _state(web, answer)


async def cancel(web: AgentWeb, task_id: str, *, hurry: bool = False) -> bool:
    """Have a task ended; False when the agent does not know it, or it had ended.

    `hurry`: without its grace, also when it is being ended with that; an original agent ignores it.
    """
    body = {"task_id": task_id, **({"grace": 0} if hurry else {})}
    code, _ = await web.ask("POST", "/cancel", body=body)
    return code == 200


def _state(web: AgentWeb, answer: Mapping[str, Any]) -> State:
    result = answer.get("result")
    if not isinstance(result, dict) or not isinstance(result.get("status"), str):
        raise SystemFault(f"the agent of {web.host} says nothing of the task", code="NO_AGENT")
    output = result.get("output")
    error = result.get("error") or answer.get("error") or ""
    return State(result["status"], output if isinstance(output, dict) else {}, str(error), result)


def _error(answer: Mapping[str, Any]) -> str:
    return str(answer.get("error") or "no reason was given")

"""docs/reference/agent.md says what there is."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from runyard.agent import door
from runyard.agent.house import House
from runyard.agent.metrics import NAMES
from runyard.agent.settings import AgentSettings, Bounds
from runyard.agent.state import State

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "agent.md").read_text()


def test_every_endpoint_is_documented(tmp_path: Path) -> None:
    async def routes() -> dict[str, str]:
        state = State.open(tmp_path)
        app = House(AgentSettings(), state, "token").app
        state.close()
        found = {path: ", ".join(route.methods) for path, route in app.routes.items()}
        return {**found, **dict.fromkeys(app.doors, "WebSocket")}

    rows = re.findall(r"^\| `(/[\w-]+)` \| ([A-Z, a-z]+) \|", PAGE, re.MULTILINE)
    assert dict(rows) == asyncio.run(routes())


def test_every_metric_is_documented() -> None:
    assert re.findall(r"^\| `(runyard_agent_\w+)` \|", PAGE, re.MULTILINE) == list(NAMES)


def test_limits_and_close_codes_are_those_of_the_program() -> None:
    for number in Bounds().to_dict().values():
        assert str(number) in PAGE
    for code in (door.LEFT, door.LEAVING, door.BAD_FRAME, door.FENCED):
        assert str(code) in PAGE

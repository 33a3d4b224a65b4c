"""Keep snapshots of runs in a store of your choice, and be told of every change of status."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from runyard import Engine, FileRunStore

WORKFLOW = Path(__file__).parent.parent / "hello.yaml"


class Listener:
    """A notifier is anything with this method. HttpNotifier, which posts JSON, is another."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def notify(self, payload: dict[str, Any]) -> None:
        what = payload["step"] or payload["workflow_name"]
        self.heard.append(f"{what}: {payload['status']}")


async def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        store = FileRunStore(Path(folder) / "runs.json")
        listener = Listener()
        # The id is ours, so it can be used once in a state home: this program takes a new one.
        engine = Engine(
            home=Path(folder) / "state",
            run_store=store,
            notifier=listener,
            notify_retry=2,
            notify_delay=0.5,
        )
        await engine.apply_with_run(WORKFLOW, run_id="run-20260212-001")

        record = await store.get_run("run-20260212-001")
        print(f"{record.run_id}: {record.status}, {len(record.steps)} step")
        print("heard first:", listener.heard[0])
        print("heard last:", listener.heard[-1])
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

"""`runyard events`."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click

from runyard.cli.lazy import Command
from runyard.cli.session import run_argument
from runyard.cli.settings import Settings

if TYPE_CHECKING:
    from runyard.model.event import Event


@click.command(
    "events",
    cls=Command,
    examples=[
        "runyard events last",
        "runyard events last -f --after 120 -o jsonl",
        "runyard events last -o json > run.json",
    ],
)
@run_argument
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@click.option(
    "--after",
    type=click.IntRange(min=0),
    default=0,
    metavar="SEQ",
    help="Only those with a greater number.",
)
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["table", "jsonl", "json", "yaml"]),
    default="table",
    show_default=True,
    help="How to print it; json and yaml at the end, jsonl as they come.",
)
@click.pass_obj
def events(settings: Settings, run_id: str, follow: bool, after: int, form: str) -> int:
    """Print the event log of a run: all that happened, numbered from 1 without gaps.

    RUN is a run id, the unique beginning of one, or `last`.
    """
    from runyard.cli.loop import drive
    from runyard.cli.pipe import Pipe
    from runyard.cli.render import dump
    from runyard.cli.session import service

    async def main() -> int:
        async with service(quiet=True) as runs:
            pipe = Pipe()
            found = await runs.find(run_id)
            kept = []
            async for event in runs.events(found, after, follow=follow):
                if form in ("json", "yaml"):
                    kept.append(event.to_dict())
                elif form == "jsonl":
                    line = json.dumps(event.to_dict(), ensure_ascii=False, default=str)
                    await pipe.write(line + "\n")
                else:
                    await pipe.write(_row(event, settings) + "\n")
                if pipe.closed:
                    break
            if form in ("json", "yaml"):
                await pipe.write(dump(kept, form) + "\n")
            await pipe.close()
            pipe.raise_error()
            return 0

    return drive(main())


def _row(event: Event, settings: Settings) -> str:
    from runyard.cli.text import for_screen, pad

    paint = settings.paint()
    at = time.strftime("%H:%M:%S", time.localtime(event.at)) + f".{int(event.at % 1 * 1000):03d}"
    where = " ".join(word for word in (event.step, event.host and f"@{event.host}") if word)
    facts = for_screen(_facts(event), color=False)
    head = f"{event.seq:>5}  {paint(at, 'dim')}  {paint(pad(event.type, 18), 'bold')}"
    return f"{head}  {pad(where, 24)}  {facts}".rstrip()


def _facts(event: Event) -> str:
    data = dict(event.data)
    result = data.pop("result", None)
    if isinstance(result, dict):
        wanted = ("status", "exit_code", "signal", "changed", "message")
        data |= {name: result[name] for name in wanted if result.get(name) not in (None, "", False)}
    words = []
    for name, value in data.items():
        if value in (None, "", [], {}):
            continue
        if isinstance(value, list) and len(value) > 5:
            value = [*value[:5], f"… {len(value) - 5} more"]
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        words.append(f"{name}={text}")
    return " ".join(" ".join(words).split())

"""`runyard logs`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import click

from runyard.cli.lazy import Command
from runyard.cli.session import run_argument
from runyard.cli.settings import Settings, is_terminal
from runyard.cli.text import for_screen

if TYPE_CHECKING:
    from runyard.cli.views.transcript import Transcript
    from runyard.store.tail import OutputChunk


@click.command(
    "logs",
    cls=Command,
    examples=[
        "runyard logs last -f",
        "runyard logs last --step build --host web1 --raw > build.log",
        "runyard logs 20261121-0833 --stream stderr --timestamps",
        "runyard logs last --group      # each output once, with all hosts that printed it",
    ],
)
@run_argument
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@click.option("--step", help="Only of this step.")
@click.option("--host", help="Only of this host.")
@click.option("--stream", type=click.Choice(["stdout", "stderr"]), help="Only this stream.")
@click.option("-t", "--timestamps", is_flag=True, help="Put the time of arrival before each line.")
@click.option("--raw", is_flag=True, help="The bytes as they were printed, and nothing else.")
@click.option(
    "--group", is_flag=True, help="Each output once, with the hosts that printed it: web[1-40]."
)
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["text", "jsonl"]),
    default="text",
    show_default=True,
    help="How to print it.",
)
@click.pass_obj
def logs(
    settings: Settings,
    run_id: str,
    follow: bool,
    step: str | None,
    host: str | None,
    stream: str | None,
    timestamps: bool,
    raw: bool,
    group: bool,
    form: str,
) -> int:
    """Print all that the steps of a run wrote, in the order of arrival.

    RUN is a run id, the unique beginning of one, or `last`. `host | text` is stdout, `host ! text`
    stderr. Complete, also where results keep only head and tail; secrets are masked.

    With --group: step by step, hosts with equal output and equal ends together, as far as the run
    is now (with -f: at its end). Of very long output head and tail.
    """
    from runyard.cli.loop import drive
    from runyard.cli.names import check_names
    from runyard.cli.session import service
    from runyard.cli.views.grouped_log import grouped_log
    from runyard.cli.views.transcript import make_transcript
    from runyard.cli.waiting import until_final

    if group and (raw or timestamps or form != "text"):
        raise click.UsageError(
            "--group goes with neither --raw, --timestamps nor -o jsonl",
            click.get_current_context(),
        )

    async def main() -> int:
        async with service(quiet=True) as runs:
            found = await runs.find(run_id)
            await check_names(runs, found, step, host)
            if group:
                if follow:
                    await until_final(runs, found, 0)
                clean = for_screen if is_terminal() else str
                lines = grouped_log(
                    runs, found, settings.paint(), clean, step=step, host=host, stream=stream
                )
                return await _print(lines)
            view = make_transcript(found, settings, raw=raw, timestamps=timestamps, form=form)
            chunks = runs.logs(found, step=step, host=host, stream=stream, follow=follow)
            return await _copy(chunks, view)

    return drive(main())


async def _copy(chunks: AsyncIterator[OutputChunk], view: Transcript) -> int:
    from runyard.cli.pipe import Pipe

    pipe = Pipe()
    async for chunk in chunks:
        await pipe.send(view.tell(chunk))
        if pipe.closed:
            break
    await pipe.send(view.finish())
    await pipe.close()
    pipe.raise_error()
    return 0


async def _print(lines: AsyncIterator[str]) -> int:
    from runyard.cli.pipe import Pipe

    pipe = Pipe()
    async for line in lines:
        await pipe.write(f"{line}\n")
        if pipe.closed:
            break
    await pipe.close()
    pipe.raise_error()
    return 0

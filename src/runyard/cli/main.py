"""The program `runyard`: finds the command, and turns every failure into words and a code."""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

import runyard
from runyard.cli import failure
from runyard.cli.lazy import LazyGroup
from runyard.cli.settings import Settings
from runyard.cli.standard import stand_in
from runyard.cli.table import COMMANDS
from runyard.model.errors import RunyardError


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"runyard {runyard.__version__}")
        ctx.exit()


root = LazyGroup(
    "runyard",
    table=COMMANDS,
    help="Run work on your own machines: durable, live, cancelable, resumable.",
    epilog="`runyard COMMAND --help` explains a command, with examples. RUN is a run id, the "
    "unique beginning of one, or `last`.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_version,
            help="Print the version.",
        )
    ],
)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the program and exit with its code (docs/reference/exit-codes.md)."""
    stand_in()
    # Loading makes many objects and no garbage: collecting begins with `drive`. Looking for some
    # when the process ends would take longer than many a command.
    gc.disable()
    atexit.register(gc.freeze)
    settings = Settings()
    code = _run(None if argv is None else list(argv), settings)
    gc.enable()
    try:
        sys.stdout.flush()
    except OSError as error:
        code = failure.report_stdout(error) or code
    sys.exit(code)


def _run(argv: list[str] | None, settings: Settings) -> int:
    try:
        code = root.main(argv, prog_name="runyard", standalone_mode=False, obj=settings)
        return code if isinstance(code, int) else 0
    except RunyardError as error:
        return failure.report(error, settings)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return failure.USAGE
    except click.ClickException as error:
        return failure.report_click(error, settings)
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nrunyard: stopped by Ctrl-C", err=True)
        return failure.SIGINT
    except OSError as error:
        return failure.report_stdout(error) or failure.crash(error, settings)
    except Exception as error:
        return failure.crash(error, settings)


if __name__ == "__main__":
    main()

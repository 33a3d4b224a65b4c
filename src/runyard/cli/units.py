"""Units of work of the command line, executed on this machine (contract 3, "Runner")."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from runyard.cli import failure
from runyard.cli.settings import Settings
from runyard.cli.standard import read_stdin
from runyard.model.errors import CanceledError, UsageError

if TYPE_CHECKING:
    from runyard.runners.batch import WorkUnit
    from runyard.runners.runner import Result


def unit_of(
    category: str,
    command: str,
    args: str,
    timeout: str | None,
    env: Sequence[str],
    limits: str | None,
) -> WorkUnit:
    """The unit that the options describe.

    Raises:
        UsageError: an option cannot be used.
    """
    from runyard.runners.batch import WorkUnit

    data: dict[str, Any] = {"category": category, "command": command, "args": args}
    if timeout is not None:
        data["timeout"] = timeout
    if limits is not None:
        data["limits"] = parse_json(limits, "--limits")
    return WorkUnit.from_dict({**data, "env": read_env(env)})


def read_env(pairs: Sequence[str]) -> dict[str, str]:
    """`NAME=VALUE` of every `--env`.

    Raises:
        UsageError: one has no value.
    """
    variables = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--env {pair!r} has no value", hint=f"write --env {name}=VALUE")
        variables[name] = value
    return variables


def read_units(path: str) -> list[WorkUnit]:
    """One unit or a list of them from a JSON file; `-` is standard input.

    Raises:
        UsageError: it cannot be read, or is not that.
    """
    from runyard.runners.batch import WorkUnit

    try:
        data = read_stdin("runyard exec --work -") if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"--work {path}: {error.strerror}", code="FILE") from error
    given = parse_json(data.decode("utf-8", "replace"), f"--work {path}")
    units = [WorkUnit.from_dict(each) for each in (given if isinstance(given, list) else [given])]
    if not units:
        raise UsageError(f"--work {path} holds no unit")
    return units


def parse_json(text: str, option: str) -> Any:
    """The value of a JSON option.

    Raises:
        UsageError: it is not JSON.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"{option} is not JSON: {error}", code="JSON") from error


async def run_here(units: Sequence[WorkUnit]) -> list[Result]:
    """Run them on this machine, and leave nothing behind.

    Raises:
        UsageError: a category is unknown; nothing was run.
        CanceledError: Ctrl-C, SIGTERM or SIGQUIT; what ran has been ended.
    """
    import logging

    from runyard.hosts.local import LocalConnector
    from runyard.runners.batch import run_batch
    from runyard.runners.runner import RunnerContext
    from runyard.runners.runner_registry import RunnerRegistry
    from runyard.runners.settings import RunnerSettings

    # The results say it all; who embeds runners has their log.
    logging.getLogger("runyard.runners").addHandler(logging.NullHandler())
    settings, registry = RunnerSettings().overlaid(os.environ), RunnerRegistry()
    for unit in units:
        registry.factory(unit.category)
    with TemporaryDirectory(prefix="runyard-exec-", ignore_cleanup_errors=True) as state:
        connector = LocalConnector(Path(state), "exec")
        context = RunnerContext(connector, base=Path.cwd())
        await connector.connect()
        work = asyncio.ensure_future(run_batch(units, registry, context, settings))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            loop.add_signal_handler(number, work.cancel)
        try:
            return await work
        except asyncio.CancelledError:
            raise CanceledError("canceled; what ran has been ended") from None
        finally:
            await connector.close()


def exit_code_of(results: Sequence[Result]) -> int:
    """0 when all succeeded; 3 when one was canceled; else 1."""
    statuses = {result.status.value for result in results}
    if statuses <= {"success"}:
        return 0
    return failure.CANCELED if "canceled" in statuses else failure.FAILED


def tell(
    units: Sequence[WorkUnit],
    results: Sequence[Result],
    form: str,
    settings: Settings,
    *,
    many: bool,
) -> None:
    """Print what units printed, or (`json`, `yaml`) their whole results; `many`: as a list."""
    from runyard.cli.render import dump

    if form in ("json", "yaml"):
        shapes = [result.to_dict() for result in results]
        click.echo(dump(shapes if many else shapes[0], form))
        return
    paint = settings.paint()
    for number, (unit, result) in enumerate(zip(units, results, strict=True), 1):
        if many:
            click.echo(f"{paint('──', 'dim')} [{number}] {unit.category}: {result.status}")
        if result.output and not settings.quiet:
            click.echo(result.output, nl=not result.output.endswith("\n"))
        if result.error:
            click.echo(result.error, nl=not result.error.endswith("\n"), err=True)

"""`runyard exec`: a command on many hosts, or one unit of work."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runyard.cli.lazy import Command
from runyard.cli.options import (
    FORMS,
    access_options,
    group_option,
    inventory_option,
    limit_option,
    offline_option,
)
from runyard.cli.settings import Settings

if TYPE_CHECKING:
    from runyard.hosts.site import Access
    from runyard.service.runs import Runs
    from runyard.service.started import Started

_UNIT = ("category", "command", "args", "limits", "work")
_HOSTS = (
    "inventory", "limit", "local", "become", "concurrency", "serial", "max_failures", "fail_fast",
    "dir", "script", "offline",
)  # fmt: skip


F = TypeVar("F", bound=Callable[..., Any])


class ExecCommand(Command):
    """A command whose words before `--` are targets, and those behind it what to execute.

    Without `--` the first word is the targets, and the others are the command.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else None
        try:
            rest = super().parse_args(ctx, args if at is None else args[:at])
        except click.NoSuchOption as error:
            if at is not None:
                raise
            text = f"{error.format_message()} If it is the command's, write -- in front of that."
            raise click.UsageError(text, ctx) from error
        named = ctx.params["targets"]
        ctx.params["divided"] = at is not None
        if at is not None:
            ctx.params["words"] = tuple(args[at + 1 :])
        else:
            ctx.params["targets"], ctx.params["words"] = named[:1], named[1:]
        return rest


def _of_unit(*names: str, **more: Any) -> Callable[[F], F]:
    more["help"] = f"Unit of work: {more['help']}"
    return click.option(*names, **more)


@click.command(
    "exec",
    cls=ExecCommand,
    examples=[
        "runyard exec -i hosts.yaml all -- uptime",
        "runyard exec -i hosts.yaml web1 web2 @db --limit '!web2' -- uptime",
        "runyard exec 'web*' -- 'df -h / | tail -1'      # one word: a line for the shell",
        "runyard exec 'web[1-40],!web7' --become --serial 1,10% -- systemctl restart nginx",
        "runyard exec ssh://deploy@web1 --script check.sh -- --fast",
        """runyard exec --category command --command ls --args '["-l", "/tmp"]'""",
        """runyard exec --category http --args '{"url": "http://127.0.0.1:8080/"}' -o json""",
        "runyard exec --work units.json -o json    # one unit, or a list of them",
    ],
)
@click.argument("targets", nargs=-1, metavar="[TARGETS... -- CMD [ARG]...]")
@inventory_option
@limit_option
@access_options
@offline_option
@click.option(
    "--local", is_flag=True, help="Every host is this machine, under its own name and variables."
)
@click.option("--env", multiple=True, metavar="NAME=VALUE", help="For the process. Repeatable.")
@click.option("--dir", metavar="DIR", help="Directory to run in, on the hosts.")
@click.option("--script", metavar="FILE", help="Run this script; words behind -- are for it.")
@click.option("--timeout", metavar="DURATION", help="How long each host may take: 30s, 5m.")
@click.option(
    "--become",
    is_flag=False,
    flag_value="root",
    metavar="[USER]",
    help="Run as this user, root if none is named, by sudo on other machines.",
)
@click.option(
    "--concurrency", type=click.IntRange(1), metavar="N", help="Hosts at once.  [default: 10]"
)
@click.option("--serial", metavar="SIZES", help="In batches, such as 1,10%,50%; the last repeats.")
@click.option(
    "--max-failures",
    type=click.IntRange(0),
    metavar="N",
    help="Failed hosts that are borne before no more are started.",
)
@click.option("--fail-fast", is_flag=True, help="The first failure stops the other hosts.")
@group_option
@_of_unit("--category", metavar="C", help="command, script, docker, http, or an installed one.")
@_of_unit("--command", metavar="X", help="what to execute.")
@_of_unit("--args", metavar="JSON", help="an array for commands, else an object.")
@_of_unit("--limits", metavar="JSON", help="""such as '{"memory": "512MB"}'.""")
@_of_unit("--work", type=click.Path(allow_dash=True), help="read it from a file (or `-`).")
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice((*FORMS, "text")),
    default="auto",
    show_default=True,
    help="As of `runyard run`; of a unit: text, json, yaml.",
)
@click.pass_obj
def execute(
    settings: Settings,
    /,
    targets: tuple[str, ...],
    words: tuple[str, ...],
    divided: bool,
    access: Access,
    form: str,
    **given: Any,
) -> int:
    """Run a command on TARGETS: hosts, groups and patterns, as of `run --limit`, or addresses.

    Words before `--` are TARGETS, those behind it the command. Without `--` the first word alone
    is TARGETS.

    One word behind `--` is a line for the shell of the host; several are a program and its
    arguments, without a shell. It is a run like others, of the workflow `exec`: it can be
    canceled, resumed and looked at, and its output is kept. Output of more than 20 hosts is
    grouped: each output once. Its stdin is empty, whatever stdin is here.

    Without an inventory there is this machine, `local`, alone. An address, such as
    ssh://user@host or http://host:7072, needs none.

    With --category or --work: execute units of work on this machine, without a run. A unit is
    `{category, command, args, timeout, env, limits}`; its output is printed, with -o json its
    whole result: status, output, error, start_time, end_time, duration (ms), exit_code.

    Exit code 0 when all hosts (all units) succeeded, else 1; canceled 3.
    """
    ctx = click.get_current_context()
    if given["category"] is None and given["work"] is None:
        _refuse(ctx, _UNIT, given, "is of units of work: give --category as well")
        if not targets:
            taken = given["become"]
            more = f"; {taken!r} was taken for the user of --become" if taken else ""
            raise click.UsageError(f"TARGETS are missing (or --category, --work){more}", ctx)
        if not words and given["script"] is None:
            raise click.UsageError("there is no command: write it behind --", ctx)
        return _on_hosts(targets, words, divided, given, access, form, settings)
    if targets or words:
        raise click.UsageError("give either TARGETS or a unit of work", ctx)
    given["group"] = settings.group is not None
    _refuse(ctx, (*_HOSTS, "group"), given, "is not for units of work: they run on this machine")
    if form == "jsonl":
        raise click.UsageError("units of work have no events: -o json", ctx)
    return _units(given, form, settings)


def _on_hosts(
    targets: tuple[str, ...],
    words: tuple[str, ...],
    divided: bool,
    given: dict[str, Any],
    access: Access,
    form: str,
    settings: Settings,
) -> int:
    from runyard.cli.adhoc import AdHoc
    from runyard.cli.chosen import choose
    from runyard.cli.execution import execute as show
    from runyard.cli.loop import drive
    from runyard.cli.units import read_env
    from runyard.cli.warm import Warm
    from runyard.model.ids import new_run_id
    from runyard.service.job import RunOptions

    keys = {
        name: given[name]
        for name in ("timeout", "become", "concurrency", "serial", "max_failures", "fail_fast")
        if given[name] not in (None, False)
    }
    if "serial" in keys:
        keys["serial"] = [word.strip() for word in keys["serial"].split(",")]
    run_id = new_run_id()
    options = RunOptions(
        run_id,
        local=given["local"],
        inventory=given["inventory"],
        limit=tuple(given["limit"]),
        offline=given["offline"],
    )
    chosen = choose(targets, options, settings)
    if not divided:
        chosen.refuse_more(words)
    if given["limit"]:
        keys["targets"] = list(chosen.patterns)
    work = AdHoc(words, given["script"], read_env(given["env"]), given["dir"], keys)

    async def start(runs: Runs) -> Started:
        return await runs.start(job, chosen.options.admitted_by(access))

    here = options.local or any(host.transport == "local" for host in chosen.hosts)
    with Warm(run_id) if here else nullcontext():
        job = work.job(chosen.outer, len(chosen.hosts))
        return drive(show(start, work.title, form, settings))


def _units(given: dict[str, Any], form: str, settings: Settings) -> int:
    from runyard.cli.loop import drive
    from runyard.cli.units import exit_code_of, read_units, run_here, tell, unit_of

    category, work = given["category"], given["work"]
    if (work is None) == (category is None):
        raise click.UsageError("give either --category or --work", click.get_current_context())
    if work is not None:
        units = read_units(work)
    else:
        command, args = given["command"] or "", given["args"] or ""
        limits = given["limits"]
        units = [unit_of(category, command, args, given["timeout"], given["env"], limits)]
    results = drive(run_here(units))
    tell(units, results, form, settings, many=work is not None and len(units) != 1)
    return exit_code_of(results)


def _refuse(ctx: click.Context, names: tuple[str, ...], given: dict[str, Any], why: str) -> None:
    for name in names:
        if given[name] not in (None, False, ()):
            raise click.UsageError(f"--{name.replace('_', '-')} {why}", ctx)

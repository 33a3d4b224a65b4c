"""`runyard doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runyard.cli.lazy import Command
from runyard.cli.render import output_option
from runyard.cli.settings import Settings

if TYPE_CHECKING:
    from runyard.cli.health import Finding


@click.command(
    "doctor",
    cls=Command,
    examples=[
        "runyard doctor",
        "runyard doctor -o json | jq '.checks[] | select(.state != \"ok\")'",
    ],
)
@output_option()
@click.pass_obj
def doctor(settings: Settings, form: str) -> int:
    """Check that runyard can work on this machine, by doing; says how to mend what is wrong.

    Exit code 0 when nothing is broken (warnings are no harm), else 1.
    """
    from runyard.cli.health import BROKEN, examine
    from runyard.cli.loop import drive
    from runyard.cli.render import dump

    findings = drive(examine())
    broken = any(f.state == BROKEN for f in findings)
    if form == "table":
        _table(findings, settings)
    else:
        checks = [
            {"name": f.name, "state": f.state, "detail": f.detail, "fix": f.fix} for f in findings
        ]
        click.echo(dump({"ok": not broken, "checks": checks}, form))
    return 1 if broken else 0


def _table(findings: list[Finding], settings: Settings) -> None:
    from runyard.cli.health import OK
    from runyard.cli.render import table

    paint = settings.paint()
    colors = {"ok": "green", "warning": "yellow", "broken": "red"}
    shown = [f for f in findings if f.state != OK or not settings.quiet]
    if shown:
        rows = [[f.state, f.name, f.detail] for f in shown]
        text = table(
            ["STATE", "CHECK", "FOUND"],
            rows,
            paint=lambda i, cell: paint(cell, colors[cell]) if i == 0 else cell,
        )
        click.echo(text)
    for finding in shown:
        if finding.fix:
            click.echo(f"{paint(finding.name, 'bold')}: {paint('fix:', 'cyan')} {finding.fix}")

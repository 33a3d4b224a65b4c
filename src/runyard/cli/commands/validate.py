"""`runyard validate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from runyard.cli.lazy import Command
from runyard.cli.options import inventory_option
from runyard.cli.render import output_option
from runyard.cli.settings import Settings

if TYPE_CHECKING:
    from runyard.hosts.inventory import Inventory


@click.command(
    "validate",
    cls=Command,
    examples=[
        "runyard validate deploy.yaml",
        "runyard validate workflows/*.yaml",
        "runyard validate deploy.yaml -o json | jq '.files[].diagnostics[].code'",
    ],
)
@click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True))
@inventory_option
@output_option("text", "json", "yaml")
@click.pass_obj
def validate(
    settings: Settings, files: tuple[str, ...], inventory: tuple[str, ...], form: str
) -> int:
    """Check each FILE (`-`: standard input) and report all that is wrong, with place and fix.

    Nothing is run and no host is reached. Exit code 0 when all files are valid, 2 otherwise.
    """
    from runyard.cli.inventories import outer_inventory
    from runyard.cli.render import dump

    outer = outer_inventory(inventory, settings)
    checked = [_check(path, outer) for path in files]
    bad = any(not result["valid"] for result, _ in checked)
    if form == "text":
        for result, rendered in checked:
            _tell(result, rendered, settings)
    else:
        data = {"valid": not bad, "files": [result for result, _ in checked]}
        click.echo(dump(data, form))
    return 2 if bad else 0


def _check(path: str, outer: Inventory | None) -> tuple[dict[str, Any], list[Any]]:
    from runyard.cli.documents import read_workflow
    from runyard.model.errors import WorkflowError

    try:
        workflow = read_workflow(path, outer)
    except WorkflowError as error:
        diagnostics = list(getattr(error, "diagnostics", ()))
        shape = {"file": path, "valid": False, "diagnostics": [d.to_dict() for d in diagnostics]}
        if not diagnostics:
            shape["error"] = error.to_dict()
        return shape, diagnostics or [error]
    result = {
        "file": path,
        "valid": True,
        "name": workflow.name,
        "digest": workflow.digest,
        "steps": sum(1 for _ in workflow.pipeline.steps()),
        "hosts": len(workflow.inventory.hosts),
        "diagnostics": [d.to_dict() for d in workflow.warnings],
    }
    return result, list(workflow.warnings)


def _tell(result: dict[str, Any], found: list[Any], settings: Settings) -> None:
    from runyard.cli.failure import error_text
    from runyard.cli.text import count
    from runyard.model.errors import RunyardError

    paint = settings.paint()
    for one in found:
        if isinstance(one, RunyardError):
            click.echo(error_text(one, paint))
        else:
            click.echo(one.render(color=paint.on))
    if result["valid"]:
        if not settings.quiet:
            words = f"{count(result['steps'], 'step')}, {count(result['hosts'], 'host')}"
            click.echo(f"{result['file']}: {paint('ok', 'green')} ({words})")
    else:
        errors = sum(d["severity"] == "error" for d in result["diagnostics"]) or 1
        click.echo(f"{result['file']}: {paint(count(errors, 'error'), 'red')}")

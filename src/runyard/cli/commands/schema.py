"""`runyard schema`."""

from __future__ import annotations

import click

from runyard.cli.lazy import Command
from runyard.cli.render import output_option


@click.command(
    "schema",
    cls=Command,
    examples=[
        "runyard schema > workflow.schema.json",
        "# first line of a workflow, for editors: # yaml-language-server: "
        "$schema=workflow.schema.json",
    ],
)
@output_option("json", "yaml")
def schema(form: str) -> int:
    """Print the JSON Schema of workflows, with the arguments of every installed action."""
    from runyard.cli.render import dump
    from runyard.runners.registry import ActionRegistry
    from runyard.workflow.schema import json_schema

    click.echo(dump(json_schema(ActionRegistry()), form))
    return 0

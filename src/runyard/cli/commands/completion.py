"""`runyard completion`."""

from __future__ import annotations

import click

from runyard.cli.lazy import Command
from runyard.model.errors import UsageError


@click.command(
    "completion",
    cls=Command,
    examples=[
        'eval "$(runyard completion bash)"',
        "runyard completion zsh > ~/.zfunc/_runyard",
        "runyard completion fish > ~/.config/fish/completions/runyard.fish",
    ],
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print code for SHELL that completes commands, options and run ids."""
    from click.shell_completion import get_completion_class

    from runyard.cli.main import root

    kind = get_completion_class(shell)
    if kind is None:
        raise UsageError(f"click cannot complete for {shell}")
    click.echo(kind(root, {}, "runyard", "_RUNYARD_COMPLETE").source())
    return 0

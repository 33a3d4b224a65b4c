"""`runyard fmt`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from runyard.cli.lazy import Command
from runyard.cli.settings import Settings
from runyard.cli.standard import read_stdin
from runyard.cli.style import Paint
from runyard.model.errors import UsageError


@click.command(
    "fmt",
    cls=Command,
    examples=[
        "runyard fmt deploy.yaml",
        "runyard fmt --check workflows/*.yaml    # for CI: exit code 1 when a file would change",
        "runyard fmt --diff deploy.yaml",
        "runyard fmt - < deploy.yaml",
    ],
)
@click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True))
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 when a file would change.")
@click.option("--diff", is_flag=True, help="Change nothing; show what would change.")
@click.pass_obj
def fmt(settings: Settings, files: tuple[str, ...], check: bool, diff: bool) -> int:
    """Format each FILE in place: order of keys, indentation, quotes. Comments stay.

    `-` formats standard input to standard output.
    """
    from runyard.workflow.format import format_text

    changed = 0
    for path in files:
        old = _read(path)
        new = format_text(old)
        changed += new != old
        if diff:
            click.echo(_difference(path, old, new, settings.paint()), nl=False)
        elif path == "-" and not check:
            click.echo(new, nl=False)
        elif new != old:
            if not check:
                _write(Path(path), new)
            if not settings.quiet:
                click.echo(f"{'would change' if check else 'changed'}: {path}", err=path == "-")
    return 1 if check and changed else 0


def _read(path: str) -> str:
    try:
        data = read_stdin("runyard fmt -") if path == "-" else Path(path).read_bytes()
        return data.decode("utf-8")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", code="FILE") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text", code="FILE") from error


def _write(path: Path, text: str) -> None:
    """Replace the file at once, keeping its mode; a link's target is what is replaced."""
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            os.fchmod(file.fileno(), target.stat().st_mode & 0o7777)
            file.write(text)
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UsageError(f"{path}: {error.strerror}", code="FILE") from error


def _difference(path: str, old: str, new: str, paint: Paint) -> str:
    from difflib import unified_diff

    lines = unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), path, f"{path} (formatted)"
    )
    colors = {"+": "green", "-": "red", "@": "cyan"}
    shown = []
    for line in lines:
        text = line.rstrip("\n")
        color = colors.get(text[:1])
        shown.append((paint(text, color) if color else text) + "\n")
    return "".join(shown)

"""How a failure is told: message, code, hint; a defect's traceback goes to a file."""

from __future__ import annotations

import os
import sys

import click

from runyard.cli.settings import Settings
from runyard.cli.style import Paint
from runyard.model.errors import RunyardError, WorkflowError

FAILED = 1
USAGE = 2
CANCELED = 3
INTERRUPTED = 4
NOT_APPROVED = 5
DRIFTED = 6
SIGINT = 130
BROKEN_PIPE = 1


def report(error: RunyardError, settings: Settings) -> int:
    """Print an error of the tree on stderr; returns its exit code."""
    paint = settings.paint(sys.stderr)
    _say(error_text(error, paint))
    return error.exit_code


def error_text(error: RunyardError, paint: Paint) -> str:
    """`error[CODE]: message` with the hint on a line of its own; diagnostics with carets."""
    if isinstance(error, WorkflowError):
        from runyard.workflow.document import InvalidWorkflow

        if isinstance(error, InvalidWorkflow):
            return error.render(color=paint.on)
    text = f"{paint(f'error[{error.code}]', 'red', 'bold')}: {error.message}"
    if error.hint:
        text += f"\n  {paint('hint:', 'cyan')} {error.hint}"
    return text


def report_click(error: click.ClickException, settings: Settings) -> int:
    """Print a wrong use of the command line on stderr; returns 2."""
    paint = settings.paint(sys.stderr)
    _say(f"{paint('error[USAGE]', 'red', 'bold')}: {error.format_message()}")
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    if ctx is not None:
        _say(f"  {paint('hint:', 'cyan')} {ctx.command_path} --help")
    return USAGE


def crash(error: BaseException, settings: Settings) -> int:
    """Say that runyard has a defect and where its traceback was saved; returns 1.

    RUNYARD_DEBUG=1 shows the traceback itself.
    """
    import traceback

    text = "".join(traceback.format_exception(error))
    if os.environ.get("RUNYARD_DEBUG") == "1":
        _say(text.rstrip())
    paint = settings.paint(sys.stderr)
    _say(
        f"{paint('error[INTERNAL]', 'red', 'bold')}: runyard failed in a way it should not: "
        f"{type(error).__name__}: {error}"
    )
    saved = _save(text)
    where = f"the traceback is in {saved}" if saved else "RUNYARD_DEBUG=1 shows the traceback"
    _say(f"  {paint('hint:', 'cyan')} this is a defect of runyard, please report it; {where}")
    return FAILED


def _save(text: str) -> str:
    """Write the traceback into the state directory, or the temporary one; returns the path."""
    import platform
    import time
    from pathlib import Path
    from tempfile import gettempdir

    import runyard
    from runyard.store.home import Home

    name = f"crash-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.getpid()}.txt"
    head = (
        f"runyard {runyard.__version__}, Python {platform.python_version()}, "
        f"{platform.platform()}\n{sys.argv!r}\n\n"
    )
    for folder in (Home.default().root, Path(gettempdir())):
        try:
            path = folder / name
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(fd, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(head + text)
            return str(path)
        except OSError:
            continue
    return ""


def report_stdout(error: OSError) -> int:
    """If `error` is that stdout cannot be written, settle it and return 1; else 0.

    A reader that has left (`| head`) is nothing to talk about; a full disk is.
    """
    from errno import EBADF, EIO, ENOSPC, EPIPE

    if error.errno not in (EPIPE, ENOSPC, EIO, EBADF) or error.filename is not None:
        return 0
    try:
        # What Python still holds for stdout would fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except OSError:
        return 0
    if error.errno != EPIPE:
        _say(f"error[STDOUT]: standard output cannot be written: {error.strerror}")
    return BROKEN_PIPE


def _say(text: str) -> None:
    try:
        click.echo(text, err=True)
    except (OSError, ValueError):
        return

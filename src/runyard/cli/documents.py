"""Reading a workflow that the command line names."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runyard.cli.settings import Settings
from runyard.cli.standard import read_stdin
from runyard.cli.views.plain import tell

if TYPE_CHECKING:
    from runyard.hosts.inventory import Inventory
    from runyard.service.job import Job
    from runyard.service.runs import Runs
    from runyard.workflow.document import Workflow

STDIN = "-"


def read_workflow(path: str, outer: Inventory | None = None) -> Workflow:
    """The compiled workflow at `path`, on top of `outer`; `-` is standard input.

    Raises:
        WorkflowError: with all of its diagnostics.
        UsageError: standard input cannot be read.
    """
    from runyard.runners.registry import ActionRegistry
    from runyard.workflow.load import load, loads

    if path != STDIN:
        return load(path, actions=ActionRegistry(), outer=outer)
    text = read_stdin("runyard run -")
    return loads(text, path="<stdin>", actions=ActionRegistry(), outer=outer)


def read_job(path: str, settings: Settings, outer: Inventory | None = None) -> Job:
    """The workflow at `path`, ready to be run; its warnings are printed on stderr.

    Raises:
        WorkflowError: with all of its diagnostics.
    """
    from runyard.service.job import Job

    workflow = read_workflow(path, outer)
    tell_warnings(workflow, settings)
    return Job.of(workflow)


def tell_warnings(workflow: Workflow, settings: Settings) -> None:
    """Print the warnings of a valid workflow on stderr, unless `--quiet`."""
    if workflow.warnings and not settings.quiet:
        paint = settings.paint(sys.stderr)
        for warning in workflow.warnings:
            tell(warning.render(color=paint.on))


async def recorded_job(runs: Runs, run_id: str, file: str | None = None) -> Job:
    """The workflow of an earlier run: its file as it is now, or as it was recorded.

    The inventory beside it is the one of that time: no file or program is asked again.

    Read from `file`, else from where it was, else (standard input, a file that is gone) from the
    text in the journal.
    """
    return job_of_spec(await runs.spec(run_id), file)


def job_of_spec(spec: Mapping[str, Any], file: str | None = None) -> Job:
    """What `recorded_job` does, from the run's spec."""
    from dataclasses import replace

    from runyard.hosts.inventory import Inventory
    from runyard.runners.registry import ActionRegistry
    from runyard.service.job import Job
    from runyard.workflow.load import loads

    data = spec.get("inventory")
    outer = Inventory.from_dict(data) if data is not None else None
    where = file if file is not None else str(spec["path"])
    if file is not None or Path(where).is_file():
        return Job.of(read_workflow(where, outer))
    workflow = loads(spec["text"], path=where or "<text>", actions=ActionRegistry(), outer=outer)
    return replace(Job.of(workflow), base=Path(spec["base"]))

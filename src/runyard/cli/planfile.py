"""A plan kept in a file, so that `run --plan` runs exactly that."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runyard.cli.documents import STDIN
from runyard.model.errors import UsageError
from runyard.model.light import dataclass

if TYPE_CHECKING:
    from runyard.engine.plan import Plan
    from runyard.service.job import RunOptions

FORMAT = "runyard-plan/1"


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan, the file of its workflow, and the options it was made with."""

    plan: Plan
    file: str
    options: RunOptions

    def write(self, path: str) -> None:
        """Write it, readable by its owner alone: it holds variables.

        Raises:
            UsageError: it cannot be written.
        """
        data = {
            "format": FORMAT,
            "file": self.file,
            "options": self.options.to_dict(),
            "plan": self.plan.to_dict(),
        }
        text = json.dumps(data, indent=2, ensure_ascii=False, default=str) + "\n"
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(fd, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise UsageError(f"--out {path}: {error.strerror}", code="PLAN_FILE") from error

    @classmethod
    def read(cls, path: str) -> PlanFile:
        """Read what `write` wrote.

        Raises:
            UsageError: there is no such file, or it is no plan.
            RunyardError: PLAN_FILE, the plan was changed by hand.
        """
        from runyard.engine.plan import Plan
        from runyard.service.job import RunOptions

        try:
            data: Any = json.loads(Path(path).read_text(encoding="utf-8"))
            if data["format"] != FORMAT:
                raise KeyError(data["format"])
            plan, file = data["plan"], str(data["file"])
            options = RunOptions.from_dict(data["options"])
        except OSError as error:
            raise UsageError(f"--plan {path}: {error.strerror}", code="PLAN_FILE") from error
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"--plan {path} is no plan",
                code="PLAN_FILE",
                hint="make one with `runyard plan FILE --out PLAN`",
            ) from error
        return cls(Plan.from_dict(plan), file, options)

    def workflow_path(self, given: str | None) -> str:
        """Where the workflow is: as given now, or as it was when the plan was made.

        Raises:
            UsageError: it came from standard input, and no FILE is given.
        """
        if given is not None:
            return given
        if self.file == STDIN:
            raise UsageError(
                "this plan was made from standard input: give the workflow's FILE", code="PLAN_FILE"
            )
        return self.file

    def options_with(self, given: RunOptions) -> RunOptions:
        """The plan's options.

        Raises:
            UsageError: other options are given as well; they would make another plan.
        """
        if given != replace(given, vars={}, local=False, limit=(), tags=(), inventory=()):
            raise UsageError(
                "-i, --var, --var-file, --local, --limit and --tags are fixed by the plan",
                code="PLAN_FILE",
                hint="leave them out, or make a new plan with them",
            )
        return self.options

"""A compiled workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runyard.engine.pipeline import Pipeline
from runyard.engine.policy import Offline
from runyard.hosts.inventory import Inventory
from runyard.model.errors import WorkflowError
from runyard.model.light import dataclass
from runyard.workflow.report import ERROR

if TYPE_CHECKING:
    from runyard.workflow.diagnostic import Diagnostic


@dataclass(frozen=True)
class Workflow:
    """What a document says, ready to run.

    Attributes:
        vars: the document's variables. defaults: those of `defaults.vars`, the lowest of all.
        plan_mode: auto or manual-approve. secrets: every NAME of a `${secret:NAME}`.
        digest: sha256 of the parsed document, and of `outer`, as canonical JSON: comments do not
            count.
        outer: the inventory that was given beside the document, which `inventory` is on top of.
        warnings: what is not wrong, but should be known.
    """

    version: str
    name: str
    description: str
    inventory: Inventory
    vars: Mapping[str, Any]
    defaults: Mapping[str, Any]
    pipeline: Pipeline
    plan_mode: str
    offline: Offline
    secrets: tuple[str, ...]
    path: str
    text: str
    digest: str
    warnings: tuple[Diagnostic, ...] = ()
    outer: Inventory | None = None


class InvalidWorkflow(WorkflowError):
    """A document was refused; `diagnostics` holds all that is wrong with it, warnings included."""

    def __init__(self, path: str, diagnostics: tuple[Diagnostic, ...]) -> None:
        errors = [d for d in diagnostics if d.severity == ERROR]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        first = errors[0] if errors else None
        text = f"{first.place}: {first.message}{more}" if first else f"{path} is not valid"
        super().__init__(text, hint=(first.fix or first.hint) if first else None)
        self.path = path
        self.diagnostics = diagnostics

    def render(self, color: bool = False) -> str:
        """All diagnostics with carets, and a count."""
        errors = sum(d.severity == ERROR for d in self.diagnostics)
        warnings = len(self.diagnostics) - errors
        tail = f"{errors} error{'s' * (errors != 1)}"
        if warnings:
            tail += f", {warnings} warning{'s' * (warnings != 1)}"
        return "\n".join([*(d.render(color) for d in self.diagnostics), tail])

"""runyard: one control plane for running work on your own machines.

The library door. Names are loaded when they are first used, so that importing runyard is cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runyard.engine.context import Context as Context
    from runyard.engine.module import Module as Module
    from runyard.engine.pipeline import Pipeline as Pipeline
    from runyard.engine.policy import Fan as Fan
    from runyard.engine.policy import Policy as Policy
    from runyard.engine.retry import Retry as Retry
    from runyard.engine.step import Step as Step
    from runyard.engine.task import Task as Task
    from runyard.hosts.inventory import Host as Host
    from runyard.hosts.inventory import Inventory as Inventory
    from runyard.model.errors import RunyardError as RunyardError
    from runyard.model.result import Outcome as Outcome
    from runyard.model.result import StepResult as StepResult
    from runyard.model.run import RunRecord as RunRecord
    from runyard.model.status import Status as Status
    from runyard.runners.registry import ActionRegistry as ActionRegistry
    from runyard.service.engine import Engine as Engine
    from runyard.service.engine import RunResult as RunResult
    from runyard.service.engine import load_workflow as load_workflow
    from runyard.service.http_notifier import HttpNotifier as HttpNotifier
    from runyard.store.runstore import FileRunStore as FileRunStore
    from runyard.store.runstore import MemoryRunStore as MemoryRunStore
    from runyard.workflow.document import InvalidWorkflow as InvalidWorkflow
    from runyard.workflow.document import Workflow as Workflow

__version__ = "0.1.0"

_PLACES = {
    "ActionRegistry": "runners.registry",
    "Context": "engine.context",
    "Engine": "service.engine",
    "Fan": "engine.policy",
    "FileRunStore": "store.runstore",
    "Host": "hosts.inventory",
    "HttpNotifier": "service.http_notifier",
    "InvalidWorkflow": "workflow.document",
    "Inventory": "hosts.inventory",
    "MemoryRunStore": "store.runstore",
    "Module": "engine.module",
    "Outcome": "model.result",
    "Pipeline": "engine.pipeline",
    "Policy": "engine.policy",
    "Retry": "engine.retry",
    "RunRecord": "model.run",
    "RunResult": "service.engine",
    "RunyardError": "model.errors",
    "Status": "model.status",
    "Step": "engine.step",
    "StepResult": "model.result",
    "Task": "engine.task",
    "Workflow": "workflow.document",
    "load_workflow": "service.engine",
}

__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module 'runyard' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"runyard.{place}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

"""Which categories of runners there are. A registry is an object; nothing fills it by import."""

from __future__ import annotations

from runyard.model.errors import UsageError
from runyard.model.suggest import did_you_mean
from runyard.runners import categories
from runyard.runners.action_runner import ActionRunner, Parse
from runyard.runners.registry import RUNNERS, entry_points, load, load_plugin
from runyard.runners.runner import Runner, RunnerContext, RunnerFactory

_BUILT_IN: dict[str, tuple[str, Parse]] = {
    "command": ("runyard.runners.actions.command:CommandRun", categories.parse_command),
    "docker": ("runyard.runners.actions.docker:DockerRun", categories.parse_docker),
    "http": ("runyard.runners.actions.http:HttpRequest", categories.parse_http),
    "script": ("runyard.runners.actions.script:ScriptRun", categories.parse_script),
}


class RunnerRegistry:
    """Makes runners by category: what was registered, the built-ins, then entry points.

    An entry point of the group `runyard.runners` is a factory: called with a RunnerContext it
    returns a Runner; the class itself will do.
    """

    def __init__(self) -> None:
        self._registered: dict[str, RunnerFactory] = {}

    def register(self, category: str, factory: RunnerFactory) -> None:
        """Add a category, or replace one. Raises UsageError for an empty name."""
        if not category.strip():
            raise UsageError("a category has a name")
        self._registered[category] = factory

    def create(self, category: str, context: RunnerContext) -> Runner:
        """A new runner. Raises UsageError that lists the known categories."""
        return self.factory(category)(context)

    def factory(self, category: str) -> RunnerFactory:
        """What makes runners of that category. Raises UsageError as `create` does."""
        if category in self._registered:
            return self._registered[category]
        if category in _BUILT_IN:
            place, parse = _BUILT_IN[category]
            action = load(place)()
            return lambda context: ActionRunner(action, parse, context)
        entry = entry_points(RUNNERS).get(category)
        if entry is None:
            raise UsageError(
                f'unknown category "{category}"; known: {", ".join(self.categories())}',
                code="UNKNOWN_CATEGORY",
                hint=did_you_mean(category, self.categories(), "{}"),
            )
        made: RunnerFactory = load_plugin(entry)
        return made

    def categories(self) -> list[str]:
        """All names, sorted."""
        return sorted({*self._registered, *_BUILT_IN, *entry_points(RUNNERS)})

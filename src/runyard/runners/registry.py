"""Which actions there are. Built from a table and from entry points, never filled by import."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from runyard.model.action import Action
from runyard.model.errors import UsageError
from runyard.runners.params import closest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ACTIONS = "runyard.actions"
_HERE = "runyard.runners.actions."
_BUILT_IN = {
    "cmd.run": "cmd:CmdRun",
    "env.set": "env:EnvSet",
    "shell.run": "shell:ShellRun",
}
_ALIASES: dict[str, str] = {}


class ActionRegistry:
    """Finds actions by name; only what is named is imported.

    Built-ins win over entry points of the group `runyard.actions`, whose objects are Action
    classes (or callables without arguments that return an Action). Entry points are read once,
    and only when a name is not built in, or for a listing. Not safe for several threads.
    """

    def __init__(self, extra: Mapping[str, Callable[[], Action]] | None = None) -> None:
        """`extra` adds actions of the caller's own, over all others."""
        self._extra = dict(extra or {})
        self._made: dict[str, Action] = {}
        self._plugins: dict[str, EntryPoint] | None = None

    def get(self, name: str) -> Action | None:
        """The action of that name or alias, or None. Raises UsageError for a broken plugin."""
        found = self._made.get(name)
        if found is None and (found := self._make(name)) is not None:
            self._made[name] = found
        return found

    def require(self, name: str) -> Action:
        """The action of that name. Raises UsageError that lists the known ones."""
        found = self.get(name)
        if found is None:
            near = closest(name, [*self.names(), *_ALIASES])
            raise UsageError(
                f'unknown action "{name}"; known: {", ".join(self.names())}',
                code="UNKNOWN_ACTION",
                hint=f"did you mean {near}?" if near else None,
            )
        return found

    def names(self) -> list[str]:
        """All names, sorted, aliases left out."""
        return sorted({*self._extra, *_BUILT_IN, *self._entry_points()})

    def aliases(self) -> dict[str, str]:
        """Other names that work, and the name each stands for."""
        return {alias: _ALIASES[alias] for alias in sorted(_ALIASES)}

    def _make(self, name: str) -> Action | None:
        if name in self._extra:
            return self._extra[name]()
        place = _BUILT_IN.get(name)
        if place is not None:
            return load(_HERE + place)()  # type: ignore[no-any-return]
        if name in _ALIASES:
            return self.get(_ALIASES[name])
        entry = self._entry_points().get(name)
        return None if entry is None else _of_plugin(entry)

    def _entry_points(self) -> dict[str, EntryPoint]:
        if self._plugins is None:
            self._plugins = entry_points(ACTIONS)
        return self._plugins


def load(place: str) -> Any:
    """The object at `package.module:Name`."""
    from importlib import import_module

    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def entry_points(group: str) -> dict[str, EntryPoint]:
    """The installed entry points of a group by name; the first one of a name wins."""
    from importlib.metadata import entry_points as installed

    found: dict[str, EntryPoint] = {}
    for entry in installed(group=group):
        found.setdefault(entry.name, entry)
    return found


def load_plugin(entry: EntryPoint) -> Any:
    """The object behind an entry point. Raises UsageError naming the plugin that is broken."""
    try:
        return entry.load()
    except Exception as error:
        package = entry.dist.name if entry.dist is not None else "?"
        raise UsageError(
            f"plugin {package}: {entry.name} ({entry.value}) cannot be loaded: "
            f"{type(error).__name__}: {error}",
            code="PLUGIN",
            hint=f"repair or remove it: pip uninstall {package}",
        ) from error


def _of_plugin(entry: EntryPoint) -> Action:
    made: Action = load_plugin(entry)()
    missing = [a for a in ("name", "summary", "params", "idempotent", "run") if not _has(made, a)]
    if missing:
        raise UsageError(
            f"plugin action {entry.name} ({entry.value}) lacks {', '.join(missing)}", code="PLUGIN"
        )
    return made


def _has(made: object, attribute: str) -> bool:
    return getattr(made, attribute, None) is not None

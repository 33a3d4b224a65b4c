"""Which actions there are. Built from a table and from entry points, never filled by import."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from runyard.model.action import Action
from runyard.model.errors import UsageError
from runyard.model.suggest import did_you_mean

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ACTIONS = "runyard.actions"
RUNNERS = "runyard.runners"
_MEMBERS = ("name", "summary", "params", "idempotent", "supervised", "run")
_HERE = "runyard.runners.actions."
_BUILT_IN = {
    "approval.wait": "waiting:ApprovalWait",
    "cmd.run": "cmd:CmdRun",
    "command.run": "command:CommandRun",
    "docker.run": "docker:DockerRun",
    "env.set": "env:EnvSet",
    "file.copy": "file:FileCopy",
    "file.fetch": "file:FileFetch",
    "http.request": "http:HttpRequest",
    "pkg.install": "pkg:PkgInstall",
    "script.run": "script:ScriptRun",
    "service.ensure": "service:ServiceEnsure",
    "service.restart": "service:ServiceRestart",
    "shell.run": "shell:ShellRun",
    "template.render": "template:TemplateRender",
    "wait.event": "waiting:WaitEvent",
    "wait.until": "wait:WaitUntil",
}
_ALIASES = {
    "http.run": ("http.request", "http:HttpRequest"),
    "script.python": ("script.run", "script:PythonScript"),
    "script.shell": ("script.run", "script:ShellScript"),
}


class ActionRegistry:
    """Finds actions by name; only what is named is imported.

    Built-ins win over entry points of the group `runyard.actions`, whose objects are Action
    classes (or callables without arguments that return an Action); a category of the group
    `runyard.runners` is the action `<category>.run`. Entry points are read once, and only when a
    name is not built in, or for a listing. Not safe for several threads.
    """

    def __init__(self, extra: Mapping[str, Callable[[], Action]] | None = None) -> None:
        """`extra` adds actions of the caller's own, over all others."""
        self._extra = dict(extra or {})
        self._made: dict[str, Action] = {}
        self._plugins: dict[str, EntryPoint] | None = None
        self._runners: dict[str, EntryPoint] | None = None

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
            raise UsageError(
                f'unknown action "{name}"; known: {", ".join(self.names())}',
                code="UNKNOWN_ACTION",
                hint=did_you_mean(name, [*self.names(), *_ALIASES], "{}"),
            )
        return found

    def names(self) -> list[str]:
        """All names, sorted, aliases left out."""
        categories = (f"{category}.run" for category in self._categories())
        return sorted(
            {*self._extra, *_BUILT_IN, *self._entry_points(), *categories} - _ALIASES.keys()
        )

    def built_in(self) -> list[str]:
        """Names of the actions that come with runyard, sorted."""
        return sorted(_BUILT_IN)

    def aliases(self) -> dict[str, str]:
        """Other names that work, and the name each stands for."""
        return {alias: _ALIASES[alias][0] for alias in sorted(_ALIASES)}

    def _make(self, name: str) -> Action | None:
        if name in self._extra:
            return self._extra[name]()
        place = _BUILT_IN.get(name) or _ALIASES.get(name, ("", ""))[1]
        if place:
            return load(_HERE + place)()  # type: ignore[no-any-return]
        if (entry := self._entry_points().get(name)) is not None:
            return _of_plugin(entry)
        category = name.removesuffix(".run")
        if category != name and (entry := self._categories().get(category)) is not None:
            made: Action = load(_HERE + "category:CategoryRun")(category, load_plugin(entry))
            return made
        return None

    def _entry_points(self) -> dict[str, EntryPoint]:
        if self._plugins is None:
            self._plugins = entry_points(ACTIONS)
        return self._plugins

    def _categories(self) -> dict[str, EntryPoint]:
        if self._runners is None:
            self._runners = entry_points(RUNNERS)
        return self._runners


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
    missing = [name for name in _MEMBERS if getattr(made, name, None) is None]
    if missing:
        raise UsageError(
            f"plugin action {entry.name} ({entry.value}) lacks {', '.join(missing)}", code="PLUGIN"
        )
    return made

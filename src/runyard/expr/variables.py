"""The variables of one run: one precedence, exports as they are reached.

Low to high (contract 1, "Variables"): defaults < inventory.vars < groups (in the order of their
names, children after their parents) < host.vars < workflow.vars < `env.set` < exports < `--var` <
loop `item` and `matrix` < the step's `args.env`. Among `env.set` and among exports, a host's own
value wins over the run's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from runyard.expr.environment import UNSAFE_EXPORTS, environment_text, text_in_environment
from runyard.expr.exports import Layer, Origin
from runyard.expr.path import SECRET, Path
from runyard.expr.redact import Redactor
from runyard.expr.scope import Scope, within
from runyard.expr.value import MISSING, Missing, is_name
from runyard.hosts.inventory import Inventory
from runyard.model.errors import ArgumentError

PRECEDENCE: Final = (
    ("defaults", "`defaults.vars` of the document"),
    ("inventory", "`inventory.vars`"),
    (
        "groups",
        "`vars` of the host's groups: a child's after its parents', "
        "else in the order of the groups' names",
    ),
    ("host", "`vars` of the host"),
    ("workflow", "`vars` of the document"),
    ("env.set", "set by an `env.set` step before; the host's own before the run's"),
    ("exports", "exported by a step before; the host's own before the run's"),
    ("--var", "`--var NAME=VALUE` of the command line"),
    ("item", "`item` and `matrix` of a loop's instance"),
    ("env", "`env` of the step's args"),
)
"""Every layer with where it comes from, low to high."""

_CACHED: Final = 4096
_HINTS: Final = 1000


class Variables:
    """All variables of a run. Not for several threads at once.

    Args:
        order: keys of the steps in the order in which they take effect; of two steps that export
            one name the later one counts, however long the earlier one took. Steps that are not
            in it come after those that are, in order of their first export.
        secrets: name to value of every secret that the workflow refers to.
    """

    def __init__(
        self,
        inventory: Inventory,
        *,
        defaults: Mapping[str, Any] | None = None,
        workflow: Mapping[str, Any] | None = None,
        cli: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
        order: Sequence[str] = (),
    ) -> None:
        self._inventory = inventory
        self._defaults = dict(defaults or {})
        self._workflow = dict(workflow or {})
        self._cli = dict(cli or {})
        self.secrets: Mapping[str, str] = dict(secrets or {})
        self.redactor = Redactor(self.secrets)
        self._steps = {key: place for place, key in enumerate(order)}
        self._env = Layer()
        self._exports = Layer()
        self._facts: dict[str, Mapping[str, Any]] = {}
        self._merged: dict[str, dict[str, Any]] = {}
        self._texts: dict[str, tuple[Mapping[str, Any], dict[str, str]]] = {}

    def scope(
        self,
        host: str | None = None,
        item: Mapping[str, Any] | None = None,
        step_env: Mapping[str, Any] | None = None,
    ) -> Scope:
        """What `host` sees now; None is the run itself: no host's variables, no own exports.

        `item` holds the loop's values by name: `{"item": …}`, `{"matrix": {…}}` or both.
        """
        name = host or ""
        return Scope(self, name, self.merged(name), item, step_env)

    def record_exports(self, step: str, exports: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """Take over what `step` exported on each host; saying it again changes nothing.

        Returns:
            warnings for the step: a name that no shell can use, that would make the next shell
            run code (both are dropped), that `--var` shadows, a value too long for an
            environment, or one that differs between hosts.
        """
        return self._record(self._exports, "export", step, exports)

    def record_env(self, step: str, env: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """The same for what `env.set` set on each host."""
        return self._record(self._env, "variable", step, env)

    def record_facts(self, host: str, facts: Mapping[str, Any]) -> None:
        """What the connector's probe found out about `host`: `${facts.os}`."""
        self._facts[host] = dict(facts)

    def snapshot(self) -> dict[str, Any]:
        """All that was recorded, as JSON; references to secrets stay references."""
        return {
            "steps": dict(self._steps),
            "env": self._env.snapshot(),
            "exports": self._exports.snapshot(),
            "facts": {host: dict(facts) for host, facts in self._facts.items()},
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Go back to a `snapshot`."""
        self._steps = dict(data["steps"])
        self._env = Layer.restore(data["env"])
        self._exports = Layer.restore(data["exports"])
        self._facts = {host: dict(facts) for host, facts in data["facts"].items()}
        self._merged.clear()

    def _record(
        self, layer: Layer, kind: str, step: str, found: Mapping[str, Mapping[str, Any]]
    ) -> list[str]:
        warnings: dict[str, None] = {}
        differing: dict[str, None] = {}
        index = self._steps.setdefault(step, len(self._steps))
        rank = self._inventory.rank
        for host, values in found.items():
            place = (index, rank.get(host, len(rank)))
            for name, value in values.items():
                problem, dropped = self._judge(kind, name, value)
                if problem:
                    warnings[problem] = None
                if dropped:
                    continue
                if layer.put(host, name, Origin(value, place, step, host)) is not None:
                    differing[name] = None
        for name in differing:
            last = layer.run[name].host
            warnings[
                f'{kind} "{name}" differs between hosts: ${{{name}}} of the run is the value of '
                f"{last}, the last by host order; use ${{hosts.NAME.{name}}} for a certain host"
            ] = None
        self._merged.clear()
        return list(warnings)

    def _judge(self, kind: str, name: str, value: Any) -> tuple[str, bool]:
        """A warning, or an empty text; and whether the value is dropped."""
        if not is_name(name):
            return f"{kind} {str(name)[:60]!r} is dropped: a name is [A-Za-z_][A-Za-z0-9_]*", True
        if name in UNSAFE_EXPORTS and kind == "export":
            return f'export "{name}" is dropped: its value would be run as code by others', True
        if name in self._cli:
            return f'{kind} "{name}" is shadowed by --var {name}', False
        try:
            if text_in_environment(name, value) is None:
                long = "too long for an environment (128 KiB): only `when` and args see it"
                return f'{kind} "{name}" is {long}', False
        except ArgumentError as error:
            return f'{kind} "{name}" is dropped: {error.message}', True
        return "", False

    def merged(self, host: str) -> Mapping[str, Any]:
        """Every variable below the loop's item as `host` sees it; not to be changed."""
        found = self._merged.get(host)
        if found is None:
            if len(self._merged) >= _CACHED:
                self._merged.clear()
            found = self._merged[host] = self._merge(host)
        return found

    def _merge(self, host: str) -> dict[str, Any]:
        found: dict[str, Any] = {**self._defaults, **self._inventory.vars}
        machine = self._inventory.hosts.get(host)
        if machine is not None:
            for group in machine.groups:
                found.update(self._inventory.groups[group].vars)
            found.update(machine.vars)
        found.update(self._workflow)
        self._env.merge_into(found, host)
        self._exports.merge_into(found, host)
        found.update(self._cli)
        if self.secrets:
            found = {name: self._revealed(value) for name, value in found.items()}
        return found

    def _revealed(self, value: Any) -> Any:
        """`value` with the secrets that it refers to, wherever a text in it does."""
        if isinstance(value, str):
            if "${secret:" not in value:
                return value
            return SECRET.sub(lambda m: self.secrets.get(m[0][9:-1], m[0]), value)
        if isinstance(value, Mapping):
            return {key: self._revealed(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._revealed(each) for each in value]
        return value

    def environment_of(self, host: str, base: Mapping[str, Any]) -> Mapping[str, str]:
        """`base`, which `merged` gave, as text; not to be changed. Raises ArgumentError."""
        known = self._texts.get(host)
        if known is not None and known[0] is base:
            return known[1]
        if len(self._texts) >= _CACHED:
            self._texts.clear()
        found = environment_text(base)
        self._texts[host] = (base, found)
        return found

    def of_host(self, path: Path) -> Any | Missing:
        """`("web1", "KEY")`: KEY as web1 sees it; names of hosts may have dots in them."""
        for end in range(len(path) - 1, 0, -1):
            host = ".".join(path[:end])
            if host in self._inventory.hosts:
                return within(self.merged(host), path[end:])
        return MISSING

    def facts_of(self, host: str) -> Mapping[str, Any]:
        """What is known about `host`."""
        return self._facts.get(host, {})

    def hosts_view(self) -> Mapping[str, Mapping[str, Any]]:
        """Every host's variables by the host's name, merged when asked for."""
        return _Hosts(self, self._inventory)

    def host_paths(self) -> list[str]:
        """`hosts.NAME.KEY` of what hosts exported, for hints; not all of a large run."""
        found: list[str] = []
        for host, values in self._exports.own.items():
            found += [f"hosts.{host}.{name}" for name in values]
            if len(found) > _HINTS:
                break
        return found


class _Hosts(Mapping[str, Mapping[str, Any]]):
    def __init__(self, variables: Variables, inventory: Inventory) -> None:
        self._variables = variables
        self._inventory = inventory

    def __getitem__(self, host: str) -> Mapping[str, Any]:
        if host not in self._inventory.hosts:
            raise KeyError(host)
        return self._variables.merged(host)

    def __iter__(self) -> Iterator[str]:
        return iter(self._inventory.hosts)

    def __len__(self) -> int:
        return len(self._inventory.hosts)

"""What one host sees of a run's variables while one step is prepared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from runyard.expr.environment import text_in_environment
from runyard.expr.path import Path, split_path
from runyard.expr.value import MISSING, Missing, is_name
from runyard.model.errors import ArgumentError
from runyard.model.suggest import did_you_mean

if TYPE_CHECKING:
    from runyard.expr.variables import Variables

_EMPTY: Mapping[str, Any] = {}

HOST: Final = "RUNYARD_HOST"
"""The variable that holds the name of the host, whatever others of that name hold."""


class Scope(Mapping[str, Any]):
    """Variables as a host sees them at one moment; later exports do not change it.

    As a map it holds every variable as it is, with `facts` and `hosts` as maps, for templates.

    A name is looked up in the step's `args.env`, the loop's `item` and `matrix`, then in what
    `Variables` merged for the host. `hosts.NAME.KEY` is KEY as that host sees it, `facts.NAME` a
    fact of the scope's own host, `secret:NAME` a secret of the run.
    """

    __slots__ = ("_base", "_host", "_item", "_step", "_variables")

    def __init__(
        self,
        variables: Variables,
        host: str,
        base: Mapping[str, Any],
        item: Mapping[str, Any] | None,
        step_env: Mapping[str, Any] | None,
    ) -> None:
        self._variables = variables
        self._host = host
        self._base = base
        self._item = item or _EMPTY
        self._step = step_env or _EMPTY

    @property
    def host(self) -> str:
        """Name of the host; empty for the scope of the run itself."""
        return self._host

    def lookup(self, path: str) -> Any | Missing:
        """The value of `X`, `item.name`, `hosts.web1.KEY`, `facts.os`, `secret:N`, or MISSING."""
        return self.resolve(split_path(path))

    def resolve(self, path: Path) -> Any | Missing:
        """`lookup` of a path that is split already."""
        name = path[0]
        if len(path) == 1:
            if name.startswith("secret:"):
                return self._variables.secrets.get(name[7:], MISSING)
            return self._plain(name)
        if name == "hosts":
            return self._variables.of_host(path[1:])
        if name == "facts":
            return within(self._variables.facts_of(self._host), path[1:])
        return within(self._plain(name), path[1:])

    def _plain(self, name: str) -> Any | Missing:
        if name == HOST and self._host:
            return self._host
        if name in self._step:
            return self._step[name]
        if name in self._item:
            return self._item[name]
        return self._base.get(name, MISSING)

    def is_ours(self, path: Path) -> bool:
        """Whether a dotted path begins with something that this scope knows."""
        name = path[0]
        return name in ("hosts", "facts") or self._plain(name) is not MISSING

    def require(self, path: str, place: str = "") -> Any:
        """`lookup` for those who need it.

        Raises:
            ArgumentError: it is not set; names `place` and what was probably meant.
        """
        value = self.lookup(path)
        if value is not MISSING:
            return value
        prefix = f"{place}: " if place else ""
        if path.startswith("secret:"):
            raise ArgumentError(
                f'{prefix}secret "{path[7:]}" is not known',
                code="SECRET",
                hint=did_you_mean(path[7:], self._variables.secrets),
            )
        hint = did_you_mean(path, self.names(), "${{}}")
        raise ArgumentError(
            f"{prefix}${{{path}}} is not set",
            code="VARIABLE",
            hint=hint or f"set it, or give it a default: ${{{path}:-…}}",
        )

    def names(self) -> list[str]:
        """Names that can be referred to from here, dotted ones included."""
        found = list(self._variables_here())
        for root in ("item", "matrix"):
            value = self._plain(root)
            if isinstance(value, Mapping):
                found += [f"{root}.{key}" for key in value]
        found += [f"facts.{key}" for key in self._variables.facts_of(self._host)]
        return found + self._variables.host_paths()

    def __getitem__(self, name: str) -> Any:
        value = self._plain(name)
        if value is not MISSING:
            return value
        if name == "facts":
            return self._variables.facts_of(self._host)
        if name == "hosts":
            return self._variables.hosts_view()
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter({**self._variables_here(), "facts": 0, "hosts": 0})

    def _variables_here(self) -> dict[str, Any]:
        own = {HOST: self._host} if self._host else {}
        return {**self._base, **self._item, **self._step, **own}

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def environment(self) -> dict[str, str]:
        """Every variable in scope as text, for a process.

        Names that no shell could use, and texts longer than Linux lets through (128 KiB), are
        left out.

        Raises:
            ArgumentError: a value with a NUL byte or without a text.
        """
        found = dict(self._variables.environment_of(self._host, self._base))
        for layer in (self._item, self._step):
            for name, value in layer.items():
                text = text_in_environment(name, value) if is_name(name) else None
                if text is None:
                    found.pop(name, None)
                else:
                    found[name] = text
        return found

    def redact(self, text: str) -> str:
        """`text` with every secret of the run replaced."""
        return self._variables.redactor.text(text)


def within(value: Any, path: Path) -> Any | Missing:
    """What `path` leads to inside maps and lists; keys may have dots in them."""
    at = 0
    while at < len(path):
        if isinstance(value, Mapping):
            for end in range(len(path), at, -1):
                key = ".".join(path[at:end])
                if key in value:
                    value, at = value[key], end
                    break
            else:
                return MISSING
        elif isinstance(value, list | tuple) and path[at].isdecimal() and len(path[at]) < 10:
            place = int(path[at])
            if place >= len(value):
                return MISSING
            value, at = value[place], at + 1
        else:
            return MISSING
    return value

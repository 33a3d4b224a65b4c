"""Secrets of a run: found by name, never shown (contract 1, "Variables")."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from runyard.model.errors import UsageError
from runyard.model.suggest import did_you_mean

MIN_LENGTH: Final = 6
"""Shorter values cannot be masked without masking half of the output."""


class Secrets:
    """Finds values of secrets.

    Order: the provider that `settings` name for it; `RUNYARD_SECRET_<NAME>` in the environment;
    the secrets file; the provider of `"*"` in `settings`. In the secrets file a text is a value
    and a map is a provider, as in `settings`.

    Args:
        settings: name to provider: `{"TOKEN": {"command": ["pass", "show", "token"]}}`.
        path: the secrets file; None is `$XDG_CONFIG_HOME/runyard/secrets.yaml`.
    """

    def __init__(self, settings: Mapping[str, Any] | None = None, path: Path | None = None) -> None:
        self._settings = dict(settings or {})
        self._path = path if path is not None else default_path()

    async def resolve(self, names: Iterable[str]) -> dict[str, str]:
        """Every name with its value.

        Raises:
            UsageError: one is not known, too short to be masked, or its provider is not usable.
        """
        wanted = tuple(dict.fromkeys(names))
        if not wanted:
            return {}
        return {name: await self._one(name) for name in wanted}

    async def _one(self, name: str) -> str:
        value = await self._found(name)
        if value is None:
            near = did_you_mean(name, [*self._settings, *self._filed()])
            raise UsageError(
                f'secret "{name}" is not known',
                code="SECRET",
                hint=near or f"set RUNYARD_SECRET_{name}, or add {name}: … to {self._path}",
            )
        if len(value) < MIN_LENGTH:
            raise UsageError(
                f'secret "{name}" has {len(value)} characters: too short to be masked',
                code="SECRET",
                hint=f"use one of at least {MIN_LENGTH} characters",
            )
        if "\0" in value:
            raise UsageError(f'secret "{name}" holds a NUL byte', code="SECRET")
        return value

    async def _found(self, name: str) -> str | None:
        from runyard.expr.providers import EnvProvider, provider_of

        if name in self._settings:
            return await provider_of(name, self._settings[name]).get(name)
        value = await EnvProvider().get(name)
        if value is not None:
            return value
        filed = self._filed().get(name)
        if isinstance(filed, str):
            return filed
        if filed is not None:
            return await provider_of(name, filed).get(name)
        if "*" in self._settings:
            return await provider_of(name, self._settings["*"]).get(name)
        return None

    def _filed(self) -> Mapping[str, Any]:
        """What the secrets file says; values are texts whatever they look like."""
        from runyard.expr.providers import read_private

        text = read_private(self._path)
        if text is None:
            return {}
        import yaml

        try:
            found = yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))  # noqa: S506
        except yaml.YAMLError as error:
            line = getattr(getattr(error, "problem_mark", None), "line", None)
            where = "" if line is None else f":{line + 1}"
            raise UsageError(f"{self._path}{where} is not valid YAML", code="SECRET") from None
        if found is None:
            return {}
        if not isinstance(found, Mapping):
            raise UsageError(
                f"{self._path} is not a map", code="SECRET", hint="write lines NAME: value"
            )
        return found


def default_path() -> Path:
    """`$XDG_CONFIG_HOME/runyard/secrets.yaml`."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    root = Path(base) if base.startswith("/") else Path.home() / ".config"
    return root / "runyard" / "secrets.yaml"

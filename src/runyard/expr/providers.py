"""Where a secret's value comes from: an environment, a file, a command, the OS keyring."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from runyard.model.errors import DeadlineError, ExecutionError, SystemFault, UsageError
from runyard.model.light import dataclass
from runyard.model.suggest import did_you_mean

COMMAND_TIMEOUT: Final = 60.0
_MAX_FILE: Final = 1 << 20


class Provider(Protocol):
    """Knows values of secrets. Asked once per secret and run; keeps nothing."""

    async def get(self, name: str) -> str | None:
        """The value of `name`, or None when it is not known here.

        Raises:
            UsageError: this provider cannot be used as it is set up; the hint is the fix.
        """


@dataclass(frozen=True, slots=True)
class EnvProvider:
    """A variable of runyard's own environment; `variable` is empty for `RUNYARD_SECRET_<NAME>`."""

    variable: str = ""

    async def get(self, name: str) -> str | None:
        return os.environ.get(self.variable or "RUNYARD_SECRET_" + re.sub(r"[.-]", "_", name))


@dataclass(frozen=True, slots=True)
class FileProvider:
    """A file that holds one secret; one line end at its end is not part of it."""

    path: Path

    async def get(self, name: str) -> str | None:
        text = read_private(self.path.expanduser())
        return None if text is None else without_line_end(text)


@dataclass(frozen=True, slots=True)
class CommandProvider:
    """What a command prints, as from `pass show NAME`; it runs without a shell."""

    argv: tuple[str, ...]

    async def get(self, name: str) -> str | None:
        import asyncio

        argv = [word.replace("{name}", name) for word in self.argv]
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except (OSError, ValueError) as error:
            raise UsageError(
                f"secret {name}: cannot start {argv[0]!r}: {error}", code="SECRET"
            ) from None
        try:
            out, err = await asyncio.wait_for(process.communicate(), COMMAND_TIMEOUT)
        except BaseException as error:
            if process.returncode is None:
                process.kill()
                await process.wait()
            if isinstance(error, TimeoutError):
                raise DeadlineError(
                    f"secret {name}: {argv[0]!r} took longer than {COMMAND_TIMEOUT:.0f} s"
                ) from None
            raise
        if process.returncode != 0:
            tail = err.decode("utf-8", "replace").strip()[-200:]
            raise ExecutionError(
                f"secret {name}: {argv[0]!r} ended with {process.returncode}: {tail}", code="SECRET"
            )
        return without_line_end(_decoded(out, f"secret {name}: the output of {argv[0]!r}"))


@dataclass(frozen=True, slots=True)
class KeyringProvider:
    """The keyring of the desktop session; needs `pip install runyard[keyring]`."""

    service: str = "runyard"
    user: str = ""

    async def get(self, name: str) -> str | None:
        import asyncio
        from importlib import import_module

        try:
            keyring = import_module("keyring")
        except ImportError:
            raise UsageError(
                f"secret {name}: the keyring needs an extra package",
                code="SECRET",
                hint="pip install 'runyard[keyring]'",
            ) from None
        try:
            value = await asyncio.to_thread(keyring.get_password, self.service, self.user or name)
        except Exception as error:
            raise SystemFault(
                f"secret {name}: the keyring failed: {error}", code="SECRET"
            ) from None
        return None if value is None else str(value)


def provider_of(name: str, spec: Any) -> Provider:
    """The provider that settings describe: `{env: X}`, `{file: PATH}`, `{command: […]}`,
    `{keyring: SERVICE}` or `{keyring: {service, user}}`.

    Raises:
        UsageError: it describes none.
    """
    if isinstance(spec, Mapping) and len(spec) == 1:
        kind, value = next(iter(spec.items()))
        if kind == "env" and isinstance(value, str):
            return EnvProvider(value)
        if kind == "file" and isinstance(value, str | Path):
            return FileProvider(Path(value))
        if kind == "command" and isinstance(value, str):
            import shlex

            value = shlex.split(value)
        if kind == "command" and isinstance(value, list | tuple) and value:
            return CommandProvider(tuple(str(word) for word in value))
        if kind == "keyring" and isinstance(value, str):
            return KeyringProvider(value)
        if kind == "keyring" and isinstance(value, Mapping) and set(value) <= {"service", "user"}:
            return KeyringProvider(**{str(k): str(v) for k, v in value.items()})
        hint = did_you_mean(str(kind), ("env", "file", "command", "keyring"), "{}")
    else:
        hint = ""
    raise UsageError(
        f"secret {name}: its provider is not understood",
        code="SECRET",
        hint=hint or "write {env: X}, {file: PATH}, {command: [pass, show, X]} or {keyring: X}",
    )


def read_private(path: Path) -> str | None:
    """The text of a file that nobody else may read; None when it is not there.

    Raises:
        UsageError: others can read it, or it cannot be read; the hint is the fix.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_mode & 0o077:
                raise UsageError(
                    f"{path} can be read by others", code="SECRET", hint=f"chmod 600 {path}"
                )
            if status.st_uid not in (os.geteuid(), 0):
                raise UsageError(
                    f"{path} belongs to another user", code="SECRET", hint="make a file of your own"
                )
            data = file.read(_MAX_FILE + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", code="SECRET") from None
    if len(data) > _MAX_FILE:
        raise UsageError(f"{path} is too large for secrets", code="SECRET", hint="at most 1 MiB")
    return _decoded(data, str(path))


def without_line_end(text: str) -> str:
    """`text` without the one line end that editors and `echo` add."""
    return text.removesuffix("\n").removesuffix("\r")


def _decoded(data: bytes, what: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise UsageError(
            f"{what} is not UTF-8 text", code="SECRET", hint="encode it, for example with base64"
        ) from None

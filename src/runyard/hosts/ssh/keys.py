"""What we show to be let in: keys from files, and those of an agent."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import asyncssh

from runyard.model.errors import ArgumentError
from runyard.model.light import dataclass

_USUAL: Final = ("id_ed25519_sk", "id_ecdsa_sk", "id_ed25519", "id_ecdsa", "id_rsa")
_Pair = asyncssh.SSHKey | tuple[asyncssh.SSHKey, Sequence[asyncssh.SSHCertificate]]


@dataclass(frozen=True, slots=True)
class Offer:
    """Keys for one connection.

    Attributes:
        arguments: for `asyncssh.connect`.
        files: of the keys that are shown; `locked`: of those that only an agent could use.
        agent: where the agent listens, or "".
    """

    arguments: dict[str, Any]
    files: tuple[str, ...]
    locked: tuple[str, ...]
    agent: str


class Keys:
    """Reads every file once, as the check of an RSA key takes a tenth of a second."""

    def __init__(self) -> None:
        self._pairs: dict[Path, _Pair | None] = {}

    def only(self, identity: str) -> Offer:
        """The key in the file `identity`; if it is encrypted, the same one in an agent.

        Raises:
            ArgumentError: `KEY`: there is none, it cannot be read, or nobody can decrypt it.
        """
        path = Path(identity).expanduser()
        try:
            pair = self._pair(path)
        except OSError as error:
            raise ArgumentError(f"identity: {path}: {error.strerror}", code="KEY") from error
        except (asyncssh.KeyImportError, ValueError) as error:
            raise ArgumentError(
                f"identity: {path} is no private key: {error}",
                code="KEY",
                hint="name the file of the private key, not the `.pub` beside it",
            ) from error
        if pair is not None:
            return Offer({"client_keys": [pair], "agent_path": None}, (str(path),), (), "")
        agent = os.environ.get("SSH_AUTH_SOCK", "")
        if not agent:
            raise ArgumentError(
                f"identity: the key {path} is encrypted, and there is no ssh-agent to ask",
                code="KEY",
                hint=f'eval "$(ssh-agent)" && ssh-add {path}',
            )
        return _through_agent(agent, [path])

    def usual(self, files: Iterable[str], agent: str, *, only: bool) -> Offer:
        """Keys of the configuration (`files`), or the usual ones, and all that an agent has.

        `only`: of the agent's no others than those (IdentitiesOnly).
        """
        named = [Path(file).expanduser() for file in files]
        pairs: list[_Pair] = []
        shown, locked = [], []
        for path in named or [Path("~/.ssh", name).expanduser() for name in _USUAL]:
            try:
                pair = self._pair(path)
            except (OSError, ValueError):  # ssh, too, goes on to the next one
                continue
            if pair is None:
                locked.append(path)
            else:
                pairs.append(pair)
                shown.append(str(path))
        arguments: dict[str, Any] = {
            "client_keys": [*pairs, *map(str, locked)],
            "ignore_encrypted": True,
            "agent_path": agent or None,
        }
        if only:
            arguments["agent_identities"] = _public([*map(Path, shown), *locked]) or None
            if arguments["agent_identities"] is None:
                arguments["agent_path"] = None
        return Offer(arguments, tuple(shown), tuple(map(str, locked)), agent)

    def _pair(self, path: Path) -> _Pair | None:
        """The key with its certificate; None when it is encrypted. Raises OSError, ValueError."""
        if path not in self._pairs:
            try:
                key = asyncssh.read_private_key(path)
            except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
                if not str(error).startswith("Passphrase"):
                    raise
                self._pairs[path] = None
            else:
                self._pairs[path] = _with_certificate(key, path)
        return self._pairs[path]


def _with_certificate(key: asyncssh.SSHKey, path: Path) -> _Pair:
    try:
        return key, [asyncssh.read_certificate(f"{path}-cert.pub")]
    except (OSError, asyncssh.KeyImportError):
        return key


def _through_agent(agent: str, locked: list[Path]) -> Offer:
    arguments: dict[str, Any] = {
        "client_keys": [*map(str, locked)],
        "ignore_encrypted": True,
        "agent_path": agent,
        "agent_identities": _public(locked) or None,
    }
    return Offer(arguments, (), tuple(map(str, locked)), agent)


def _public(paths: Iterable[Path]) -> list[bytes]:
    """The public halves, as far as they can be read."""
    found = []
    for path in paths:
        for place in (f"{path}.pub", path):
            try:
                found.append(asyncssh.read_public_key(place).public_data)
            except (OSError, asyncssh.KeyImportError):
                continue
            break
    return found

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
        agent: where the agent listens, or "" when it is not asked.
        identities: public halves of the keys of the agent that may be shown; None is all of them.
    """

    arguments: dict[str, Any]
    files: tuple[str, ...]
    locked: tuple[str, ...]
    agent: str
    identities: tuple[bytes, ...] | None = None

    async def of_agent(self) -> str:
        """What an agent had to show, in words; "" when none was asked."""
        if not self.agent:
            return ""
        try:
            async with await asyncssh.connect_agent(self.agent) as agent:
                found = await agent.get_keys(self.identities)
        except (OSError, ValueError, asyncssh.Error, EOFError):
            return "nothing of ssh-agent, which does not answer"
        kind = "" if self.identities is None else "named "
        keys = (
            f"{len(found)} {kind}key{'s' if len(found) > 1 else ''}" if found else f"no {kind}key"
        )
        return f"{keys} of ssh-agent"


class Keys:
    """Reads every file once, as the check of an RSA key takes a tenth of a second."""

    def __init__(self) -> None:
        self._pairs: dict[Path, _Pair | None] = {}

    def only(self, identity: str) -> Offer:
        """The key in the file `identity`; if it is encrypted, the same one in an agent.

        As with ssh, the public half is enough to ask an agent: in `identity` or `.pub` beside it.

        Raises:
            ArgumentError: `KEY`: there is none, it cannot be read, or nobody can decrypt it.
        """
        path, agent = Path(identity).expanduser(), os.environ.get("SSH_AUTH_SOCK", "")
        locked: tuple[str, ...] = (str(path),)
        try:
            pair = self._pair(path)
        except (OSError, ValueError) as error:
            if not (agent and _public([path])):
                raise _unusable(path, error) from error
            pair, locked = None, ()
        if pair is not None:
            return Offer({"client_keys": [pair], "agent_path": None}, (str(path),), (), "")
        if not agent:
            raise ArgumentError(
                f"identity: the key {path} is encrypted, and there is no ssh-agent to ask",
                code="KEY",
                hint=f'eval "$(ssh-agent)" && ssh-add {path}',
            )
        known = _public([path])
        arguments: dict[str, Any] = {
            "client_keys": [*locked],
            "ignore_encrypted": True,
            "agent_path": agent,
            "agent_identities": list(known) or None,
        }
        return Offer(arguments, (), locked, agent, known or None)

    def usual(self, files: Iterable[str], agent: str, *, only: bool) -> Offer:
        """Keys of the configuration (`files`), or the usual ones, and all that an agent has.

        `only`: of the agent's no others than those (IdentitiesOnly).
        """
        named = [Path(file).expanduser() for file in files]
        pairs: list[_Pair] = []
        tried = named or [Path("~/.ssh", name).expanduser() for name in _USUAL]
        shown, locked = [], []
        for path in tried:
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
        if not only:
            return Offer(arguments, tuple(shown), tuple(map(str, locked)), agent)
        known = _public(tried)  # also of keys that an agent alone has
        arguments["agent_identities"] = list(known) or None
        if not known:
            agent, arguments["agent_path"] = "", None
        return Offer(arguments, tuple(shown), tuple(map(str, locked)), agent, known)

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


def _unusable(path: Path, error: Exception) -> ArgumentError:
    if isinstance(error, OSError):
        return ArgumentError(f"identity: {path}: {error.strerror}", code="KEY")
    return ArgumentError(
        f"identity: {path} is no private key: {error}",
        code="KEY",
        hint="name the file of the private key, not the `.pub` beside it",
    )


def _with_certificate(key: asyncssh.SSHKey, path: Path) -> _Pair:
    try:
        return key, [asyncssh.read_certificate(f"{path}-cert.pub")]
    except (OSError, asyncssh.KeyImportError):
        return key


def _public(paths: Iterable[Path]) -> tuple[bytes, ...]:
    """The public halves, as far as they can be read."""
    found = []
    for path in paths:
        for place in (f"{path}.pub", path):
            try:
                found.append(asyncssh.read_public_key(place).public_data)
            except (OSError, asyncssh.KeyImportError):
                continue
            break
    return tuple(found)

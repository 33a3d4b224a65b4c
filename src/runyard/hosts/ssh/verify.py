"""Judges host keys: known, new, changed or revoked."""

from __future__ import annotations

from asyncssh import KeyImportError, SSHClient, SSHKey, import_public_key
from asyncssh.public_key import get_default_certificate_algs, get_default_public_key_algs

from runyard.hosts.ssh.known import SSH_PORT, KnownHosts, KnownKey, fingerprint, name_of
from runyard.model.errors import RunyardError, SystemFault

Trusted = tuple[list[SSHKey], list[SSHKey], list[SSHKey]]


class Verifier(SSHClient):
    """Of one connection to `shown`, which is `host` to the network.

    `alias` is the name that it is known by (HostKeyAlias), or "".

    Attributes:
        trouble: why the host's key was refused, or None.
    """

    def __init__(
        self, shown: str, host: str, known: KnownHosts, alias: str, *, accept_new: bool
    ) -> None:
        self.trouble: RunyardError | None = None
        self._shown = shown
        self._at = host
        self._known = known
        self._alias = alias
        self._accept_new = accept_new
        self._name = ""
        self._host = ""
        self._keys: list[KnownKey] = []
        self._accepted: tuple[str, str] | None = None

    def known_for(self, host: str, _address: str, port: int | None) -> Trusted:
        """Keys, authorities and revoked keys of `host`; None is the usual port."""
        self._host = self._alias or host
        self._name = self._alias or (name_of(host, port) if port else name_of(host))
        self._keys = self._known.find(self._name)
        return self._loaded(""), self._loaded("@cert-authority"), self._loaded("@revoked")

    def algorithms(self, host: str, port: int) -> list[str]:
        """What to ask `host` for: keys of the kinds that are known first, then any.

        So that a host with several keys shows the known one, and one that has none of them shows
        what it has, and can be told from one that is not there.
        """
        trusted, authorities, _ = self.known_for(host, "", port if port != SSH_PORT else None)
        wanted = [*get_default_certificate_algs()] if authorities else []
        for key in trusted:
            wanted += key.sig_algorithms
        wanted += get_default_public_key_algs()
        return [name.decode("ascii") for name in dict.fromkeys(wanted)]

    def validate_host_public_key(self, host: str, addr: str, port: int, key: SSHKey) -> bool:
        """Asked about a key that is none of the known ones."""
        kind, data = key.export_public_key().decode("ascii").split()[:2]
        # As ssh does: a server on an odd port may be known by its name alone.
        loose = self._known.find(self._host.lower()) if self._name != self._host.lower() else []
        if self._changed(fingerprint(data), kind):
            return False
        if any((known.kind, known.data, known.marker) == (kind, data, "") for known in loose):
            return True
        if self._accept_new:
            self._accepted = (kind, data)
            return True
        self.trouble = SystemFault(
            f"the host key of {self._shown} is not known: {kind} {fingerprint(data)}",
            code="HOST_KEY_UNKNOWN",
            hint="compare it with what the host itself says (`ssh-keygen -lf "
            f"/etc/ssh/ssh_host_{_short(kind)}_key.pub` there), then use --accept-new, or "
            f"`ssh-keyscan {_scan(self._at, port)}{_renamed(self._alias)} >>~/.ssh/known_hosts`",
            retryable=False,
        )
        return False

    def validate_host_ca_key(self, host: str, addr: str, port: int, key: SSHKey) -> bool:
        """Asked about the signer of a host's certificate who is none of the known ones."""
        kind, data = key.export_public_key().decode("ascii").split()[:2]
        self.trouble = SystemFault(
            f"the host key of {self._shown} is signed by somebody who is not known: "
            f"{kind} {fingerprint(data)}",
            code="HOST_KEY_UNKNOWN",
            hint=f"add `@cert-authority {self._name} KEY` to ~/.ssh/known_hosts",
            retryable=False,
        )
        return False

    def remember(self) -> None:
        """Write down a new key, now that the host has proven to have it. Raises SystemFault."""
        if self._accepted is not None:
            self._known.add(self._name, *self._accepted)

    def _loaded(self, marker: str) -> list[SSHKey]:
        found = []
        for key in self._keys:
            try:
                if key.marker == marker:
                    found.append(import_public_key(f"{key.kind} {key.data}"))
            except KeyImportError:  # of a kind that this version does not know
                continue
        return found

    def _changed(self, now: str, kind: str) -> bool:
        trusted = [key for key in self._keys if not key.marker]
        if not trusted:
            return False
        known = next((key for key in trusted if key.kind == kind), trusted[0])
        self.trouble = SystemFault(
            f"the host key of {self._shown} has changed: it is {kind} {now}, and "
            f"{known.place} knows {known.kind} {fingerprint(known.data)}",
            code="HOST_KEY_CHANGED",
            hint="somebody may be listening in; if the host is really a new one: "
            f"ssh-keygen -f {known.path} -R '{self._name}'",
            retryable=False,
        )
        return True


def _short(kind: str) -> str:
    """The part of the file's name: `ed25519`, `ecdsa`, `rsa`."""
    return kind.removeprefix("sk-").removeprefix("ssh-").split("-")[0]


def _renamed(alias: str) -> str:
    """Makes lines of ssh-keyscan known by `alias`."""
    return f" | sed 's/^[^ ]*/{alias}/'" if alias else ""


def _scan(host: str, port: int) -> str:
    return host if port == 22 else f"-p {port} {host}"

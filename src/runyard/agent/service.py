"""An agent as a service: which files make it, and what is in them."""

from __future__ import annotations

import os
import re
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

from runyard.agent.envfile import quoted, unquoted
from runyard.agent.settings import AgentSettings, Bounds
from runyard.agent.unit import MARK, launchd, systemd
from runyard.hosts.agent.token import VARIABLE
from runyard.model.errors import UsageError
from runyard.model.light import dataclass

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_TOKEN = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Service:
    """One service of this user, or of the machine.

    Attributes:
        root: below it the files are; `/` is this machine.
        home: of the user that the agent runs as.
    """

    name: str
    settings: AgentSettings
    root: Path
    home: Path
    user: bool
    launchd: bool

    @classmethod
    def of(cls, name: str, settings: AgentSettings, root: Path | None = None) -> Service:
        """The service `name`: of the machine for root, else of this user. Raises UsageError."""
        if not _NAME.fullmatch(name):
            raise UsageError(f"--name {name!r}: a name is made of letters, digits, `.`, `_`, `-`")
        return cls(
            name,
            settings,
            (root or Path("/")).absolute(),
            Path.home(),
            user=os.geteuid() != 0,
            launchd=sys.platform == "darwin",
        )

    @property
    def unit(self) -> Path:
        """The file that the service manager reads."""
        if self.launchd:
            folder = self.home / "Library/LaunchAgents" if self.user else "/Library/LaunchDaemons"
            return self._below(Path(folder, f"{self.name}.plist"))
        folder = self._config / "systemd/user" if self.user else "/etc/systemd/system"
        return self._below(Path(folder, f"{self.name}.service"))

    @property
    def secret(self) -> Path:
        """The file with the token, mode 0600."""
        return self._below(self._secret)

    def text(self) -> str:
        """What `unit` holds. Raises UsageError for an option that cannot stand in it."""
        words = [*_program(), "agent", *self._options()]
        if not self.launchd:
            return systemd(self.name, words, str(self._secret), user=self.user, home=str(self.home))
        folder = self.home / "Library/Logs" if self.user else Path("/var/log")
        words += ["--token-file", str(self._secret)]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.home)}
        return launchd(self.name, words, environment, f"{folder}/{self.name}.log")

    def secret_text(self, token: str) -> str:
        """What `secret` holds. Raises UsageError for a token that cannot stand in it."""
        if not self.launchd:
            return f"# {MARK}.\n{VARIABLE}={quoted(token)}\n"
        if token.startswith("#"):
            raise UsageError("a token in a file does not begin with #, as comments do")
        return f"# {MARK}.\n{token}\n"

    def token_in(self, text: str) -> str:
        """The token in a file of ours, or a new one."""
        lines = (line.strip() for line in text.splitlines())
        found = next((line for line in lines if line and not line.startswith("#")), "")
        if not self.launchd:
            name, _, value = found.partition("=")
            found = unquoted(value) if name == VARIABLE else ""
        return found if _TOKEN.fullmatch(found) else secrets.token_urlsafe(24)

    def printed(self) -> str:
        """What would be written, for people; without the token."""
        return f"# {self.unit}\n# the token: {self.secret}\n\n{self.text()}"

    # -- inside -------------------------------------------------------------------------------

    @property
    def _config(self) -> Path:
        given = os.environ.get("XDG_CONFIG_HOME", "")
        return Path(given) if given.startswith("/") else self.home / ".config"

    @property
    def _secret(self) -> Path:
        folder = self._config / "runyard" if self.user else Path("/etc/runyard")
        return folder / f"{self.name}.env"

    @property
    def _state(self) -> Path:
        if self.settings.state is not None:
            return self.settings.state.absolute()
        if not self.user:
            return Path("/var/lib/runyard", self.name)
        given = os.environ.get("XDG_STATE_HOME", "")
        base = Path(given) if given.startswith("/") else self.home / ".local/state"
        return base / "runyard" / self.name

    def _below(self, path: Path) -> Path:
        return self.root / path.relative_to("/")

    def _options(self) -> Iterator[str]:
        settings, known = self.settings, Bounds()
        for address in settings.addresses:
            yield from ("--addr", address)
        yield from ("--state", str(self._state))
        if settings.tls is not None:
            tls = settings.tls
            files = (("--tls-cert", tls.cert), ("--tls-key", tls.key))
            for name, path in (*files, ("--client-ca", tls.client_ca)):
                if path is not None:
                    yield from (name, str(path.absolute()))
        for label, value in settings.labels.items():
            yield from ("--label", f"{label}={value}")
        bounds = settings.bounds
        for name, given, default in (
            ("--max-tasks", bounds.tasks, known.tasks),
            ("--max-body", bounds.body, known.body),
            ("--max-output", bounds.output, known.output),
            ("--max-spool", bounds.spool, known.spool),
            ("--keep-tasks", bounds.keep_tasks, known.keep_tasks),
            ("--keep-for", bounds.keep_for, known.keep_for),
        ):
            if given != default:
                yield from (name, str(given))
        if settings.verbose:
            yield "--verbose"


def _program() -> list[str]:
    """The words that start runyard, whoever starts them."""
    beside = Path(sys.executable).with_name("runyard")
    return [str(beside)] if beside.exists() else [sys.executable, "-m", "runyard.cli.main"]

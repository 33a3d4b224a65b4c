"""Writes the files of a service and has the service manager of the machine take them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from runyard.agent.address import Address
from runyard.agent.service import Service
from runyard.agent.token import token_of
from runyard.agent.unit import MARK
from runyard.hosts.agent.token import DEFAULT
from runyard.model.errors import ConflictError, SystemFault
from runyard.store.files import write_atomic

_PATIENCE = 60.0


def install(service: Service, *, start: bool) -> Iterator[str]:
    """Write what is different, and start it; yields what was done, for people.

    Raises:
        UsageError: an option cannot be used. ConflictError: `FOREIGN`: there is a file of another
            origin. SystemFault: a file cannot be written, or the service does not start.
    """
    for text in service.settings.addresses:
        Address.parse(text)
    files = (
        (service.secret, service.secret_text(_token(service)), 0o600),
        (service.unit, service.text(), 0o644),
    )
    for path, _, _ in files:
        _ours(path)  # before anything is written
    changed = False
    for path, content, mode in files:
        written = _write(path, content, mode)
        changed = changed or written
        yield f"{'wrote' if written else 'unchanged:'} {path}"
    manager = Manager.here(service)
    if manager is None:
        yield _by_hand(service)
        return
    manager.reload()
    if start:
        manager.start(again=changed)
        yield f"started {service.name}"
    else:
        yield f"not started; `{manager.words('enable', '--now', service.name)}` does it"
    if service.user and not service.launchd:
        yield "it ends when you log out, unless `loginctl enable-linger` lets it stay"


def uninstall(service: Service) -> Iterator[str]:
    """Stop it and remove its files; yields what was done. Raises as `install`."""
    paths = [path for path in (service.unit, service.secret) if _ours(path)]
    if not paths:
        yield f"nothing to remove: {service.unit} is not there"
        return
    manager = Manager.here(service)
    if manager is not None and service.unit in paths:
        manager.stop()
        yield f"stopped {service.name}"
    for path in paths:
        try:
            path.unlink()
        except OSError as error:
            raise _fault(path, error) from error
        yield f"removed {path}"
    if manager is not None:
        manager.reload()


class Manager:
    """systemd or launchd, where it is there to be spoken to."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @classmethod
    def here(cls, service: Service) -> Manager | None:
        """The one for `service`; None when there is none, or the files are for elsewhere."""
        if service.root != Path("/"):
            return None
        if service.launchd:
            return cls(service) if shutil.which("launchctl") else None
        bus = f"{os.environ.get('XDG_RUNTIME_DIR', '')}/systemd/private"
        running = os.path.exists(bus) if service.user else os.path.isdir("/run/systemd/system")
        return cls(service) if running and shutil.which("systemctl") else None

    def words(self, *words: str) -> str:
        """A call of systemd, as a person would type it."""
        return " ".join([*self._systemctl(), *words])

    def reload(self) -> None:
        """Have it read its files again."""
        if not self._service.launchd:
            _call([*self._systemctl(), "daemon-reload"])

    def start(self, *, again: bool) -> None:
        """Start it now and at boot; `again`: what runs is an old one."""
        if self._service.launchd:
            if again:
                _call(["launchctl", "unload", str(self._service.unit)], may_fail=True)
            _call(["launchctl", "load", "-w", str(self._service.unit)])
            return
        _call([*self._systemctl(), "enable", self._service.name])
        _call([*self._systemctl(), "restart" if again else "start", self._service.name])

    def stop(self) -> None:
        """Stop it, now and at boot. What it has started goes on."""
        if self._service.launchd:
            _call(["launchctl", "unload", "-w", str(self._service.unit)], may_fail=True)
        else:
            _call([*self._systemctl(), "disable", "--now", self._service.name], may_fail=True)

    def _systemctl(self) -> list[str]:
        return ["systemctl", "--user"] if self._service.user else ["systemctl"]


def _token(service: Service) -> str:
    """The one given, else the one that is installed, else a new one."""
    given = token_of(service.settings, ()).value
    if given not in ("", DEFAULT):
        return given
    return service.token_in(_read(service.secret) if _ours(service.secret) else "")


def _by_hand(service: Service) -> str:
    what = "launchd" if service.launchd else "systemd"
    if service.root != Path("/"):
        return f"nothing was started: these are files for the machine below {service.root}"
    return (
        f"{what} does not run here: start `runyard agent` by what starts your services, with the "
        f"options in {service.unit} and the variable in {service.secret}"
    )


def _ours(path: Path) -> bool:
    """True when it is there and of our making. Raises ConflictError, SystemFault."""
    if not os.path.lexists(path):
        return False
    if MARK not in _read(path)[:500]:
        raise ConflictError(
            f"{path} was not written by `runyard agent install`",
            code="FOREIGN",
            hint="move it away, or give another --name",
        )
    return True


def _write(path: Path, content: str, mode: int) -> bool:
    """Replace `path` unless it is as it should be; True when it was not."""
    if _ours(path) and _read(path) == content and path.stat().st_mode & 0o777 == mode:
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, content.encode())
        path.chmod(mode)
    except OSError as error:
        raise _fault(path, error) from error
    return True


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise _fault(path, error) from error


def _fault(path: Path, error: OSError) -> SystemFault:
    return SystemFault(f"{path}: {error.strerror}", code="SERVICE", retryable=False)


def _call(words: Sequence[str], *, may_fail: bool = False) -> None:
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SystemFault(f"{' '.join(words)}: {error}", code="SERVICE") from error
    if done.returncode and not may_fail:
        said = (done.stderr or done.stdout).strip()
        raise SystemFault(f"{' '.join(words)}: {said}", code="SERVICE", retryable=False)

"""Files and facts of this host: put, get, stat, probe."""

from __future__ import annotations

import os
import stat as modes

from .refusal import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Reply = tuple[dict[str, Any], bytes]

PART = 4 << 20
MAX_GET = 1 << 30
TOOLS = ("sh", "bash", "python3", "docker", "podman", "git", "systemctl", "apt-get", "dnf", "apk")


def put(data: bytes, dest: str, mode: int | None, owner: str | None) -> dict[str, Any]:
    """Write `data` to `dest` atomically unless it is as asked: {changed, sha256, size}.

    An existing file keeps its mode and owner where none is asked for. Raises OSError, LookupError
    for an unknown owner.
    """
    import hashlib

    dest = os.path.realpath(os.path.expanduser(dest))
    digest = hashlib.sha256(data).hexdigest()
    ids = _ids(owner)
    now = stat(dest, digest=True)
    if now is not None and now["kind"] == "dir":
        raise IsADirectoryError(21, "is a directory", dest)
    changed = now is None or now["size"] != len(data) or now["sha256"] != digest
    if changed:
        _replace(data, dest, mode, ids)
    else:
        current = os.stat(dest)
        if mode is not None and modes.S_IMODE(current.st_mode) != mode:
            os.chmod(dest, mode)
            changed = True
        if ids is not None and _differs(current, ids):
            os.chown(dest, ids[0], ids[1])
            changed = True
    return {"changed": changed, "sha256": digest, "size": len(data)}


def get(path: str) -> bytes:
    """The bytes of a regular file of at most 1 GiB. Raises OSError, Refusal TOO_LARGE."""
    path = os.path.expanduser(path)
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_GET:
            raise Refusal("TOO_LARGE", "%s has %d bytes; at most 1 GiB is fetched" % (path, size))
        return file.read(MAX_GET)


def stat(path: str, digest: bool = False) -> dict[str, Any] | None:
    """{kind, size, mode, owner, mtime, sha256} of what is at `path`, links not followed."""
    path = os.path.expanduser(path)
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    kind = "other"
    for name, test in (("file", modes.S_ISREG), ("dir", modes.S_ISDIR), ("link", modes.S_ISLNK)):
        if test(found.st_mode):
            kind = name
    return {
        "kind": kind,
        "size": found.st_size,
        "mode": modes.S_IMODE(found.st_mode),
        "owner": _user(found.st_uid),
        "mtime": found.st_mtime,
        "sha256": _digest(path) if digest and kind == "file" else "",
    }


def probe() -> dict[str, str]:
    """Facts of this host: `os arch hostname user python machine_id`, and `has.NAME` paths."""
    import sys

    system = os.uname()
    facts = {
        "os": system.sysname.lower(),
        "arch": system.machine,
        "hostname": system.nodename,
        "user": _user(os.geteuid()),
        "python": "%d.%d.%d" % sys.version_info[:3],
        "machine_id": _machine_id(),
    }
    for tool in TOOLS:
        for directory in os.environ.get("PATH", os.defpath).split(":"):
            path = os.path.join(directory, tool)
            if os.access(path, os.X_OK):
                facts["has." + tool] = path
                break
    return facts


def _put(header: dict[str, Any], payload: bytes) -> Reply:
    try:
        return put(payload, header["dest"], header.get("mode"), header.get("owner")), b""
    except LookupError as error:
        raise Refusal("OWNER", str(error)) from error


def _get(header: dict[str, Any], _payload: bytes) -> Reply:
    """A part of at most 4 MiB from `offset`; `size` is that of the whole file."""
    with open(os.path.expanduser(header["src"]), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(int(header.get("offset", 0)))
        return {"size": size}, file.read(min(PART, int(header.get("length", PART))))


def _stat(header: dict[str, Any], _payload: bytes) -> Reply:
    return {"stat": stat(header["path"], bool(header.get("digest")))}, b""


def _probe(_header: dict[str, Any], _payload: bytes) -> Reply:
    return {"facts": probe()}, b""


VERBS: dict[str, Callable[[dict[str, Any], bytes], Reply]] = {
    "put": _put,
    "get": _get,
    "stat": _stat,
    "probe": _probe,
}


def _replace(data: bytes, dest: str, mode: int | None, ids: tuple[int, int] | None) -> None:
    try:
        old: os.stat_result | None = os.stat(dest)
    except FileNotFoundError:
        old = None
    directory = os.path.dirname(dest)
    temporary = os.path.join(directory, ".runyard-%s" % os.urandom(8).hex())
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
            if ids is not None:
                os.fchown(fd, ids[0], ids[1])
            elif old is not None and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(fd, old.st_uid, old.st_gid)
            if mode is None:
                mode = modes.S_IMODE(old.st_mode) if old is not None else 0o666 & ~_umask()
            os.fchmod(fd, mode)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(temporary, dest)
    except BaseException:
        os.unlink(temporary)
        raise
    place = os.open(directory or ".", os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _digest(path: str) -> str:
    import hashlib

    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while True:
            part = file.read(1 << 20)
            if not part:
                return digest.hexdigest()
            digest.update(part)


def _ids(owner: str | None) -> tuple[int, int] | None:
    """(uid, gid) of `user`, `user:group` or numbers; -1 keeps the group."""
    if not owner:
        return None
    import grp
    import pwd

    user, _, group = owner.partition(":")
    uid = int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid
    if not group:
        return uid, -1
    return uid, int(group) if group.isdigit() else grp.getgrnam(group).gr_gid


def _differs(found: os.stat_result, ids: tuple[int, int]) -> bool:
    return found.st_uid != ids[0] or ids[1] not in (-1, found.st_gid)


def _user(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _machine_id() -> str:
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            with open(path, encoding="ascii") as file:
                return file.read().strip()
        except OSError:
            continue
    return os.uname().nodename

"""What a daemon says went wrong, in the words of the error tree."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator

from aiodocker.exceptions import DockerError

from runyard.model.errors import (
    ArgumentError,
    ConflictError,
    NetworkError,
    NotFoundError,
    RunyardError,
    SystemFault,
)

NO_ANSWER = 900
"""The status that aiodocker gives to a daemon that could not be reached."""

_DENIED = "add the user to the group docker, or run as root; then log in again"
_ABSENT = "is dockerd running? `docker info` tells; DOCKER_HOST says where it is"
# The daemon has one status for most of what can be wrong with a request; its words are telling.
_WORDS = (
    ("no space left on device|disk quota exceeded", SystemFault, "DISK_FULL", ""),
    (
        "volume|mount|bind source",
        ArgumentError,
        "VOLUME",
        "write /path/on/the/host:/path/in/it, or NAME:/path for a volume; :ro makes it read-only",
    ),
    (
        "invalid reference format",
        ArgumentError,
        "IMAGE",
        "an image is NAME or NAME:TAG, in small letters and without blanks",
    ),
    (
        "unable to find (user|group)|no matching entries in (passwd|group) file",
        ArgumentError,
        "CONTAINER_USER",
        "a name must be known in the image; a number need not be",
    ),
    (
        r"network .*not found|could not find a network",
        ArgumentError,
        "CONTAINER_NETWORK",
        "`docker network ls` lists them; none and host are always there",
    ),
    (
        "no such file or directory|executable file not found|not a directory|permission denied"
        "|exec format error",
        ArgumentError,
        "NOT_STARTED",
        "is the program in the image, executable, and made for this kind of processor?",
    ),
)
_PLACE = re.compile(r"Docker Engine via (\S+)")
_IMAGE_ABSENT = re.compile(
    r"manifest .*(unknown|not found)|pull access denied|repository .*not found|not found: manifest"
    r"|no matching manifest|invalid reference format|unauthorized|authentication required|denied:"
    r"|no basic auth credentials|forbidden",
    re.IGNORECASE | re.DOTALL,
)


def fault_of(error: Exception, what: str) -> RunyardError:
    """`error`, met when we tried to `what`, as an error that says whether trying again helps."""
    if not isinstance(error, DockerError):
        return NetworkError(f"{what}: {_text(error)}", code="DOCKER_DAEMON", hint=_ABSENT)
    text = _short(error.message)
    if error.status == NO_ANSWER:
        return _unreachable(error, what)
    if error.status == 409:
        return ConflictError(f"{what}: {text}", code="CONTAINER_CONFLICT")
    for words, kind, code, hint in _WORDS:
        if re.search(words, text, re.IGNORECASE):
            return kind(f"{what}: {text}", code=code, hint=hint or None)
    if error.status == 404:
        return NotFoundError(f"{what}: {text}", code="CONTAINER")
    if 400 <= error.status < 500:
        return ArgumentError(f"{what}: {text}", code="CONTAINER")
    return SystemFault(f"{what}: {text}", code="DOCKER")


def pull_fault(error: Exception, image: str) -> RunyardError:
    """What it means that `image` could not be pulled."""
    what = f"cannot pull {image}"
    if not isinstance(error, DockerError) or error.status == NO_ANSWER:
        return fault_of(error, what)
    text = _short(error.message)
    if _IMAGE_ABSENT.search(text):
        return ArgumentError(
            f"{what}: {text}",
            code="IMAGE",
            hint="is the name right, and may you read it? `docker login` of a registry is honoured",
        )
    if "no space left" in text.lower():
        return SystemFault(f"{what}: {text}", code="DISK_FULL")
    return NetworkError(
        f"{what}: {text}",
        code="PULL",
        hint="the daemon itself asks the registry: is the image's name right, and is there a way?",
    )


def is_absent(error: Exception) -> bool:
    """True when the daemon has answered that there is no such container."""
    return isinstance(error, DockerError) and error.status == 404


def is_daemons(error: Exception) -> bool:
    """True when the daemon itself gave this answer, so that it is there."""
    return isinstance(error, DockerError) and error.status != NO_ANSWER


def _unreachable(error: DockerError, what: str) -> RunyardError:
    why = ""
    for cause in _causes(error):
        number = getattr(cause, "errno", None)
        if isinstance(number, int) and number > 0:
            why = f" ({os.strerror(number)})"
        if number in (errno.EACCES, errno.EPERM):
            return SystemFault(
                f"{what}: permission denied on the socket of the docker daemon",
                code="DOCKER_PERMISSION",
                hint=_DENIED,
                retryable=False,
            )
    place = _PLACE.search(error.message)
    at = f" at {place[1]}" if place is not None else ""
    return NetworkError(
        f"{what}: no docker daemon answers{at}{why}", code="DOCKER_DAEMON", hint=_ABSENT
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        os_error = getattr(seen, "os_error", None)
        if isinstance(os_error, BaseException):
            yield os_error
        seen = seen.__cause__ or seen.__context__


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__


def _short(text: str) -> str:
    """Without the names of all the layers that an error of runc has passed through."""
    text = " ".join(text.split())
    text = re.sub(r"^.*OCI runtime \w+ failed: (?:runc \w+ failed: )?", "", text)
    return text.removesuffix(": unknown")

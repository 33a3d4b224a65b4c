"""The forms in which a secret may appear in output."""

from __future__ import annotations

import binascii
import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator

MIN_SECRET = 6
MIN_LINE = 8

_URL_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")
_SHELL_SAFE = _URL_SAFE | frozenset(b"@%+=:,/")


class ShortSecret(ValueError):
    """A secret is too short to be masked without masking half of the output."""


def forms_of(secrets: dict[str, str]) -> list[bytes]:
    """Every distinct form of all `secrets` (name to value), longest first.

    A form that contains another one is left out: masking the shorter masks it too.

    Raises:
        ShortSecret: a value has fewer than 6 characters.
    """
    found: set[bytes] = set()
    for name, value in secrets.items():
        if len(value) < MIN_SECRET:
            raise ShortSecret(
                "secret %s has %d characters; under %d cannot be masked"
                % (name, len(value), MIN_SECRET)
            )
        found.update(_forms(value))
        lines = value.splitlines()
        if len(lines) > 1:
            for line in lines:
                if len(line.strip()) >= MIN_LINE:
                    found.update(_forms(line.strip()))
    found.discard(b"")
    kept: list[bytes] = []
    for form in sorted(found, key=len):
        if not any(shorter in form for shorter in kept):
            kept.append(form)
    return sorted(kept, key=lambda form: (-len(form), form))


def _forms(text: str) -> Iterator[bytes]:
    raw = text.encode("utf-8", "surrogateescape")
    yield raw
    yield from _base64(raw)
    for safe in (b"", b"/"):
        upper = _url(raw, safe)
        yield upper
        yield _lower_hex(upper)
        yield upper.replace(b"%20", b"+")
    for ascii_only in (True, False):
        quoted = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield quoted.encode("utf-8", "surrogateescape")
        yield quoted.replace("/", "\\/").encode("utf-8", "surrogateescape")
    yield raw.replace(b"'", b"'\"'\"'")
    yield raw.replace(b"'", b"'\\''")
    yield b"".join(bytes((b,)) if b in _SHELL_SAFE or b > 127 else b"\\%c" % b for b in raw)


def _base64(raw: bytes) -> Iterator[bytes]:
    """The characters that `raw` alone determines, at each of its three alignments."""
    for before in range(3):
        coded = binascii.b2a_base64(b"\0" * before + raw, newline=False)
        first = -(-8 * before // 6)
        last = 8 * (before + len(raw)) // 6
        yield coded[first:last]
        yield coded[first:last].translate(bytes.maketrans(b"+/", b"-_"))


def _url(raw: bytes, safe: bytes) -> bytes:
    return b"".join(bytes((b,)) if b in _URL_SAFE or b in safe else b"%%%02X" % b for b in raw)


def _lower_hex(quoted: bytes) -> bytes:
    parts = quoted.split(b"%")
    return b"%".join([parts[0]] + [part[:2].lower() + part[2:] for part in parts[1:]])

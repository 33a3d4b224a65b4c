"""Questions to a host without Python: a constant shell text, words, and what it says."""

from __future__ import annotations

import base64
import binascii
import secrets

from runyard.hosts.file_fault import code_in, file_fault
from runyard.hosts.plain_script import carry
from runyard.hosts.plain_stream import Framing
from runyard.hosts.shell import Shell
from runyard.model.errors import (
    HostLost,
    NetworkError,
    NotFoundError,
    RunyardError,
    SystemFault,
)

MISSING = 3
"""Exit code of a text whose file is not there."""

_STDERR = 4096
_BEGIN = "ry_t=$1; shift; printf '\\036%s pid 0\\n' \"$ry_t\"\n"
_END = '\nprintf \'\\036%s end %s 0 0\\n\' "$ry_t" "$?"'

# A path of ours as one of theirs: `~` and what is relative start at the home directory.
PATH = """LC_ALL=C; export LC_ALL; p=$1
case $p in '~') p=$HOME ;; '~/'*) p=$HOME/${p#??} ;; /*) ;; *) p=$HOME/$p ;; esac
"""


class Questions:
    """Asks over a shell. Raises NetworkError when the host cannot be reached."""

    def __init__(self, host: str, shell: Shell) -> None:
        self._host = host
        self._shell = shell

    @property
    def part(self) -> int:
        """Bytes that go in one question."""
        return 4 << 20 if self._shell.raw else 64 << 10

    async def ask(self, text: str, *words: str) -> bytes:
        """What `text` says on stdout, given `words` as `$1 $2 …`.

        Raises:
            NotFoundError: it ended with MISSING. SystemFault: with another code.
        """
        return await self._ask(f"({text})", words, None)

    async def give(self, text: str, data: bytes, *words: str) -> bytes:
        """The same with `data` on its stdin."""
        return await self._ask(f"({text})", words, data)

    async def fetch(self, text: str, *words: str) -> bytes:
        """The same for a text that says any bytes."""
        if self._shell.raw:
            return await self.ask(text, *words)
        coded = f"{{ ({text})\nprintf %03d $?; }} | base64"
        said, err = await self._talk(coded, words, None)
        try:
            data = base64.b64decode(said)
            code = int(data[-3:])
        except (binascii.Error, ValueError):
            raise SystemFault(f"{self._host}: no answer in base64: {_last(err)}") from None
        if code:
            raise _fault(code, _last(err))
        return data[:-3]

    async def _ask(self, text: str, words: tuple[str, ...], data: bytes | None) -> bytes:
        return (await self._talk(text, words, data))[0]

    async def _talk(
        self, text: str, words: tuple[str, ...], data: bytes | None
    ) -> tuple[bytes, bytes]:
        token = secrets.token_hex(16)
        framing, out, err = Framing(token), bytearray(), bytearray()

        def take(stream: int, part: bytes) -> None:
            if stream == 1:
                out.extend(framing.feed(part))
            elif len(err) < _STDERR:
                err.extend(part[:_STDERR])

        env: dict[str, str] = {}
        begin = _BEGIN
        if data is not None and not self._shell.raw:
            env, takes = carry({"ry_b": base64.b64encode(data).decode()})
            begin, data = begin + takes, None
            text = f'printf %s "$ry_b" | base64 -d | {text}'
        argv = ("sh", "-c", begin + text + _END, "sh", token, *words)
        await self._shell.run(argv, env=env, stdin=data, on_output=take)
        out.extend(framing.rest())
        if framing.code is None:
            if not framing.begun.is_set():
                raise SystemFault(
                    f"{self._host}: there is no POSIX shell: {_last(err)}", code="NO_SHELL"
                )
            raise HostLost.of(self._host, NetworkError("the connection ended within an answer"))
        if framing.code:
            raise _fault(framing.code, _last(err))
        return bytes(out), bytes(err)


def _last(err: bytes | bytearray) -> str:
    text = err.decode(errors="replace").strip()
    return text.rpartition("\n")[2] or "it said no reason"


def _fault(code: int, said: str) -> RunyardError:
    if code == MISSING:
        return NotFoundError(said, code="FILE")
    return file_fault(code_in(said), said)

"""Files and facts of a host without Python, by shell texts."""

from __future__ import annotations

import asyncio
import secrets
import stat as modes
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from runyard.hosts.plain_ask import MISSING, PATH, Questions
from runyard.hosts.source import Source
from runyard.model.connector import FileStat, Put
from runyard.model.errors import NotFoundError, RunyardError, SystemFault
from runyard.model.progress import Progress
from runyard.supervisor.facts import TOOLS

_DIGEST = r"""
ry_sum() {
  if command -v sha256sum >/dev/null; then sha256sum
  elif command -v shasum >/dev/null; then shasum -a 256
  elif command -v sha256 >/dev/null; then sha256 -q
  elif command -v openssl >/dev/null; then openssl dgst -sha256 -r
  else echo unknown; fi | { read -r s _; printf '%s\n' "$s"; }
}
"""
_STAT = f"""{PATH}{_DIGEST}
l=$(ls -ldn "$p" 2>&1) || case $l in
  *"ermission denied"*) echo "$l" >&2; exit 1 ;;
  *) echo "$p: no such file" >&2; exit {MISSING} ;;
esac
stat -c '%f %s %Y %U' "$p" 2>/dev/null || {{ printf '%s\\n' "$l"; ls -ld "$p"; }}
[ -z "$2" ] || ! [ -f "$p" ] || [ -L "$p" ] || {{ [ -r "$p" ] || cat "$p" >/dev/null || exit 1
  ry_sum <"$p"; }}
"""
_BEGIN = f"""{PATH}
if [ -d "$p" ]; then echo "$p: is a directory" >&2; exit 1; fi
d=$(readlink -f "$p" 2>/dev/null) || d=$p
[ -n "$d" ] || d=$p
[ -d "${{d%/*}}/" ] || {{ echo "${{d%/*}}: no such directory" >&2; exit {MISSING}; }}
[ -w "${{d%/*}}/" ] || {{ echo "${{d%/*}}: permission denied" >&2; exit 1; }}
t=${{d%/*}}/.runyard-$2
umask 077; : >"$t" || exit 1
printf '%s\\0%s' "$t" "$d"
"""
_ADD = '[ -f "$1" ] && cat >>"$1"'
_FINISH = f"""{_DIGEST}
t=$1 d=$2 u=$(umask)
trap 'rm -f "$t"' EXIT
s=$(ry_sum <"$t")
if [ "$s" = unknown ]; then s=$3; n=$(wc -c <"$t"); [ "$n" -eq "$4" ] || s=; fi
if [ "$s" != "$3" ]; then echo "$d: it did not arrive as it was sent" >&2; exit 1; fi
o=$6 m=$5
if [ -e "$d" ]; then
  l=$(ls -ldn "$d"); set -- $l; a=$3:$4
  l=$(ls -ldn "$t"); set -- $l
  [ -n "$o" ] || [ "$a" = "$3:$4" ] || o=$a
fi
[ -z "$o" ] || chown "$o" "$t" || exit 1
[ -n "$m" ] || m=$(printf %o $((0666 & ~0$u)))
chmod "$m" "$t" || exit 1
dd if=/dev/null of="$t" conv=notrunc,fsync 2>/dev/null || sync
mv -f "$t" "$d"
"""
_RIGHTS = f"""{PATH}
p=$(readlink -f "$p" 2>/dev/null || printf %s "$p")
a=$(ls -ldn "$p")
[ -z "$3" ] || chown "$3" "$p" || exit 1
[ -z "$2" ] || chmod "$2" "$p" || exit 1
[ "$a" = "$(ls -ldn "$p")" ] || echo changed
"""
_SEEN = f"""{PATH}
[ -e "$p" ] || {{ echo "$p: no such file" >&2; exit {MISSING}; }}
[ -f "$p" ] || {{ echo "$p: not a regular file" >&2; exit 1; }}
[ -r "$p" ] || {{ echo "$p: permission denied" >&2; exit 1; }}
stat -L -c '%s %i %y %z' "$p" 2>/dev/null || ls -lLdn "$p"
"""
_GET = _SEEN + 'dd if="$p" bs="$2" skip="$3" count=1 2>/dev/null'
_PROBE = r"""
echo "os $(uname -s)"; echo "arch $(uname -m)"; echo "hostname $(uname -n)"
echo "user $(id -un)"; echo "python "
{ read -r i </etc/machine-id || read -r i </var/lib/dbus/machine-id || i=$(uname -n); } 2>/dev/null
echo "machine_id $i"
d= v= f=/etc/os-release; [ -r $f ] || f=/usr/lib/os-release
if [ -r $f ]; then
  d=linux
  while IFS== read -r k x; do
    x=${x#[\"\']}; x=${x%[\"\']}; case $k in ID) d=$x;; VERSION_ID) v=$x;; esac
  done <$f
elif [ "$(uname -s)" = Darwin ]; then d=macos; v=$(sw_vers -productVersion)
fi
echo "distro $d"; echo "distro_version $v"
echo "cpus $(getconf _NPROCESSORS_ONLN 2>/dev/null || nproc 2>/dev/null)"
m=
if [ -r /proc/meminfo ]; then
  while read -r k x _; do [ "$k" != MemTotal: ] || m=$((x * 1024)); done </proc/meminfo
else m=$(sysctl -n hw.memsize 2>/dev/null)
fi
echo "memory $m"
for n in "$@"; do x=$(command -v "$n") && echo "has.$n $x"; done; :
"""
_KINDS = {"-": modes.S_IFREG, "d": modes.S_IFDIR, "l": modes.S_IFLNK}
_PLURAL = 9  # fields of a line of ls


class PlainFiles:
    """The file verbs of a connector. Raises as `Connector` says."""

    def __init__(self, questions: Questions) -> None:
        self._host = questions

    async def put(
        self,
        data: bytes | Path,
        dest: str,
        *,
        mode: int | None,
        owner: str | None,
        progress: Progress | None = None,
    ) -> Put:
        async with Source.of(data, progress) as source:
            there = await self._target(dest)
            digest = await source.digest()
            if there is not None and there.kind == "file" and there.size == source.size:
                now = await self.stat(await self._real(dest), digest=True)
                if now is not None and now.sha256 == digest:
                    octal = "" if mode is None else f"{mode:o}"
                    said = await self._host.ask(_RIGHTS, dest, octal, owner or "")
                    return Put(changed=bool(said), sha256=digest, size=source.size)
            if mode is None and there is not None:
                mode = there.mode
            await self._send(source, digest, dest, mode, owner or "")
            return Put(changed=True, sha256=digest, size=source.size)

    async def _send(
        self, source: Source, digest: str, dest: str, mode: int | None, owner: str
    ) -> None:
        begun = asyncio.ensure_future(self._host.ask(_BEGIN, dest, secrets.token_hex(8)))
        try:
            said = await asyncio.shield(begun)
        except asyncio.CancelledError:
            with suppress(RunyardError):
                await self._undo(_both(await begun)[0])
            raise
        temporary, final = _both(said)
        try:
            async for part in source.parts(self._host.part):
                await self._host.give(_ADD, part, temporary)
            source.check()
            octal = "" if mode is None else f"{mode:o}"
            words = (temporary, final, digest, str(source.size), octal, owner)
            await self._host.ask(_FINISH, *words)
        except BaseException:
            await self._undo(temporary)
            raise

    async def _undo(self, temporary: str) -> None:
        """What is half there must not stay, also when we are cancelled again."""
        undo = asyncio.ensure_future(self._host.ask('rm -f "$1"', temporary))
        with suppress(RunyardError):
            await asyncio.shield(undo)

    async def get(self, src: str) -> AsyncIterator[bytes]:
        """Its bytes in parts. Raises SystemFault, CHANGED, when it is written to meanwhile."""
        index, first = 0, b""
        while True:
            said = await self._host.fetch(_GET, src, str(self._host.part), str(index))
            seen, _, part = said.partition(b"\n")
            if index and seen != first:
                raise SystemFault(f"{src} changed while it was read", code="CHANGED")
            first = seen
            if part:
                yield part
            if len(part) < self._host.part:
                return
            index += 1

    async def stat(self, path: str, *, digest: bool = False) -> FileStat | None:
        try:
            said = await self._host.ask(_STAT, path, "1" if digest else "")
        except NotFoundError:
            return None
        lines = said.decode(errors="surrogateescape").split("\n")
        if lines[0][:1] in "-dlbcps" and len(lines[0].split()) >= _PLURAL - 1:
            return _of_ls(lines)
        raw, size, mtime, user = lines[0].split(maxsplit=3)
        found = int(raw, 16)
        sha256 = lines[1] if digest and modes.S_ISREG(found) and lines[1] != "unknown" else ""
        return FileStat(_kind(found), int(size), modes.S_IMODE(found), user, float(mtime), sha256)

    async def probe(self) -> dict[str, str]:
        said = await self._host.ask(_PROBE, *TOOLS)
        facts = {}
        for line in said.decode(errors="replace").splitlines():
            name, _, value = line.partition(" ")
            facts[name] = value.lower() if name == "os" else value
        return facts

    async def deliver(self, copies: Path, where: str) -> None:
        """Copy the files in `copies` into the directory `where`, which is made if missing."""
        await self._host.ask(f'{PATH}mkdir -p "$p"', where)
        for path in await asyncio.to_thread(lambda: sorted(copies.iterdir())):
            await self.put(path, f"{where}/{path.name}", mode=None, owner=None)

    async def _real(self, dest: str) -> str:
        said = await self._host.ask(f'{PATH}readlink -f "$p" || printf %s "$p"', dest)
        return said.decode(errors="surrogateescape").removesuffix("\n")

    async def _target(self, dest: str) -> FileStat | None:
        """What is at `dest`, links followed."""
        found = await self.stat(dest)
        return await self.stat(await self._real(dest)) if found and found.kind == "link" else found


def _both(said: bytes) -> tuple[str, str]:
    """The paths of the temporary file and of the one that it will be."""
    temporary, _, final = said.decode(errors="surrogateescape").partition("\0")
    return temporary, final


def _kind(mode: int) -> str:
    tests = (("file", modes.S_ISREG), ("dir", modes.S_ISDIR), ("link", modes.S_ISLNK))
    return next((name for name, test in tests if test(mode)), "other")


def _of_ls(lines: list[str]) -> FileStat:
    """From two lines of ls, the second with the owner's name; it tells no time that we can read."""
    fields, named = lines[0].split(), lines[1].split()
    text = fields[0]
    mode = 0
    for at, letter in enumerate(text[1:10]):
        if letter not in "-ST":
            mode |= 1 << (8 - at)
        if letter in "sStT":
            mode |= (0o4000, 0o2000, 0o1000)[at // 3]
    kind = _kind(_KINDS.get(text[0], 0))
    size = int(fields[4]) if kind in ("file", "link", "dir") else 0
    digest = lines[2] if len(lines) > 2 and kind == "file" and lines[2] != "unknown" else ""
    return FileStat(kind, size, mode, named[2], 0.0, digest)

"""The shell texts by which a host without Python does our work, and the commands made of them.

They need a POSIX shell and what comes with it; BusyBox is enough. Nothing of the work is in a
command line: environment, directory and argv come over stdin, as two lines of shell words, or in
environment variables where there is no stdin. A process that was started so still shows its own
argv, as everywhere.

The script says on stdout, each on a line that begins with U+001E and a token of the attempt:

    TOKEN no dir|files|missing|denied   it could not be started
    TOKEN pid PID SESSION               it is about to be; SESSION is 1 when it leads one
    TOKEN end CODE SWEPT LEFT           it has ended; how many were ended after it, and are left
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence

from runyard.model.errors import ArgumentError
from runyard.model.execution import Exec
from runyard.model.light import dataclass

MARK = "\x1e"
PIECE = 96 * 1024
"""Bytes of one environment variable: Linux takes less than 128 KiB."""

MOST = 1 << 20
"""Bytes of stdin where there is none, and so everything must fit into an environment."""

LEFTOVER_GRACE = 2.0
"""Seconds that processes get which the main one has left behind."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# A shell must not, or cannot, have these as variables of its own.
_ODD = {
    *("BASHOPTS", "BASHPID", "BASH_ENV", "BASH_VERSINFO", "EUID", "GROUPS", "IFS", "LINENO"),
    *("OPTARG", "OPTIND", "PPID", "PS4", "RANDOM", "SECONDS", "SHELLOPTS", "UID", "_"),
}

# The pids of the work: its session leader's group, and whoever bears its mark. The attempt's name
# is no mark: another dispatcher may have one of the same name on the same host.
_LEFT = r"""
ry_left() {
  ry_l=
  if [ -n "$ry_o" ] && kill -0 "-$ry_p"; then
    if [ -r /proc/self/stat ]; then
      for ry_x in /proc/[0-9]*/stat; do
        IFS= read -r ry_v <"$ry_x" || continue
        set -- ${ry_v##*) }
        [ "$3" = "$ry_p" ] && [ "$1" != Z ] || continue
        ry_x=${ry_x#/proc/}; ry_l="$ry_l ${ry_x%/stat}"
      done
    else
      ry_l=-$ry_p
    fi
  fi
  for ry_x in $(grep -lzxF "RUNYARD_MARK=$ry_m" /proc/[0-9]*/environ); do
    ry_x=${ry_x#/proc/}; ry_x=${ry_x%/environ}
    case "$ry_l " in *" $ry_x "*) ;; *) ry_l="$ry_l $ry_x" ;; esac
  done
}
"""

_INNER = r"""
ry_t=$1 ry_d=$2 ry_f=$3 ry_o=$6
export RUNYARD_ATTEMPT="$4" RUNYARD_MARK="$5"; shift 6
ry_no() { printf "\036%s no %s\n" "$ry_t" "$1" >&3; exit 125; }
cd "$ry_d" >/dev/null 2>&1 || ry_no dir
[ -z "$ry_f" ] || ulimit -n "$ry_f" || ry_no files
case $1 in
  */*) { [ -e "$1" ] && ! [ -d "$1" ]; } || ry_no missing; [ -x "$1" ] || ry_no denied ;;
  *) command -v "$1" >/dev/null || ry_no missing ;;
esac
printf "\036%s pid %s %s\n" "$ry_t" "$$" "$ry_o" >&3
printf %s "$$"
exec "$@" >&3 3>&- 4>&-
"""

_BEGIN = r"""ry_nl='
'
"""

_RUN = r"""
eval "$ry_s"
exec 3>&1 4>&2 2>/dev/null
ry_h=$(command -v sh); ry_o=1
if ry_x=$(command -v setsid); then ry_k=setsid
elif ry_x=$(command -v perl); then ry_k=perl
else ry_k= ry_o=; fi
case $ry_d in /*) ;; *) ry_d=$HOME/$ry_d ;; esac
ry_run() {
  eval "$ry_e"
  set -- "$ry_h" -c "$ry_n" sh "$ry_t" "$ry_d" "$ry_f" "$ry_a" "$ry_m" "$ry_o" "$@"
  case $ry_k in
    setsid) set -- "$ry_x" "$@" ;;
    perl) set -- "$ry_x" -e 'use POSIX; POSIX::setsid(); exec @ARGV' "$@" ;;
  esac
  exec "$@" 2>&4
}
case $ry_i in
  stdin) ry_p=$(ry_run) ;;
  '') ry_p=$(ry_run </dev/null) ;;
  *) ry_p=$(printf %s "$ry_i" | base64 -d | ry_run) ;;
esac
ry_c=$?
ry_left
ry_n=0
if [ -n "$ry_l" ]; then
  sleep 0.05 || sleep 1
  ry_left; set -- $ry_l; ry_n=$#
  [ -z "$ry_l" ] || { kill -TERM $ry_l; kill -CONT $ry_l; }
  case $ry_c in 137|143) ry_w=$ry_g ;; esac
  while [ -n "$ry_l" ] && [ "$ry_w" -gt 0 ]; do
    sleep 0.1 || { sleep 1; ry_w=$((ry_w-9)); }
    ry_w=$((ry_w-1)); ry_left
  done
  ry_w=50
  while [ -n "$ry_l" ] && [ "$ry_w" -gt 0 ]; do
    kill -KILL $ry_l; sleep 0.1 || sleep 1; ry_w=$((ry_w-1)); ry_left
  done
fi
set -- $ry_l
printf '\036%s end %s %s %s\n' "$ry_t" "$ry_c" "$ry_n" "$#" >&3
"""

_SIGNAL = (
    "ry_m=$1 ry_p=$2 ry_o=$3 ry_s=$4; exec 2>/dev/null"
    + _LEFT
    + '[ -n "$ry_p" ] && ry_left; set -- $ry_l; [ -n "$1" ] || set -- "$ry_p"\n'
    + 'kill "-$ry_s" "$@"; [ "$ry_s" = KILL ] || kill -CONT "$@"\n'
)


@dataclass(frozen=True, slots=True)
class Command:
    """What is given to `Shell.run`."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    stdin: bytes | None


def start(work: Exec, token: str, mark: str, *, raw: bool) -> Command:
    """The command that runs `work`; all that comes of it bears `mark` in its environment.

    Raises:
        ArgumentError: a word holds a NUL byte, or stdin does not fit.
    """
    settings = _settings(work, token, mark)
    words = "; ".join(_words(work))
    if "\0" in words or "\0" in settings:
        raise ArgumentError("a NUL byte cannot be in an argument, a variable or a path")
    script = f"ry_n={_whole(_INNER)}\n{_LEFT}{_RUN}"
    if raw:
        given = "stdin" if work.stdin is not None else ""
        begin = f"{_BEGIN}ry_i={given}\nIFS= read -r ry_s && IFS= read -r ry_e || exit 1\n"
        stdin = _bytes(f"{settings}\n{words}\n") + (work.stdin or b"")
        return Command(("sh", "-c", begin + script), {}, stdin)
    if work.stdin is not None and len(work.stdin) > MOST:
        raise ArgumentError(
            f"stdin has {len(work.stdin)} bytes; without python3 there this way passes 1 MiB",
            hint="put a file on the host and read that",
        )
    coded = base64.b64encode(work.stdin).decode() if work.stdin is not None else ""
    if work.stdin == b"":
        coded = "="  # base64 of nothing, and not nothing
    env, begin = carry({"ry_s": settings, "ry_e": words, "ry_i": coded})
    return Command(("sh", "-c", _BEGIN + begin + script), env, None)


def send(mark: str, pid: int, session: bool, number: str) -> Command:
    """The command that signals everybody who bears `mark`, and the session: `TERM` or `KILL`."""
    words = (mark, str(pid), "1" if session else "", number)
    return Command(("sh", "-c", _SIGNAL, "sh", *words), {}, None)


def carry(values: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """An environment that carries `values`, and the shell text that takes them from there."""
    env: dict[str, str] = {}
    takes = []
    for name, value in values.items():
        parts = []
        for part in _pieces(value):
            key = f"RUNYARD_{len(env)}"
            env[key] = part
            parts.append(f"${key}")
        takes.append(f'{name}="{"".join(parts)}"\n')
    return env, "".join(takes) + (f"unset {' '.join(env)}\n" if env else "")


def quote(text: str) -> str:
    """`text` as one word on one line; the shell that reads it has a newline in `ry_nl`."""
    return _whole(text).replace("\n", "'\"$ry_nl\"'")


def _whole(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _settings(work: Exec, token: str, mark: str) -> str:
    directory = work.cwd or ""
    if directory == "~" or directory.startswith("~/"):
        directory = directory[2:]
    files = work.limits.open_files
    grace = round(work.grace * 10)
    return " ".join(
        (
            f"ry_t={token}",
            f"ry_m={mark}",
            f"ry_a={quote(work.attempt)}",
            f"ry_d={quote(directory)}",
            f"ry_f={'' if files is None else int(files)}",
            f"ry_g={grace}",
            f"ry_w={min(grace, round(LEFTOVER_GRACE * 10))}",
        )
    )


def _words(work: Exec) -> Iterator[str]:
    odd = []
    for name, value in work.env.items():
        if name in ("RUNYARD_ATTEMPT", "RUNYARD_MARK"):
            continue
        if name in _ODD or not _NAME.fullmatch(name):
            odd.append(quote(f"{name}={value}"))
        else:
            yield f"export {name}={quote(value)}"
    argv: Sequence[str] = [quote(word) for word in work.argv]
    yield " ".join(["set --", *(["env", *odd] if odd else []), *argv])


def _pieces(text: str) -> Iterator[str]:
    """`text` in parts that fit into a variable each."""
    raw = _bytes(text)
    at = 0
    while at < len(raw):
        end = min(len(raw), at + PIECE)
        for _ in range(3):  # not within a character
            end -= end < len(raw) and raw[end] & 0xC0 == 0x80
        yield raw[at:end].decode("utf-8", "surrogateescape")
        at = end


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")

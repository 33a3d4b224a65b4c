"""What Ansible hands on to the program ssh (`ansible_ssh_common_args`), as far as we need it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Final

NAMES: Final = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
"""Variables that hold them, the stronger ones last."""
_CHECK: Final = "stricthostkeychecking"
_IDLE: Final = frozenset((
    "controlmaster", "controlpersist", "controlpath", "compression", "serveraliveinterval",
    "serveralivecountmax", "tcpkeepalive", "loglevel", "batchmode", "connectionattempts",
))  # fmt: skip
_IDLE_FLAGS: Final = frozenset("CqvTtnxa46S")
"""About how fast and how loud ssh works."""
_TAKE_A_VALUE: Final = frozenset("BbcDEeFIiJLlmOopPQRSWw")


def options_of(text: str) -> dict[str, str]:
    """`jump` and `known_hosts` of arguments such as `-J bastion -o UserKnownHostsFile=FILE`.

    A ProxyCommand counts when it is `ssh -W %h:%p HOST`, which is how jumps were written before.
    """
    found: dict[str, str] = {}
    for flag, value in _flags(_words(text)):
        found.update(_option_of(flag, value))
    return found


def left_out(text: str) -> list[str]:
    """What of such arguments `options_of` does not take over, but for what only is about speed.

    Templates are passed over: what they mean is not known here.
    """
    found = []
    for flag, value in _flags(_words(text)):
        key, said = _setting(value) if flag == "o" else ("", value)
        if flag in _IDLE_FLAGS or key in _IDLE or "{{" in value or _option_of(flag, value):
            continue
        if said.lower() == "none" or (key == _CHECK and said.lower() in ("yes", "ask", "true")):
            continue
        found.append(value.strip() if key else f"-{flag} {value}".strip() if flag else value)
    return found


def _option_of(flag: str, value: str) -> dict[str, str]:
    if flag == "J" and value:
        return {"jump": value}
    key, said = _setting(value) if flag == "o" else ("", "")
    if key == "proxyjump" and said and said.lower() != "none":
        return {"jump": said}
    if key == "proxycommand" and (jump := _of_command(said)):
        return {"jump": jump}
    if key == "userknownhostsfile" and said not in ("", "/dev/null"):
        return {"known_hosts": said}
    return {}


def _setting(text: str) -> tuple[str, str]:
    """Name in lower case and value of `-o NAME=VALUE`, or `"NAME VALUE"`."""
    name, _, said = text.replace(" ", "=", not text.count("=")).partition("=")
    return name.strip().lower(), said.strip()


def _of_command(text: str) -> str:
    """The host of `ssh -W %h:%p -p PORT USER@HOST`; "" when the command is another one."""
    words = _words(text)
    if not words or words[0].rpartition("/")[2] != "ssh":
        return ""
    flags = list(_flags(words[1:]))
    said = dict(flags)
    host = said.get("", "")
    if said.get("W") != "%h:%p" or not host or set(said) - {"", "W", "q", "p", "l", "A", "o"}:
        return ""
    user = f"{said['l']}@" if "l" in said and "@" not in host else ""
    return f"{user}{host}" + (f":{said['p']}" if "p" in said else "")


def _flags(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Letters with their values; a word that is no option has the letter ""."""
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or len(word) < 2:
            yield "", word
            continue
        letters = word[1:]
        for at, letter in enumerate(letters):
            if letter in _TAKE_A_VALUE:
                yield letter, letters[at + 1 :] or next(rest, "")
                break
            yield letter, ""


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return []

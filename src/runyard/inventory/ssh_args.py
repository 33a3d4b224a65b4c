"""What Ansible hands on to the program ssh (`ansible_ssh_common_args`), as far as we need it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Final

NAMES: Final = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
"""Variables that hold them, the stronger ones last."""
_TAKE_A_VALUE: Final = frozenset("BbcDEeFIiJLlmOopPQRSWw")


def options_of(text: str) -> dict[str, str]:
    """`jump` and `known_hosts` of arguments such as `-J bastion -o UserKnownHostsFile=FILE`.

    A ProxyCommand counts when it is `ssh -W %h:%p HOST`, which is how jumps were written before.
    What else there is, is about how ssh works.
    """
    found: dict[str, str] = {}
    for flag, value in _flags(_words(text)):
        if flag == "J" and value:
            found["jump"] = value
        elif flag == "o":
            name, equals, rest = value.replace(" ", "=", not value.count("=")).partition("=")
            said = rest.strip() if equals else ""
            key = name.strip().lower()
            if key == "proxyjump" and said.lower() != "none":
                found["jump"] = said
            elif key == "proxycommand" and (jump := _of_command(said)):
                found["jump"] = jump
            elif key == "userknownhostsfile" and said not in ("", "/dev/null"):
                found["known_hosts"] = said
    return found


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

"""Ansible's variables of connections, made into our addresses and options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from runyard.inventory.problem import InventoryError, shown
from runyard.inventory.ssh_args import NAMES, options_of

_HOST = ("ansible_ssh_host", "ansible_host")
_PORT = ("ansible_ssh_port", "ansible_port")
_USER = ("ansible_ssh_user", "ansible_user")
KEYS: Final = ("ansible_ssh_private_key_file", "ansible_private_key_file")
_CONNECTION, _PYTHON = "ansible_connection", "ansible_python_interpreter"
_BECOME, _BECOME_USER = "ansible_become", "ansible_become_user"
MAPPED: Final = frozenset(
    (*_HOST, *_PORT, *_USER, *KEYS, _CONNECTION, _PYTHON, _BECOME, _BECOME_USER)
)
"""Variables that become a host's address and options."""
PREFIX: Final = "ansible_"
"""Begins all variables of Ansible's own: they are about its connections, and no step sees them."""
PASSWORDS: Final = frozenset((
    "ansible_password", "ansible_ssh_pass", "ansible_ssh_password", "ansible_become_pass",
    "ansible_become_password", "ansible_sudo_pass", "ansible_su_pass",
    "ansible_ssh_private_key_passphrase", "ansible_private_key_passphrase",
))  # fmt: skip
"""Left out: nobody reads them here, and they must not be written down."""
PRIORITY: Final = "ansible_group_priority"
_SSH = ("ssh", "smart", "paramiko", "paramiko_ssh")
_DOCKER = ("docker", "docker_api")
_TEMPLATE = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}")
_NAME = re.compile(r"[A-Za-z_]\w*")
_PLAIN = re.compile(r"[A-Za-z0-9._~!$*+=-]+")
_ADDRESS = re.compile(r"[\w.:%-]+")
_TRUE = ("yes", "true", "on", "y", "t", "1", "1.0")
_DEPTH = 10


def reach(
    name: str, link: Mapping[str, Any], variables: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Address and options of a host by its variables of connection.

    Raises:
        InventoryError: one cannot be understood; names host and variable.
    """
    said = _Said(name, link, variables)
    options: dict[str, Any] = {}
    kind = said.text(_CONNECTION).rpartition(".")[2] or "ssh"
    if kind in _SSH:
        address = said.ssh_address()
        if key := said.first(KEYS):
            options["identity"] = key
        for variable in NAMES:
            if text := said.text(variable):
                options.update(options_of(text))
    elif kind == "local":
        address = "local"
    else:
        there = said.first(_HOST) or name
        address = f"{'docker' if kind in _DOCKER else kind}://{there}"
    if said.truth(_BECOME):
        options["become"] = said.text(_BECOME_USER) or "root"
    python = said.text(_PYTHON)
    if kind != "local" and python and not python.startswith("auto"):
        options["python"] = python
    return address, options


class _Said:
    """What is said about one host."""

    def __init__(self, name: str, link: Mapping[str, Any], variables: Mapping[str, Any]) -> None:
        self.name = name
        self.link = link
        self.variables = variables

    def text(self, key: str) -> str:
        """The variable as text, `{{ … }}` resolved; "" when it is not set."""
        value = self.link.get(key)
        if value is None and key in NAMES:
            value = self.variables.get(key)
        if value is None or value is False:
            return ""
        return self._filled(str(value), key, 0) if isinstance(value, str) else str(value)

    def first(self, keys: tuple[str, ...]) -> str:
        return next((text for key in keys if (text := self.text(key))), "")

    def truth(self, key: str) -> bool:
        value = self.link.get(key)
        return value is True or self.text(key).lower() in _TRUE

    def ssh_address(self) -> str:
        """`ssh://user@host:port`; a name may be USER@HOST, as for ssh itself."""
        there, user, port = self.first(_HOST), self.first(_USER), self.first(_PORT)
        if not there:
            before, _, there = self.name.rpartition("@")
            user = user or before
        there = there.strip("[]") if there.startswith("[") else there
        if not _ADDRESS.fullmatch(there):
            raise self._error("ansible_host", there, "is no name or address of a machine")
        if ":" in there:
            there = f"[{there}]"
        if port and not (port.isascii() and port.isdecimal() and 0 < int(port[:6]) < 65536):
            raise self._error("ansible_port", port, "is no port")
        if user and not _PLAIN.fullmatch(user):
            from urllib.parse import quote

            user = quote(user, safe="")
        return f"ssh://{user}{'@' if user else ''}{there}{':' if port else ''}{port}"

    def _filled(self, text: str, key: str, depth: int) -> str:
        """`text` with `{{ NAME }}` replaced, which is all of Jinja that is understood."""
        if "{{" not in text and "{%" not in text:
            return text
        if text.strip("{} ") == "ansible_playbook_python":
            return ""

        def value(match: re.Match[str]) -> str:
            found = self._lookup(match[1]) if _NAME.fullmatch(match[1]) else None
            if found is None or isinstance(found, dict | list) or depth >= _DEPTH:
                raise self._error(key, text, "cannot be resolved", "write the value itself")
            return self._filled(str(found), key, depth + 1)

        filled = _TEMPLATE.sub(value, text)
        if "{%" in filled or "{{" in filled:
            raise self._error(key, text, "cannot be resolved", "write the value itself")
        return filled

    def _lookup(self, name: str) -> Any:
        if name == "inventory_hostname":
            return self.name
        if name == "inventory_hostname_short":
            return self.name.partition(".")[0]
        return self.link.get(name, self.variables.get(name))

    def _error(self, key: str, value: str, message: str, hint: str = "") -> InventoryError:
        return InventoryError(f'host "{self.name}": {key} "{shown(value)}" {message}', hint=hint)

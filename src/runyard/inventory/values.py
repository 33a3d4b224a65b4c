"""Values in the YAML files of Ansible, by the rules of YAML 1.1, which Ansible reads them by."""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

from runyard.workflow.node import LIST, MAP, Node
from runyard.workflow.resolve import resolve

TAGS: Final = ("!unsafe", "!vault", "!vault-encrypted")
"""Tags of Ansible; what they stand for can be told without them."""
VAULT: Final = "$ANSIBLE_VAULT;"
_PREFIX = "tag:yaml.org,2002:"
_RESOLVERS: dict[str | None, list[tuple[str, re.Pattern[str]]]]
_RESOLVERS = yaml.SafeLoader.yaml_implicit_resolvers
_MAKE = yaml.constructor.SafeConstructor()
_MAKERS: dict[str, Any] = {
    _PREFIX + "bool": _MAKE.construct_yaml_bool,
    _PREFIX + "int": _MAKE.construct_yaml_int,
    _PREFIX + "float": _MAKE.construct_yaml_float,
    _PREFIX + "null": _MAKE.construct_yaml_null,
}


class Encrypted(Exception):
    """The value is, or holds, text that ansible-vault has encrypted."""


def variables_of(node: Node) -> tuple[dict[str, Any], list[str]]:
    """The variables of a map, and the names of those that are left out, being encrypted."""
    found: dict[str, Any] = {}
    encrypted = []
    for name, item in node.items():
        try:
            found[name] = value_of(item)
        except Encrypted:
            encrypted.append(name)
    return found, encrypted


def value_of(node: Node) -> Any:
    """The value as Ansible would see it: `yes` is true, `0644` is 420, `1:30` is 90.

    Raises:
        Encrypted: by ansible-vault.
    """
    if node.kind == MAP:
        return {key: value_of(item) for key, item in node.value.items()}
    if node.kind == LIST:
        return [value_of(item) for item in node.value]
    if node.raw.startswith(VAULT):
        raise Encrypted
    if node.style or type(node.value) is not type(resolve(node.raw)):
        return node.value
    return scalar(node.raw)


def scalar(text: str) -> Any:
    """A plain scalar of YAML 1.1. Dates stay text."""
    for tag, pattern in _RESOLVERS.get(text[:1], ()):
        if pattern.match(text):
            make = _MAKERS.get(tag)
            if make is None:
                return text
            try:
                return make(yaml.ScalarNode(tag, text))
            except (ValueError, IndexError):
                return text
    return text


def plain(value: Any) -> Any:
    """A value of a program's JSON without the marks that Ansible puts around strings.

    Raises:
        Encrypted: by ansible-vault.
    """
    if isinstance(value, dict):
        if "__ansible_vault" in value:
            raise Encrypted
        if "__ansible_unsafe" in value:
            return value["__ansible_unsafe"]
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, str) and value.startswith(VAULT):
        raise Encrypted
    return value

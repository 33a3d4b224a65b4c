"""Codes of what can be wrong in an inventory file. Codes never change meaning."""

from __future__ import annotations

from typing import Final

CODES: Final[dict[str, str]] = {
    "IN001": "a section of an INI inventory is none of [GROUP], [GROUP:children], [GROUP:vars]",
    "IN002": "a section, or a line in [GROUP:children], names a group that nobody declares",
    "IN003": "a line of hosts is not NAME key=value …",
    "IN004": "a line of variables is not KEY = VALUE",
    "IN005": "a range of hosts such as web[01:40:2] cannot be expanded",
    "IN006": "the name of a host cannot be used",
    "IN007": "a key that a group of a YAML inventory does not have",
    "IN008": "a value of another type than is wanted there",
    "IN009": "the file is none of the kinds of inventories",
}
"""Beside those of workflow documents, which hold for YAML and for our own shape."""

"""What a door is told when a verb fails."""

from __future__ import annotations

import errno

import pytest

from runyard.supervisor.refusal import Refusal
from runyard.supervisor.verbs import _error


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (Refusal("LIVE", "it lives"), "LIVE", "it lives"),
        (OSError(errno.ENOSPC, "no room", "/a"), "DISK_FULL", "/a: no room"),
        (FileNotFoundError(errno.ENOENT, "no file", "/a"), "NOT_FOUND", "/a: no file"),
        (PermissionError(errno.EACCES, "not you"), "PERMISSION", "get: not you"),
        (KeyError("dest"), "BAD_REQUEST", "KeyError: 'dest'"),
        (LookupError("no user x"), "BAD_REQUEST", "no user x"),
        (ModuleNotFoundError("No module named 'pwd'"), "NO_PYTHON", "'pwd'"),
        (ZeroDivisionError("by zero"), "INTERNAL", "ZeroDivisionError: by zero"),
    ],
)
def test_errors_are_told_by_code(error: Exception, code: str, text: str) -> None:
    told = _error(error, {"verb": "get"})
    assert (told["code"], text in told["message"]) == (code, True)

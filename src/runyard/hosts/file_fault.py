"""What a file system refused, as an error of ours; the same on every way to a host."""

from __future__ import annotations

from runyard.model.errors import SystemFault


def file_fault(code: str, message: str) -> SystemFault:
    """The error for `code`: PERMISSION, DISK_FULL, or "" for anything else."""
    if code == "PERMISSION":
        hint = "run as a user who may, or use `become`"
        return SystemFault(message, code=code, hint=hint, retryable=False)
    if code == "DISK_FULL":
        return SystemFault(
            message, code=code, hint="free some space there; what was there is whole"
        )
    return SystemFault(message)


def code_in(text: str) -> str:
    """The code for what a program says when the system refused it."""
    low = text.lower()
    if "permission denied" in low or "not permitted" in low:
        return "PERMISSION"
    full = "no space left" in low or "quota exceeded" in low
    return "DISK_FULL" if full else ""

"""Long text cut to its head and tail, for result records."""

from __future__ import annotations


def clip(text: str, limit: int) -> str:
    """At most about `limit` bytes of UTF-8: half head, half tail, and what was dropped between.

    Cuts fall between characters. The form is the one of supervised output (contract 1, "Output").
    """
    data = text.encode(errors="replace")
    if len(data) <= limit:
        return text
    head = data[: limit // 2].decode(errors="ignore")
    tail = data[len(data) - (limit - limit // 2) :].decode(errors="ignore")
    dropped = len(data) - len(head.encode()) - len(tail.encode())
    return f"{head}\n… {dropped} bytes dropped …\n{tail}"

"""Which files of a directory were written, as told by the kernel (Linux, by ctypes)."""

from __future__ import annotations

import os
import struct
from pathlib import Path

_CREATE, _MODIFY, _MOVED_TO = 0x100, 0x2, 0x80
_OVERFLOW = 0x4000
_EVENT = struct.Struct("iIII")


class Watch:
    """A watch on one directory; `fd` is readable when there is something to `take`."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError when the kernel has no inotify, or no watch left."""
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        try:
            init, add = libc.inotify_init1, libc.inotify_add_watch
        except AttributeError:
            raise OSError("this system has no inotify") from None
        self.fd: int = init(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        if add(self.fd, os.fsencode(folder), _CREATE | _MODIFY | _MOVED_TO) < 0:
            os.close(self.fd)
            raise OSError(ctypes.get_errno(), "inotify_add_watch")

    def take(self) -> set[str] | None:
        """Names that were written since the last call; None when the kernel lost count."""
        names: set[str] = set()
        lost = False
        while True:
            try:
                data = os.read(self.fd, 1 << 16)
            except BlockingIOError:
                return None if lost else names
            position = 0
            while position < len(data):
                _, mask, _, length = _EVENT.unpack_from(data, position)
                position += _EVENT.size
                lost = lost or bool(mask & _OVERFLOW)
                names.add(os.fsdecode(data[position : position + length].rstrip(b"\0")))
                position += length

    def close(self) -> None:
        """End the watch."""
        os.close(self.fd)

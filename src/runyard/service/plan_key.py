"""The key that turns secrets into fingerprints in plans."""

from __future__ import annotations

import os

from runyard.store.faults import store_error
from runyard.store.home import Home


def plan_key(home: Home) -> bytes:
    """32 random bytes, made once per state home and kept in `plan.key` (mode 0600).

    Raises:
        StoreError: it can neither be read nor written.
    """
    path = home.root / "plan.key"
    try:
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            key = path.read_bytes()
            if len(key) == 32:
                return key
            fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
        with os.fdopen(fd, "wb") as file:
            key = os.urandom(32)
            file.write(key)
    except OSError as error:
        raise store_error(error, path) from error
    return key

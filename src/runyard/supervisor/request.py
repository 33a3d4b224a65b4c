"""The request to start an attempt, checked before anything is done."""

from __future__ import annotations

import os
import re

from .ledger import spool_in
from .lost import EXITS
from .refusal import Refusal
from .spawn import Start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .cgroup import Cgroup
    from .mask import Secrets

CAPTURE = 64 * 1024
GRACE = 10.0
OUTPUT_LIMIT = 10 << 30
PREPARED = 16
RUN = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._:-]{0,127}")

# To prepare the forms of secrets takes longer than to start a process; steps share them.
_prepared: dict[tuple[tuple[str, str], ...], Secrets] = {}


class Request:
    """The fields of `start`. Raises Refusal, KeyError, TypeError or ValueError for bad ones."""

    def __init__(self, header: dict[str, Any], home: str, root: str = "") -> None:
        self.attempt = _text(header["attempt"])
        self.argv = [_text(word) for word in header["argv"]]
        if not self.attempt or not self.argv:
            raise ValueError("attempt and argv must not be empty")
        if root and "spool" not in header:
            folder = output_folder(root, self.attempt.partition("/")[0])
            self.spool, self.exits = spool_in(folder, self.attempt), os.path.join(folder, EXITS)
        else:
            self.spool = _text(header["spool"])
            self.exits = _text(header["exits"])
        env = header.get("env") or {}
        self.env = {_text(name): _text(value) for name, value in env.items()}
        self.cwd = os.path.join(home, os.path.expanduser(_text(header.get("cwd") or home)))
        self.keep_stdin = bool(header.get("keep_stdin"))
        self.stdin = self.keep_stdin or bool(header.get("stdin"))
        size = header.get("pty")
        self.pty = (int(size[0]), int(size[1])) if size else None
        lease = header.get("lease")
        self.lease = None if lease is None else float(lease)
        timeout = header.get("timeout")
        self.timeout = None if timeout is None else float(timeout)
        self.grace = float(header.get("grace", GRACE))
        self.limits = {name: float(bound) for name, bound in (header.get("limits") or {}).items()}
        self.limits.setdefault("output", OUTPUT_LIMIT)
        self.capture = int(header.get("capture", CAPTURE))
        self.exports = bool(header.get("exports"))
        self.secrets = _secrets(header.get("secrets") or {})
        path = _text(header.get("output_path") or "")
        self.output_path = os.path.join(self.cwd, os.path.expanduser(path)) if path else ""

    def start(self, base: dict[str, str], group: Cgroup | None) -> Start:
        """What to spawn: with `base` below the environment, inside `group`, under its limits."""
        start = Start(
            attempt=self.attempt,
            argv=self.argv,
            env=dict(base, **self.env),
            cwd=self.cwd,
            stdin=self.stdin,
            pty=self.pty,
        )
        lines = ["echo $$ >'%s' || exit 126" % path for path in group.entrances] if group else []
        if "open_files" in self.limits:
            lines.insert(0, "ulimit -n %d || exit 126" % int(self.limits["open_files"]))
        if lines:
            start.wrapper = ["/bin/sh", "-c", "; ".join(lines) + '; exec "$@"', "sh"]
        return start


def output_folder(root: str, run: str) -> str:
    """Where the output of a run is below the supervisor's own root. ValueError for no run id."""
    if not RUN.fullmatch(run):
        raise ValueError("%r is not the id of a run" % run)
    return os.path.join(root, "runs", run, "output")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("expected a string, not %s" % type(value).__name__)
    return value


def _secrets(values: dict[str, str]) -> Secrets | None:
    if not values:
        return None
    from .forms import ShortSecret
    from .mask import Secrets

    try:
        key = tuple(sorted((_text(name), _text(value)) for name, value in values.items()))
        known = _prepared.get(key)
        if known is None:
            if len(_prepared) >= PREPARED:
                _prepared.clear()
            known = _prepared[key] = Secrets(values)
        return known
    except ShortSecret as error:
        raise Refusal("SECRET_SHORT", str(error)) from error

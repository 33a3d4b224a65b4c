"""Where the output of an attempt goes: export scanner → masker → spool, capture, full copy."""

from __future__ import annotations

import os

from .capture import Capture
from .spool import Spool, safe_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .exports import Exports
    from .mask import Masker, Secrets

    Bytes = bytes | memoryview

STDOUT = 1
STDERR = 2
NAMES = {STDOUT: "stdout", STDERR: "stderr"}


class Output:
    """Both streams of one attempt. `limit` bounds the bytes written to them together."""

    def __init__(self, spool: str, capture: int, secrets: Secrets | None, exports: bool) -> None:
        self.spool = Spool(spool)
        self.captures = {STDOUT: Capture(capture), STDERR: Capture(capture)}
        self.exports = _exports() if exports else None
        self.total = 0
        self.warnings: list[str] = []
        self._secrets = secrets
        self._maskers: dict[int, Masker] = {}
        self._copies: dict[int, int] = {}
        if secrets is not None:
            for stream in NAMES:
                self._maskers[stream] = secrets.masker()

    def copy_to(self, directory: str, attempt: str) -> None:
        """Also write both streams as plain files below `directory`, which is made if missing."""
        run, _, rest = attempt.partition("/")
        name = safe_name(".".join([run] + rest.rsplit("/", 2)))
        try:
            os.makedirs(directory, exist_ok=True)
            for stream, suffix in NAMES.items():
                path = os.path.join(directory, "%s.%s" % (name, suffix))
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
                self._copies[stream] = os.open(path, flags, 0o644)
        except OSError as error:
            self._warn_copy(error)

    def write(self, stream: int, data: Bytes, now: float) -> None:
        """Take the next bytes of a stream; they need not outlive the call."""
        self.total += len(data)
        masker = self._maskers.get(stream)
        if (stream == STDOUT and self.exports is not None) or masker is not None:
            data = bytes(data)
            if stream == STDOUT and self.exports is not None:
                self.exports.feed(data)
            if masker is not None:
                data = masker.feed(data)
                if not data:
                    return
        self._put(stream, data, now)

    def finish(self, now: float) -> None:
        """Both streams have ended: write what was held back and close the files."""
        for stream, masker in self._maskers.items():
            rest = masker.flush()
            if rest:
                self._put(stream, rest, now)
        if self.exports is not None:
            self.exports.finish()
        self.spool.close()
        for fd in self._copies.values():
            os.close(fd)
        self._copies.clear()

    def masked(self, text: str) -> str:
        """`text` without secrets."""
        return text if self._secrets is None else self._secrets.text(text)

    def report(self) -> dict[str, Any]:
        """The fields of the exit record that concern output."""
        out, err = self.captures[STDOUT], self.captures[STDERR]
        warnings = list(self.warnings)
        if self.spool.dropped:
            warnings.append(
                "%d bytes of output were dropped: %s" % (self.spool.dropped, self.spool.trouble)
            )
        report: dict[str, Any] = {
            "stdout": out.text(),
            "stderr": err.text(),
            "stdout_bytes": out.total,
            "stderr_bytes": err.total,
        }
        if self.exports is not None:
            values = self.exports.values
            report["exports"] = values if self._secrets is None else self._secrets.export(values)
            warnings += [self.masked(text) for text in self.exports.warnings]
        report["warnings"] = warnings
        return report

    def _put(self, stream: int, data: Bytes, now: float) -> None:
        capture = self.captures[stream]
        self.spool.append(stream, data, capture.total, now)
        capture.add(data)
        copy: int | None = self._copies.get(stream)
        if copy is not None:
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(copy, view) :]
            except OSError as error:
                os.close(self._copies.pop(stream))
                self._warn_copy(error)

    def _warn_copy(self, error: OSError) -> None:
        self.warnings.append("output_path: %s: %s" % (error.filename or "", error.strerror))


def _exports() -> Exports:
    from .exports import Exports  # only who asks for exports pays for its import

    return Exports()

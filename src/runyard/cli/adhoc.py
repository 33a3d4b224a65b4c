"""An ad hoc command as a run: a workflow of one step, written down like any other.

The document is JSON, which is YAML: whoever resumes, shows or cancels the run finds nothing new.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runyard.model.errors import UsageError
from runyard.model.execution import CAPTURE
from runyard.model.light import dataclass

if TYPE_CHECKING:
    from runyard.hosts.inventory import Inventory
    from runyard.service.job import Job

NAME = "exec"
_KEPT_IN_ALL, _KEPT_AT_LEAST = 16 * 1024 * 1024, 2 * 1024
"""Bytes that the results of all hosts together hold of a stream, and that of one at least."""

_SPECIAL = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


@dataclass(frozen=True)
class AdHoc:
    """What to execute, and how it spreads over the hosts.

    One word is a line for the shell; several are a program and its arguments, without a shell.
    With `script`, a file of this machine, they are its arguments. `keys` are those of the step:
    `timeout`, `become`, `concurrency`, ….
    """

    words: tuple[str, ...]
    script: str | None = None
    env: Mapping[str, str] | None = None
    dir: str | None = None
    keys: Mapping[str, Any] | None = None

    @property
    def title(self) -> str:
        """What people would call it."""
        if self.script is None and len(self.words) == 1:
            return self.words[0]
        import shlex

        return shlex.join([*([self.script] if self.script else []), *self.words])

    def document(self, hosts: int) -> str:
        """The workflow for so many hosts, as text."""
        args: dict[str, Any] = {}
        if self.script is not None:
            args["path"] = Path(self.script).name.replace("${", "$${")
            if self.words:
                args["args"] = list(self.words)
        else:
            args["cmd"] = self.words[0] if len(self.words) == 1 else list(self.words)
        args |= {"env": dict(self.env)} if self.env else {}
        args |= {"dir": self.dir} if self.dir is not None else {}
        kept = max(_KEPT_AT_LEAST, _KEPT_IN_ALL // max(1, hosts))
        args |= {"max_output_bytes": kept} if kept < CAPTURE else {}
        step = {
            "name": NAME,
            "action": "cmd.run" if self.script is None else "script.run",
            **{key: value for key, value in (self.keys or {}).items() if value is not None},
            "args": args,
        }
        document = {
            "version": "v0.1",
            "name": NAME,
            "description": self.title,
            "steps": [step],
        }
        return _to_yaml(document)

    def job(self, outer: Inventory | None, hosts: int) -> Job:
        """Ready to be run on hosts of `outer` (None: this machine).

        Raises:
            UsageError: an option cannot be used.
        """
        from runyard.runners.registry import ActionRegistry
        from runyard.service.job import Job
        from runyard.workflow.document import InvalidWorkflow
        from runyard.workflow.load import loads

        if self.script is not None and not Path(self.script).is_file():
            raise UsageError(f"--script {self.script}: no such file", code="FILE")
        path = f"<{NAME}>"
        try:
            text = self.document(hosts)
            work = loads(text, path=path, actions=ActionRegistry(), outer=outer)
        except InvalidWorkflow as error:
            first = next(d for d in error.diagnostics if d.severity == "error")
            # Keys of the step are the options of the same name.
            said = re.sub(r"steps\[0\]\.(\w+)", _option, first.message)
            raise UsageError(said, hint=first.fix or first.hint or None) from None
        base = Path.cwd() if self.script is None else Path(self.script).absolute().parent
        return replace(Job.of(work), base=base)


def _option(key: re.Match[str]) -> str:
    return "--" + key[1].replace("_", "-")


def _to_yaml(document: Mapping[str, Any]) -> str:
    """JSON without the few characters that YAML reads in another way.

    Raises:
        UsageError: a word is no text.
    """
    text = json.dumps(document, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError("the command has bytes that are not UTF-8", code="ENCODING") from None
    return _SPECIAL.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"

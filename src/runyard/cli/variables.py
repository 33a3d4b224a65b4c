"""`--var NAME=VALUE` and `--var-file FILE`."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

from runyard.model.errors import UsageError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read_variables(pairs: Sequence[str], files: Sequence[str]) -> dict[str, Any]:
    """Variables of the command line; files in order first, then the pairs over them.

    A pair's value is a string. A file is YAML or JSON: one map of names to values.

    Raises:
        UsageError: a pair without `=`, a name that is none.
        WorkflowError: a file that cannot be used, with its diagnostics.
    """
    found: dict[str, Any] = {}
    for path in files:
        for name, value in _read_file(path).items():
            found[_checked(str(name), path)] = value
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(
                f"--var {pair!r} has no value", code="VAR", hint=f"write --var {name}=VALUE"
            )
        found[_checked(name, "--var")] = value
    return found


def _checked(name: str, where: str) -> str:
    if _NAME.fullmatch(name):
        return name
    raise UsageError(
        f"{where}: {name!r} is not the name of a variable",
        code="VAR",
        hint="letters, digits and _, not beginning with a digit",
    )


def _read_file(path: str) -> dict[str, Any]:
    from runyard.workflow.compose import compose
    from runyard.workflow.document import InvalidWorkflow
    from runyard.workflow.report import Report
    from runyard.workflow.source import Unreadable, decode, read

    try:
        source = decode(read(path), path)
    except Unreadable as error:
        if os.path.isfile(path) and not os.path.getsize(path):
            return {}
        raise InvalidWorkflow(path, (error.diagnostic,)) from None
    report = Report(source)
    root = compose(source, report)
    if report.errors:
        raise InvalidWorkflow(path, report.diagnostics)
    data = {} if root is None else root.plain()
    if not isinstance(data, dict):
        raise UsageError(
            f"--var-file {path} holds no map", code="VAR_FILE", hint="write lines NAME: VALUE"
        )
    return data

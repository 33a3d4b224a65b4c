"""`${facts.NAME}`: the names that no host will ever have an answer to."""

from __future__ import annotations

import re

from runyard.hosts.facts import HAS, known_facts
from runyard.model.suggest import did_you_mean
from runyard.workflow.conditions import locate
from runyard.workflow.instances import strings_below
from runyard.workflow.node import Node
from runyard.workflow.report import Report

_FACT = re.compile(r"(?<!\$)\$\{facts\.([A-Za-z0-9_.-]{1,100})")
_PARTS = ("modules", "steps", "handlers", "finally")


def check_facts(root: Node, report: Report) -> None:
    """Report facts that do not exist, wherever the work refers to them.

    They would be empty on every host: a condition would leave its step out without a word.
    """
    if "${facts." not in report.parsed.text:
        return
    known = known_facts()
    for part in _PARTS:
        node = root.get(part)
        for scalar in strings_below(node) if node is not None else ():
            for match in _FACT.finditer(scalar.raw):
                if report.is_full:
                    return
                if match[1] not in known:
                    _unknown(scalar, match, known, report)


def _unknown(scalar: Node, match: re.Match[str], known: list[str], report: Report) -> None:
    name = match[1]
    prefix = HAS if name.startswith(HAS) else ""
    near = [k.removeprefix(prefix) for k in known if k.startswith(HAS) is bool(prefix)]
    hint = did_you_mean(name.removeprefix(prefix), near, f'"{prefix}{{}}"')
    fix = "" if hint else f"known: {', '.join(prefix + k for k in near)}"
    line, col = locate(report.parsed, scalar, match.start(1))
    report.point("WF050", line, col, f'unknown fact "{name}"', width=len(name), hint=hint, fix=fix)

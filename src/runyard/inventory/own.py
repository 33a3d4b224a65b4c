"""Inventory files of our own shape: what a document has under `inventory:`, as a file."""

from __future__ import annotations

from runyard.inventory.draft import Draft
from runyard.workflow.inventory import judge_names, read_inventory
from runyard.workflow.keys import INVENTORY
from runyard.workflow.node import Node
from runyard.workflow.report import Report

KEYS = ("hosts", "groups", "vars")


def read_own(root: Node, report: Report, draft: Draft) -> None:
    """Add a file to `draft`; mistakes go to `report`, save for names, which `judge` looks at."""
    INVENTORY.check(root, "", report)
    stated = read_inventory(root, report)
    draft.everybody.vars.update(stated.vars)
    draft.everybody.options.update(stated.options)
    for host in stated.hosts:
        entry = draft.host(host.name)
        entry.address = host.address or entry.address
        entry.options.update(host.options)
        entry.vars.update(host.vars)
    for group in stated.groups:
        ours = draft.group(group.name)
        ours.declared = True
        ours.vars.update(group.vars)
        ours.options.update(group.options)
        ours.hosts.update(dict.fromkeys(group.hosts))
        ours.children.update(dict.fromkeys(group.children))
    draft.stated.append((stated, report))


def judge(draft: Draft) -> list[Report]:
    """Look at the names that files take for granted, now that all sources are there.

    Returns the reports with mistakes, each once.
    """
    children = {name: tuple(group.children) for name, group in draft.groups.items()}
    declared = {name: kids for name, kids in children.items() if draft.groups[name].declared}
    wrong: dict[int, Report] = {}
    for stated, report in draft.stated:
        judge_names(stated, draft.hosts, declared, report, "hosts:")
        wrong[id(report)] = report
    for mention in draft.mentions:
        if mention.group in declared:
            continue
        fix = f"add the section [{mention.group}]"
        mention.report.point("IN002", mention.line, mention.col, mention.message, fix=fix)
        wrong[id(mention.report)] = mention.report
    return [report for report in wrong.values() if report.errors]

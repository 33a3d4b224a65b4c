"""Everything that can be wrong with a document, found in one go."""

from __future__ import annotations

from runyard.hosts.inventory import Inventory
from runyard.model.action import Actions
from runyard.workflow.calls import args_of, check_call, check_command, open_texts
from runyard.workflow.facts import check_facts
from runyard.workflow.graph import find_circle
from runyard.workflow.instances import MAX_TOTAL, check_instances, check_loop_values, count
from runyard.workflow.inventory import build_inventory
from runyard.workflow.keys import DOCUMENT, VERSION
from runyard.workflow.names import check_names, check_notify, check_targets, depends
from runyard.workflow.node import LIST, MAP, SCALAR, Node
from runyard.workflow.report import Report, printable
from runyard.workflow.walk import Spot, plain, tasks, work


def check_document(
    root: Node, actions: Actions, report: Report, outer: Inventory | None = None
) -> Inventory:
    """Report every mistake; returns the inventory, on top of `outer`, as far as it can be told."""
    if root.kind != MAP:
        _not_a_map(root, report)
        return Inventory.local()
    DOCUMENT.check(root, "", report)
    _version(root, report)
    _parts(root, report)
    inventory = build_inventory(root, report, outer)
    check_names(root, report)
    known = _variables(root, outer)
    instances = 0
    for spot in work(root):
        if report.is_full:
            return inventory
        _step(spot, known, actions, report)
        instances += count(spot.node)
    if instances > MAX_TOTAL:
        message = f"the document has {instances:,} instances of steps; at most {MAX_TOTAL:,}"
        report.error("WF043", root, message, fix="loop inside scripts, or split the document")
    for spot in plain(root, "handlers"):
        check_call(spot.node, spot.path, actions, report)
    check_targets(root, inventory, report, alone=outer is None and "inventory" not in root.value)
    check_notify(root, report)
    check_facts(root, report)
    _order(root, report)
    return inventory


def _not_a_map(root: Node, report: Report) -> None:
    fix = "begin with version: v0.1, name: … and steps:"
    if root.kind == LIST:
        fix += "; a list of plays or steps goes under steps:"
    report.error("WF020", root, f"a workflow must be a map, not {root.word}", fix=fix)


def _version(root: Node, report: Report) -> None:
    node = root.get("version")
    if node is not None and node.value not in (VERSION, ""):
        text = printable(node.raw[:40]) if node.kind == SCALAR else node.word
        message = f'version "{text}" is not supported'
        report.error("WF028", node, message, fix=f"write version: {VERSION}")


def _parts(root: Node, report: Report) -> None:
    steps, modules = root.get("steps"), root.get("modules")
    if steps is not None and modules is not None:
        report.error(
            "WF030",
            root.key("modules"),
            "a document has steps or modules, not both",
            fix="move the steps into a task of a module",
        )
        return
    part = "modules" if modules is not None else "steps"
    node = root.get(part)
    if node is None or (node.kind == LIST and not node.value):
        report.error(
            "WF027",
            root.key(part),
            f"{part} must not be empty",
            fix="add a step: - {name: …, action: cmd.run, args: {cmd: …}}",
        )
    for _, task, path in tasks(root):
        inner = task.get("steps")
        if inner is not None and inner.kind == LIST and not inner.value:
            report.error("WF027", task.key("steps"), f"{path} steps must not be empty")


def _step(spot: Spot, known: set[str], actions: Actions, report: Report) -> None:
    node = spot.node
    check_call(node, spot.path, actions, report)
    for key in ("rollback", "fallback"):
        call = node.get(key)
        if call is not None and call.kind == MAP:
            check_call(call, f"{spot.path}.{key}", actions, report)
    command = node.get("check")
    if command is not None:
        check_command(command, f"{spot.path}.check", actions, report)
    check_instances(node, spot.path, report)
    _loop_values(spot, known, actions, report)
    _exports(spot, report)
    _approval(spot, report)


def _variables(root: Node, outer: Inventory | None) -> set[str]:
    """Names that the document itself, or an inventory beside it, gives values to."""
    inventory, defaults = root.get("inventory"), root.get("defaults")
    owners = [root, inventory, defaults]
    for part in ("hosts", "groups"):
        found = inventory.get(part) if inventory is not None else None
        owners += [node for _, node in found.items()] if found is not None else []
    maps = [owner.get("vars") for owner in owners if owner is not None]
    names = {name for node in maps if node is not None for name, _ in node.items()}
    for layer in outer.layers() if outer is not None else ():
        names.update(layer)
    return names


def _loop_values(spot: Spot, known: set[str], actions: Actions, report: Report) -> None:
    node = spot.node
    if node.get("loop") is not None and node.get("matrix") is not None:
        return
    texts = [found for key in ("when", "changed_when") if (found := node.get(key)) is not None]
    action, args = actions.get(node.text("action")), args_of(node)
    if action is not None and args is not None:
        texts += open_texts(action, args)
    check_loop_values(texts, node, known, report)


def _exports(spot: Spot, report: Report) -> None:
    """A step whose expected variables cannot come: nothing scans its output for them."""
    node = spot.node
    names, args = node.get("expect_vars"), node.get("args") or node.get("with")
    if names is None or not names.elements() or node.text("action") == "env.set":
        return
    if args is None or args.get("export_vars") is None:
        report.warn(
            "WF046",
            node.key("expect_vars"),
            f"{spot.path} expects variables, but does not export any",
            fix="add export_vars: true to its args",
        )


def _approval(spot: Spot, report: Report) -> None:
    if spot.node.text("action") != "approval.wait":
        return
    if spot.task is not None and not spot.first:
        report.error(
            "WF045",
            spot.node.value["action"],
            "approval.wait must be the first step of its task",
            fix="give the steps that follow a task of their own",
        )
    args = args_of(spot.node)
    timeout = args.get("timeout") if args is not None else None
    if timeout is not None and "${" in timeout.raw:
        message = "approval.wait: timeout must be known when the document is read"
        report.error("WF035", timeout, message, fix="write a duration such as 10m")
    owner = spot.task if spot.task is not None else spot.node
    if owner.get("approval") is not None:
        report.error(
            "WF030",
            owner.key("approval"),
            "approval: and the action approval.wait ask twice",
            fix="keep one of them",
        )


def _order(root: Node, report: Report) -> None:
    """`depends_on` names steps of the same list (tasks of the same module), without circles."""
    lists = [list(plain(root, "steps")), list(plain(root, "finally"))]
    by_module: dict[int, list[Spot]] = {}
    for module, task, path in tasks(root):
        by_module.setdefault(id(module), []).append(Spot(task, path, "modules"))
    for spots in [*lists, *by_module.values()]:
        if not any("depends_on" in spot.node.value for spot in spots):
            continue
        edges = depends(spots, report)
        names = {name for name, _ in edges}
        circle = find_circle(edges) if len(names) == len(edges) and "" not in names else []
        if circle:
            _report_circle(circle, {s.node.text("name"): s.node for s in spots}, report)


def _report_circle(circle: list[str], nodes: dict[str, Node], report: Report) -> None:
    said = [name for name in circle if nodes[name].get("depends_on") is not None]
    tacit = [name for name in circle if nodes[name].get("depends_on") is None]
    fix = "remove one depends_on"
    if tacit:
        fix = f'"{tacit[0]}" waits for the one before it: give it depends_on: []'
    ways = " → ".join(f'"{name}"' for name in circle[:8])
    if len(circle) > 8:
        ways += f" → … ({len(circle) - 1} steps)"
    at = nodes[said[0]].key("depends_on")
    report.error("WF042", at, f"steps wait for each other: {ways}", fix=fix)

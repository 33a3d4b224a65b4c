"""Actions and their arguments, checked by the actions themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runyard.expr.error import ExprError
from runyard.expr.template import compile_template
from runyard.model.action import Action, Actions
from runyard.model.suggest import did_you_mean
from runyard.runners.params import Problem, check_args
from runyard.workflow.conditions import locate
from runyard.workflow.foreign import Foreign, find_braces
from runyard.workflow.instances import strings_below
from runyard.workflow.node import LIST, MAP, SCALAR, Node
from runyard.workflow.report import Report, advice

_UNSURE = {"shell": "shell.run", "command": "cmd.run", "bash": "shell.run", "sh": "shell.run",
           "cmd": "cmd.run", "script": "script.run", "exec": "cmd.run", "copy": "file.copy",
           "template": "template.render", "uri": "http.request", "http": "http.request",
           "service": "service.ensure", "systemd": "service.ensure", "apt": "pkg.install",
           "yum": "pkg.install", "dnf": "pkg.install", "package": "pkg.install",
           "docker": "docker.run", "wait_for": "wait.until", "pause": "approval.wait",
           "wait.event": "wait.until", "set_fact": "env.set",
           "python": "script.python"}  # fmt: skip


def args_of(node: Node) -> Node | None:
    """The arguments of a step: `args`, or `with`, its old name."""
    return node.get("args") or node.get("with")


def find_action(node: Node, actions: Actions, report: Report) -> Action | None:
    """The action that `node` names; an unknown one is reported."""
    name = node.get("action")
    if name is None or not isinstance(name.value, str) or not name.value:
        return None
    found = actions.get(name.value)
    if found is None:
        known = actions.names()
        meant = _UNSURE.get(name.value.removeprefix("ansible.builtin."), "")
        hint = f'did you mean "{meant}"?' if meant in known else did_you_mean(name.value, known)
        report.error(
            "WF032",
            name,
            f'unknown action "{name.value[:60]}"',
            hint=hint,
            fix="" if hint else "known actions: " + ", ".join(known),
        )
    return found


def check_call(node: Node, path: str, actions: Actions, report: Report) -> None:
    """The action of a step, handler, rollback or fallback, and its arguments."""
    action = find_action(node, actions, report)
    if action is None:
        return
    args = args_of(node)
    if args is None:
        at = node.key("args") if "args" in node.value else node.value["action"]
        check_arguments(
            action,
            Node(MAP, {}, at.line, at.col, at.end_line, at.end_col, keys={}),
            at,
            path,
            report,
        )
    elif args.kind == MAP:
        at = node.key("args") if node.get("args") is not None else node.key("with")
        check_arguments(action, args, at, path, report)


def check_arguments(action: Action, args: Node, at: Node, path: str, report: Report) -> None:
    """Report what the action finds wrong; what is missing is told at `at`."""
    where = f"{path} {action.name}"
    _check_references(action, args, where, report)
    for problem in check_args(action.params, plain_args(action, args)):
        place, code, message = _placed(problem, args, at)
        if code == "WF033":
            known = ", ".join(param.name for param in action.params)
            words = problem.fix or (f"known arguments: {known}" if known else "")
            report.unknown(code, place, f"{where}: {message}", **advice(words))
        else:
            report.error(code, place, f"{where}: {message}", **advice(problem.fix))


def plain_args(action: Action, args: Node) -> dict[str, Any]:
    """Arguments without places. A file mode stays as it is written: `0o644` is no number to us."""
    modes = {param.name for param in action.params if param.kind == "mode"}
    return {
        name: node.raw
        if name in modes and node.kind == SCALAR and not node.is_null
        else node.plain()
        for name, node in args.items()
    }


def _check_references(action: Action, args: Node, where: str, report: Report) -> None:
    for scalar in _filled(action, args):
        foreign = find_braces(scalar.raw)
        if foreign is not None and not foreign.dollar:
            report.warn("WF047", scalar, f"{where}: {foreign.message}", fix=foreign.fix)
        if "${" not in scalar.raw:
            continue
        try:
            compile_template(scalar.raw)
        except ExprError as error:
            found = Foreign(error.column - 1, error.message, error.hint)
            if foreign is not None and foreign.dollar:
                found = foreign
            line, col = locate(report.parsed, scalar, found.offset)
            report.point("WF047", line, col, f"{where}: {found.message}", fix=found.fix)
    for scalar in _shell_texts(action, args):
        foreign = find_braces(scalar.raw)
        if foreign is not None and foreign.dollar:
            report.warn("WF047", scalar, f"{where}: {foreign.message}", fix=foreign.fix)


def _shell_texts(action: Action, args: Node) -> Iterator[Node]:
    """Texts that a shell reads, to which `${{` is a bad substitution."""
    for param in action.params if action.name in ("cmd.run", "shell.run") else ():
        value = args.get(param.name)
        if value is not None and value.kind == SCALAR and param.kind in ("text", "command"):
            yield value


def _filled(action: Action, args: Node) -> Iterator[Node]:
    """Texts that the engine fills in: all but shell text, the shell's to read."""
    kinds = {param.name: param.kind for param in action.params}
    for name, value in args.items():
        kind = kinds.get(name, "raw")
        if kind not in ("text", "raw") and not (kind == "command" and value.kind == SCALAR):
            yield from strings_below(value)


def open_texts(action: Action, args: Node) -> Iterator[Node]:
    """Those of them with references."""
    return (scalar for scalar in _filled(action, args) if "${" in scalar.raw)


def _placed(problem: Problem, args: Node, at: Node) -> tuple[Node, str, str]:
    if not problem.path:
        return at, "WF034", problem.message
    if problem.key and len(problem.path) == 1:
        code = "WF033" if problem.message.startswith("unknown") else "WF035"
        return args.key(str(problem.path[0])), code, problem.message
    return args.at(problem.path), "WF035", problem.message


def check_command(node: Node, path: str, actions: Actions, report: Report) -> None:
    """`check:`, whose map holds arguments of cmd.run."""
    command = actions.get("cmd.run")
    if command is not None and node.kind == MAP:
        check_arguments(command, node, node, path, report)
    elif node.kind == SCALAR and isinstance(node.value, str) and not node.value.strip():
        report.error("WF027", node, f"{path} must not be empty")
    elif node.kind == LIST:
        return

"""A checked document to the engine's Pipeline. Nothing is judged here any more."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runyard.engine.action_step import ActionStep
from runyard.engine.module import Module
from runyard.engine.pipeline import Pipeline
from runyard.engine.policy import Call, Offline, Policy
from runyard.engine.task import Task
from runyard.expr.template import secret_names
from runyard.hosts.inventory import Inventory
from runyard.model.action import Action, Actions
from runyard.model.duration import parse_duration
from runyard.workflow.calls import args_of, plain_args
from runyard.workflow.conditions import condition
from runyard.workflow.document import Workflow
from runyard.workflow.instances import instances
from runyard.workflow.lower_policy import approval_of, fan_of, offline_of, policy_of
from runyard.workflow.node import LIST, MAP, SCALAR, Node
from runyard.workflow.source import Source

if TYPE_CHECKING:
    from runyard.workflow.diagnostic import Diagnostic


def lower(
    root: Node,
    source: Source,
    inventory: Inventory,
    actions: Actions,
    warnings: tuple[Diagnostic, ...],
    outer: Inventory | None = None,
) -> Workflow:
    """The Workflow of a document without errors."""
    plain = root.plain()
    whole = plain if outer is None else [plain, outer.to_dict()]
    offline = offline_of(root.get("offline"))
    defaults = root.get("defaults")
    plan = root.get("plan")
    return Workflow(
        version=root.text("version"),
        name=root.text("name"),
        description=root.text("description"),
        inventory=inventory,
        vars=_map(root.get("vars")),
        defaults=_map(defaults.get("vars") if defaults is not None else None),
        pipeline=_Lowering(root, source.path, actions).pipeline(),
        plan_mode=(plan.text("mode") if plan is not None else "") or "auto",
        offline=offline if offline is not None else Offline(),
        secrets=tuple(sorted(set(secret_names(whole)))),
        path=source.path,
        text=source.text,
        digest=digest_of(whole),
        warnings=warnings,
        outer=outer,
    )


def digest_of(document: Any) -> str:
    """sha256 of canonical JSON."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class _Lowering:
    """One document's translation."""

    def __init__(self, root: Node, file: str, actions: Actions) -> None:
        self.root = root
        self.file = file
        self.actions = actions
        self.defaults = root.get("defaults")

    def pipeline(self) -> Pipeline:
        name = self.root.text("name")
        modules = self._nodes(self.root, "modules")
        if modules:
            layers = tuple(self._module(node) for node in modules)
        else:
            layers = (Module(name, self._tasks("steps")),)
        return Pipeline(
            name=name,
            modules=layers,
            handlers=tuple(
                self._step(n, {}, f"handler:{n.text('name')}", policy_of(n, self.defaults))
                for n in self._nodes(self.root, "handlers")
            ),
            finally_=self._tasks("finally", "finally:"),
            on_failure=self.root.text("on_failure") or "stop",
        )

    def _nodes(self, node: Node, key: str) -> list[Node]:
        found = node.get(key)
        return [] if found is None else found.elements()

    def _module(self, node: Node) -> Module:
        gate = node.get("enabled") or node.get("when")
        enabled: Any = True if gate is None else gate.value
        if not isinstance(enabled, bool) and gate is not None:
            enabled = condition(gate)
        tasks = self._nodes(node, "tasks")
        return Module(node.text("name"), tuple(self._task(t) for t in tasks), enabled)

    def _task(self, node: Node) -> Task:
        """A task of the modules form."""
        steps = self._nodes(node, "steps")
        roles = [word if word[0] in "@!" else f"@{word}" for word, _ in node.strings("roles")]
        when = node.get("when")
        ignore = node.get("ignore_error")
        asked = approval_of(node.get("approval"))
        if asked is None and steps[0].text("action") == "approval.wait":
            asked = approval_of(args_of(steps[0]) or _nothing(steps[0]))
        return Task(
            name=node.text("name"),
            steps=tuple(step for n in steps for step in self._instances(n, "")),
            targets=(*(word for word, _ in node.strings("targets")), *roles),
            fan=fan_of(node, self.defaults),
            after=self._after(node, {}),
            ignore_error=ignore is not None and bool(ignore.value),
            approval=asked,
            tags=tuple(word for word, _ in node.strings("tags")),
            when=condition(when) if when is not None else None,
        )

    def _tasks(self, part: str, prefix: str = "") -> tuple[Task, ...]:
        """One task per plain step."""
        nodes = self._nodes(self.root, part)
        names = {n.text("id"): n.text("name") for n in nodes if n.text("id")}
        return tuple(self._lone(node, prefix, names) for node in nodes)

    def _lone(self, node: Node, prefix: str, names: Mapping[str, str]) -> Task:
        asked = approval_of(node.get("approval"))
        if asked is None and node.text("action") == "approval.wait":
            asked = approval_of(args_of(node) or _nothing(node))
        return Task(
            name=node.text("name"),
            steps=tuple(self._instances(node, prefix)),
            targets=tuple(word for word, _ in node.strings("targets")),
            fan=fan_of(node, self.defaults),
            after=self._after(node, names),
            approval=asked,
            tags=tuple(word for word, _ in node.strings("tags")),
        )

    def _after(self, node: Node, names: Mapping[str, str]) -> tuple[str, ...] | None:
        if node.get("depends_on") is None:
            return None
        return tuple(dict.fromkeys(names.get(w, w) for w, _ in node.strings("depends_on")))

    def _instances(self, node: Node, prefix: str) -> list[ActionStep]:
        key = prefix + node.text("name")
        policy = policy_of(node, self.defaults)
        if node.get("loop") is None and node.get("matrix") is None:
            return [self._step(node, {}, key, policy)]
        return [
            self._step(node, item, f"{key}[{index}]", policy)
            for index, item in enumerate(instances(node))
        ]

    def _step(self, node: Node, item: Mapping[str, Any], key: str, policy: Policy) -> ActionStep:
        rollback, fallback = node.get("rollback"), node.get("fallback")
        return ActionStep(
            name=node.text("name"),
            key=key,
            call=self._call(node, args_of(node)),
            policy=policy,
            item=item,
            check_call=self._check(node.get("check")),
            rollback=self._call(rollback, args_of(rollback)) if rollback is not None else None,
            fallback=self._fallback(fallback, item, key, policy) if fallback is not None else None,
            place=self._place(node),
        )

    def _fallback(
        self, node: Node, item: Mapping[str, Any], key: str, policy: Policy
    ) -> ActionStep:
        call = self._call(node, args_of(node))
        bare = Policy(
            timeout=policy.timeout,
            grace=policy.grace,
            limits=policy.limits,
            become=policy.become,
        )
        return ActionStep(
            name=call.action.name, key=f"fallback:{key}", call=call, policy=bare, item=item,
            place=self._place(node),
        )  # fmt: skip

    def _check(self, node: Node | None) -> Call | None:
        if node is None:
            return None
        if node.kind == SCALAR:
            return Call(self._action("cmd.run"), {"cmd": node.value}, {"cmd": self._place(node)})
        return Call(self._action("cmd.run"), node.plain(), self._places(node))

    def _call(self, node: Node, args: Node | None) -> Call:
        timeout = node.get("timeout") if node.get("name") is None else None
        action = self._action(node.text("action"))
        given = plain_args(action, args) if args is not None else {}
        return Call(
            action=action,
            args={name: value for name, value in given.items() if value is not None},
            places=self._places(args) if args is not None else {},
            timeout=parse_duration(timeout.value) if timeout is not None else None,
        )

    def _action(self, name: str) -> Action:
        found = self.actions.get(name)
        if found is None:
            raise LookupError(f"no action {name}")
        return found

    def _place(self, node: Node) -> str:
        return f"{self.file}:{node.line}:{node.col}"

    def _places(self, args: Node) -> dict[str, str]:
        """Arguments, and one level below: `cmd`, `env.X`, `args[0]`."""
        places = {}
        for name, node in args.items():
            places[name] = self._place(node)
            if node.kind == MAP:
                places.update({f"{name}.{k}": self._place(v) for k, v in node.items()})
            elif node.kind == LIST:
                places.update({f"{name}[{i}]": self._place(v) for i, v in enumerate(node.value)})
        return places


def _nothing(node: Node) -> Node:
    return Node(MAP, {}, node.line, node.col, node.line, node.col, keys={})


def _map(node: Node | None) -> Mapping[str, Any]:
    return node.plain() if node is not None and node.kind == MAP else {}

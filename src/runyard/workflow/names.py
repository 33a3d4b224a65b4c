"""Names: unique where they must be, and known where they are used."""

from __future__ import annotations

from collections.abc import Iterable

from runyard.hosts.inventory import Inventory
from runyard.model.errors import UsageError
from runyard.model.suggest import did_you_mean
from runyard.workflow.node import Node
from runyard.workflow.report import Advice, Report, advice
from runyard.workflow.walk import Spot, plain, tasks, work

_NO_INVENTORY = "name an inventory with -i or RUNYARD_INVENTORY; without one there is local alone"


def check_names(root: Node, report: Report) -> None:
    """Duplicates among steps (finally included), their ids, handlers, modules and tasks."""
    seen: dict[str, Node] = {}
    for spot in work(root):
        _once("step", spot.node, "name", seen, report)
    ids: dict[str, Node] = {}
    for spot in work(root):
        _once("step", spot.node, "id", ids, report)
        own = spot.node.text("id")
        if own and own in seen and seen[own] is not spot.node.get("name"):
            report.error(
                "WF031",
                spot.node.value["id"],
                f'id "{own}" is the name of another step',
                fix="choose another id",
            )
    handlers: dict[str, Node] = {}
    for spot in plain(root, "handlers"):
        _once("handler", spot.node, "name", handlers, report)
    modules: dict[str, Node] = {}
    found = root.get("modules")
    for module in found.elements() if found is not None else ():
        _once("module", module, "name", modules, report)
    known: dict[str, Node] = {}
    for _, task, _ in tasks(root):
        _once("task", task, "name", known, report)


def _once(what: str, node: Node, key: str, seen: dict[str, Node], report: Report) -> None:
    at = node.get(key)
    if at is None or not isinstance(at.value, str) or not at.value:
        return
    first = seen.setdefault(at.value, at)
    if first is not at or _visited(at, seen):
        report.error(
            "WF031",
            at,
            f'{what} {key} "{at.value}" is duplicated',
            hint=f"first on line {first.line}",
            fix="rename one of them",
        )


def _visited(at: Node, seen: dict[str, Node]) -> bool:
    """True for a second use of one node, which an alias makes possible."""
    mark = f"\0{id(at)}"
    if mark in seen:
        return True
    seen[mark] = at
    return False


def check_notify(root: Node, report: Report) -> None:
    """Every handler that a step notifies exists."""
    handlers = [s.node.text("name") for s in plain(root, "handlers")]
    known = set(handlers)
    for spot in work(root):
        for name, at in spot.node.strings("notify"):
            if name not in known:
                report.error(
                    "WF039",
                    at,
                    f'{spot.path} notify handler "{name}" not found',
                    **_guess(name, handlers, "add it to handlers:"),
                )


def check_targets(root: Node, inventory: Inventory, report: Report, *, alone: bool) -> None:
    """Every target is a host, a group or a pattern that can be read.

    `alone`: nobody has named an inventory, so that there is this machine and nothing else.
    """
    judged: dict[str, UsageError | None] = {}
    for at, text in _targets(root):
        if report.is_full:
            return
        if text not in judged:
            try:
                inventory.select([text])
                judged[text] = None
            except UsageError as error:
                judged[text] = error
        wrong = judged[text]
        if wrong is None:
            continue
        hint = _NO_INVENTORY if alone and wrong.hint.startswith("known:") else wrong.hint
        report.error("WF036", at, wrong.message, **advice(hint))


def _targets(root: Node) -> Iterable[tuple[Node, str]]:
    places = [spot.node for spot in work(root)] + [task for _, task, _ in tasks(root)]
    for node in places:
        for name, at in node.strings("targets"):
            yield at, name
        for name, at in node.strings("roles"):
            yield at, name if name.startswith(("@", "!")) else f"@{name}"


def _guess(word: str, known: list[str], otherwise: str) -> Advice:
    return advice(did_you_mean(word, known) or otherwise)


def depends(spots: list[Spot], report: Report) -> list[tuple[str, list[str] | None]]:
    """Names with the names that each waits for (None: the one before); unknown ones reported."""
    by_word: dict[str, str] = {}
    for spot in spots:
        name = spot.node.text("name")
        by_word[name] = name
        if spot.node.text("id"):
            by_word.setdefault(spot.node.text("id"), name)
    found: list[tuple[str, list[str] | None]] = []
    for spot in spots:
        if spot.node.get("depends_on") is None:
            found.append((spot.node.text("name"), None))
            continue
        waits = []
        for word, at in spot.node.strings("depends_on"):
            if word in by_word:
                waits.append(by_word[word])
            else:
                guess = _guess(word, list(by_word), "name a step of this document")
                report.error("WF041", at, f'depends_on names the unknown step "{word}"', **guess)
        found.append((spot.node.text("name"), waits))
    return found

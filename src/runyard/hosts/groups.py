"""Groups of groups: who is a member in the end, and how deep a group stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from runyard.model.errors import UsageError
from runyard.model.light import dataclass
from runyard.model.suggest import did_you_mean


@dataclass(frozen=True, slots=True)
class Tree:
    """Groups that contain each other, laid out.

    Attributes:
        members: every host of a group, those of its children included, each once: own ones first.
        depth: 0 for a group that is nobody's child, else one more than its deepest parent's.
    """

    members: Mapping[str, tuple[str, ...]]
    depth: Mapping[str, int]


def lay_out(hosts: Mapping[str, Iterable[str]], children: Mapping[str, Sequence[str]]) -> Tree:
    """Resolve `children`; both maps are by the name of the group, and have the same keys.

    Raises:
        UsageError: a child is no group, or groups contain each other.
    """
    waiting = dict.fromkeys(hosts, 0)
    for name, kids in children.items():
        for kid in kids:
            if kid not in waiting:
                raise UsageError(
                    f'group "{name}" has the unknown child "{kid}"',
                    code="GROUP",
                    hint=did_you_mean(kid, hosts),
                )
            waiting[kid] += 1
    order = [name for name, parents in waiting.items() if not parents]
    depth = dict.fromkeys(order, 0)
    for name in order:
        for kid in children[name]:
            depth[kid] = max(depth.get(kid, 0), depth[name] + 1)
            waiting[kid] -= 1
            if not waiting[kid]:
                order.append(kid)
    if len(order) < len(waiting):
        circle = find_cycle({name: children[name] for name in waiting if waiting[name]})
        raise UsageError(
            "groups contain each other: " + " → ".join(circle),
            code="GROUP",
            hint=f'take "{circle[-1]}" out of the children of "{circle[-2]}"',
        )
    members: dict[str, tuple[str, ...]] = {}
    for name in reversed(order):
        found = dict.fromkeys(hosts[name])
        for kid in children[name]:
            found.update(dict.fromkeys(members[kid]))
        members[name] = tuple(found)
    return Tree(members, depth)


def find_cycle(children: Mapping[str, Sequence[str]]) -> list[str]:
    """A way through `children` that ends where it begins; empty when there is none.

    Names that are no keys of `children` lead nowhere.
    """
    parents: dict[str, list[str]] = {name: [] for name in children}
    for name, kids in children.items():
        for kid in kids:
            if kid in parents:
                parents[kid].append(name)
    left = {name: len(found) for name, found in parents.items()}
    free = [name for name, count in left.items() if not count]
    for name in free:
        for kid in children[name]:
            if kid in left:
                left[kid] -= 1
                if not left[kid]:
                    free.append(kid)
    # Whoever is left has a parent that is left: going up never ends, so it meets itself.
    at = next((name for name, count in left.items() if count), None)
    way: list[str] = []
    while at is not None and at not in way:
        way.append(at)
        at = next(name for name in parents[at] if left[name])
    if at is None:
        return []
    circle = way[way.index(at) :][::-1]
    start = circle.index(min(circle))
    circle = circle[start:] + circle[:start]
    return [*circle, circle[0]]

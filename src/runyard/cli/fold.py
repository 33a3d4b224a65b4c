"""Names of hosts in few words: `web[1-40]`, `web[01-03,07]`, `db1,web[1-3]`.

What is written here can be read back as a host pattern (`runyard.hosts.pattern`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from runyard.cli.text import width

_NUMBER = re.compile("[0-9]+")
_MOST_DIGITS = 9
_MOST_PLACES = 4

Stem = tuple[str, str]


def fold_names(names: Sequence[str], columns: int = 0) -> str:
    """`names` with their numbers as ranges, in the order in which each stem comes first.

    With `columns`, what does not fit is cut at a comma, and the hosts that are left out are
    counted: `web[1-3],… and 37 more`. At least one part is shown, be it too long.
    """
    parts = _parts(names)
    texts = [text for text, _ in parts]
    whole = ",".join(texts)
    if not columns or width(whole) <= columns:
        return whole
    left = sum(hosts for _, hosts in parts)
    shown: list[str] = []
    used = 0
    for text, hosts in parts:
        room = columns - used - len(f",… and {left} more")
        if width(text) > room:
            if not shown:
                text, hosts = _cut(text, hosts, room)
                shown.append(text)
                left -= hosts
            break
        shown.append(text)
        used += width(text) + 1
        left -= hosts
    return ",".join(shown) + (f",… and {left} more" if left else "")


def _cut(text: str, hosts: int, room: int) -> tuple[str, int]:
    """As many of the numbers of `stem[1,5,9-12]` as fit; and how many hosts these are."""
    opening, closing = text.find("["), text.rfind("]")
    if opening < 0 or closing < opening:
        return text, hosts
    kept: list[str] = []
    count = 0
    for each in text[opening + 1 : closing].split(","):
        grown = opening + 1 + len(",".join([*kept, each])) + len(text) - closing
        if kept and grown > room:
            break
        kept.append(each)
        low, _, high = each.partition("-")
        count += int(high or low) - int(low) + 1
    if len(kept) == 1 and "-" not in kept[0]:
        return text[:opening] + kept[0] + text[closing + 1 :], count
    return f"{text[: opening + 1]}{','.join(kept)}{text[closing:]}", count


def _parts(names: Iterable[str]) -> list[tuple[str, int]]:
    """Each stem as text, with the number of its hosts."""
    unique = list(dict.fromkeys(names))
    stems = {name: _stems(name) for name in unique}
    members = Counter(stem for found in stems.values() for stem in found)
    numbers: dict[Stem, list[str]] = {}
    for name in unique:
        # The number that most hosts have in common varies; of several, the last one.
        found = stems[name]
        stem = max(reversed(list(found)), key=members.__getitem__, default=(name, ""))
        numbers.setdefault(stem, []).append(found.get(stem, ""))
    return [
        (text, hosts)
        for (before, after), found in numbers.items()
        for text, hosts in _texts(before, found, after)
    ]


def _stems(name: str) -> dict[Stem, str]:
    """What is around each number of a name, and that number."""
    found = [match for match in _NUMBER.finditer(name) if len(match[0]) <= _MOST_DIGITS]
    return {(name[: m.start()], name[m.end() :]): m[0] for m in found[-_MOST_PLACES:]}


def _texts(before: str, numbers: list[str], after: str) -> Iterable[tuple[str, int]]:
    padded = sorted({len(n) for n in numbers if n.startswith("0") and len(n) > 1})
    by_width: dict[int, list[int]] = {}
    for number in numbers:
        if number == "":
            yield before + after, 1
            continue
        # `10` is one of `[01-12]`; but a `1` beside a `01` is another host.
        fitting = [w for w in padded if w <= len(number)]
        wide = len(number) if len(number) in padded else (fitting[-1] if fitting else 0)
        by_width.setdefault(wide, []).append(int(number))
    for wide, found in by_width.items():
        ranges = list(_ranges(sorted(found)))
        texts = [
            f"{low:0{wide}d}" if low == high else f"{low:0{wide}d}-{high:0{wide}d}"
            for low, high in ranges
        ]
        if len(found) == 1:
            yield f"{before}{texts[0]}{after}", 1
        else:
            yield f"{before}[{','.join(texts)}]{after}", len(found)


def _ranges(numbers: list[int]) -> Iterable[tuple[int, int]]:
    low = high = numbers[0]
    for number in numbers[1:]:
        if number != high + 1:
            yield low, high
            low = number
        high = number
    yield low, high

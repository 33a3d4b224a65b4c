"""Did you mean …? One answer for every unknown name."""

from __future__ import annotations

from collections.abc import Iterable

_MOST = 5000
_LONGEST = 100


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that `word` was probably meant to be, or None."""
    names = sorted(set(known))[:_MOST]
    if not word or len(word) > _LONGEST:
        return None
    folded = word.casefold()
    for name in names:
        if name.casefold() == folded and name != word:
            return name
    from difflib import get_close_matches

    found = get_close_matches(word, [n for n in names if n != word], n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str], form: str = '"{}"') -> str:
    """A hint such as `did you mean "web1"?`, or an empty text when nothing is near."""
    name = nearest(word, known)
    return f"did you mean {form.replace('{}', name)}?" if name is not None else ""

"""What hypothesis makes expressions, values and scopes of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from runyard.expr.scope import Scope
from runyard.expr.variables import Variables
from runyard.hosts.inventory import Group, Host, Inventory
from runyard.model.errors import ArgumentError

NAMES = ("A", "B", "ITEM", "item", "hosts")
WORDS = (
    *("${A}", "${B:-1}", "${hosts.web1.A}", "${item.x}", "${NO}", '"${A}"', "'x'", '"1"', "-1.5"),
    *("true", "no", "==", "!=", ">", "<=", "&&", "||", "!", "(", ")", "[", "]", ",", "in"),
    *("matches", '"^[a-z]+$"', "$", "{", "}", "=", "&", '"', "'", "\\", "word", " ", "\n", "é"),
)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
maps = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), values, max_size=4)
texts = st.text(max_size=40) | st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)


@st.composite
def scopes(draw: st.DrawFn) -> Scope:
    inventory = Inventory.of(
        [Host("web1", vars=draw(maps)), Host("web2")], [Group("web", ("web1",), draw(maps))]
    )
    variables = Variables(inventory, workflow=draw(maps), cli=draw(maps))
    variables.record_exports("one", {"web1": draw(maps), "web2": draw(maps)})
    return variables.scope(draw(st.sampled_from(("web1", "web2", None))), item=draw(maps))


def outcome(call: Callable[..., Any], *args: Any) -> Any:
    """What `call` returns, or the ArgumentError that it raises; anything else goes through."""
    try:
        return call(*args)
    except ArgumentError as error:
        return error

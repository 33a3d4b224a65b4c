"""The reference page is what the actions say, and its examples are right."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
import yaml
from scripts.reference import NOTE

from runyard.model.action import Action
from runyard.model.status import Status
from runyard.runners.convert import _KINDS
from runyard.runners.params import check_args
from runyard.runners.reference import EXAMPLES, KINDS, actions_page
from runyard.runners.registry import ActionRegistry
from tests.unit.runners.fake import do

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "actions.md"


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text() == NOTE + actions_page(), "out of date: run `make docs`"


def test_every_kind_has_words() -> None:
    assert KINDS.keys() == _KINDS.keys()


@pytest.mark.parametrize("name", ActionRegistry().built_in())
def test_every_example_is_right(name: str) -> None:
    args = yaml.safe_load(EXAMPLES[name])["args"]
    assert check_args(ActionRegistry().require(name).params, args) == []


def test_the_how_to_shows_code_that_works() -> None:
    text = (PAGE.parents[1] / "how-to" / "write-an-action.md").read_text()
    block = text.split("```python\n")[1].split("```")[0]
    found: dict[str, object] = {}
    exec(compile(block, "write-an-action.md", "exec"), found)
    action = cast(Action, cast(type, found["DiskFree"])())
    good = do(action, {"path": "/tmp", "at_least": "1k"})
    assert good.status is Status.SUCCESS and good.data["free"] > 1024
    bad = do(action, {"path": "/tmp", "at_least": "900000T"})
    assert bad.error is not None and bad.error["code"] == "DISK_FULL"

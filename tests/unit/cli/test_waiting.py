"""Which approval is meant."""

from __future__ import annotations

import pytest

from runyard.cli.waiting import pick_approval
from runyard.model.errors import ConflictError, NotFoundError


def test_the_only_one_needs_no_name() -> None:
    assert pick_approval(["deploy"], "", "r") == "deploy"
    assert pick_approval(["a", "b"], "b", "r") == "b"


def test_none_is_open() -> None:
    with pytest.raises(ConflictError, match="waits for no approval"):
        pick_approval([], "", "r")


def test_several_are_open() -> None:
    with pytest.raises(ConflictError, match="a, b"):
        pick_approval(["a", "b"], "", "r")


def test_another_name() -> None:
    with pytest.raises(NotFoundError, match="did you mean 'deploy'"):
        pick_approval(["deploy"], "depoly", "r")

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.model.errors import StoreError
from runyard.service.plan_key import plan_key
from runyard.store.home import Home


def test_it_is_made_once_and_for_us_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").prepare()
    key = plan_key(home)
    assert len(key) == 32 and plan_key(home) == key
    assert (home.root / "plan.key").stat().st_mode & 0o777 == 0o600


def test_a_torn_one_is_made_anew(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").prepare()
    (home.root / "plan.key").write_bytes(b"short")
    assert len(plan_key(home)) == 32 == len(plan_key(home))


def test_a_home_that_is_gone_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        plan_key(Home(tmp_path / "nowhere"))

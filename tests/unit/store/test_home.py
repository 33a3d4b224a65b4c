from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from runyard.model.errors import ConflictError, StoreError, UsageError
from runyard.store.home import BALLAST, Home

RUN = "run-00000001"


def test_default_follows_the_environment():
    assert Home.default({"RUNYARD_STATE": "/a/b"}).root == Path("/a/b")
    assert Home.default({"XDG_STATE_HOME": "/x"}).root == Path("/x/runyard")
    assert Home.default({"HOME": "/h"}).root == Path("/h/.local/state/runyard")


def test_it_is_private_and_has_its_ballast_once(home: Home):
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o700
    assert home.ballast.stat().st_size == BALLAST
    assert home.ballast.stat().st_blocks * 512 >= BALLAST
    before = home.ballast.stat().st_ino
    assert home.prepare().ballast.stat().st_ino == before
    assert home.free_ballast() is True
    assert home.free_ballast() is False
    assert home.prepare().ballast.exists()


def test_a_directory_that_cannot_be_made_is_a_store_error_with_a_hint(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as caught:
        Home(tmp_path / "file" / "state").prepare()
    assert "RUNYARD_STATE" in caught.value.hint


def test_another_users_directory_is_a_store_error_with_a_hint(tmp_path: Path):
    tmp_path.chmod(0o500)
    code = (
        "import os; from pathlib import Path; from runyard.store.home import Home\n"
        "from runyard.model.errors import StoreError\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        f"try: Home(Path({str(tmp_path)!r}) / 'state').prepare()\n"
        "except StoreError as error: print(error.hint)"
    )
    source = str(Path(__file__).parents[3] / "src")
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": source}, capture_output=True, text=True
    )
    assert "RUNYARD_STATE" in done.stdout, done.stderr


def test_one_owner_at_a_time(home: Home):
    assert not home.is_owned(RUN)
    with home.own(RUN) as ownership:
        assert ownership.owner == home.owner_of(RUN)
        assert home.is_owned(RUN)
        with pytest.raises(ConflictError) as caught:
            home.own(RUN)
        assert caught.value.code == "RUN_OWNED"
    assert not home.is_owned(RUN)
    ownership.close()
    home.own(RUN).close()


def test_the_lock_is_not_inherited(home: Home):
    with home.own(RUN):
        child = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        assert not home.is_owned(RUN)
    finally:
        child.kill()
        child.wait()


def test_a_dead_owner_is_no_owner(home: Home):
    code = (
        "import sys,time;from pathlib import Path;from runyard.store.home import Home\n"
        f"held = Home(Path({str(home.root)!r})).own({RUN!r}); print('held', flush=True)\n"
        "time.sleep(60)"
    )
    source = str(Path(__file__).parents[3] / "src")
    child = subprocess.Popen(
        [sys.executable, "-c", code], env={"PYTHONPATH": source}, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline() == b"held\n"
    assert home.is_owned(RUN)
    child.kill()
    child.wait()
    assert not home.is_owned(RUN)


def test_a_path_is_no_run_id(home: Home):
    with pytest.raises(UsageError):
        home.run_dir("../../../etc")

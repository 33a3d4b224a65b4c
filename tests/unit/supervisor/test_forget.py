from __future__ import annotations

import os
import socket
import time
from pathlib import Path

from runyard.supervisor import launch
from runyard.supervisor.fence import epoch_of, put_up
from runyard.supervisor.forget import FORGOTTEN, forget_old, remove_tree


def run(root: Path, name: str, age: float = 0.0) -> Path:
    """Files of a run, touched last so many seconds ago."""
    folder = root / "runs" / name / "output"
    folder.mkdir(parents=True)
    for path in (folder / "starts.jsonl", folder, folder.parent):
        path.touch()
        os.utime(path, (time.time() - age,) * 2)
    return folder.parent


def test_what_nobody_asked_for_in_weeks_goes(tmp_path: Path) -> None:
    put_up(str(tmp_path), "old", 2)
    os.utime(tmp_path / "fences" / "old", (0, 0))
    put_up(str(tmp_path), "young", 2)
    old, young = run(tmp_path, "old", FORGOTTEN + 60), run(tmp_path, "young", FORGOTTEN - 60)
    forget_old(str(tmp_path), "other")
    assert not old.exists() and young.exists()
    assert (epoch_of(str(tmp_path), "old"), epoch_of(str(tmp_path), "young")) == (0, 2)


def test_not_what_somebody_asks_for_just_now(tmp_path: Path) -> None:
    mine = run(tmp_path, "mine", FORGOTTEN + 60)
    forget_old(str(tmp_path), "mine")
    assert (mine / "output" / "starts.jsonl").exists()


def test_nor_what_a_living_supervisor_has(tmp_path: Path) -> None:
    silent = run(tmp_path, "silent", FORGOTTEN + 60)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(launch.socket_path(str(tmp_path), "silent"))
        listener.listen()
        forget_old(str(tmp_path), "other")
        assert silent.exists()


def test_what_is_in_the_way_stays(tmp_path: Path) -> None:
    place = run(tmp_path, "linked", FORGOTTEN + 60)
    elsewhere = tmp_path / "elsewhere"
    place.rename(elsewhere)
    place.symlink_to(elsewhere)
    forget_old(str(tmp_path), "other")
    forget_old(str(tmp_path / "missing"), "other")
    assert (elsewhere / "output" / "starts.jsonl").exists()


def test_a_tree_goes_and_what_its_links_lead_to_stays(tmp_path: Path) -> None:
    other, tree = tmp_path / "other", tmp_path / "tree"
    for folder in (other, tree / "a" / "b"):
        folder.mkdir(parents=True)
        (folder / "file").touch()
    (tree / "link").symlink_to(other)
    (tree / "a" / "dangling").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tree / "a" / "fifo")
    remove_tree(str(tree))
    assert not tree.exists() and (other / "file").exists()
    tree.symlink_to(other)
    for place in (tree, tmp_path / "missing"):
        remove_tree(str(place))
    assert (other / "file").exists()

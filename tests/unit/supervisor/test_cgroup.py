"""Control groups: made where they can be, and honest where not."""

from __future__ import annotations

from pathlib import Path

from runyard.supervisor.cgroup import Cgroup, Cgroups


def test_without_a_hierarchy_there_is_none(tmp_path: Path) -> None:
    groups = Cgroups(str(tmp_path))
    assert groups.make({"memory": 1 << 20, "processes": 5}) is None
    assert groups.make({"cpu_time": 3}) is None
    assert list(tmp_path.iterdir()) == []


def test_what_was_hit(tmp_path: Path) -> None:
    group = Cgroup([str(tmp_path)], ["memory", "processes"])
    assert group.over() == ""
    (tmp_path / "pids.events").write_text("max 0\n")
    (tmp_path / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    assert group.over() == "memory"
    (tmp_path / "memory.oom_control").unlink()
    (tmp_path / "pids.events").write_text("max 3\n")
    assert group.over() == "processes"
    assert Cgroup([str(tmp_path)], ["memory"]).over() == ""
    (tmp_path / "memory.peak").write_text("4096\n")
    assert group.peak() == 4096
    assert group.entrances == [str(tmp_path / "cgroup.procs")]
    group.remove()  # a directory that is still in use is left to the kernel

"""A control group around one attempt, where one can be made: v1 or v2, found out by doing."""

from __future__ import annotations

import os

ROOT = "/sys/fs/cgroup"

_V1 = {"memory": "memory.limit_in_bytes", "processes": "pids.max"}
_V2 = {"memory": "memory.max", "processes": "pids.max"}
_CONTROLLER = {"memory": "memory", "processes": "pids"}


class Cgroup:
    """Directories that bound one attempt; `held` are the limits that they enforce."""

    def __init__(self, directories: list[str], held: list[str]) -> None:
        self.directories = directories
        self.held = held

    @property
    def entrances(self) -> list[str]:
        """Files into which a process writes its id to be bounded."""
        return [os.path.join(directory, "cgroup.procs") for directory in self.directories]

    def over(self) -> str:
        """The limit that has been hit, or an empty string."""
        for directory in self.directories:
            for name, key, what in (
                ("memory.oom_control", "oom_kill", "memory"),
                ("memory.events", "oom_kill", "memory"),
                ("pids.events", "max", "processes"),
            ):
                if what in self.held and _count(os.path.join(directory, name), key) > 0:
                    return what
        return ""

    def peak(self) -> int:
        """The most memory that was used at once, in bytes; 0 where the kernel does not tell."""
        most = 0
        for directory in self.directories:
            for name in ("memory.max_usage_in_bytes", "memory.peak"):
                text = _text(os.path.join(directory, name)).strip()
                most = max(most, int(text) if text.isdigit() else 0)
        return most

    def remove(self) -> None:
        for directory in self.directories:
            try:
                os.rmdir(directory)
            except OSError:
                pass  # somebody unkillable is inside; the kernel keeps it until he is gone


class Cgroups:
    """Makes control groups; what was found not to work is not tried again."""

    def __init__(self, root: str = ROOT) -> None:
        self._root = root
        self._parents: list[tuple[str, dict[str, str]]] | None = None
        self._serial = 0

    def make(self, limits: dict[str, float]) -> Cgroup | None:
        """A group that enforces as many of `limits` as can be, or None."""
        wanted = [name for name in ("memory", "processes") if name in limits]
        if not wanted:
            return None
        if self._parents is None:
            self._parents = self._find()
        self._serial += 1
        name = "runyard-%d-%d" % (os.getpid(), self._serial)
        directories: list[str] = []
        held: list[str] = []
        for parent, knobs in self._parents:
            here = [limit for limit in wanted if limit in knobs and limit not in held]
            if not here:
                continue
            directory = os.path.join(parent, name)
            if _make(directory, {knobs[limit]: int(limits[limit]) for limit in here}):
                directories.append(directory)
                held += here
        return Cgroup(directories, held) if held else None

    def _find(self) -> list[tuple[str, dict[str, str]]]:
        parents: list[tuple[str, dict[str, str]]] = []
        for line in _text("/proc/self/cgroup").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers:
                for limit, controller in _CONTROLLER.items():
                    if controller in controllers.split(","):
                        place = self._root + "/" + controllers + path
                        parents += self._try(place, {limit: _V1[limit]})
            else:
                for mount in (self._root, self._root + "/unified"):
                    if os.path.exists(mount + "/cgroup.controllers"):
                        for limit in _V2:
                            parents += self._try(mount + path, {limit: _V2[limit]})
        return parents

    def _try(self, parent: str, knobs: dict[str, str]) -> list[tuple[str, dict[str, str]]]:
        directory = os.path.join(parent.rstrip("/"), "runyard-%d-probe" % os.getpid())
        works = _make(directory, {knob: 1 << 40 for knob in knobs.values() if "mem" in knob})
        works = works and all(os.path.exists(os.path.join(directory, k)) for k in knobs.values())
        try:
            os.rmdir(directory)
        except OSError:
            pass
        return [(parent.rstrip("/"), knobs)] if works else []


def _make(directory: str, values: dict[str, int]) -> bool:
    try:
        os.mkdir(directory)
    except OSError:
        return False
    try:
        for knob, value in values.items():
            fd = os.open(os.path.join(directory, knob), os.O_WRONLY)
            try:
                os.write(fd, b"%d" % value)
            finally:
                os.close(fd)
    except OSError:
        os.rmdir(directory)
        return False
    return True


def _count(path: str, key: str) -> int:
    for line in _text(path).splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == key and words[1].isdigit():
            return int(words[1])
    return 0


def _text(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""

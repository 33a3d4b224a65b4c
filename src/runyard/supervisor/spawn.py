"""Starts one process with its pipes or terminal, at about the price of a bare posix_spawn."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat

from .tree import ENV_MARK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

_DEFAULTS = (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM)
SPARE = 24  # descriptors for looking at processes and for doors
_DEVNULL = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)


class Child:
    """A started process: our ends of its streams; `stderr` is -1 with a terminal."""

    __slots__ = ("pid", "stderr", "stdin", "stdout")

    def __init__(self, pid: int, stdin: int, stdout: int, stderr: int) -> None:
        self.pid = pid
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr


class Start:
    """What to start. `argv[0]` is looked up in PATH of `env`; `stdin`: a pipe, or /dev/null.

    `wrapper` is put before `argv` once that program has been found.
    """

    __slots__ = ("argv", "attempt", "cwd", "env", "pty", "stdin", "wrapper")

    def __init__(
        self,
        attempt: str,
        argv: list[str],
        env: dict[str, str],
        cwd: str,
        stdin: bool,
        pty: tuple[int, int] | None,
    ) -> None:
        self.attempt = attempt
        self.argv = argv
        self.env = env
        self.cwd = cwd
        self.stdin = stdin
        self.pty = pty
        self.wrapper: list[str] = []


class Spawner:
    """Spawns from a fixed directory of its own, so that the directory may change around a spawn."""

    def __init__(self, marks: int, hard: int) -> None:
        self._mark = marks
        self._hard = hard
        self._home = os.getcwd()
        self._base = resource.getrlimit(resource.RLIMIT_RSS)
        self._files = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._all_files = (self._files[1], self._files[1])
        _raise_files(self._all_files)

    def next_mark(self) -> int:
        """A mark for one attempt, never used before."""
        self._mark += 1
        if self._hard not in (resource.RLIM_INFINITY, -1):
            return self._mark % max(1, self._hard)
        return self._mark

    def spawn(self, start: Start, mark: int, reserve: int) -> Child:
        """Start it in a session of its own. Raises OSError, with the name of what is missing.

        `reserve` descriptors stay free for those who run already.
        """
        self._check_room(reserve)
        if not os.path.isabs(start.cwd):
            raise NotADirectoryError(errno.ENOTDIR, "not an absolute directory", start.cwd)
        try:
            os.chdir(start.cwd)
        except OSError as error:
            text = "cannot enter the directory: %s" % error.strerror
            raise OSError(error.errno, text, start.cwd) from error
        try:
            program = find_program(start.argv[0], start.env.get("PATH", os.defpath))
            if start.wrapper:
                start.argv = start.wrapper + start.argv
                program = start.wrapper[0]
            return self._with_pipes(start, program, mark)
        finally:
            os.chdir(self._home)

    def _check_room(self, reserve: int) -> None:
        lowest = os.dup(0)
        os.close(lowest)
        limit = self._all_files[0]
        if limit > 0 and lowest + reserve + SPARE > limit:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    def _with_pipes(self, start: Start, program: str, mark: int) -> Child:
        if start.pty is not None:
            return self._with_terminal(start, program, mark, start.pty)
        ours: list[int] = []
        theirs: list[int] = []
        try:
            actions: list[tuple[int, ...]] = []
            if start.stdin:
                reader, writer = os.pipe()
                ours.append(writer)
                theirs.append(reader)
                actions.append((os.POSIX_SPAWN_DUP2, reader, 0))
            else:
                actions.append(_DEVNULL)  # type: ignore[arg-type]
                ours.append(-1)
            for number in (1, 2):
                reader, writer = os.pipe()
                ours.append(reader)
                theirs.append(writer)
                actions.append((os.POSIX_SPAWN_DUP2, writer, number))
            pid = self._spawn(start, program, mark, actions)
        except BaseException:
            _close(ours)
            raise
        finally:
            _close(theirs)
        for fd in ours:
            if fd >= 0:
                os.set_blocking(fd, False)
        return Child(pid, ours[0], ours[1], ours[2])

    def _with_terminal(self, start: Start, program: str, mark: int, size: tuple[int, int]) -> Child:
        master, slave = os.openpty()
        try:
            resize(master, size)
            name = os.ttyname(slave)
            actions = [
                (os.POSIX_SPAWN_OPEN, 0, name, os.O_RDWR, 0),
                (os.POSIX_SPAWN_DUP2, 0, 1),
                (os.POSIX_SPAWN_DUP2, 0, 2),
            ]
            pid = self._spawn(start, program, mark, actions)  # type: ignore[arg-type]
        except BaseException:
            os.close(master)
            raise
        finally:
            os.close(slave)
        os.set_blocking(master, False)
        return Child(pid, os.dup(master), master, -1)

    def _spawn(self, start: Start, program: str, mark: int, actions: list[tuple[int, ...]]) -> int:
        env = start.env
        env[ENV_MARK] = start.attempt
        resource.setrlimit(resource.RLIMIT_RSS, (mark, self._hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, self._files)
        try:
            try:
                return os.posix_spawn(
                    program,
                    start.argv,
                    env,
                    file_actions=actions,
                    setsid=True,
                    setsigmask=(),
                    setsigdef=_DEFAULTS,
                )
            except OSError as error:
                if error.errno != errno.ENOEXEC:
                    raise
                # A script without `#!`: shells run it themselves, and so do we.
                return os.posix_spawn(
                    "/bin/sh",
                    ["/bin/sh", program] + start.argv[1:],
                    env,
                    file_actions=actions,
                    setsid=True,
                    setsigmask=(),
                    setsigdef=_DEFAULTS,
                )
        finally:
            resource.setrlimit(resource.RLIMIT_RSS, self._base)
            _raise_files(self._all_files)


def find_program(name: str, path: str) -> str:
    """Where `name` is, as a shell would find it. Raises FileNotFoundError or PermissionError."""
    if "/" in name:
        return name
    denied = False
    for directory in path.split(":"):
        candidate = os.path.join(directory or ".", name)
        try:
            mode = os.stat(candidate).st_mode
        except OSError:
            continue
        if stat.S_ISREG(mode):
            if os.access(candidate, os.X_OK):
                return candidate
            denied = True
    if denied:
        raise PermissionError(errno.EACCES, "not executable", name)
    raise FileNotFoundError(errno.ENOENT, "no such program in PATH", name)


def _raise_files(limits: tuple[int, int]) -> None:
    """We need several descriptors per attempt; attempts get the limit that we were given."""
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    except (OSError, ValueError):
        pass  # macOS refuses more than the kernel's own bound


def resize(terminal: int, size: tuple[int, int]) -> None:
    """Set (rows, columns) of a terminal."""
    import fcntl
    import struct
    import termios

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size[0], size[1], 0, 0))


def _close(fds: Sequence[int]) -> None:
    for fd in fds:
        if fd >= 0:
            os.close(fd)

"""What /proc tells about processes."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

from runyard.supervisor import tree

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def child():  # type: ignore[no-untyped-def]
    text = "sh -c 'echo $$; kill -STOP $$' & wait"  # in the midst of exec it has no environment
    with subprocess.Popen(
        ["sh", "-c", text], stdout=subprocess.PIPE, start_new_session=True,
        env={**os.environ, tree.ENV_MARK: "run/step/host/1"},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        yield process.pid, int(process.stdout.readline())
        os.killpg(process.pid, 9)


def test_look_and_descendants(child: tuple[int, int]) -> None:
    parent, grandchild = child
    process = tree.look(parent)
    assert process is not None
    assert (process.parent, process.session, process.alive) == (os.getpid(), parent, True)
    assert process.rss > 0
    assert parent in tree.children(os.getpid())
    assert set(tree.descendants([parent])) == {parent, grandchild}
    assert grandchild in {p.pid for p in tree.everyone()}


def test_marks(child: tuple[int, int]) -> None:
    parent, grandchild = child
    assert tree.attempt_of(grandchild) == "run/step/host/1"
    resource.prlimit(grandchild, resource.RLIMIT_RSS, (123456, resource.RLIM_INFINITY))
    assert tree.mark_of(grandchild) == 123456
    assert tree.mark_of(parent) == -1  # unlimited is no number
    assert tree.sweep_marked("run/step/host/2", 123456) == (1, 0)
    assert tree.look(grandchild) is None or not tree.descendants([grandchild])


def test_who_is_not_there() -> None:
    gone = 1 << 22
    assert tree.look(gone) is None
    assert tree.children(gone) == []
    assert (tree.mark_of(gone), tree.attempt_of(gone)) == (-1, "")
    tree.send([gone], 9)
    assert tree.sweep_marked("no/such/attempt/1", 0) == (0, 0)


def test_marks_of_two_supervisors_differ() -> None:
    assert tree.new_marks()[0] != tree.new_marks()[0]

"""Output told again and again: masked, searched for exports, and kept once."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.hosts.agent.retold import Retold
from runyard.hosts.agent.wire import State
from runyard.model.errors import ArgumentError
from runyard.model.execution import Exec
from runyard.store.spool import spool_path
from runyard.store.spoolcopy import SpoolCopies
from runyard.supervisor.lost import captured

ATTEMPT = "run-00000001/s/far/1"


def told(stdout: str, stderr: str = "", **output: object) -> State:
    return State("running", {"stdout": stdout, "stderr": stderr, **output}, "", {})


def kept(tmp_path: Path) -> str:
    return captured(str(spool_path(tmp_path, ATTEMPT)), 1 << 20)[0].text()


def work(**more: object) -> Exec:
    return Exec(ATTEMPT, ("true",), **more)  # type: ignore[arg-type]


def test_only_what_is_new_is_kept(tmp_path: Path) -> None:
    copies = SpoolCopies(tmp_path)
    first = Retold(copies, work())
    first.take(told("one\n"), final=False)
    first.take(told("one\n"), final=False)
    first.take(told("one\ntwo\n"), final=False)
    copies.done(ATTEMPT)
    # Another life hears it all from the beginning.
    second = Retold(copies, work())
    second.take(told("one\ntwo\nthree\n", "err\n"), final=True)
    assert kept(tmp_path) == "one\ntwo\nthree\n"
    report = second.report(["a warning"])
    assert (report["stdout"], report["stdout_bytes"]) == ("one\ntwo\nthree\n", 14)
    assert (report["stderr"], report["warnings"]) == ("err\n", ("a warning",))


def test_a_character_that_is_not_whole_yet_is_waited_for(tmp_path: Path) -> None:
    retold = Retold(SpoolCopies(tmp_path), work())
    retold.take(told("caf\ufffd"), final=False)
    retold.take(told("café"), final=False)
    retold.take(told("café \ufffd"), final=True)
    assert kept(tmp_path) == "café \ufffd"


def test_a_secret_is_masked_across_answers(tmp_path: Path) -> None:
    retold = Retold(SpoolCopies(tmp_path), work(secrets={"S": "hidden-word"}))
    retold.take(told("it is hidd"), final=False)
    assert kept(tmp_path) == "it is "
    retold.take(told("it is hidden-word and"), final=False)
    retold.take(told("it is hidden-word and so on"), final=True)
    assert kept(tmp_path) == "it is *** and so on"
    assert retold.masked("hidden-word") == "***"


def test_a_secret_that_is_too_short_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="cannot be masked"):
        Retold(SpoolCopies(tmp_path), work(secrets={"S": "x"}))


def test_exports_are_found_here_and_taken_from_there(tmp_path: Path) -> None:
    retold = Retold(SpoolCopies(tmp_path), work(exports=True, secrets={"S": "hidden-word"}))
    state = told("BOPS_EXPORT:A=1\nBOPS_EXPORT:T=hidden-word\n", vars={"A": "0", "B": "2"})
    retold.take(state, final=True)
    assert retold.report([])["exports"] == {"A": "1", "B": "2", "T": "${secret:S}"}


def test_a_text_that_became_shorter_adds_nothing(tmp_path: Path) -> None:
    retold = Retold(SpoolCopies(tmp_path), work())
    retold.take(told("one\ntwo\n"), final=False)
    retold.take(told("one\n"), final=True)
    assert kept(tmp_path) == "one\ntwo\n"

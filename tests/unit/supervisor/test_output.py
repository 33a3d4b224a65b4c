"""The order export scanner → masker → spool, and what is told of it."""

from __future__ import annotations

from pathlib import Path

from runyard.supervisor.mask import Secrets
from runyard.supervisor.output import STDERR, STDOUT, Output


def test_scanned_then_masked_then_spooled(tmp_path: Path) -> None:
    output = Output(str(tmp_path / "s.log"), 100, Secrets({"T": "the-token"}), True)
    for chunk in (b"BOPS_EXPORT:A=the-", b"token\nBOPS_EXPORT:B=x the-token\n", b"the-tok"):
        output.write(STDOUT, chunk, 0.0)
    output.write(STDERR, memoryview(b"the-token"), 0.0)
    output.finish(0.0)
    report = output.report()
    assert report["exports"] == {"A": "${secret:T}", "B": "x ***"}
    assert report["stdout"] == "BOPS_EXPORT:A=***\nBOPS_EXPORT:B=x ***\nthe-tok"
    assert (report["stderr"], report["stderr_bytes"]) == ("***", 3)
    assert b"the-token" not in (tmp_path / "s.log").read_bytes()
    assert output.masked("no the-token here") == "no *** here"


def test_streams_are_masked_apart(tmp_path: Path) -> None:
    output = Output(str(tmp_path / "s.log"), 100, Secrets({"T": "the-token"}), False)
    output.write(STDOUT, b"the-", 0.0)
    output.write(STDERR, b"token", 0.0)
    output.finish(0.0)
    assert (output.report()["stdout"], output.report()["stderr"]) == ("the-", "token")
    assert "exports" not in output.report()


def test_copies_are_named_and_their_failure_is_a_warning(tmp_path: Path) -> None:
    output = Output(str(tmp_path / "s.log"), 100, None, False)
    output.copy_to(str(tmp_path / "deep" / "er"), "run-1/a.b/../web 1/3")
    output.write(STDOUT, b"data", 0.0)
    output.finish(0.0)
    names = sorted(path.name for path in (tmp_path / "deep" / "er").iterdir())
    assert names == ["run-1.a.b%2F...web%201.3.stderr", "run-1.a.b%2F...web%201.3.stdout"]
    assert (tmp_path / "deep" / "er" / names[1]).read_bytes() == b"data"
    odd = Output(str(tmp_path / "t.log"), 100, None, False)
    odd.copy_to("/dev/null/no", "run-1/a/b/1")
    odd.write(STDOUT, b"data", 0.0)
    odd.finish(0.0)
    assert "output_path" in odd.report()["warnings"][0]

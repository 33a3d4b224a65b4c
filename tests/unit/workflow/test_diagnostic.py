"""Rendering: the line, the caret, long lines, wide characters, no terminal codes from a file."""

from __future__ import annotations

from runyard.workflow.diagnostic import Diagnostic


def found(line: str, col: int, end: int, **more: str) -> Diagnostic:
    return Diagnostic("WF012", "error", "no", "f.yaml", 7, col, end, line, **more)


def test_the_caret_covers_the_place() -> None:
    assert found("a: bcd", 4, 7, hint="did you mean x?", fix="write y").render() == (
        "f.yaml:7:4: error[WF012]: no\n"
        "  7 | a: bcd\n"
        "    |    ^^^\n"
        "  hint: did you mean x?\n"
        "  fix: write y"
    )


def test_long_lines_are_cut_around_the_caret() -> None:
    text = found("x" * 500 + "HERE" + "y" * 500, 501, 505).render().splitlines()
    assert len(text[1]) < 110
    place = text[2].index("^")
    assert text[1][place : place + 4] == "HERE"
    assert text[2].count("^") == 4


def test_the_end_of_a_long_line() -> None:
    text = found("x" * 500, 501, 502).render().splitlines()
    assert text[2].index("^") == len(text[1])


def test_tabs_take_one_column() -> None:
    text = found("\tab: c", 2, 4).render().splitlines()
    assert text[1].index("ab") == text[2].index("^")


def test_wide_characters_take_two_columns() -> None:
    text = found("名: 字 x", 6, 7).render().splitlines()
    assert text[2] == "    |        ^"


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in found("a\x1b[31mb", 1, 2).render()


def test_colour() -> None:
    assert found("a", 1, 2).render(color=True).startswith("f.yaml:7:1: \x1b[1;31merror[WF012]")


def test_a_file_as_a_whole_has_no_line() -> None:
    whole = Diagnostic("WF002", "error", "x is a directory", "x", fix="name a file inside it")
    assert whole.render() == ("x: error[WF002]: x is a directory\n  fix: name a file inside it")


def test_as_data() -> None:
    assert found("a", 1, 2).to_dict() == {
        "code": "WF012", "severity": "error", "message": "no", "file": "f.yaml", "line": 7,
        "col": 1, "end_col": 2, "source_line": "a", "hint": "", "fix": "", "cut": 0,
    }  # fmt: skip

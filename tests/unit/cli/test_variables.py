"""--var and --var-file."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.cli.options import split_words
from runyard.cli.variables import read_variables
from runyard.model.errors import RunyardError, UsageError, WorkflowError


def test_pairs_are_strings_and_keep_later_equal_signs() -> None:
    assert read_variables(["A=1", "B=x=y", "C="], []) == {"A": "1", "B": "x=y", "C": ""}


def test_pairs_win_over_files(tmp_path: Path) -> None:
    file = tmp_path / "vars.yaml"
    file.write_text("A: 1\nB: [1, 2]\n")
    assert read_variables(["A=2"], [str(file)]) == {"A": "2", "B": [1, 2]}


def test_files_are_yaml_1_2(tmp_path: Path) -> None:
    file = tmp_path / "vars.yaml"
    file.write_text("COUNTRY: no\nMODE: 0644\n")
    assert read_variables([], [str(file)]) == {"COUNTRY": "no", "MODE": 644}


@pytest.mark.parametrize("text", ["A", "1A=x", "a-b=x", "=x"])
def test_wrong_pairs(text: str) -> None:
    with pytest.raises(UsageError):
        read_variables([text], [])


@pytest.mark.parametrize("content", ["- a\n", "a: [", "1x: 2\n", "\x00"])
def test_wrong_files(tmp_path: Path, content: str) -> None:
    file = tmp_path / "vars.yaml"
    file.write_text(content)
    with pytest.raises(RunyardError, match=r"vars\.yaml") as raised:
        read_variables([], [str(file)])
    assert raised.value.exit_code == 2


def test_empty_and_missing_file(tmp_path: Path) -> None:
    file = tmp_path / "vars.yaml"
    file.write_text("")
    assert read_variables([], [str(file)]) == {}
    file.write_text("# nothing\n")
    assert read_variables([], [str(file)]) == {}
    with pytest.raises(WorkflowError, match="nowhere"):
        read_variables([], [str(tmp_path / "nowhere.yaml")])


def test_words_by_commas_and_by_repetition() -> None:
    assert split_words(["a, b", "c", ""]) == ("a", "b", "c")

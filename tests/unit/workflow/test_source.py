"""Reading files: everything that is no workflow is refused in words."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runyard.workflow.source import MAX_BYTES, Source, Unreadable, decode, read

TEXT = "version: v0.1\nname: 部署\n"


def refused(call: object, *arguments: object) -> Unreadable:
    assert callable(call)
    with pytest.raises(Unreadable) as caught:
        call(*arguments)
    return caught.value


def test_a_missing_file(tmp_path: Path) -> None:
    error = refused(read, tmp_path / "no.yaml").diagnostic
    assert (error.code, error.line) == ("WF001", 0)
    assert error.message == f"{tmp_path}/no.yaml does not exist"


def test_a_directory(tmp_path: Path) -> None:
    assert refused(read, tmp_path).diagnostic.code == "WF002"


def test_a_name_that_no_file_can_have() -> None:
    assert refused(read, "a\0b").diagnostic.code == "WF001"


def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "secret.yaml"
    path.write_text(TEXT)
    path.chmod(0)
    me = os.geteuid()
    if me == 0:  # root may read everything
        os.seteuid(65534)
    try:
        error = refused(read, path).diagnostic
    finally:
        os.seteuid(me)
    assert error.message == f"no permission to read {path}"
    assert error.fix == f"chmod u+r {path}"


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    error = refused(read, path).diagnostic
    assert error.code == "WF003"
    assert "104,857,600 bytes" in error.message


def test_a_file_that_never_ends() -> None:
    assert refused(read, "/dev/zero").diagnostic.code == "WF003"


def test_large_text_is_refused_too() -> None:
    assert refused(decode, b" " * (MAX_BYTES + 1), "x").diagnostic.code == "WF003"


def test_a_binary_file() -> None:
    assert refused(decode, b"\x7fELF\x02\x01\x00", "x").diagnostic.code == "WF004"


def test_latin_1_is_refused_at_its_byte() -> None:
    error = refused(decode, b"version: v0.1\nname: caf\xe9 au lait\n", "x.yaml").diagnostic
    assert (error.code, error.line, error.col) == ("WF005", 2, 10)
    assert "byte 0xe9" in error.message
    assert error.render().splitlines()[1].endswith("name: caf\ufffd au lait")


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"]
)
def test_byte_order_marks(encoding: str) -> None:
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    assert decode((mark + TEXT).encode(encoding), "x").text == TEXT


def test_broken_utf_16() -> None:
    error = refused(decode, b"\xff\xfea\x00b", "x").diagnostic
    assert (error.code, error.line, error.col) == ("WF005", 1, 2)


def test_lines_are_cut_where_yaml_cuts_them() -> None:
    source = Source("x", "a\r\nb\rc\nd\x0be\x85f\u2028g")
    assert source.lines == ["a", "b", "c", "d\x0be", "f", "g"]
    assert source.line(4) == "d\x0be"
    assert source.line(99) == ""

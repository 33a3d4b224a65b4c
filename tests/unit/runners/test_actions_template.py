"""template.render: references, Jinja2 in its sandbox, and errors with their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.model.errors import ArgumentError
from runyard.runners.actions.template import TemplateRender, fill
from tests.unit.runners.fake import do

SCOPE: dict[str, Any] = {
    "NAME": "web",
    "N": 3,
    "OK": True,
    "TRICK": "${NAME}",
    "EMPTY": "",
    "hosts": {"web1": {"PORT": 80}, "a.example": {"PORT": 81}},
    "LIST": ["a", "b"],
}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${NAME}-${N}-${OK}", "web-3-true"),
        ("${TRICK}", "${NAME}"),
        ("${GONE:-none} ${EMPTY:-x} <${EMPTY}>", "none x <>"),
        ("${hosts.a.example.PORT}", "81"),
        ("${hosts.web1.PORT} ${LIST.1} ${LIST}", '80 b ["a", "b"]'),
        ("$NAME $${NAME} $$ ${", "$NAME ${NAME} $$ ${"),
        ("${secret:PW}", "s3cret"),
        ("${GONE:-}", ""),
        ("${#NAME} ${NAME%x}", "${#NAME} ${NAME%x}"),
    ],
)
def test_references(text: str, filled: str) -> None:
    assert fill(text, SCOPE, {"PW": "s3cret"}, "t") == filled


@pytest.mark.parametrize("text", ["${GONE}", "${hosts.web2.PORT}", "${secret:NO}", "${LIST.9}"])
def test_unset_references_are_errors_with_their_line(text: str) -> None:
    with pytest.raises(ArgumentError, match=r"t:2: .* is not set") as caught:
        fill(f"first\n{text}", SCOPE, {}, "t")
    assert caught.value.code == "UNSET"


@given(st.text())
def test_any_text_is_filled_or_refused(text: str) -> None:
    try:
        fill(text, SCOPE, {}, "t")
    except ArgumentError as error:
        assert "is not set" in error.message  # noqa: PT017 - both ways are right


def test_content_is_written_once_with_its_mode(tmp_path: Path) -> None:
    args = {
        "content": "port=${PORT}\n",
        "dest": str(tmp_path / "c"),
        "vars": {"PORT": 81},
        "mode": "0600",
    }
    assert do(TemplateRender(), args, variables={"PORT": 80}).changed
    assert (tmp_path / "c").read_text() == "port=81\n"
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o600
    assert not do(TemplateRender(), args).changed


def test_source_beside_the_workflow(tmp_path: Path) -> None:
    (tmp_path / "t.conf").write_text("{{ not jinja }} ${NAME}")
    do(
        TemplateRender(),
        {"src": "t.conf", "dest": str(tmp_path / "out")},
        variables=SCOPE,
        base=tmp_path,
    )
    assert (tmp_path / "out").read_text() == "{{ not jinja }} web"


def jinja(tmp_path: Path, text: str) -> str:
    (tmp_path / "part.j2").write_text("part of {{ NAME }}")
    (tmp_path / "t.j2").write_text(text)
    out = tmp_path / "out"
    do(TemplateRender(), {"src": "t.j2", "dest": str(out)}, variables=SCOPE, base=tmp_path)
    return out.read_text()


def test_jinja(tmp_path: Path) -> None:
    text = "{% for x in LIST %}{{ x }}{{ N }} {% endfor %}<{{ hosts.web1.PORT }}>\n"
    assert jinja(tmp_path, text) == "a3 b3 <80>\n"
    assert jinja(tmp_path, "{% include 'part.j2' %} ${NAME}") == "part of web ${NAME}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x\n{{ GONE }}", r"t\.j2:2: 'GONE' is undefined"),
        ("x\n\n{% if %}", r"t\.j2:3: Expected an expression"),
        ("{{ ''.__class__.__mro__ }}", r"t\.j2:1: .*unsafe"),
        ("{{ 1 / 0 }}", r"t\.j2:1: division by zero"),
        ("{% include '../../etc/passwd' %}", r"t\.j2:1: "),
        ("{{ LIST.append('c') }}", r"t\.j2:1: .*"),
    ],
)
def test_jinja_errors_have_their_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        jinja(tmp_path, text)


def test_a_template_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"\xff\xfe")
    with pytest.raises(ArgumentError, match="not UTF-8"):
        do(TemplateRender(), {"src": "t", "dest": "/x"}, base=tmp_path)

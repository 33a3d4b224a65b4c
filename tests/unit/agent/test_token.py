from __future__ import annotations

from pathlib import Path

import pytest

from runyard.agent.address import Address
from runyard.agent.settings import AgentSettings, Tls
from runyard.agent.token import Keeper, Token, token_of
from runyard.model.errors import UsageError

HERE, OUT = Address("127.0.0.1", 7072), Address("0.0.0.0", 7072)
MUTUAL = Tls(Path("cert"), client_ca=Path("ca"))


def given(env: dict[str, str] | None = None, *at: Address, **settings: object) -> Token:
    return token_of(AgentSettings(**settings), at or (HERE,), env or {})  # type: ignore[arg-type]


def test_where_a_token_comes_from(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("\n# a comment\n  from-file  \nnot-this\n")
    file.chmod(0o600)
    env = {"RUNYARD_AGENT_TOKEN": "from-env"}
    assert given().value == "runner-token"
    assert given(env).value == "from-env"
    assert given(env, token_file=str(file)).value == "from-file"
    assert given(env, token="option").value == "option"
    assert given(None, OUT, token="option").value == "option"


def test_warnings_of_a_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("secret")
    file.chmod(0o640)
    assert "can be read by other users" in given(token_file=str(file)).warnings[0]
    assert "ps" in given(token="secret").warnings[0]
    assert given(token="runner-token").warnings == ()
    assert "secret" not in repr(given(token="secret"))


def test_other_machines_need_more_than_the_default_token() -> None:
    for env in ({}, {"RUNYARD_AGENT_TOKEN": "runner-token"}):
        with pytest.raises(UsageError, match="other machines"):
            given(env, HERE, OUT)
    assert given(None, OUT, tls=MUTUAL).value == ""
    assert given(None, HERE, tls=MUTUAL).value == ""
    assert given({"RUNYARD_AGENT_TOKEN": "mine"}, OUT, tls=MUTUAL).value == "mine"
    with pytest.raises(UsageError, match="other machines"):
        given(None, OUT, tls=Tls(Path("cert")))


@pytest.mark.parametrize("token", ["two words", "tab\tbed", "naïve", "new\nline"])
def test_tokens_that_cannot_be_sent(token: str) -> None:
    with pytest.raises(UsageError) as caught:
        given(token=token)
    assert token not in caught.value.message


def test_token_files_that_are_none(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text("# nothing\n\n")
    for path in (empty, tmp_path / "missing", tmp_path):
        with pytest.raises(UsageError, match="--token-file"):
            given(token_file=str(path))
    with pytest.raises(UsageError, match="exclude"):
        given(token="a", token_file="b")


@pytest.mark.parametrize(
    ("name", "value", "admitted"),
    [
        (b"x-runner-token", b"right", True),
        (b"x-runner-token", b" right ", True),
        (b"authorization", b"Bearer right", True),
        (b"authorization", b"bearer right", True),
        (b"authorization", b"Basic right", False),
        (b"authorization", b"right", False),
        (b"x-runner-token", b"righ", False),
        (b"x-runner-token", b"rightt", False),
        (b"x-runner-token", b"", False),
        (b"cookie", b"right", False),
        (b"x-runner-token", b"\xff", False),
    ],
)
def test_who_is_admitted(name: bytes, value: bytes, admitted: bool) -> None:
    assert Keeper("right").admits([(b"host", b"x"), (name, value)]) is admitted


def test_one_right_token_is_enough_and_none_is_none() -> None:
    both = [(b"x-runner-token", b"wrong"), (b"authorization", b"Bearer right")]
    assert Keeper("right").admits(both)
    assert not Keeper("right").admits([])
    assert Keeper("").admits([])

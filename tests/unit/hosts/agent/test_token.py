"""Which token an agent is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.hosts.agent.token import DEFAULT, VARIABLE, is_loopback, mismatch, token_for
from runyard.hosts.site import Access, AgentAccess
from runyard.model.errors import UsageError

FAR = "http://10.0.0.7:7072"
NEAR = "http://127.0.0.1:7072"


def test_the_inventory_comes_before_the_run_and_the_run_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "of-the-environment")
    file = tmp_path / "token"
    file.write_text("of-the-file\n")
    agents = {"web1": AgentAccess(token="of-the-host")}
    assert token_for("web1", FAR, Access(token="given", agents=agents)) == "of-the-host"
    assert token_for("web2", FAR, Access(token="given", agents=agents)) == "given"
    assert token_for("web2", FAR, Access(token_file=str(file))) == "of-the-file"
    assert token_for("web2", NEAR, Access()) == "of-the-environment"


def test_the_file_is_read_when_it_is_needed(tmp_path: Path) -> None:
    file = tmp_path / "token"
    access = Access(token_file=str(file))
    with pytest.raises(UsageError, match="No such file"):
        token_for("web1", FAR, access)
    file.write_text("first")
    assert token_for("web1", FAR, access) == "first"
    file.write_text("second")
    assert token_for("web1", FAR, access) == "second"


def test_the_default_is_for_loopback_alone() -> None:
    assert token_for("near", NEAR, Access()) == DEFAULT
    with pytest.raises(UsageError, match="no token for the agent of far"):
        token_for("far", FAR, Access())


def test_our_certificate_may_be_all() -> None:
    assert token_for("far", FAR, Access(agents={"far": AgentAccess(cert="c", key="k")})) == ""


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "http://localhost", "http://[::1]:7"])
def test_loopback(address: str) -> None:
    assert is_loopback(address)


@pytest.mark.parametrize("address", ["http://10.1.2.3:1", "http://localhost.example.org", "x"])
def test_no_loopback(address: str) -> None:
    assert not is_loopback(address)


@pytest.mark.parametrize("token", ["two words", "new\nline", "ünicode", ""])
def test_what_no_header_can_carry_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(UsageError) as error:
        token_for(
            "far", FAR, Access(agents={}, token_file="/dev/null") if not token else Access(token)
        )
    assert not token or token not in str(error.value)


def test_nothing_shows_a_token() -> None:
    access = Access(token="s3cret-token", agents={"a": AgentAccess(token="s3cret-other")})
    assert "s3cret" not in repr(access)
    assert mismatch("web1").message == (
        "token mismatch on web1: the agent and this run must use the same token"
    )


def test_a_token_given_now_replaces_the_file_of_then() -> None:
    then = Access(token_file="/old")
    assert then.under(Access()) == then
    assert then.under(Access(token="now")) == Access(token="now")
    assert then.under(Access(token_file="/new")).token_file == "/new"

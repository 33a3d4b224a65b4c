from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from runyard.expr import providers
from runyard.expr.providers import CommandProvider, FileProvider, provider_of
from runyard.expr.redact import Redactor
from runyard.expr.secrets import Secrets, default_path
from runyard.model.errors import DeadlineError, ExecutionError, RunyardError, UsageError


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Path]:
    """Writes the secrets file, for its owner alone."""

    def write(text: str, mode: int = 0o600) -> Path:
        path = tmp_path / "secrets.yaml"
        path.write_text(text, "utf-8")
        path.chmod(mode)
        return path

    return write


def resolve(secrets: Secrets, *names: str) -> dict[str, str]:
    return asyncio.run(secrets.resolve(names))


def refused(secrets: Secrets, *names: str) -> RunyardError:
    with pytest.raises(RunyardError) as caught:
        resolve(secrets, *names)
    return caught.value


def test_nothing_wanted_reads_nothing(file: Callable[..., Path]) -> None:
    assert resolve(Secrets(path=file("x: y", 0o644))) == {}


def test_environment_before_file_before_star(
    file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file("A: from file\nB: from file\n")
    monkeypatch.setenv("RUNYARD_SECRET_A", "from env")
    monkeypatch.setenv("RUNYARD_SECRET_N_1", "from env")
    secrets = Secrets({"*": {"command": ["echo", "from command {name}"]}}, path)
    assert resolve(secrets, "A", "B", "C", "N.1", "A") == {
        "A": "from env",
        "B": "from file",
        "C": "from command C",
        "N.1": "from env",
    }


def test_settings_decide(file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNYARD_SECRET_A", "from env")
    monkeypatch.setenv("MINE", "from mine")
    assert resolve(Secrets({"A": {"env": "MINE"}}, file("")), "A") == {"A": "from mine"}
    assert "not known" in refused(Secrets({"A": {"env": "NOBODY"}}, file("")), "A").message


def test_values_of_the_file_are_texts(
    file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE", "from mine")
    path = file("A: 0123456\nB: 2026-11-21\nC: |\n  line one\n  line two\nD: {env: MINE}\n")
    found = resolve(Secrets(path=path), "A", "B", "C", "D")
    assert found["A"] == "0123456"
    assert found["B"] == "2026-11-21"
    assert found["C"] == "line one\nline two\n"
    assert found["D"] == "from mine"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o601, 0o660])
def test_a_file_that_others_can_read_is_refused(file: Callable[..., Path], mode: int) -> None:
    path = file("A: long enough", mode)
    error = refused(Secrets(path=path), "A")
    assert error.message == f"{path} can be read by others"
    assert error.hint == f"chmod 600 {path}"
    path.chmod(0o600)
    assert resolve(Secrets(path=path), "A") == {"A": "long enough"}


@pytest.mark.parametrize(
    ("text", "message"),
    [("A: [", "is not valid YAML"), ("- A", "is not a map"), ("A: {a: b, c: d}", "not understood")],
)
def test_a_broken_file(file: Callable[..., Path], text: str, message: str) -> None:
    assert message in refused(Secrets(path=file(text)), "A").message


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n"])
def test_an_empty_file_knows_nothing(file: Callable[..., Path], text: str) -> None:
    assert "not known" in refused(Secrets(path=file(text)), "A").message


def test_short_values_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RUNYARD_SECRET_A", "12345")
    error = refused(Secrets(path=tmp_path / "none"), "A")
    assert error.message == 'secret "A" has 5 characters: too short to be masked'
    assert "12345" not in str(error.to_dict())


def test_unknown_with_a_guess_and_with_a_fix(file: Callable[..., Path]) -> None:
    secrets = Secrets(path=file("DB_PASSWORD: correct horse"))
    assert refused(secrets, "DB_PASWORD").hint == 'did you mean "DB_PASSWORD"?'
    assert refused(secrets, "X").hint.startswith("set RUNYARD_SECRET_X, or add X: … to ")


def test_file_provider(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(b"line one\nline two\r\n")
    path.chmod(0o600)
    assert asyncio.run(FileProvider(path).get("A")) == "line one\nline two"
    assert asyncio.run(FileProvider(tmp_path / "none").get("A")) is None
    path.write_bytes(b"\xff\xfe")
    assert "not UTF-8" in refused(Secrets({"A": {"file": str(path)}}), "A").message
    assert "cannot be read" in refused(Secrets({"A": {"file": str(tmp_path)}}), "A").message


def test_command_provider() -> None:
    command = CommandProvider(("sh", "-c", 'printf "%s\\n" "$0"', "value of {name}; $(id)"))
    assert asyncio.run(command.get("A")) == "value of A; $(id)"
    with pytest.raises(ExecutionError, match="ended with 3: no such entry"):
        asyncio.run(CommandProvider(("sh", "-c", "echo no such entry >&2; exit 3")).get("A"))
    with pytest.raises(UsageError, match="cannot start"):
        asyncio.run(CommandProvider(("/no/such/program",)).get("A"))


def test_a_command_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(providers, "COMMAND_TIMEOUT", 0.2)
    pid = tmp_path / "pid"
    hang = CommandProvider(("sh", "-c", f"echo $$ >{pid}; exec sleep 100"))
    with pytest.raises(DeadlineError):
        asyncio.run(hang.get("A"))
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()


def test_keyring_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []
    module = ModuleType("keyring")

    def get_password(service: str, user: str) -> str | None:
        asked.append((service, user))
        return "from keyring" if user == "A" else None

    module.get_password = get_password  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", module)
    assert asyncio.run(provider_of("A", {"keyring": "mine"}).get("A")) == "from keyring"
    assert asyncio.run(provider_of("A", {"keyring": {"user": "B"}}).get("A")) is None
    assert asked == [("mine", "A"), ("runyard", "B")]
    monkeypatch.setitem(sys.modules, "keyring", None)
    error = refused(Secrets({"A": {"keyring": "mine"}}), "A")
    assert error.hint == "pip install 'runyard[keyring]'"


@pytest.mark.parametrize(
    "spec",
    [None, "x", {}, {"env": 1}, {"env": "A", "file": "B"}, {"keyring": {"x": 1}}, {"command": []}],
)
def test_a_provider_that_is_none(spec: Any) -> None:
    with pytest.raises(UsageError, match="not understood"):
        provider_of("A", spec)


def test_a_misspelt_provider_gets_a_guess() -> None:
    with pytest.raises(UsageError) as caught:
        provider_of("A", {"comand": "x"})
    assert caught.value.hint == "did you mean command?"


def test_default_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/etc/xdg-of-mine")
    assert default_path() == Path("/etc/xdg-of-mine/runyard/secrets.yaml")
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/me")
    assert default_path() == Path("/home/me/.config/runyard/secrets.yaml")


def test_redactor_masks_every_form() -> None:
    redactor = Redactor({"T": "hunter+22/x", "SHORT": "abc"})
    assert redactor.text("a hunter+22/x b") == "a *** b"
    assert redactor.text("hunter%2B22%2Fx") == "***"
    assert redactor.text("abc stays") == "abc stays"
    assert Redactor({}).text("hunter+22/x") == "hunter+22/x"

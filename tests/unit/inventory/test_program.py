"""Programs that print inventories: what goes wrong is said, and nothing of them goes on."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from runyard.inventory.load import load_inventory
from runyard.inventory.problem import InvalidInventory, InventoryError
from runyard.inventory.program import output_of


def script(folder: Path, text: str, name: str = "inv") -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def failing(*args: str, **options: float) -> InventoryError:
    with pytest.raises(InventoryError) as caught:
        output_of(args, **options)  # type: ignore[arg-type]
    return caught.value


def gone(pid: int) -> bool:
    """Whether the process has ended; a zombie has."""
    for _ in range(200):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False


def test_it_gets_its_arguments_no_shell_and_no_input(tmp_path: Path) -> None:
    path = script(tmp_path, 'cat; printf "%s|" "$@"')
    assert output_of([path, "--list", "$(echo no)"]) == b"--list|$(echo no)|"


def test_large_output_with_both_streams_busy(tmp_path: Path) -> None:
    path = script(tmp_path, "i=0; while [ $i -lt 300 ]; do i=$((i+1)); "
                  "head -c 10000 /dev/zero; head -c 10000 /dev/zero >&2; done")  # fmt: skip
    assert len(output_of([path])) == 3_000_000


def test_a_failure_has_its_code_and_the_end_of_stderr(tmp_path: Path) -> None:
    error = failing(
        script(tmp_path, "echo '{}'; echo no credentials >&2; printf 'a\\033[31m' >&2; exit 3")
    )
    path = tmp_path / "inv"
    assert error.message == (
        f"{path} ended with exit code 3\n  stderr: no credentials\n  stderr: a·[31m"
    )
    assert error.hint == f"run it yourself: {path}"
    assert "was killed by signal 9" in failing(script(tmp_path, "kill -9 $$")).message


def test_too_slow(tmp_path: Path) -> None:
    path = script(tmp_path, f"echo $$ > {tmp_path}/pid; echo waits >&2; sleep 60 & sleep 61")
    error = failing(path, timeout=0.5)
    assert error.message == f"{path} did not end within 0.5 s\n  stderr: waits"
    assert gone(int((tmp_path / "pid").read_text()))


def test_too_slow_with_its_streams_closed(tmp_path: Path) -> None:
    assert (
        "did not end" in failing(script(tmp_path, "exec >&- 2>&-; sleep 60"), timeout=0.3).message
    )


def test_too_much(tmp_path: Path) -> None:
    path = script(tmp_path, f"echo $$ > {tmp_path}/pid; exec yes")
    assert failing(path, limit=100_000).message.startswith(
        f"{path} printed more than 100,000 bytes"
    )
    assert gone(int((tmp_path / "pid").read_text()))


def test_what_it_leaves_behind_is_ended_and_not_waited_for(tmp_path: Path) -> None:
    path = script(tmp_path, f"sleep 60 & echo $! > {tmp_path}/pid; echo out")
    assert output_of([path]) == b"out\n"
    assert gone(int((tmp_path / "pid").read_text()))


def test_it_cannot_be_started(tmp_path: Path) -> None:
    assert "No such file" in failing(str(tmp_path / "nowhere")).message
    path = tmp_path / "inv"
    path.write_text("#!/no/such/interpreter\n")
    path.chmod(0o755)
    assert failing(str(path)).hint == "is there /no/such/interpreter?"
    path.write_text("echo\n")
    assert "#!" in failing(str(path)).hint


@pytest.mark.parametrize(
    ("prints", "message"),
    [
        ("not json", "printed no JSON"),
        ("[1]", "printed JSON that is no map"),
        ("", "printed no JSON"),
        ("{}", "no hosts defined in inventory"),
        ('{"web": {"hosts": "a"}, "db": ["b"]}', "web.hosts must be a list of names"),
        ("\\377", "printed what is not UTF-8"),
    ],
)
def test_what_it_prints_cannot_be_used(tmp_path: Path, prints: str, message: str) -> None:
    script(tmp_path, f"printf '{prints}'")
    with pytest.raises(InventoryError, match=message):
        load_inventory(["inv"], tmp_path)


def test_our_own_shape_is_as_strict_as_in_a_file(tmp_path: Path) -> None:
    script(tmp_path, """echo '{"hosts": {"a": {"adress": "ssh://a"}}, "vars": {"X": 1}}'""")
    with pytest.raises(InvalidInventory) as caught:
        load_inventory(["inv"], tmp_path)
    (found,) = caught.value.diagnostics
    assert (found.code, found.file) == ("WF012", f"{tmp_path}/inv --list")
    assert found.hint == 'did you mean "address"?'


def test_our_own_shape(tmp_path: Path) -> None:
    script(tmp_path, """echo '{"hosts": {"a": {"address": "ssh://a"}}, "vars": {"X": 1}}'""")
    loaded = load_inventory(["inv"], tmp_path)
    assert loaded.inventory.hosts["a"].address == "ssh://a"
    assert loaded.inventory.vars == {"X": 1}
    assert loaded.sources == (str(tmp_path / "inv"),)


def test_without_meta_there_is_a_warning(tmp_path: Path) -> None:
    script(tmp_path, """echo '{"web": ["a"]}'""")
    loaded = load_inventory(["inv"], tmp_path)
    assert list(loaded.inventory.hosts) == ["a"]
    assert loaded.warnings == (
        f"{tmp_path}/inv --list printed no _meta.hostvars: hosts have no variables",
    )


def test_a_data_file_may_be_executable(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text("all: {hosts: {a: }}\n")
    path.chmod(0o755)
    assert list(load_inventory(["hosts.yml"], tmp_path).inventory.hosts) == ["a"]


def test_it_sees_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGION", "eu")
    script(tmp_path, """printf '{"hosts": {"%s": {}}}' "$REGION" """)
    assert list(load_inventory(["inv"], tmp_path).inventory.hosts) == ["eu"]
    assert os.environ["REGION"] == "eu"

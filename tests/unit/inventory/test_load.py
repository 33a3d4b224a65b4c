"""What `-i` takes, and how sources are put together."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runyard.expr.variables import Variables
from runyard.hosts.inventory import Inventory
from runyard.inventory.codes import CODES
from runyard.inventory.load import load_inventory
from runyard.inventory.problem import InvalidInventory, InventoryError


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)


def addresses(inventory: Inventory) -> dict[str, str]:
    return {name: host.address for name, host in inventory.hosts.items()}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("web1,", {"web1": "ssh://web1"}),
        ("web1,web2,", {"web1": "ssh://web1", "web2": "ssh://web2"}),
        (" web1 , web2 , ", {"web1": "ssh://web1", "web2": "ssh://web2"}),
        ("ops@web1:2222,", {"web1:2222": "ssh://ops@web1:2222"}),
        ("local,", {"local": "local"}),
        ("localhost,", {"localhost": "ssh://localhost"}),
        ("::1,", {"::1": "ssh://[::1]"}),
        ("a@[::1]:22,", {"[::1]:22": "ssh://a@[::1]:22"}),
        ("web[1:2].x,", {"web1.x": "ssh://web1.x", "web2.x": "ssh://web2.x"}),
        ("http://10.0.0.1:7072,", {"10.0.0.1:7072": "http://10.0.0.1:7072"}),
        ("https://web1/,", {"web1": "https://web1/"}),
        ("ssh://a@web1:22,docker://box,", {"web1:22": "ssh://a@web1:22", "box": "docker://box"}),
    ],
)
def test_a_list_of_hosts(text: str, found: dict[str, str]) -> None:
    loaded = load_inventory([text])
    assert addresses(loaded.inventory) == found
    assert load_inventory(loaded.sources).inventory.hosts == loaded.inventory.hosts


@pytest.mark.parametrize("text", ["a/b,", "gopher://x,", "all,", ",", "web[3:1],", "ssh://,"])
def test_no_list_of_hosts(text: str) -> None:
    with pytest.raises(Exception) as caught:
        load_inventory([text])
    assert getattr(caught.value, "exit_code", None) == 2


def test_a_list_that_is_longer_than_the_name_of_a_file_may_be() -> None:
    names = [f"web{n:03d}" for n in range(900)]
    assert list(load_inventory([",".join(names) + ","]).inventory.hosts) == names


def test_later_sources_win_value_by_value(tmp_path: Path) -> None:
    write(
        tmp_path,
        a="[web]\nw1 x=1 y=1 ansible_host=10.0.0.1\nw2\n[web:vars]\ng=1\nh=1\nansible_user=first\n",
        b="[web]\nw1 y=2 ansible_port=2222\nw3\n[web:vars]\nh=2\nansible_user=second\n",
    )
    (tmp_path / "c.yaml").write_text(
        "vars: {g: lowest}\nhosts: {w2: {address: local, vars: {y: 3}}}\n"
    )
    loaded = load_inventory(["a,b", "c.yaml"], tmp_path)
    inventory = loaded.inventory
    assert addresses(inventory) == {
        "w1": "ssh://second@10.0.0.1:2222", "w2": "local", "w3": "ssh://second@w3",
    }  # fmt: skip
    seen = Variables(inventory)
    assert seen.merged("w1") == {"x": 1, "y": 2, "g": 1, "h": 2}
    assert seen.merged("w2") == {"y": 3, "g": 1, "h": 2}
    assert loaded.sources == tuple(str(tmp_path / name) for name in ("a", "b", "c.yaml"))


def test_a_group_may_be_declared_by_another_source(tmp_path: Path) -> None:
    write(tmp_path, a="[web:vars]\nx=1\n", b="[web]\nw1\n")
    for order in (["a", "b"], ["b", "a"]):
        assert load_inventory(order, tmp_path).inventory.groups["web"].vars == {"x": 1}


def test_groups_of_several_sources_that_contain_each_other(tmp_path: Path) -> None:
    write(tmp_path, a="[x:children]\ny\n[y]\nh\n", b="[y:children]\nx\n[x]\n")
    with pytest.raises(InventoryError, match="groups contain each other: x → y → x"):
        load_inventory(["a", "b"], tmp_path)


def test_mistakes_of_one_source_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    write(tmp_path / "d", **{"a.ini": "[web\n[x:y]\n", "b.ini": "[a]\nh z\n"})
    with pytest.raises(InvalidInventory) as caught:
        load_inventory(["d"], tmp_path)
    found = [(Path(d.file).name, d.line, d.code) for d in caught.value.diagnostics]
    assert found == [("a.ini", 1, "IN006"), ("a.ini", 2, "IN001"), ("b.ini", 2, "IN003")]
    assert caught.value.exit_code == 2
    assert {d.code for d in caught.value.diagnostics} <= set(CODES)
    assert "a.ini:1:1: error[IN006]" in caught.value.render()


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InventoryError) as caught:
        load_inventory(["web1,web2"], tmp_path)
    assert caught.value.message == "inventory 'web1' does not exist"
    assert caught.value.hint == "a list of hosts ends with a comma: -i web1,web2,"


def test_a_name_with_a_comma_is_a_file_when_there_is_one(tmp_path: Path) -> None:
    write(tmp_path, **{"a,b": "h1\n", "c,": "h2\n"})
    assert list(load_inventory(["a,b", "c,"], tmp_path).inventory.hosts) == ["h1", "h2"]


def test_broken_files(tmp_path: Path) -> None:
    (tmp_path / "bin").write_bytes(b"\x00\x01")
    (tmp_path / "latin").write_bytes(b"# caf\xe9\nweb\n")
    (tmp_path / "empty").mkdir()
    for name, code in (("bin", "WF004"), ("latin", "WF005")):
        with pytest.raises(InvalidInventory) as caught:
            load_inventory([name], tmp_path)
        assert caught.value.diagnostics[0].code == code
    with pytest.raises(InventoryError, match="no hosts defined in inventory"):
        load_inventory(["empty"], tmp_path)
    os.symlink(tmp_path / "nowhere", tmp_path / "dangling")
    with pytest.raises(InvalidInventory, match="does not exist"):
        load_inventory(["dangling"], tmp_path)
    os.symlink(tmp_path / "loop", tmp_path / "loop")
    os.symlink(tmp_path / "empty", tmp_path / "empty" / "self")
    with pytest.raises(InventoryError, match="nested too deep"):
        load_inventory(["empty"], tmp_path)


def test_variables_beside_a_file(tmp_path: Path) -> None:
    write(tmp_path, hosts="[web]\nw1\nw2\n")
    for name, text in {
        "group_vars/web.yml": "a: yes\nb: 1\n",
        "group_vars/all/x.yaml": "b: 0\nc: 0\nansible_user: ops\n",
        "group_vars/all/notes.txt": "not: read\n",
        "host_vars/w1": "b: 2\nansible_port: 2200\n",
        "host_vars/w2.yml": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    inventory = load_inventory(["hosts"], tmp_path).inventory
    assert Variables(inventory).merged("w1") == {"a": True, "b": 2, "c": 0}
    assert Variables(inventory).merged("w2") == {"a": True, "b": 1, "c": 0}
    assert addresses(inventory) == {"w1": "ssh://ops@w1:2200", "w2": "ssh://ops@w2"}
    (tmp_path / "host_vars/w1").write_text("- a\n")
    with pytest.raises(InvalidInventory, match="variables must be a map, not a list"):
        load_inventory(["hosts"], tmp_path)


def test_our_own_files_have_no_folders_of_variables(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("hosts: {w1: {}}\n")
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars" / "w1").write_text("a: 1\n")
    assert load_inventory(["own.yaml"], tmp_path).inventory.hosts["w1"].vars == {}


def test_a_host_and_a_group_of_one_name(tmp_path: Path) -> None:
    write(tmp_path, hosts="[web]\nweb\nw2\n")
    loaded = load_inventory(["hosts"], tmp_path)
    assert loaded.warnings == (
        '"web" is a host and a group: as a target it is the host, @web is the group',
    )
    assert [h.name for h in loaded.inventory.select(["@web"])] == ["web", "w2"]


def test_ten_thousand_hosts_of_many_groups(tmp_path: Path) -> None:
    lines = [f"[g{n}]\nw[{n}0000:{n}0999] x={n}\n[g{n}:vars]\ny={n}\n" for n in range(1, 11)]
    write(
        tmp_path,
        hosts="".join(lines) + "[top:children]\n" + "\n".join(f"g{n}" for n in range(1, 11)),
    )
    inventory = load_inventory(["hosts"], tmp_path).inventory
    assert len(inventory.hosts) == 10_000
    assert len(inventory.select(["top & w1*"])) == 2000
    assert inventory.hosts["w100500"].groups == ("top", "g10")

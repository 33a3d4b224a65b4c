"""What a source says as a whole: what is left out is told, and files are beside who names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.expr.variables import Variables
from runyard.hosts.inventory import Inventory
from runyard.inventory.load import load_inventory
from runyard.inventory.problem import InventoryError
from runyard.runners.registry import ActionRegistry
from runyard.workflow.load import load, loads

INI = """\
[web]
web1 ansible_host=10.0.0.1 ansible_private_key_file=keys/web ansible_winrm_transport=ntlm PORT=80
web2 ansible_ssh_private_key_file=~/.ssh/web agent_ca=ca.pem
[web:vars]
ansible_ssh_common_args=-o StrictHostKeyChecking=no -J bastion
URL=http://{{ inventory_hostname }}/{{ path }}
NESTED={"a": ["{% if x %}"]}
"""


def write(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def test_what_is_ansibles_own_is_seen_by_no_step(tmp_path: Path) -> None:
    inventory = load_inventory([write(tmp_path / "hosts.ini", INI)]).inventory
    for name in inventory.hosts:
        assert not [key for key in Variables(inventory).merged(name) if key.startswith("ansible_")]
    assert Variables(inventory).merged("web1")["PORT"] == 80
    assert inventory.hosts["web1"].options["jump"] == "bastion"


def test_what_is_not_done_is_told_once(tmp_path: Path) -> None:
    file = write(tmp_path / "hosts.ini", INI)
    templates, args = load_inventory([file]).warnings
    assert templates == f"{file}: {{{{ … }}}} is not filled in, and stays in: URL, NESTED"
    assert args == (
        f"{file}: arguments for ssh that are not taken over: StrictHostKeyChecking=no; "
        "unknown hosts need --accept-new"
    )


def test_files_are_beside_the_inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a" / "hosts.ini", INI)
    own = "user: x\nidentity: id\nhosts: {h1: {known_hosts: known, vars: {agent_key: k.pem}}}\n"
    write(tmp_path / "a" / "b" / "own.yaml", own)
    monkeypatch.chdir(tmp_path)
    inventory = load_inventory(["a/hosts.ini", "a/b/own.yaml"]).inventory
    hosts = inventory.hosts
    assert hosts["web1"].options["identity"] == str(tmp_path / "a/keys/web")
    assert hosts["web2"].options["identity"] == "~/.ssh/web"
    assert hosts["web2"].vars["agent_ca"] == str(tmp_path / "a/ca.pem")
    assert hosts["h1"].options["known_hosts"] == str(tmp_path / "a/b/known")
    assert hosts["h1"].vars["agent_key"] == str(tmp_path / "a/b/k.pem")
    assert inventory.options["identity"] == str(tmp_path / "a/b/id")


WORKFLOW = """\
version: v0.1
name: w
inventory:
  vars: {agent_ca: ca.pem, agent_cert: /etc/c.pem}
  groups: {g: {hosts: [h], identity: keys/g, known_hosts: none}}
  hosts: {h: {address: "ssh://h", vars: {agent_key: "~/k.pem", identity: mine}}}
steps:
  - {name: s, action: cmd.run, args: {cmd: "true"}}
"""


def test_files_are_beside_the_workflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "flows" / "w.yaml", WORKFLOW)
    monkeypatch.chdir(tmp_path)
    read: Inventory = load("flows/w.yaml", actions=ActionRegistry()).inventory
    flows = tmp_path / "flows"
    assert read.vars == {"agent_ca": str(flows / "ca.pem"), "agent_cert": "/etc/c.pem"}
    assert read.groups["g"].options == {"identity": str(flows / "keys/g"), "known_hosts": "none"}
    assert read.hosts["h"].vars == {"agent_key": "~/k.pem", "identity": "mine"}
    assert loads(WORKFLOW, actions=ActionRegistry()).inventory.vars["agent_ca"] == "ca.pem"


@pytest.mark.parametrize("name", ["hosts.ini", "prod/hosts", "./x", "site.yml"])
def test_a_file_that_is_missing_is_no_list_of_hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InventoryError) as error:
        load_inventory([name])
    assert "comma" not in error.value.hint
    with pytest.raises(InventoryError) as error:
        load_inventory(["web1.example.com"])
    assert "-i web1.example.com," in error.value.hint

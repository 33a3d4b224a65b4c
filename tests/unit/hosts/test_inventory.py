from __future__ import annotations

import pytest

from runyard.hosts.inventory import Group, Host, Inventory, transport_of
from runyard.model.errors import UsageError


@pytest.mark.parametrize(
    ("address", "transport"),
    [
        ("", "local"),
        ("local", "local"),
        ("http://127.0.0.1:7072", "agent"),
        ("https://web1.example.com", "agent"),
        ("ssh://root@web1:2222", "ssh"),
        ("docker://app", "docker"),
        ("worker://desk", "worker"),
        ("k8s://pool", "kubernetes"),
    ],
)
def test_transport(address: str, transport: str) -> None:
    assert transport_of(address) == transport
    assert Host("x", address).transport == transport


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("10.0.0.1", "write ssh://10.0.0.1, http://10.0.0.1 for a push agent, or local"),
        ("shh://web1", "did you mean ssh://?"),
        ("gopher://web1", "one of http://, https://, ssh://"),
        ("ssh://", "did you mean"),
        ("Local", "write ssh://Local"),
    ],
)
def test_no_address(address: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        transport_of(address)
    assert address in caught.value.message
    assert hint in caught.value.hint or address == "ssh://"


def test_hosts_learn_their_groups_sorted() -> None:
    inventory = Inventory.of(
        [Host("a"), Host("b")], [Group("z", ("a", "a")), Group("m", ("b", "a")), Group("empty")]
    )
    assert inventory.hosts["a"].groups == ("m", "z")
    assert inventory.hosts["b"].groups == ("m",)


@pytest.mark.parametrize(
    ("hosts", "groups", "message"),
    [
        (["a", "a"], [], 'host "a" is duplicated'),
        (["a"], [Group("g"), Group("g")], 'group "g" is duplicated'),
        (["web1"], [Group("g", ("wbe1",))], 'group "g": unknown host "wbe1"'),
    ],
)
def test_refused(hosts: list[str], groups: list[Group], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Inventory.of([Host(name) for name in hosts], groups)
    assert caught.value.message == message


def test_local() -> None:
    (host,) = Inventory.local().select()
    assert (host.name, host.transport) == ("local", "local")


def test_as_local_keeps_names_and_variables() -> None:
    host = Host("web1", "ssh://web1", {"A": 1}, options={"user": "root"})
    inventory = Inventory.of([host], [Group("g", ("web1",), {"G": 1})], {"V": 1}).as_local()
    (local,) = inventory.select(["g"])
    assert (local.name, local.address, local.vars, local.groups) == ("web1", "", {"A": 1}, ("g",))
    assert local.options == {}
    assert inventory.vars == {"V": 1}


def test_hosts_can_be_keys() -> None:
    assert len({Host("a", vars={"x": [1]}), Host("a", vars={"x": [1]}), Host("b")}) == 2


def test_order_is_the_documents() -> None:
    names = ["z", "a", "m"]
    inventory = Inventory.of([Host(name) for name in names])
    assert [host.name for host in inventory.select(["m", "a", "z"])] == names


def test_variables_that_lead_to_a_host_may_be_those_of_its_groups() -> None:
    inventory = Inventory.of(
        [Host("web", "ssh://web", {"ssh_port": 3}), Host("db", "ssh://db")],
        [
            Group("all-web", ("web",), {"ssh_user": "outer", "ssh_port": 1}),
            Group("prod", (), {"ssh_user": "prod", "ssh_key": "p", "N": 1}, ("all-web",)),
        ],
        {"ssh_key": "everybody", "ssh_port": 2},
    )
    web, db = (inventory.with_link(host) for host in inventory.hosts.values())
    assert web.vars == {"ssh_user": "outer", "ssh_key": "p", "ssh_port": 3}
    assert db.vars == {"ssh_key": "everybody", "ssh_port": 2}
    assert Inventory.local().with_link(Host("local")) == Host("local")

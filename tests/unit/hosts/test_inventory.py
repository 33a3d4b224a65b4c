from __future__ import annotations

import pytest

from runyard.hosts.address import transport_of
from runyard.hosts.inventory import Group, Host, Inventory
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


def test_what_leads_to_a_host_may_be_said_of_its_groups_and_of_everybody() -> None:
    inventory = Inventory.of(
        [Host("web", "ssh://web", options={"port": 3, "become": ""}), Host("db", "ssh://db")],
        [
            Group("all-web", ("web",), options={"user": "outer", "port": 1}),
            Group(
                "prod",
                children=("all-web",),
                options={"user": "p", "identity": "p", "become": "root"},
            ),
        ],
        options={"identity": "everybody", "port": 2},
    )
    again = Inventory.from_dict(inventory.to_dict())
    assert again == inventory
    web, db = (again.with_link(host) for host in again.hosts.values())
    assert web.options == {"user": "outer", "identity": "p", "port": 3, "become": ""}
    assert db.options == {"identity": "everybody", "port": 2}
    assert all(
        not here.with_link(h).options for here in [inventory.as_local()] for h in here.select()
    )
    assert Inventory.local().with_link(Host("local")) == Host("local")

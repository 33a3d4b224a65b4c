from __future__ import annotations

from runyard.hosts.dummy import DummyConnector
from runyard.hosts.fleet import Fleet
from runyard.hosts.inventory import Group, Host, Inventory
from runyard.model.connector import Connector


def test_who_a_host_is_worked_on_as() -> None:
    asked: list[tuple[str, str]] = []

    def open(host: Host, become: str) -> Connector:
        asked.append((host.name, become))
        return DummyConnector(host.name)

    hosts = [Host("a", options={"become": "root"}), Host("b"), Host("c")]
    groups = [Group("g", ("a", "c"), options={"become": "app"})]
    fleet = Fleet(Inventory.of(hosts, groups), open)
    first, second, third = fleet.inventory.hosts.values()
    assert fleet.connector(first) is fleet.connector(first, "root")
    assert fleet.connector(first) is fleet.connector(first)
    assert fleet.connector(first) is not fleet.connector(first, "deploy")
    assert fleet.connector(first, "") is not fleet.connector(first)
    assert fleet.connector(second) is fleet.connector(second, "")
    fleet.connector(third)
    assert asked == [("a", "root"), ("a", "deploy"), ("a", ""), ("b", ""), ("c", "app")]

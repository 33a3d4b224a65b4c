from __future__ import annotations

from runyard.hosts.dummy import DummyConnector
from runyard.hosts.fleet import Fleet
from runyard.hosts.inventory import Host, Inventory
from runyard.model.connector import Connector


def test_who_a_host_is_worked_on_as() -> None:
    asked: list[tuple[str, str]] = []

    def open(host: Host, become: str) -> Connector:
        asked.append((host.name, become))
        return DummyConnector(host.name)

    fleet = Fleet(Inventory.of([Host("a", options={"become": "root"}), Host("b")]), open)
    first, second = fleet.inventory.hosts.values()
    assert fleet.connector(first) is fleet.connector(first, "root")
    assert fleet.connector(first) is not fleet.connector(first, "deploy")
    fleet.connector(second)
    assert asked == [("a", "root"), ("a", "deploy"), ("b", "")]

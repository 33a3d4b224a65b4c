"""What the inventory says of agents, and that tokens in it are treated like secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.expr.variables import Variables
from runyard.hosts.inventory import Group, Host, Inventory
from runyard.hosts.site import Access, AgentAccess
from runyard.model.errors import UsageError
from runyard.service.access import hidden, with_agents

BASE = Path("/srv/flows")


def of(hosts: list[Host], *groups: Group, **secrets: str) -> dict[str, AgentAccess]:
    return dict(with_agents(Access(), Inventory.of(hosts, groups), secrets, BASE).agents)


def test_a_host_over_its_group_and_secrets_in_place() -> None:
    hosts = [
        Host("a", "http://a:7072", vars={"agent_token": "own-token"}),
        Host("b", "https://b:7072"),
        Host("c", "ssh://c"),
    ]
    group = Group("all", ("a", "b", "c"), {"agent_token": "${secret:T}", "agent_ca": "ca.pem"})
    assert of(hosts, group, T="sealed-token") == {
        "a": AgentAccess("own-token", ca="/srv/flows/ca.pem"),
        "b": AgentAccess("sealed-token", ca="/srv/flows/ca.pem"),
    }


def test_without_such_variables_nothing_is_made() -> None:
    access = Access(token="x")
    assert with_agents(access, Inventory.of([Host("a", "http://a")]), {}, BASE) is access


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"agent_verify": "perhaps"}, "agent_verify is true or false"),
        ({"agent_cert": "c.pem"}, "belong together"),
        ({"agent_token": "${TOKEN}"}, "no other reference"),
    ],
)
def test_what_cannot_be_meant(variables: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        of([Host("a", "http://a", vars=variables)])


def test_tokens_of_the_inventory_are_masked_and_no_process_gets_them() -> None:
    inventory = Inventory.of([Host("a", "http://a", vars={"agent_token": "plain-token", "X": "1"})])
    access = with_agents(Access(), inventory, {}, BASE)
    secrets = hidden(access, {"S": "other-secret"})
    assert sorted(secrets.values()) == ["other-secret", "plain-token"]
    variables = Variables(inventory, secrets=secrets)
    assert variables.environment_of("a", variables.merged("a")) == {"X": "1"}
    assert variables.redactor.text("it is plain-token") == "it is ***"

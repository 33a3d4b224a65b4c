from __future__ import annotations

from typing import Any

import pytest

from runyard.hosts.address import transport_of
from runyard.inventory.link import reach
from runyard.inventory.problem import InventoryError
from runyard.inventory.ssh_args import left_out


@pytest.mark.parametrize(
    ("name", "link", "address"),
    [
        ("web1", {}, "ssh://web1"),
        ("web1", {"ansible_host": "10.0.0.1"}, "ssh://10.0.0.1"),
        ("web1", {"ansible_port": 22, "ansible_user": "a"}, "ssh://a@web1:22"),
        ("web1", {"ansible_port": "2222"}, "ssh://web1:2222"),
        ("root@web1", {}, "ssh://root@web1"),
        ("root@web1", {"ansible_user": "ops"}, "ssh://ops@web1"),
        ("::1", {}, "ssh://[::1]"),
        ("x", {"ansible_host": "2001:db8::1", "ansible_port": 22}, "ssh://[2001:db8::1]:22"),
        ("x", {"ansible_host": "[2001:db8::1]"}, "ssh://[2001:db8::1]"),
        ("x", {"ansible_user": "dom\\me"}, "ssh://dom%5Cme@x"),
        ("x", {"ansible_user": "me@dom"}, "ssh://me%40dom@x"),
        ("x", {"ansible_connection": "local", "ansible_host": "10.0.0.1"}, "local"),
        ("x", {"ansible_connection": "ansible.builtin.local"}, "local"),
        ("x", {"ansible_connection": "community.docker.docker"}, "docker://x"),
        ("x", {"ansible_connection": "docker", "ansible_host": "box"}, "docker://box"),
        ("x", {"ansible_connection": "winrm"}, "winrm://x"),
        ("x.y", {"ansible_host": "{{ inventory_hostname_short }}-{{n}}"}, "ssh://x-5"),
        ("x", {"ansible_user": "{{ who }}"}, "ssh://ops@x"),
    ],
)
def test_addresses(name: str, link: dict[str, Any], address: str) -> None:
    found, options = reach(name, link, {"n": 5, "who": "{{ really }}", "really": "ops"})
    assert (found, options) == (address, {})
    if "winrm" not in found:
        transport_of(found)


@pytest.mark.parametrize(
    ("link", "options"),
    [
        ({"ansible_become": True}, {"become": "root"}),
        ({"ansible_become": "yes", "ansible_become_user": "db"}, {"become": "db"}),
        ({"ansible_become": "no", "ansible_become_user": "db"}, {}),
        ({"ansible_become": False}, {}),
        ({"ansible_become": "{{ up }}"}, {"become": "root"}),
        ({"ansible_become_user": "db"}, {}),
        ({"ansible_ssh_private_key_file": "~/k"}, {"identity": "~/k"}),
        ({"ansible_python_interpreter": "auto_silent"}, {}),
        ({"ansible_python_interpreter": "{{ ansible_playbook_python }}"}, {}),
        ({"ansible_python_interpreter": "/p"}, {"python": "/p"}),
        ({"ansible_connection": "local", "ansible_python_interpreter": "/p"}, {}),
        ({"ansible_connection": "local", "ansible_private_key_file": "k"}, {}),
    ],
)
def test_options(link: dict[str, Any], options: dict[str, Any]) -> None:
    assert reach("x", link, {"up": "true"})[1] == options


@pytest.mark.parametrize(
    ("args", "options"),
    [
        ("-J bastion", {"jump": "bastion"}),
        ("-Jme@bastion:22", {"jump": "me@bastion:22"}),
        ("-o ProxyJump=a,b -C", {"jump": "a,b"}),
        ("-oProxyJump=a", {"jump": "a"}),
        ('-o "ProxyJump a"', {"jump": "a"}),
        ("-o ProxyJump=none", {}),
        ('-o ProxyCommand="ssh -W %h:%p -q me@bastion"', {"jump": "me@bastion"}),
        (
            "-o ProxyCommand='/usr/bin/ssh -p 2222 -l me -W %h:%p bastion'",
            {"jump": "me@bastion:2222"},
        ),
        ("-o ProxyCommand='ssh bastion nc %h %p'", {}),
        ("-o ProxyCommand='corkscrew proxy 80 %h %p'", {}),
        ("-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null", {}),
        ("-o UserKnownHostsFile=~/.ssh/lab -o ControlPersist=60s", {"known_hosts": "~/.ssh/lab"}),
        ("-vvJ bastion", {"jump": "bastion"}),
        ("-J {{ gate }}", {"jump": "gate.x"}),
        ("-J", {}),
        ("'", {}),
        ("", {}),
    ],
)
def test_arguments_of_ssh(args: str, options: dict[str, Any]) -> None:
    variables = {"ansible_ssh_common_args": args, "gate": "gate.x"}
    assert reach("x", {}, variables) == ("ssh://x", options)
    assert reach("x", {"ansible_connection": "local"}, variables) == ("local", {})


@pytest.mark.parametrize(
    ("args", "left"),
    [
        ("-J bastion -o UserKnownHostsFile=~/x -C -o ControlPersist=60s -o ControlMaster=auto", []),
        ("-o StrictHostKeyChecking=no", ["StrictHostKeyChecking=no"]),
        ("-o 'StrictHostKeyChecking accept-new'", ["StrictHostKeyChecking accept-new"]),
        ("-oStrictHostKeyChecking=yes -o ProxyJump=none", []),
        ("-o UserKnownHostsFile=/dev/null", ["UserKnownHostsFile=/dev/null"]),
        ("-i ~/.ssh/lab -p 2222", ["-i ~/.ssh/lab", "-p 2222"]),
        ("-o ProxyCommand='corkscrew x 80 %h %p'", ["ProxyCommand=corkscrew x 80 %h %p"]),
        ("-o ProxyCommand='{{ gate }}'", []),
        ("", []),
    ],
)
def test_arguments_of_ssh_that_are_not_taken_over(args: str, left: list[str]) -> None:
    assert left_out(args) == left


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ({"ansible_port": "ssh"}, 'host "x": ansible_port "ssh" is no port'),
        ({"ansible_port": 0}, 'host "x": ansible_port "0" is no port'),
        ({"ansible_port": 65536}, 'host "x": ansible_port "65536" is no port'),
        ({"ansible_port": "٣"}, "is no port"),
        ({"ansible_host": "a b"}, "is no name or address of a machine"),
        ({"ansible_host": "a/b"}, "is no name or address of a machine"),
        ({"ansible_host": "-oProxyCommand=x"}, "is no name or address of a machine"),
        ({"ansible_host": "{{ missing }}"}, "cannot be resolved"),
        ({"ansible_host": "{{ a.b }}"}, "cannot be resolved"),
        ({"ansible_host": "{{ loop }}"}, "cannot be resolved"),
        ({"ansible_host": "{{ listed }}"}, "cannot be resolved"),
        ({"ansible_user": "{% raw %}"}, "cannot be resolved"),
        ({"ansible_user": "{{ open"}, "cannot be resolved"),
    ],
)
def test_refused(link: dict[str, Any], message: str) -> None:
    with pytest.raises(InventoryError) as caught:
        reach("x", link, {"loop": "{{ loop }}", "listed": [1]})
    assert message in caught.value.message

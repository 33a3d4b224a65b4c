"""Files of known hosts: what is found in them, and how they grow."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from runyard.hosts.ssh.known import KnownHosts, fingerprint, name_of
from runyard.model.errors import SystemFault

# Of ssh-keygen: the key, its fingerprint, and the name `web.example` hashed.
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIP2zJnZrVdUoTCHZ1zhSYBBXoVPzhaSmVbZ9XxZW4Qpz"
OTHER = "AAAAC3NzaC1lZDI1NTE5AAAAIH0AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def known(tmp_path: Path, text: str | bytes) -> KnownHosts:
    path = tmp_path / "known_hosts"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return KnownHosts([str(path), str(tmp_path / "missing")])


def found(hosts: KnownHosts, name: str) -> list[tuple[int, str, str]]:
    return [(key.line, key.marker, key.data) for key in hosts.find(name)]


def test_names_by_port() -> None:
    assert name_of("Web") == "web"
    assert name_of("Web", 2222) == "[web]:2222"
    assert name_of("2001:db8::1", 2222) == "[2001:db8::1]:2222"


def test_plain_names_lists_and_comments(tmp_path: Path) -> None:
    hosts = known(
        tmp_path,
        f"# comment\n\nweb,10.0.0.1 ssh-ed25519 {KEY} me@here\n[web]:2222 ssh-ed25519 {OTHER}\n",
    )
    assert found(hosts, "web") == found(hosts, "10.0.0.1") == found(hosts, "WEB") == [(3, "", KEY)]
    assert found(hosts, "[web]:2222") == [(4, "", OTHER)]
    assert found(hosts, "we") == []
    assert hosts.find("web")[0].place == f"{tmp_path}/known_hosts:3"


def test_patterns_and_markers(tmp_path: Path) -> None:
    hosts = known(
        tmp_path,
        f"@cert-authority *.example,!bad.example ssh-ed25519 {KEY}\n"
        f"@revoked * ssh-ed25519 {OTHER}\n[db?]:22* ssh-ed25519 {KEY}\n",
    )
    assert found(hosts, "a.example") == [(1, "@cert-authority", KEY), (2, "@revoked", OTHER)]
    assert found(hosts, "bad.example") == [(2, "@revoked", OTHER)]
    assert found(hosts, "[db1]:2222") == [(2, "@revoked", OTHER), (3, "", KEY)]
    assert found(hosts, "[db11]:2222") == [(2, "@revoked", OTHER)]


def test_hashed_names(tmp_path: Path) -> None:
    import base64
    import hmac

    salt = os.urandom(20)
    digest = hmac.digest(salt, b"web.example", "sha1")
    hashed = f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"
    hosts = known(tmp_path, f"{hashed} ssh-ed25519 {KEY}\n|1|x|y ssh-ed25519 {KEY}\n|2| a b\n")
    assert found(hosts, "web.example") == [(1, "", KEY)]
    assert found(hosts, "web.exampl") == []


def test_nonsense_is_passed_over(tmp_path: Path) -> None:
    text = b"\xff\xfe\x00\nweb\nweb ssh-ed25519\nweb ssh-ed25519 !!!\n@odd web ssh-rsa A\n"
    hosts = known(tmp_path, text + f"web ssh-ed25519 {KEY}".encode())
    assert found(hosts, "web") == [(6, "", KEY)]


def test_a_new_host_is_added_once(tmp_path: Path) -> None:
    path = tmp_path / "dir" / "known_hosts"
    for _ in range(3):
        KnownHosts([str(path)]).add("[web]:2222", "ssh-ed25519", KEY)
    assert path.read_text() == f"[web]:2222 ssh-ed25519 {KEY}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    hosts = KnownHosts([str(path)])
    hosts.add("db", "ssh-ed25519", OTHER)
    assert found(hosts, "db") == [(2, "", OTHER)]


def test_a_line_without_an_end_is_not_continued(tmp_path: Path) -> None:
    hosts = known(tmp_path, f"web ssh-ed25519 {KEY}")
    hosts.add("db", "ssh-ed25519", OTHER)
    assert found(known_again(tmp_path), "web") == [(1, "", KEY)]
    assert found(known_again(tmp_path), "db") == found(hosts, "db") == [(2, "", OTHER)]


def test_many_processes_add_one_line(tmp_path: Path) -> None:
    path = str(tmp_path / "known_hosts")
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        pool.map(add_many, [path] * 4)
    lines = Path(path).read_text().splitlines()
    assert sorted(lines) == sorted(f"h{n} ssh-ed25519 {KEY}" for n in range(50))


def test_nowhere_to_remember(tmp_path: Path) -> None:
    KnownHosts([]).add("web", "ssh-ed25519", KEY)
    KnownHosts(["/dev/null"]).add("web", "ssh-ed25519", KEY)
    with pytest.raises(SystemFault) as error:
        KnownHosts([str(tmp_path)]).add("web", "ssh-ed25519", KEY)
    assert (error.value.code, error.value.retryable) == ("KNOWN_HOSTS", False)


def test_a_fingerprint() -> None:
    assert fingerprint(KEY).startswith("SHA256:")
    assert len(fingerprint(KEY)) == len("SHA256:") + 43


def known_again(tmp_path: Path) -> KnownHosts:
    return KnownHosts([str(tmp_path / "known_hosts")])


def add_many(path: str) -> None:
    hosts = KnownHosts([path])
    for n in range(50):
        hosts.add(f"h{n}", "ssh-ed25519", KEY)

"""Getting in by SSH: configuration, keys, host keys, jump hosts, and what goes wrong."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from runyard.hosts.inventory import Host
from runyard.hosts.site import Access, Site
from runyard.hosts.ssh.connector import Servers
from runyard.model.errors import NetworkError, RunyardError, SystemFault
from runyard.model.execution import Exec
from tests.integration.sshd import Sshd, free_port, new_key
from tests.integration.sshhosts import RUN
from tests.integration.users import needed

ATTEMPTS = count(1)


def servers(tmp_path: Path, *, accept_new: bool = False) -> Servers:
    return Servers(Site(tmp_path / "state", RUN, access=Access(accept_new=accept_new)))


def says(tmp_path: Path, host: Host, text: str, *, accept_new: bool = False) -> str:
    """What `text` prints on `host`."""

    async def run() -> str:
        way = servers(tmp_path, accept_new=accept_new).open(host)
        try:
            await way.connect()
            end = await way.exec(Exec(f"{RUN}/s/{host.name}/{next(ATTEMPTS)}", ("sh", "-c", text)))
            assert end.ok, end
            return end.stdout
        finally:
            await way.close(done=True)

    return asyncio.run(run())


def refused(tmp_path: Path, host: Host, *, accept_new: bool = False) -> RunyardError:
    """The error of reaching `host`."""

    async def run() -> RunyardError:
        way = servers(tmp_path, accept_new=accept_new).open(host)
        try:
            with pytest.raises(RunyardError) as caught:
                await way.connect()
            return caught.value
        finally:
            await way.close()

    return asyncio.run(run())


# -- who we are ---------------------------------------------------------------------------------


def test_a_command_runs_as_the_user_in_her_home(tmp_path: Path, sshd: Sshd) -> None:
    said = says(tmp_path, sshd.host(), 'id -un; pwd; echo "$HOME"')
    assert said.split("\n") == [sshd.user.name, str(sshd.user.home), str(sshd.user.home), ""]


def test_an_alias_of_the_configuration(tmp_path: Path, sshd: Sshd) -> None:
    sshd.config.write_text(
        f"Host we?\n  HostName 127.0.0.1\n  Port {sshd.port}\n  User {sshd.user.name}\n"
        f"  IdentityFile {sshd.key}\n"
    )
    assert says(tmp_path, Host("x", "ssh://web"), "id -un") == f"{sshd.user.name}\n"


def test_the_address_is_stronger_than_the_configuration(tmp_path: Path, sshd: Sshd) -> None:
    sshd.config.write_text(f"Host *\n  Port 1\n  User nobody\n  IdentityFile {sshd.key}\n")
    host = Host("x", sshd.address)
    assert says(tmp_path, host, "id -un") == f"{sshd.user.name}\n"


def test_options_say_user_port_and_key(tmp_path: Path, sshd: Sshd) -> None:
    options = {"user": sshd.user.name, "port": sshd.port, "identity": str(sshd.key)}
    host = Host("x", "ssh://127.0.0.1", options=options)
    assert says(tmp_path, host, "id -un") == f"{sshd.user.name}\n"


def test_a_usual_key_of_the_home_is_shown(tmp_path: Path, sshd: Sshd) -> None:
    usual = sshd.client / ".ssh" / "id_ed25519"
    usual.write_bytes(sshd.key.read_bytes())
    try:
        assert says(tmp_path, Host("x", sshd.address), "echo in") == "in\n"
    finally:
        usual.unlink()


def test_a_key_that_is_not_allowed(tmp_path: Path, sshd: Sshd) -> None:
    wrong = new_key(tmp_path / "wrong")
    error = refused(tmp_path, sshd.host(identity=str(wrong)))
    assert (type(error), error.code, error.retryable) == (SystemFault, "SSH_AUTH", False)
    assert str(wrong) in error.message
    assert "identity" in error.hint


def test_no_key_at_all(tmp_path: Path, sshd: Sshd) -> None:
    error = refused(tmp_path, Host("x", sshd.address))
    assert error.code == "SSH_AUTH"
    assert "no key" in error.message


def test_files_are_relative_to_where_the_run_was_started(tmp_path: Path, sshd: Sshd) -> None:
    site = Site(tmp_path / "state", RUN, cwd=str(sshd.key.parent))

    async def run() -> None:
        way = Servers(site).open(sshd.host(identity=sshd.key.name))
        await way.connect()
        await way.close()

    asyncio.run(run())


def test_files_that_are_no_keys(tmp_path: Path, sshd: Sshd) -> None:
    missing = refused(tmp_path, sshd.host(identity=str(tmp_path / "none")))
    assert (missing.code, "No such file" in missing.message) == ("KEY", True)
    public = refused(tmp_path, sshd.host(identity=f"{sshd.key}.pub"))
    assert (public.code, ".pub" in public.hint) == ("KEY", True)


def test_an_encrypted_key_needs_an_agent_and_says_so(tmp_path: Path, sshd: Sshd) -> None:
    locked = new_key(tmp_path / "locked", passphrase="a passphrase")
    error = refused(tmp_path, sshd.host(identity=str(locked)))
    assert (error.code, "encrypted" in error.message) == ("KEY", True)
    assert f"ssh-add {locked}" in error.hint
    usual = sshd.client / ".ssh" / "id_ed25519"
    usual.write_bytes(locked.read_bytes())
    usual.chmod(0o600)
    try:
        error = refused(tmp_path, Host("x", sshd.address))
    finally:
        usual.unlink()
    assert (error.code, f"ssh-add {usual}" in error.hint) == ("SSH_AUTH", True)


def test_an_agent(tmp_path: Path, sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    """First with any of its keys; then with the very one that is encrypted in its file."""
    with agent(tmp_path / "agent") as path:
        monkeypatch.setenv("SSH_AUTH_SOCK", path)
        for n in range(8):  # more than sshd lets anybody try
            subprocess.run(
                [needed("ssh-add"), "-q", new_key(tmp_path / f"k{n}")],
                check=True, stdin=subprocess.DEVNULL, capture_output=True,
            )  # fmt: skip
        many = refused(tmp_path, Host("x", sshd.address))
        assert (many.code, "identity" in many.hint) == ("SSH_AUTH", True)
        subprocess.run(
            [needed("ssh-add"), "-q", sshd.key],
            check=True, stdin=subprocess.DEVNULL, capture_output=True,
        )  # fmt: skip
        locked = tmp_path / "locked"
        locked.write_bytes(sshd.key.read_bytes())
        locked.chmod(0o600)
        subprocess.run(
            ["ssh-keygen", "-q", "-p", "-N", "a passphrase", "-f", locked],
            check=True, stdin=subprocess.DEVNULL, capture_output=True,
        )  # fmt: skip
        assert says(tmp_path, sshd.host(identity=str(locked)), "echo in") == "in\n"
        subprocess.run(["ssh-add", "-q", "-D"], check=True, capture_output=True)
        subprocess.run(["ssh-add", "-q", sshd.key], check=True, capture_output=True)
        assert says(tmp_path, Host("x", sshd.address), "echo in") == "in\n"


def test_an_agent_that_is_gone_is_passed_over(
    tmp_path: Path, sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "gone"))
    sshd.config.write_text(f"Host *\n  IdentityFile {sshd.key}\n")
    assert says(tmp_path, Host("x", sshd.address), "echo in") == "in\n"


def test_a_configuration_that_makes_no_sense(tmp_path: Path, sshd: Sshd) -> None:
    sshd.config.write_text("Host *\n  Port many\n")
    error = refused(tmp_path, sshd.host())
    assert (error.code, f"{sshd.config} line 2" in error.message) == ("SSH_CONFIG", True)


# -- who the host is ----------------------------------------------------------------------------


def test_an_unknown_host_is_refused_with_its_fingerprint(tmp_path: Path, sshd: Sshd) -> None:
    sshd.known_hosts.write_text("")
    error = refused(tmp_path, sshd.host())
    shown = subprocess.run(
        ["ssh-keygen", "-lf", f"{sshd.host_key}.pub"], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    assert (error.code, error.retryable) == ("HOST_KEY_UNKNOWN", False)
    assert shown in error.message
    assert "--accept-new" in error.hint
    assert f"ssh-keyscan -p {sshd.port} 127.0.0.1" in error.hint
    assert sshd.known_hosts.read_text() == ""


def test_accept_new_remembers_the_host_once(tmp_path: Path, sshd: Sshd) -> None:
    sshd.known_hosts.unlink()
    other = "other.example ssh-ed25519 AAAA"
    sshd.known_hosts.write_text(other)  # without a newline

    async def run() -> None:
        opened = servers(tmp_path, accept_new=True)
        ways = [opened.open(sshd.host(f"h{n}")) for n in range(5)]
        await asyncio.gather(*(way.connect() for way in ways))
        await asyncio.gather(*(way.close() for way in ways))

    asyncio.run(run())
    assert says(tmp_path, sshd.host(), "echo in") == "in\n"
    assert sshd.known_hosts.read_text() == f"{other}\n{sshd.host_line()}"
    assert says(tmp_path, sshd.host(), "echo in", accept_new=True) == "in\n"
    assert sshd.known_hosts.read_text() == f"{other}\n{sshd.host_line()}"


def test_accept_new_makes_a_file_for_its_owner_alone(tmp_path: Path, sshd: Sshd) -> None:
    file = tmp_path / "new" / "known"
    host = sshd.host(known_hosts=str(file))
    assert says(tmp_path, host, "echo in", accept_new=True) == "in\n"
    assert file.read_text() == sshd.host_line()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path, sshd: Sshd) -> None:
    (tmp_path / "folder").mkdir()
    error = refused(tmp_path, sshd.host(known_hosts=str(tmp_path / "folder")), accept_new=True)
    assert error.code == "KNOWN_HOSTS"


@pytest.mark.parametrize("accept_new", [False, True])
def test_a_changed_key_is_always_refused(tmp_path: Path, sshd: Sshd, accept_new: bool) -> None:
    impostor = new_key(tmp_path / "impostor")
    sshd.known_hosts.write_text(f"# a comment\n{sshd.host_line(impostor)}")
    error = refused(tmp_path, sshd.host(), accept_new=accept_new)
    assert (error.code, error.retryable) == ("HOST_KEY_CHANGED", False)
    assert f"{sshd.known_hosts}:2" in error.message
    assert "ssh-keygen" in error.hint
    assert sshd.known_hosts.read_text().count("\n") == 2


@pytest.mark.parametrize("accept_new", [False, True])
def test_a_key_of_another_kind_is_a_changed_one(
    tmp_path: Path, sshd: Sshd, accept_new: bool
) -> None:
    """The server has no RSA key: it is not the one that we know."""
    known = new_key(tmp_path / "rsa", kind="rsa")
    sshd.known_hosts.write_text(sshd.host_line(known))
    error = refused(tmp_path, sshd.host(), accept_new=accept_new)
    assert error.code == "HOST_KEY_CHANGED"


def test_a_revoked_key(tmp_path: Path, sshd: Sshd) -> None:
    sshd.known_hosts.write_text(f"{sshd.host_line()}@revoked {sshd.host_line(name='*')}")
    error = refused(tmp_path, sshd.host(), accept_new=True)
    assert (error.code, error.retryable) == ("HOST_KEY_REVOKED", False)


def test_hashed_names_and_names_without_a_port(tmp_path: Path, sshd: Sshd) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-H", "-f", sshd.known_hosts], check=True, capture_output=True
    )
    assert sshd.known_hosts.read_text().startswith("|1|")
    assert says(tmp_path, sshd.host(), "echo in") == "in\n"
    sshd.known_hosts.write_text(sshd.host_line(name="127.0.0.1"))
    assert says(tmp_path, sshd.host(), "echo in") == "in\n"


def test_a_name_without_a_port_does_not_make_a_key_changed(tmp_path: Path, sshd: Sshd) -> None:
    """Another server at the usual port is somebody else."""
    rsa = new_key(tmp_path / "rsa", kind="rsa")
    sshd.known_hosts.write_text(sshd.host_line(rsa, name="127.0.0.1"))
    assert refused(tmp_path, sshd.host()).code == "HOST_KEY_UNKNOWN"
    assert says(tmp_path, sshd.host(), "echo in", accept_new=True) == "in\n"


def test_files_and_alias_of_the_configuration(tmp_path: Path, sshd: Sshd) -> None:
    sshd.known_hosts.write_text("")
    mine = tmp_path / "mine"
    mine.write_text(sshd.host_line(name="the-real-one"))
    sshd.config.write_text(f"Host *\n UserKnownHostsFile {mine}\n HostKeyAlias the-real-one\n")
    assert says(tmp_path, sshd.host(), "echo in") == "in\n"


def test_a_certificate_of_a_known_authority(tmp_path: Path, sshd: Sshd) -> None:
    authority = new_key(tmp_path / "authority")
    subprocess.run(
        ["ssh-keygen", "-q", "-s", authority, "-I", "x", "-h", "-n", "127.0.0.1",
         f"{sshd.host_key}.pub"],
        check=True, capture_output=True,
    )  # fmt: skip
    certificate = sshd.host_key.with_name("host_key-cert.pub")
    sshd.stop()
    try:
        sshd.extra = f"HostCertificate {certificate}"
        sshd.start()
        line = sshd.host_line(authority)
        sshd.known_hosts.write_text(f"@cert-authority {line}")
        assert says(tmp_path, sshd.host(), "echo in") == "in\n"
        stranger = sshd.host_line(new_key(tmp_path / "stranger"))
        sshd.known_hosts.write_text(f"@cert-authority {stranger}")
        assert refused(tmp_path, sshd.host()).code == "HOST_KEY_UNKNOWN"
    finally:
        sshd.extra = ""
        sshd.stop()
        certificate.unlink()


# -- the way ------------------------------------------------------------------------------------


def test_through_a_jump_host(tmp_path: Path, sshd: Sshd) -> None:
    """Named by the host, by the configuration, and two in a row; all of them are checked."""
    at = f"{sshd.user.name}@127.0.0.1:{sshd.port}"
    sshd.config.write_text(
        f"Host *\n  IdentityFile {sshd.key}\nHost far\n  HostName 127.0.0.1\n"
        f"  Port {sshd.port}\n  User {sshd.user.name}\n  ProxyJump {at}\n"
    )
    before = sshd.logins()
    assert says(tmp_path, sshd.host(jump=at), "echo in") == "in\n"
    assert sshd.logins() == before + 2
    assert says(tmp_path, Host("x", "ssh://far"), "id -un") == f"{sshd.user.name}\n"
    assert sshd.logins() == before + 4
    assert says(tmp_path, sshd.host(jump=f"{at},{at}"), "echo in") == "in\n"
    assert sshd.logins() == before + 7
    sshd.known_hosts.write_text("")
    assert refused(tmp_path, sshd.host(jump=at)).code == "HOST_KEY_UNKNOWN"
    assert sshd.logins() == before + 7


def test_hosts_share_the_connection_to_their_jump_host(tmp_path: Path, sshd: Sshd) -> None:
    sshd.config.write_text(f"Host *\n  IdentityFile {sshd.key}\n")
    at = f"{sshd.user.name}@127.0.0.1:{sshd.port}"

    async def run() -> None:
        opened = servers(tmp_path)
        ways = [opened.open(sshd.host(f"h{n}", jump=at)) for n in range(4)]
        await asyncio.gather(*(way.connect() for way in ways))
        assert len(sshd.sessions()) == 5
        await asyncio.gather(*(way.close() for way in ways))

    asyncio.run(run())


def test_jump_hosts_in_a_circle(tmp_path: Path, sshd: Sshd) -> None:
    sshd.config.write_text("Host *\n  ProxyJump bastion\n")
    error = refused(tmp_path, sshd.host())
    assert (error.code, error.retryable) == ("SSH_CONFIG", False)


def test_nobody_listens(tmp_path: Path, sshd: Sshd) -> None:
    error = refused(tmp_path, replace(sshd.host(), address=f"ssh://127.0.0.1:{free_port()}"))
    assert (type(error), error.code) == (NetworkError, "CONNECTION_REFUSED")
    assert "sshd" in error.hint


def test_a_name_that_nobody_knows(tmp_path: Path, sshd: Sshd) -> None:
    error = refused(tmp_path, replace(sshd.host(), address="ssh://no-such-host.invalid"))
    assert (type(error), error.code) == (NetworkError, "UNKNOWN_HOST")


def test_a_server_that_says_nothing(tmp_path: Path, sshd: Sshd) -> None:
    with listener(lambda peer: peer.recv(1000) and peer.recv(1000)) as port:
        sshd.config.write_text("Host *\n  ConnectTimeout 1\n")
        error = refused(tmp_path, replace(sshd.host(), address=f"ssh://127.0.0.1:{port}"))
    assert (type(error), error.code) == (NetworkError, "CONNECT_TIMEOUT")
    assert "1 s" in error.message


def test_a_server_that_hangs_up_is_asked_again(tmp_path: Path, sshd: Sshd) -> None:
    asked = []
    with listener(asked.append) as port:
        error = refused(tmp_path, replace(sshd.host(), address=f"ssh://127.0.0.1:{port}"))
    assert isinstance(error, NetworkError)
    assert "MaxStartups" in error.hint
    assert len(asked) > 1


def test_something_that_is_not_ssh(tmp_path: Path, sshd: Sshd) -> None:
    def answer(peer: socket.socket) -> None:
        peer.sendall(b"SSH-1.5-old\r\n")
        peer.recv(1000)

    with listener(answer) as port:
        error = refused(tmp_path, replace(sshd.host(), address=f"ssh://127.0.0.1:{port}"))
    assert (error.code, error.retryable) == ("SSH_PROTOCOL", False)


def test_a_user_without_a_shell(tmp_path: Path, sshd: Sshd) -> None:
    sshd.stop()
    try:
        sshd.extra = "ForceCommand echo 'This account is not available.' >&2; exit 1"
        sshd.start()
        error = refused(tmp_path, sshd.host())
    finally:
        sshd.extra = ""
        sshd.stop()
    assert (error.code, error.retryable) == ("LOGIN_SHELL", False)
    assert "This account is not available." in error.message


def test_a_server_that_allows_no_session(
    tmp_path: Path, sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runyard.hosts.ssh.channel.FULL", 0.2)
    sshd.stop()
    try:
        sshd.extra = "MaxSessions 0"
        sshd.start()
        error = refused(tmp_path, sshd.host())
    finally:
        sshd.extra = ""
        sshd.stop()
    assert (error.code, "MaxSessions" in error.hint) == ("SSH_CHANNEL", True)


@contextmanager
def agent(path: Path) -> Iterator[str]:
    """An ssh-agent without keys."""
    process = subprocess.Popen(
        [needed("ssh-agent"), "-D", "-a", path],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        while not path.exists():
            assert process.poll() is None
        yield str(path)
    finally:
        process.kill()
        process.wait()


@contextmanager
def listener(serve: Callable[[socket.socket], object]) -> Iterator[int]:
    """A server that gives each peer to `serve`, then hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        over = threading.Event()

        def loop() -> None:
            while not over.is_set():
                try:
                    peer, _ = server.accept()
                except TimeoutError:
                    continue
                with peer, suppress(ConnectionError):
                    serve(peer)

        thread = threading.Thread(target=loop)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            thread.join()

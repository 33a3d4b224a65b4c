"""pkg.install and service.*: the real programs, against managers that are small scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.model.errors import ArgumentError
from runyard.model.result import Outcome
from runyard.model.status import Status
from runyard.runners.actions.pkg import PkgInstall
from runyard.runners.actions.service import ServiceEnsure, ServiceRestart
from tests.unit.runners.fake import do

_LOG = 'printf "%s" "${0##*/}" >>"$STATE/log"; for a; do printf " <%s>" "$a"; done >>"$STATE/log"; '
_LOG += 'echo >>"$STATE/log"\n'
# Each manager keeps what is installed as files `$STATE/NAME` that hold the version.
_APT = """
cmd= ; for a; do case $a in update|install|remove) cmd=$a ;; esac; done
while [ "$1" != -- ] && [ $# -gt 0 ]; do shift; done
[ $# -gt 0 ] && shift
case $cmd in
  update) touch "$STATE/.fresh" ;;
  install) for p; do
      case $p in late*) [ -e "$STATE/.fresh" ] || { echo "E: no $p" >&2; exit 100; } ;;
                 root*) echo "E: are you root?" >&2; exit 100 ;; esac
      case $p in *=*) v=${p#*=} ;; *) v=$NEXT ;; esac
      echo "$v" >"$STATE/${p%%=*}"; done ;;
  remove) for p; do rm -f "$STATE/$p"; done ;;
esac
"""
_DPKG = """
for p; do :; done
[ -e "$STATE/$p" ] || { echo "dpkg-query: no packages found matching $p" >&2; exit 1; }
echo "ii $(cat "$STATE/$p")"
"""
_RPM = 'shift 2; [ -e "$STATE/$1" ] && echo "$1-$(cat "$STATE/$1")" || { echo no; exit 1; }\n'
_DNF = 'shift 3; for p; do echo "$NEXT" >"$STATE/$p"; done\n'
_APK = """
case $1 in
  info) [ -e "$STATE/$3" ] ;;
  list) echo "$3-$(cat "$STATE/$3")" ;;
  add) while [ "$1" != -- ]; do shift; done; shift; for p; do echo "$NEXT" >"$STATE/$p"; done ;;
  del) shift 2; for p; do rm -f "$STATE/$p"; done ;;
esac
"""
_PACMAN = """
case $1 in
  -Q) [ -e "$STATE/$2" ] && cat "$STATE/$2" ;;
  -S) shift 4; for p; do echo "$NEXT" >"$STATE/$p"; done ;;
esac
"""
MANAGERS = {
    "apt": {"apt-get": _APT, "dpkg-query": _DPKG},
    "dnf": {"dnf": _DNF, "rpm": _RPM},
    "apk": {"apk": _APK},
    "pacman": {"pacman": _PACMAN},
}
TOOLS = ("sh", "sed", "cat", "rm", "touch", "grep", "ls")


class Box:
    """A directory that is all a program finds on its PATH, and the state of its managers."""

    def __init__(self, path: Path, programs: dict[str, str]) -> None:
        self.state, self.bin = path / "state", path / "bin"
        self.state.mkdir(parents=True)
        self.bin.mkdir()
        for tool in TOOLS:
            (self.bin / tool).symlink_to(f"/bin/{tool}")
        for name, text in programs.items():
            (self.bin / name).write_text(f"#!/bin/sh\n{_LOG if name != 'dpkg-query' else ''}{text}")
            (self.bin / name).chmod(0o755)

    def env(self, **more: str) -> dict[str, str]:
        return {"PATH": str(self.bin), "STATE": str(self.state), "NEXT": "1.0", **more}

    def log(self) -> str:
        file = self.state / "log"
        return file.read_text() if file.exists() else ""

    def install(self, name: str, version: str = "1.0") -> None:
        (self.state / name).write_text(version + "\n")


@pytest.fixture
def apt(tmp_path: Path) -> Box:
    return Box(tmp_path, MANAGERS["apt"])


def pkg(box: Box, **args: object) -> Outcome:
    return do(PkgInstall(), args, env=box.env())


@pytest.mark.parametrize("manager", MANAGERS)
def test_every_manager_installs_what_is_missing_and_only_once(manager: str, tmp_path: Path) -> None:
    box = Box(tmp_path, MANAGERS[manager])
    box.install("here")
    first = pkg(box, names=["here", "one", "two"])
    assert (first.status, first.changed) == (Status.SUCCESS, True), first
    assert (box.state / "one").exists() and (box.state / "two").exists()
    assert "<one> <two>" in box.log() and "<here> <one>" not in box.log()
    again = pkg(box, names=["here", "one", "two"])
    assert (again.status, again.changed) == (Status.SUCCESS, False)
    assert again.message == "unchanged, already present"


def test_apt_gets_one_transaction_without_questions(apt: Box) -> None:
    pkg(apt, names=["one", "two"])
    assert apt.log().splitlines() == [
        "apt-get <-y> <-q> <-o> <DPkg::Lock::Timeout=120> <-o> <Dpkg::Options::=--force-confold>"
        " <install> <--> <one> <two>"
    ]


def test_apt_refreshes_its_lists_when_a_package_is_not_found(apt: Box) -> None:
    outcome = pkg(apt, name="late-one")
    assert outcome.status is Status.SUCCESS and outcome.changed
    assert "<update>" in apt.log()


def test_a_version_of_apt(apt: Box) -> None:
    apt.install("one", "1.0")
    assert pkg(apt, name="one=2.0").changed
    assert not pkg(apt, name="one=2.0").changed
    assert not pkg(apt, name="one").changed


def test_absent(apt: Box) -> None:
    apt.install("one")
    assert pkg(apt, names=["one", "two"], state="absent").changed
    assert not (apt.state / "one").exists()
    assert "<two>" not in apt.log()
    assert pkg(apt, names=["one", "two"], state="absent").message == "unchanged, already absent"


def test_latest(apt: Box) -> None:
    apt.install("one", "0.9")
    assert pkg(apt, name="one", state="latest").changed
    assert not pkg(apt, name="one", state="latest").changed


def test_without_rights_there_is_a_hint(apt: Box) -> None:
    outcome = pkg(apt, name="root-only")
    assert (outcome.status, outcome.exit_code) == (Status.FAILED, 100)
    assert outcome.error is not None and "root" in outcome.error["hint"]


def test_no_manager_at_all(tmp_path: Path) -> None:
    outcome = pkg(Box(tmp_path, {}), name="one")
    assert (outcome.status, outcome.exit_code) == (Status.FAILED, 69)
    assert "no package manager" in outcome.stderr


@pytest.mark.parametrize(
    "name", ["-y", "--force", "a b", "a;reboot", "$(reboot)", "`x`", "", "a\nb"]
)
def test_names_that_are_none(apt: Box, name: str) -> None:
    with pytest.raises(ArgumentError):
        pkg(apt, names=["fine", name])
    assert apt.log() == ""


_SYSTEMCTL = """
case $1 in
  show-environment) [ -z "$NO_SYSTEMD" ] ;;
  is-active) [ -e "$STATE/$4.active" ] ;;
  is-enabled) [ -e "$STATE/$4.enabled" ] ;;
  start|restart) [ "$3" != broken ] && touch "$STATE/$3.active" ;;
  stop) rm "$STATE/$3.active" ;;
  enable) touch "$STATE/$3.enabled" ;;
  disable) rm "$STATE/$3.enabled" ;;
esac
"""
_SERVICE = """
case $2 in
  status) [ -e "$STATE/$1.active" ] ;;
  start|restart) touch "$STATE/$1.active" ;;
  stop) rm "$STATE/$1.active" ;;
esac
"""


@pytest.fixture(params=["systemctl", "service"])
def services(request: pytest.FixtureRequest, tmp_path: Path) -> Box:
    both = {"systemctl": _SYSTEMCTL, "service": _SERVICE}
    return Box(tmp_path, both if request.param == "systemctl" else {"service": _SERVICE})


def test_services_are_started_and_stopped_once(services: Box) -> None:
    def ensure(state: str) -> tuple[Status, bool]:
        outcome = do(ServiceEnsure(), {"name": "web", "state": state}, env=services.env())
        return outcome.status, outcome.changed

    assert ensure("started") == (Status.SUCCESS, True)
    assert (services.state / "web.active").exists()
    assert ensure("started") == (Status.SUCCESS, False)
    assert ensure("restarted") == (Status.SUCCESS, True)
    assert ensure("stopped") == (Status.SUCCESS, True)
    assert ensure("stopped") == (Status.SUCCESS, False)


def test_restart(services: Box) -> None:
    outcome = do(ServiceRestart(), {"names": ["a", "b"]}, env=services.env())
    assert outcome.changed
    assert outcome.stdout == "restarted a\nrestarted b\n"


def test_enabled(tmp_path: Path) -> None:
    box = Box(tmp_path, {"systemctl": _SYSTEMCTL})

    def ensure(enabled: bool) -> str:
        args = {"name": "web", "enabled": enabled}
        return do(ServiceEnsure(), args, env=box.env()).stdout

    assert ensure(True) == "started web\nenabled web\n"
    assert ensure(True) == "runyard: unchanged, already started\n"
    assert ensure(False) == "disabled web\n"


def test_a_service_that_does_not_start(tmp_path: Path) -> None:
    box = Box(tmp_path, {"systemctl": _SYSTEMCTL})
    assert do(ServiceEnsure(), {"name": "broken"}, env=box.env()).status is Status.FAILED


def test_systemctl_without_systemd_is_not_used(tmp_path: Path) -> None:
    box = Box(tmp_path, {"systemctl": _SYSTEMCTL, "service": _SERVICE})
    outcome = do(ServiceEnsure(), {"name": "web"}, env=box.env(NO_SYSTEMD="1"))
    assert outcome.changed
    assert "service <web> <start>" in box.log()


def test_no_service_manager(tmp_path: Path) -> None:
    outcome = do(ServiceEnsure(), {"name": "web"}, env=Box(tmp_path, {}).env())
    assert outcome.exit_code == 69


def test_names_of_services_are_no_options() -> None:
    with pytest.raises(ArgumentError, match="not the name of a service"):
        do(ServiceRestart(), {"name": "--now"})

"""Facts of this host: what it is, and what it has."""

from __future__ import annotations

import os
import sys

from .files import user_of

TOOLS = ("sh", "bash", "python3", "docker", "podman", "git", "systemctl", "apt-get", "dnf", "apk")
_RELEASES = ("/etc/os-release", "/usr/lib/os-release")


def probe() -> dict[str, str]:
    """What conditions see as `${facts.NAME}`; all of it is text, empty where it is not known.

    `memory` is in bytes; it and `cpus` are those of the machine, whatever a cgroup allows.
    `has.NAME` is there for programs that are found in PATH, and is their path.
    """
    system = os.uname()
    distro, version = _distro(system.sysname)
    facts = {
        "os": system.sysname.lower(),
        "arch": system.machine,
        "hostname": system.nodename,
        "user": user_of(os.geteuid()),
        "python": "%d.%d.%d" % sys.version_info[:3],
        "machine_id": _machine_id(),
        "distro": distro,
        "distro_version": version,
        "cpus": str(os.cpu_count() or ""),
        "memory": _memory(),
    }
    for tool in TOOLS:
        for directory in os.environ.get("PATH", os.defpath).split(":"):
            path = os.path.join(directory, tool)
            if os.access(path, os.X_OK):
                facts["has." + tool] = path
                break
    return facts


def read_release(text: str) -> dict[str, str]:
    """What an os-release file says: `NAME=value`, with or without quotes."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            found[name] = value.strip("\"'")
    return found


def _distro(system: str) -> tuple[str, str]:
    if system == "Darwin":
        import platform

        return "macos", platform.mac_ver()[0]
    for path in _RELEASES:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                release = read_release(file.read(1 << 16))
        except OSError:
            continue
        return release.get("ID", "linux"), release.get("VERSION_ID", "")
    return "", ""


def _memory() -> str:
    try:
        return str(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (OSError, ValueError):
        return ""


def _machine_id() -> str:
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            with open(path, encoding="ascii") as file:
                return file.read().strip()
        except OSError:
            continue
    return os.uname().nodename

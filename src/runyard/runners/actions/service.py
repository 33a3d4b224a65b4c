"""service.ensure and service.restart: services of the host."""

from __future__ import annotations

from runyard.model.action import Param, Work
from runyard.model.result import Outcome
from runyard.runners.host_script import run_on_host, subjects

_PROGRAM = r"""
want=$1 enabled=$2; shift 2
if systemctl show-environment >/dev/null 2>&1; then m=systemctl
elif command -v service >/dev/null 2>&1; then m=service
else echo "no service manager here: neither systemctl nor service" >&2; exit 69; fi

is_active() {
  if [ $m = systemctl ]; then systemctl is-active --quiet -- "$1"
  else service "$1" status >/dev/null 2>&1; fi
}
act() {
  if [ $m = systemctl ]; then systemctl "$2" -- "$1"; else service "$1" "$2"; fi
}
is_enabled() {
  if [ $m = systemctl ]; then systemctl is-enabled --quiet -- "$1"
  elif command -v rc-update >/dev/null 2>&1; then rc-update show | grep -q "^ *$1 "
  else ls /etc/rc[2345].d/S??"$1" >/dev/null 2>&1; fi
}
enable() {
  if [ $m = systemctl ]; then systemctl enable -- "$1"
  elif command -v rc-update >/dev/null 2>&1; then rc-update add "$1"
  elif command -v update-rc.d >/dev/null 2>&1; then update-rc.d "$1" enable
  else chkconfig "$1" on; fi
}
disable() {
  if [ $m = systemctl ]; then systemctl disable -- "$1"
  elif command -v rc-update >/dev/null 2>&1; then rc-update del "$1"
  elif command -v update-rc.d >/dev/null 2>&1; then update-rc.d "$1" disable
  else chkconfig "$1" off; fi
}

changed=
for name; do
  if is_active "$name"; then active=yes; else active=no; fi
  case $want-$active in
    started-no) act "$name" start || exit; changed=yes; echo "started $name" ;;
    stopped-yes) act "$name" stop || exit; changed=yes; echo "stopped $name" ;;
    restarted-*) act "$name" restart || exit; changed=yes; echo "restarted $name" ;;
    reloaded-*) act "$name" reload || exit; changed=yes; echo "reloaded $name" ;;
  esac
  [ -n "$enabled" ] || continue
  if is_enabled "$name"; then on=true; else on=false; fi
  case $enabled-$on in
    true-false) enable "$name" || exit; changed=yes; echo "enabled $name" ;;
    false-true) disable "$name" || exit; changed=yes; echo "disabled $name" ;;
  esac
done
[ -n "$changed" ] || echo "runyard: unchanged, already $want"
"""

_NAMES = (
    Param("name", "string", "one service", one_of="name or names"),
    Param("names", "strings", "several services, in this order", one_of="name or names"),
)


class ServiceEnsure:
    """Does only what is missing; by systemctl where systemd runs, else by service."""

    name = "service.ensure"
    summary = "See that services run, or do not"
    params = (
        *_NAMES,
        Param(
            "state",
            "string",
            "what to bring about",
            default="started",
            choices=("started", "stopped", "restarted", "reloaded"),
        ),
        Param("enabled", "bool", "whether it starts at boot (default: leave that as it is)"),
    )
    idempotent = True
    supervised = True

    async def run(self, work: Work) -> Outcome:
        """Bring it about. Raises ArgumentError for a name that cannot be one of a service."""
        enabled = {None: "", True: "true", False: "false"}[work.args["enabled"]]
        return await run_on_host(work, _PROGRAM, work.args["state"], enabled, *_names(work))


class ServiceRestart:
    """In the order given, running or not; the first that fails ends the step."""

    name = "service.restart"
    summary = "Restart services"
    params = _NAMES
    idempotent = True
    supervised = True

    async def run(self, work: Work) -> Outcome:
        """Restart each. Raises ArgumentError for a name that cannot be one of a service."""
        return await run_on_host(work, _PROGRAM, "restarted", "", *_names(work))


def _names(work: Work) -> tuple[str, ...]:
    name = work.args["name"]
    return subjects([name] if name else work.args["names"], "service")

"""pkg.install: packages of the host's own manager."""

from __future__ import annotations

from runyard.model.action import Param, Work
from runyard.model.result import Outcome
from runyard.runners.host_script import run_on_host, subjects

# One program, one attempt: resumed, it is attached to, and never started beside itself.
_PROGRAM = r"""
want=$1; shift
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 LC_ALL=C
for m in apt-get dnf yum apk pacman none; do command -v "$m" >/dev/null 2>&1 && break; done

version() {
  case $m in
    apt-get) dpkg-query -W -f='${db:Status-Abbrev}${Version}\n' "${1%%=*}" 2>/dev/null |
             sed -n 's/^[ih]i //p' ;;
    dnf|yum) rpm -q --whatprovides "$1" 2>/dev/null ;;
    apk) apk info -e "${1%%=*}" >/dev/null 2>&1 && apk list -I "${1%%=*}" 2>/dev/null ;;
    pacman) pacman -Q "$1" 2>/dev/null ;;
  esac
}
is_there() {
  v=$(version "$1") && [ -n "$v" ] || return 1
  case $m:$1 in apt-get:*=*) [ "$v" = "${1#*=}" ] ;; esac
}
apt() { apt-get -y -q -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confold "$@"; }
refresh() {
  case $m in
    apt-get) apt-get -q -o DPkg::Lock::Timeout=120 update ;;
    apk) apk update ;;
    pacman) pacman -Sy --noconfirm ;;
    *) true ;;
  esac
}
install() {
  case $m in
    apt-get) apt install -- "$@" ;;
    dnf|yum) if [ "$want" = latest ] && [ -n "$(version "$1")" ]
             then "$m" -y upgrade -- "$@"; else "$m" -y install -- "$@"; fi ;;
    apk) if [ "$want" = latest ]; then apk add -U -u -- "$@"; else apk add -- "$@"; fi ;;
    pacman) pacman -S --noconfirm --needed -- "$@" ;;
  esac
}
remove() {
  case $m in
    apt-get) apt remove -- "$@" ;;
    dnf|yum) "$m" -y remove -- "$@" ;;
    apk) apk del -- "$@" ;;
    pacman) pacman -R --noconfirm -- "$@" ;;
  esac
}

if [ "$m" = none ]; then
  echo "no package manager here: looked for apt-get, dnf, yum, apk and pacman" >&2; exit 69
fi
n=$#
while [ "$n" -gt 0 ]; do
  name=$1; shift; n=$((n - 1))
  if is_there "$name"; then have=yes; else have=no; fi
  case $want-$have in present-no|absent-yes|latest-*) set -- "$@" "$name" ;; esac
done
[ $# -gt 0 ] || { echo "runyard: unchanged, already $want"; exit 0; }
if [ "$want" = absent ]; then remove "$@"; exit; fi
all() { for p; do version "$p"; done; }
before=$(all "$@")
if [ "$want" = latest ]; then refresh || exit; fi
if ! install "$@"; then
  echo "runyard: once more, with fresh lists" >&2
  refresh && install "$@" || exit
fi
[ "$(all "$@")" != "$before" ] || echo "runyard: unchanged, already $want"
"""


class PkgInstall:
    """Finds the manager, checks what is missing, and only then installs: apt, dnf, apk, pacman."""

    name = "pkg.install"
    summary = "Install, upgrade or remove packages"
    params = (
        Param("name", "string", "one package", one_of="name or names"),
        Param("names", "strings", "several packages, in one transaction", one_of="name or names"),
        Param(
            "state",
            "string",
            "what to bring about",
            default="present",
            choices=("present", "absent", "latest"),
        ),
    )
    idempotent = True
    supervised = True

    async def run(self, work: Work) -> Outcome:
        """Bring it about. Raises ArgumentError for a name that cannot be one of a package."""
        args = work.args
        names = subjects([args["name"]] if args["name"] else args["names"], "package")
        return await run_on_host(work, _PROGRAM, args["state"], *names)

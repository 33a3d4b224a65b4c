#!/bin/sh
# Three push agents and two SSH hosts on this machine, all on loopback, and a workflow for all five.
# Everything is started in a directory of its own, ended by its process id, and removed.
set -eu
cd "$(dirname "$0")/.."
runyard=$PWD/.venv/bin/runyard
sshd=$(command -v sshd || ls /usr/sbin/sshd 2>/dev/null || true)
if [ -z "$sshd" ]; then
    echo "demo-hosts: sshd is needed for the two SSH hosts: sudo apt-get install -y openssh-server" >&2
    exit 1
fi
place=$(mktemp -d "${TMPDIR:-/tmp}/runyard-demo-XXXXXX")
pids=
finish() {
    for pid in $pids; do kill "$pid" 2>/dev/null || true; done
    for pid in $pids; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$place"
}
trap finish EXIT
trap 'exit 130' INT TERM

# Ports that nobody listens at now.
set -- $(.venv/bin/python - <<'PORTS'
import socket
held = [socket.socket() for _ in range(4)]
for sock in held:
    sock.bind(("127.0.0.1", 0))
print(*(sock.getsockname()[1] for sock in held))
PORTS
)
user=$(id -un)
export RUNYARD_STATE="$place/state" RUNYARD_AGENT_TOKEN="demo-$$"

for port in "$1" "$2" "$3"; do
    "$runyard" agent --quiet --addr "127.0.0.1:$port" --state "$place/agent-$port" &
    pids="$pids $!"
done

[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
ssh-keygen -q -t ed25519 -N '' -f "$place/host_key"
ssh-keygen -q -t ed25519 -N '' -f "$place/id"
cp "$place/id.pub" "$place/authorized_keys"
printf '[127.0.0.1]:%s %s\n' "$4" "$(cut -d' ' -f1,2 "$place/host_key.pub")" >"$place/known_hosts"
cat >"$place/sshd_config" <<CONFIG
ListenAddress 127.0.0.1:$4
HostKey $place/host_key
AuthorizedKeysFile $place/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
CONFIG
"$sshd" -D -e -f "$place/sshd_config" 2>"$place/sshd.log" &
pids="$pids $!"

cat >"$place/hosts.yaml" <<HOSTS
vars: {SITE: $place/site}
groups:
  agents: {hosts: [agent1, agent2, agent3]}
  web: {hosts: [web1, web2]}
hosts:
  agent1: {address: "http://127.0.0.1:$1"}
  agent2: {address: "http://127.0.0.1:$2"}
  agent3: {address: "http://127.0.0.1:$3"}
  web1: &ssh {address: "ssh://$user@127.0.0.1:$4", identity: $place/id, known_hosts: $place/known_hosts}
  web2: *ssh
HOSTS

say() { printf '\n$ %s\n' "$*"; }
tries=0
until "$runyard" agents -i "$place/hosts.yaml" >/dev/null 2>&1 || [ $tries = 50 ]; do
    tries=$((tries + 1)); sleep 0.1
done

say runyard agents -i hosts.yaml
"$runyard" agents -i "$place/hosts.yaml"
say runyard exec all -i hosts.yaml -- uname -sm
"$runyard" exec all -i "$place/hosts.yaml" -- uname -sm
say runyard run examples/fleet.yaml -i hosts.yaml
"$runyard" run examples/fleet.yaml -i "$place/hosts.yaml"
say runyard show last
"$runyard" show last

#!/bin/sh
# Three push agents and two SSH hosts on this machine, all on loopback, and work for all five.
# Everything is started in a directory of its own, ended by its process id, and removed.
set -eu
cd "$(dirname "$0")/.."
runyard=$PWD/.venv/bin/runyard
sshd=$(PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" command -v sshd || true)
if [ -z "$sshd" ] || ! command -v ssh-keygen >/dev/null; then
    echo "demo-hosts: an SSH server is needed for the two SSH hosts; install one, and try again:" >&2
    echo "    sudo apt-get install -y openssh-server        # or your system's package" >&2
    exit 1
fi
place=$(mktemp -d "${TMPDIR:-/tmp}/runyard-demo-XXXXXX")
pids=
folder=
finish() {
    status=$?
    trap - EXIT
    [ "$status" = 0 ] || [ "$status" = 130 ] || cat "$place"/*.log >&2 || true
    for pid in $pids; do kill "$pid" 2>/dev/null || true; done
    for pid in $pids; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$place"
    [ -z "$folder" ] || rmdir "$folder" 2>/dev/null || true
    exit "$status"
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
export RUNYARD_STATE="$place/state" RUNYARD_AGENT_TOKEN="demo-$$"

# An agent on port $1. Who was killed is started again, as systemd does (`runyard agent install`).
serve() {
    trap 'kill "$agent" 2>/dev/null; wait "$agent"; exit 0' TERM
    while :; do
        "$runyard" --quiet agent --addr "127.0.0.1:$1" --state "$place/agent-$1" \
            2>>"$place/agent-$1.log" &
        agent=$!
        echo "$agent" >"$place/agent-$1.pid"
        wait "$agent" && exit 0
        [ $? = 137 ] || exit 1
    done
}
for port in "$1" "$2" "$3"; do
    serve "$port" 2>/dev/null &   # the shell would tell of who was killed
    pids="$pids $!"
done

# An SSH server that lets in who runs this, by a key made for it, and keeps nothing in his home.
if [ "$(id -u)" = 0 ] && [ ! -e /run/sshd ]; then
    mkdir /run/sshd
    folder=/run/sshd
fi
ssh-keygen -q -t ed25519 -N '' -f "$place/host_key"
ssh-keygen -q -t ed25519 -N '' -f "$place/id"
printf '[127.0.0.1]:%s %s\n' "$4" "$(cut -d' ' -f1,2 "$place/host_key.pub")" >"$place/known_hosts"
cat >"$place/sshd_config" <<CONFIG
ListenAddress 127.0.0.1:$4
HostKey $place/host_key
AuthorizedKeysFile $place/id.pub
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
SetEnv XDG_CACHE_HOME=$place/cache XDG_STATE_HOME=$place/far
CONFIG
"$sshd" -D -E "$place/sshd.log" -f "$place/sshd_config" &
pids="$pids $!"

tries=0
while ! "$runyard" agents -o json "http://127.0.0.1:$1" "http://127.0.0.1:$2" \
    "http://127.0.0.1:$3" >/dev/null 2>&1 && [ $tries -lt 50 ]; do
    tries=$((tries + 1))
    sleep 0.1
done

user=$(id -un)
cat >"$place/hosts.yaml" <<HOSTS
vars: {SITE: $place/site}
groups:
  agents: {hosts: [agent1, agent2, agent3]}
  web: {hosts: [web1, web2]}
hosts:
  agent1: {address: "http://127.0.0.1:$1"}
  agent2: {address: "http://127.0.0.1:$2", vars: {AGENT: $(cat "$place/agent-$2.pid")}}
  agent3: {address: "http://127.0.0.1:$3"}
  web1: &ssh
    address: ssh://$user@127.0.0.1:$4
    identity: $place/id
    known_hosts: $place/known_hosts
  web2: *ssh
HOSTS

# Show a command as it would be typed beside hosts.yaml, then execute it.
try() {
    printf '\n$ runyard'
    for word; do
        case $word in *[!A-Za-z0-9./,=:@-]*) printf " '%s'" "$word" ;; *) printf ' %s' "$word" ;; esac
    done
    printf '\n'
    (cd "$place" && "$runyard" "$@")
}
cp examples/fleet.yaml "$place/fleet.yaml"

try agents -i hosts.yaml
try exec all -i hosts.yaml --group -- 'echo "one and the same"'
try run fleet.yaml -i hosts.yaml
printf '\n# The process of agent2 is killed from under a command; the command goes on.'
try exec agent2 -i hosts.yaml -- 'echo before; kill -9 $AGENT; sleep 1; echo after'
try runs
printf '\nYour turn: write a hosts.yaml of your own; docs/tutorial/many-hosts.md shows how.\n'

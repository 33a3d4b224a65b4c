#!/bin/sh
# Make .venv with runyard in it, and do nothing when it is already so.
#   scripts/bootstrap.sh run    runyard alone
#   scripts/bootstrap.sh dev    also the tools of `make test` and `make check`
# Needs Python 3.11 or newer ($PYTHON, or the first that is found). Never asks anything.
set -eu
cd "$(dirname "$0")/.."
want=${1:-run}
venv=.venv
case $want in
run) what=. ;;
dev) what='.[dev]' ;;
*) echo "usage: scripts/bootstrap.sh run|dev" >&2; exit 2 ;;
esac

# Changed requirements are the only reason to install again: the project itself is linked.
stamp=$(cat pyproject.toml constraints.txt | cksum | tr ' ' '-')
if [ -x "$venv/bin/runyard" ] && [ -x "$venv/bin/python" ]; then
    for done in "$want" dev; do
        [ "$(cat "$venv/.stamp-$done" 2>/dev/null)" = "$stamp" ] && exit 0
    done
fi

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
makes_venvs() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }
has_uv() { command -v uv >/dev/null 2>&1; }

# The interpreter of the first candidate that passes the test $1. Its real path, because a shim may
# stop working in another folder.
find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python \
        "$HOME"/.pyenv/versions/3.1[1-9]*/bin/python3 /usr/local/bin/python3 /usr/bin/python3 \
        /opt/homebrew/bin/python3}; do
        if new_enough "$candidate" && "$1" "$candidate"; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    return 1
}

if ! new_enough "$venv/bin/python"; then
    rm -rf "$venv"
    if python=$(find_python makes_venvs); then
        echo "bootstrap: making $venv with $python"
        "$python" -m venv "$venv"
    elif has_uv; then
        echo "bootstrap: making $venv with uv"
        uv venv --quiet --python "${PYTHON:->=3.11}" "$venv"
    elif python=$(find_python new_enough); then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        echo "bootstrap: $python cannot make virtual environments; install what is missing:" >&2
        echo "    sudo apt-get install -y python$version-venv" >&2
        exit 1
    else
        echo "bootstrap: Python 3.11 or newer is needed; name it: PYTHON=/path/to/python3 make …" >&2
        exit 1
    fi
fi

rm -f "$venv"/.stamp-*
echo "bootstrap: installing runyard ($want)"
if "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    "$venv/bin/python" -m pip install --quiet --no-input --disable-pip-version-check \
        --no-warn-script-location --constraint constraints.txt --editable "$what" </dev/null
else
    uv pip install --quiet --python "$venv/bin/python" \
        --constraint constraints.txt --editable "$what" </dev/null
fi
echo "$stamp" >"$venv/.stamp-$want"

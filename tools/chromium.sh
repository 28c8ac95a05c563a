#!/bin/sh
# Sees that Chromium is there: installs it where apt can. Exit code 1: it is not, and a line says so.
set -u
there() {
    for name in chromium chromium-browser google-chrome; do # as in tests/web/browser.py
        # Ubuntu's chromium-browser may be a name alone, which says where to get one.
        command -v "$name" > /dev/null 2>&1 && "$name" --version > /dev/null 2>&1 && return 0
    done
    return 1
}

there && exit 0
log=${TMPDIR:-/tmp}/pellucid-chromium.log
sudo=''
[ "$(id -u)" = 0 ] || sudo='sudo -n'
if command -v apt-get > "$log" 2>&1; then
    echo "Installing Chromium (once, a minute or two) ..."
    # Without a network it gives up soon.
    get="$sudo env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=1
        -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20"
    $get update >> "$log" 2>&1
    $get install --yes --no-install-recommends chromium >> "$log" 2>&1
    there && exit 0
fi
echo "make: Chromium is not there and apt could not install it (see $log): its tests are skipped"
exit 1

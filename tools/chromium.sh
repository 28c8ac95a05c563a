#!/bin/sh
# Sees that Chromium is there: installs it where apt can. Without it the tests of pages are skipped.
set -u
for name in chromium chromium-browser google-chrome; do
    command -v "$name" > /dev/null 2>&1 && exit 0
done
sudo=''
[ "$(id -u)" = 0 ] || sudo='sudo -n'
log=${TMPDIR:-/tmp}/pellucid-chromium.log
echo "Installing Chromium (once, a minute or two) ..."
$sudo apt-get update > "$log" 2>&1 \
    && $sudo apt-get install --yes --no-install-recommends chromium >> "$log" 2>&1 \
    && exit 0
echo "make: Chromium is not there and apt could not install it (see $log): its tests are skipped"

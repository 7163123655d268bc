#!/bin/sh
# Installs the system packages that some tests drive: Chromium for the browser shelf, Redmine for its connector.
# As root it installs what is missing (Debian, Ubuntu); as anybody else it says what is missing and exits 1.
set -eu
packages="chromium redmine redmine-sqlite puma"

missing=""
for package in $packages; do
    status=$(dpkg-query --show --showformat='${db:Status-Abbrev}' "$package" 2>/dev/null) || status=""
    case $status in
        ii*) ;;
        *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "missing system packages:$missing (this script knows apt-get only; install them your system's way)" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "missing system packages:$missing (as root: apt-get update && apt-get install$missing)" >&2
    exit 1
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet
# A database and a web server chosen by debconf would only be in the way: the tests bring their own files and port.
# shellcheck disable=SC2086 # a list of words
install() {
    apt-get install --quiet --yes --no-install-recommends \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold $missing
}

# Debian 12's newer bundler wants a folder per gem, which 28 packaged gems do not have; Redmine's set-up fails on it.
install || {
    for spec in /usr/share/rubygems-integration/*/specifications/*.gemspec \
        /usr/lib/*/rubygems-integration/*/specifications/*.gemspec; do
        [ -e "$spec" ] || continue
        mkdir -p "$(dirname "$(dirname "$spec")")/gems/$(basename "$spec" .gemspec)"
    done
    dpkg --configure -a
    install
}

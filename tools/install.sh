#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# install.sh COMMAND: installs what `./dev COMMAND` needs and is missing. Offline when nothing is.
set -eu
list=$(dirname "$0")/packages.txt
wanted=$(awk -v command="$1" \
    '!/^#/ && NF > 1 && ("," $2 "," ~ "," command "," || $2 == "all") { print $1 }' "$list")

if ! command -v dpkg-query >/dev/null; then
    echo "This is not Debian; assuming that these are here:" >&2
    echo "$wanted" >&2
    exit 0
fi
# shellcheck disable=SC2086,SC2016 # a list of names; dpkg-query's own variables
present=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null |
    sed -n 's/^installed //p')
missing=$(echo "$wanted" | grep -vxF "${present:-none}" || true)
[ -n "$missing" ] || exit 0
missing=$(echo "$missing" | tr '\n' ' ')

if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null; then
    as_root=sudo
else
    echo "Missing: $missing" >&2
    echo "Installing them takes root or sudo. As root, run: apt-get install $missing" >&2
    exit 2
fi
echo "Installing $missing"
apt() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 "$@"; }
# shellcheck disable=SC2086 # a list of names
install() { apt install -y --no-install-recommends $missing; }
ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1 || apt update
install || { apt update && install; }

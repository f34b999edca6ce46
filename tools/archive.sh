#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Links objects into one, hides what is not public (Concurrency Kit's functions too), and makes an archive of that.
# usage: archive.sh LD OBJCOPY AR OUTPUT DIRECTORY ARGUMENT... (of ld: archives and how to take them)
set -eu
ld=$1 objcopy=$2 ar=$3 output=$4 directory=$5
shift 5
mkdir -p "$directory"
"$ld" -r "$@" -o "$directory/chaski.o"
"$objcopy" --localize-hidden --wildcard --localize-symbol='ck_*' --localize-symbol='_ck_*' \
    "$directory/chaski.o"
rm -f "$output"
"$ar" rcsD "$output" "$directory/chaski.o"

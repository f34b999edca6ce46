#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Links an archive's objects into one, hides what is not public, and makes an archive of that.
# usage: archive.sh LD OBJCOPY AR INPUT OUTPUT DIRECTORY
set -eu
ld=$1 objcopy=$2 ar=$3 input=$4 output=$5 directory=$6
mkdir -p "$directory"
"$ld" -r --whole-archive "$input" -o "$directory/chaski.o"
"$objcopy" --localize-hidden "$directory/chaski.o"
rm -f "$output"
"$ar" rcsD "$output" "$directory/chaski.o"

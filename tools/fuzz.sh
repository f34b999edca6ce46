#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# fuzz.sh [TARGET]: each program of tests/fuzz/ for FUZZ_SECONDS (60), starting from what is kept in
# tests/fuzz/corpus/TARGET. What crashes is left in build-fuzz/.
set -eu
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-60}
[ -f build-fuzz/build.ninja ] ||
    CC=clang meson setup build-fuzz -Dbuildtype=debugoptimized -Db_sanitize=address,undefined \
        -Db_lundef=false -Dtests=false -Dfuzz=true -Dc_args=-fsanitize=fuzzer-no-link
ninja -C build-fuzz fuzz

failed=0 passed=0
for program in build-fuzz/tests/fuzz/fuzz-${1:-*}; do
    [ -f "$program" ] || continue
    target=${program##*/fuzz-}
    echo "== $target, $seconds seconds"
    mkdir -p "build-fuzz/corpus/$target" "tests/fuzz/corpus/$target"
    if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -print_final_stats=1 \
        -verbosity=0 -artifact_prefix="build-fuzz/$target-" \
        "build-fuzz/corpus/$target" "tests/fuzz/corpus/$target"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$target failed; its input is build-fuzz/$target-*" >&2
    fi
done
[ $((passed + failed)) -gt 0 ] || {
    echo "no such fuzz target: ${1:-none at all}" >&2
    exit 2
}
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

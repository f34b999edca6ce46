#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Everything that can be said about the sources without running them. Uses build-test/'s list of
# compilations. Ends with the names of the checks that failed.
set -u
cd "$(dirname "$0")/.." || exit 2
failed=

check() {
    name=$1
    shift
    echo "== $name"
    "$@" || failed="$failed $name"
}

sources() {
    find . -path './build*' -prune -o -path './.git' -prune -o -type f \
        \( -name '*.[chS]' -o -name '*.cpp' -o -name '*.sh' -o -name '*.py' -o -name meson.build \
        -o -path ./dev -o -path ./.ci/run \) -print
}

spdx() {
    without=$(sources | while read -r file; do
        head -n 2 "$file" | grep -q 'SPDX-License-Identifier: BSD-2-Clause' || echo "$file"
    done)
    [ -z "$without" ] || {
        echo "no SPDX line at the top of:" "$without"
        return 1
    }
}

scripts() {
    sources | while read -r file; do
        head -n 1 "$file" | grep -q '^#!/bin/.*sh' && echo "$file"
    done | xargs shellcheck
}

static_analysis() {
    cppcheck --project=build-test/compile_commands.json --quiet --error-exitcode=1 \
        --enable=warning,portability,performance --inline-suppr --suppressions-list=.cppcheck \
        -j "$(nproc)"
}

tidy() {
    run-clang-tidy -quiet -p build-test -j "$(nproc)" \
        "$PWD/(core|drivers|runtime|sockets|packetdrill|cli|examples|bench)/" 2>/dev/null |
        sed 's/\x1b\[[0-9;]*m//g' >build-test/tidy.txt
    ! grep -A 2 -E ' (warning|error): ' build-test/tidy.txt
}

check layout tools/format.sh --dry-run -Werror
check spdx spdx
check shellcheck scripts
check cppcheck static_analysis
check clang-tidy tidy
[ -z "$failed" ] || {
    echo "failed:$failed"
    exit 1
}
echo "no complaints"

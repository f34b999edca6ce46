#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# format.sh [OPTION...]: clang-format on every C file; `--dry-run -Werror` only checks.
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- -i
find . -path './build*' -prune -o -path './.git' -prune -o -name '*.[ch]' -print0 |
    xargs -0 clang-format "$@"

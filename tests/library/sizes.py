#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Holds docs/porting.md to the sizes that examples/sizes prints.

usage: sizes.py [--write] PROGRAM

Both have a table of hosts and one of costs, their rows in the same order. Fails when the page tells
other sizes; with --write they are put into it instead.
"""
import pathlib
import re
import subprocess
import sys

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs/porting.md"
MEMORY = re.compile(r"(?<=\n## Memory\n).*?(?=\n## )", re.DOTALL)
# A row of a table: what it is about, and behind it nothing but numbers.
ROW = re.compile(r"^(\|[^|]*\|)((?: [\d ]*\d [|]| [\d ]*\d, \d[\d ]* [|])+)$", re.MULTILINE)
HOST_COLUMNS = 5  # bytes, connections, packets, small buffers, large buffers


def printed(program):
    lines = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    rows = [[int(word) for word in line[28:].split() if word.isdigit()]
            for line in lines.splitlines()]
    return [row[:HOST_COLUMNS] for row in rows if row]


def as_told(row):
    words = [f"{number:,}".replace(",", " ") for number in row]
    if len(words) == HOST_COLUMNS:
        words[3:] = [", ".join(words[3:])]
    return " " + " | ".join(words) + " |"


def main():
    rows = [as_told(row) for row in printed(sys.argv[-1])]
    page = PAGE.read_text(encoding="utf-8")
    told = [match[2] for match in ROW.finditer(MEMORY.search(page)[0])]
    if not rows or len(rows) != len(told):
        sys.exit(f"{sys.argv[-1]} prints {len(rows)} rows, and {PAGE.name} has {len(told)}")
    if "--write" in sys.argv:
        left = iter(rows)
        PAGE.write_text(MEMORY.sub(lambda part: ROW.sub(
            lambda row: row[1] + next(left), part[0]), page), encoding="utf-8")
    elif rows != told:
        print(*(f"{PAGE.name} tells{old} where it is{new}"
                for old, new in zip(told, rows) if old != new), sep="\n")
        sys.exit("tests/library/sizes.py --write PROGRAM puts it right")


if __name__ == "__main__":
    main()

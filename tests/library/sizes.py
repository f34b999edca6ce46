#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""sizes.py PROGRAM: fails when docs/porting.md tells other sizes than PROGRAM, which is
examples/sizes. Both have a table of hosts and one of costs, with their rows in the same order.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HOST_COLUMNS = 5  # bytes, connections, packets, small buffers, large buffers


def printed(program):
    lines = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    rows = [[int(word) for word in line[28:].split() if word.isdigit()]
            for line in lines.splitlines()]
    return [row[:HOST_COLUMNS] for row in rows if row]


def told(page):
    memory = page.split("\n## Memory\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|")[1:] for line in memory.splitlines() if line[:1] == "|"]
    cells = [re.split("[,;|]", "|".join(row)) for row in rows]
    return [[int(cell.replace(" ", "")) for cell in row] for row in cells
            if all(cell.replace(" ", "").isdigit() for cell in row)]


def main():
    there = printed(sys.argv[1])
    here = told((ROOT / "docs/porting.md").read_text(encoding="utf-8"))
    for row in there:
        if row not in here:
            print("docs/porting.md does not tell", row)
    if not there or there != here:
        print("it tells", *here)
        sys.exit(1)


if __name__ == "__main__":
    main()

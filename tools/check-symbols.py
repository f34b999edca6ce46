#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Fails when a library shows other symbols than the functions that the public headers declare, or
lacks one of these.

usage: check-symbols.py NM LIBRARY HEADER...
"""
import re
import subprocess
import sys

DECLARATION = re.compile(r'\b(chaski_\w+)\s*\(')
NOT_LINKED = re.compile(r'/\*.*?\*/|^\s*#.*?$|\btypedef\b[^;]*;|\bstatic inline\b.*?^}', re.S | re.M)


def declared(headers):
    names = set()
    for header in headers:
        with open(header, encoding='utf-8') as file:
            names.update(DECLARATION.findall(NOT_LINKED.sub('', file.read())))
    return names


def shown(nm, library):
    command = [nm, '--format=posix', '--extern-only', '--defined-only']
    if not library.endswith('.a'):
        command.append('--dynamic')
    output = subprocess.run(command + [library], check=True, capture_output=True, text=True).stdout
    return {line.split()[0] for line in output.splitlines() if len(line.split()) > 1}


def main():
    nm, library, *headers = sys.argv[1:]
    wanted, there = declared(headers), shown(nm, library)
    for name in sorted(there - wanted):
        print(f'{library} shows {name}')
    for name in sorted(wanted - there):
        print(f'{library} lacks {name}')
    return 0 if wanted == there and wanted else 1


if __name__ == '__main__':
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Fails when the core calls anything but four functions of memory, or has data that can change.

usage: check-freestanding.py NM OBJDUMP ARCHIVE
"""
import re
import subprocess
import sys

# The last two are what gcc's own library knows of the processor (core/base/checksum_detected.c).
ALLOWED = {'memcpy', 'memmove', 'memset', 'memcmp', '_GLOBAL_OFFSET_TABLE_', '__cpu_model',
           '__cpu_features2'}
WRITABLE = re.compile(r'^\.(data|bss|tdata|tbss|sdata|sbss)(\.|$)')
RELOCATED = re.compile(r'^\.data\.rel\.ro(\.|$)')  # constant once loaded


def lines(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def calls_outside(nm, archive):
    undefined, defined = set(), set()
    for line in lines(nm, '--format=posix', archive):
        fields = line.split()
        if len(fields) >= 2 and not line.endswith(':'):
            (undefined if fields[1] in 'Uwv' else defined).add(fields[0])
    return undefined - defined - ALLOWED, len(defined)


def writable_sections(objdump, archive):
    found = []
    member = archive
    for line in lines(objdump, '--section-headers', '--wide', archive):
        if 'file format' in line:
            member = line.split(':')[0]
        fields = line.split()
        if len(fields) > 6 and fields[0].isdigit() and int(fields[2], 16) != 0:
            name = fields[1]
            if WRITABLE.match(name) and not RELOCATED.match(name):
                found.append(f'{member}: {name} of {int(fields[2], 16)} bytes')
    return found


def main():
    nm, objdump, archive = sys.argv[1:]
    outside, defined = calls_outside(nm, archive)
    writable = writable_sections(objdump, archive)
    for name in sorted(outside):
        print(f'the core calls {name}')
    for line in writable:
        print(f'the core has writable data: {line}')
    if defined == 0:
        print(f'{archive} defines nothing')
    return 1 if outside or writable or defined == 0 else 0


if __name__ == '__main__':
    sys.exit(main())

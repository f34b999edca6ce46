#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Fails when a requirement of RFC 9293 has neither a test named after it nor a line in the table of
deviations, or when a test or a line names a requirement that there is not.

usage: check-rfc9293.py REQUIREMENTS DEVIATIONS TEST...
"""
import re
import sys

REQUIREMENT = re.compile(r'^((?:MUST|SHLD)-\d+) \d+(?:\.\d+)* \S', re.M)
RUN = re.compile(r'\bcmocka_unit_test\((must|shld)_(\d+)_\w+\)')
ROW = re.compile(r'^\| RFC 9293 \|([^|]*)\|', re.M)
CLAUSE = re.compile(r'\b(?:MUST|SHLD)-\d+\b')


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def in_tests(paths):
    return {f'{kind.upper()}-{number}' for path in paths for kind, number in RUN.findall(read(path))}


def in_table(path):
    return {clause for cell in ROW.findall(read(path)) for clause in CLAUSE.findall(cell)}


def main():
    requirements, deviations, *tests = sys.argv[1:]
    wanted = REQUIREMENT.findall(read(requirements))
    tested, excused = in_tests(tests), in_table(deviations)
    missing = [name for name in wanted if name not in tested | excused]
    unknown = sorted((tested | excused) - set(wanted))
    for name in missing:
        print(f'{name}: neither a test nor a line in {deviations}')
    for name in unknown:
        print(f'{name}: not in {requirements}')
    if len(wanted) != len(set(wanted)) or not wanted:
        print(f'{requirements}: empty, or a number stands there twice')
        return 1
    return 1 if missing or unknown else 0


if __name__ == '__main__':
    sys.exit(main())

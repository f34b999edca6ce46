#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""linux.py PROGRAM OPTION...: runs the scripts that linux.txt names by run-scripts-linux, which is
PROGRAM, with these options. Each is a case in TAP; ends with 77 where no TUN device can be had.
With --ip_version=ipv6 among the options those in ipv4/ are left out, else those in ipv6/.

Time is real: a machine that was busy at the wrong moment may have been late. So each packet has a
tenth of a second, and a script that fails is asked twice more.
"""
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOLERANCE = '--tolerance_usecs=100000'
TRIES, SKIPPED = 3, 77


def passes(command):
    """Returns whether it did, and what it wrote last."""
    for _ in range(TRIES):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode == SKIPPED:
            print(done.stdout, end='')
            sys.exit(SKIPPED)
        if done.returncode == 0:
            return True, done.stdout
    return False, done.stdout


def main(program, *options):
    lines = (HERE / 'linux.txt').read_text(encoding='utf-8').splitlines()
    other = 'ipv4/' if '--ip_version=ipv6' in options else 'ipv6/'
    names = [line for line in lines if line and not line.startswith(('#', other))]
    failed = 0
    for number, name in enumerate(names, 1):
        passed, output = passes([program, '--quiet', *options, TOLERANCE, HERE / f'{name}.pkt'])
        skip = ' # SKIP' if '# SKIP' in output else ''
        print(f'{"ok" if passed else "not ok"} {number} - {name}{skip}', flush=True)
        if not passed:
            failed += 1
            print(output, end='')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))

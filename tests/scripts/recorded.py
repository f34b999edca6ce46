#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Has chaski have conversations again that a kernel has had, and fails where the two no longer are alike.

differ.py --record writes them.
"""
import argparse
import concurrent.futures
import os
import pathlib
import sys
import tempfile

from conversations import outcome, recording
from differ import KINDS


def differences(build, folder, recorded):
    path = folder / f'{recorded.name}.pkt'
    path.write_text(recorded.script, encoding='utf-8')
    kind = KINDS[recorded.kind]
    ours = outcome.parse(outcome.ours_of(build, path), kind.WINDOWS)
    kernels = outcome.parse(recorded.said, kind.WINDOWS)
    return outcome.differences(ours, kernels, recorded.script, kind.FIELDS)[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build', type=pathlib.Path, help='build directory')
    parser.add_argument('files', type=pathlib.Path, nargs='+', help='recordings')
    arguments = parser.parse_args()
    failed = 0
    recordings = [recorded for path in arguments.files for recorded in recording.read(path)]
    with tempfile.TemporaryDirectory() as scratch, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda one: differences(arguments.build, pathlib.Path(scratch), one), recordings)
        for number, (recorded, lines) in enumerate(zip(recordings, found), 1):
            failed += bool(lines)
            print(f'{"not ok" if lines else "ok"} {number} - {recorded.name}')
            for line in lines:
                print(f'  {line}, which was {recorded.kernel}')
    sys.exit(failed > 0 or not recordings)


if __name__ == '__main__':
    main()

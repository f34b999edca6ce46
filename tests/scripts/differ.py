#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Where chaski differs from the machine's kernel.

Makes random conversations as packet scripts, lets the kernel (run-scripts-linux, as root) and chaski
(run-scripts) have each, and prints the first packet that differs, or the first call. Time stamps may
be anything, and windows where the kind of conversation is not about them; times, or pauses, within an
eighth, as the kernel's timers are. With --info both are asked for tcp_info behind each event, and the
first answer that differs is told too, where no packet has differed before. Not every difference is a
mistake: docs/deviations.md has those that are meant, and "near a timer" is told where something happens
between a timer of ours and the kernel's, which comes a tick later.

Each kind of conversation is a class in conversations/.
"""
import argparse
import collections
import concurrent.futures
import pathlib
import tempfile

from conversations import calls, closing, established, fastopen, lingering, marking, opening, outcome, recording

KINDS = {kind.__name__.lower(): kind for kind in (
    established.Sending, established.Receiving, established.Both, marking.Marking, calls.Calls, opening.Calling,
    opening.Answering, closing.Closing, lingering.Lingering, fastopen.FastCalling, fastopen.FastAnswering)}
SYSCTLS = {'net.ipv4.tcp_timestamps': '0'}
WINDOW = 30000


def compare(build, path, kind):
    """Returns what the kernel said, what differs, as lines of text, and the fields of tcp_info among it."""
    said = outcome.kernels_of(build, path)
    ours = outcome.parse(outcome.ours_of(build, path), kind.WINDOWS)
    kernels = outcome.parse(said, kind.WINDOWS)
    return said, *outcome.differences(ours, kernels, path.read_text(encoding='utf-8'), kind.FIELDS)


def record(path, kind, arguments, said):
    """The options that make conversations other than usual are part of its name."""
    changed = {name: value for name, value in arguments.sysctls.items() if SYSCTLS.get(name) != value}
    words = [path.stem, *(f'{name.rpartition(".")[2]}={value}' for name, value in changed.items())]
    words += [f'window={arguments.window}'] * (arguments.window != WINDOW) + ['info'] * arguments.info
    recording.append(arguments.record / f'{kind}.txt', kind, '-'.join(words).replace('/', '-'),
                     path.read_text(encoding='utf-8'), said)


def compare_kind(kind, arguments, folder, pool):
    paths, counts = [], collections.Counter()
    for seed in range(arguments.first, arguments.first + arguments.seeds):
        paths.append(folder / f'{kind}-{seed}.pkt')
        paths[-1].write_text(KINDS[kind](seed, arguments).script(), encoding='utf-8')
    found = list(pool.map(lambda path: compare(arguments.build, path, KINDS[kind]), paths))
    for path, (said, lines, fields) in zip(paths, found):
        counts.update(fields)
        print(''.join(f'{path.name}: {line}\n' for line in lines), end='')
        if arguments.record and not lines:
            record(path, kind, arguments, said)
    print(f'{kind}: {sum(not lines for _, lines, _ in found)} of {len(found)} alike', flush=True)
    for name, count in counts.most_common():
        print(f'  {name} differs in {count}')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build', type=pathlib.Path, help='build directory')
    parser.add_argument('--kind', choices=KINDS, action='append', help='of conversation (all)')
    parser.add_argument('--first', type=int, default=1, help='seed (1)')
    parser.add_argument('--seeds', type=int, default=100, help='how many of each kind (100)')
    parser.add_argument('--keep', type=pathlib.Path, help='folder that the scripts stay in')
    parser.add_argument('--record', type=pathlib.Path, metavar='FOLDER',
                        help='folder to whose recordings those are added in which the two are alike')
    parser.add_argument('--sysctl', action='append', default=[], metavar='NAME=VALUE',
                        help='policy of both (net.ipv4.tcp_timestamps=0)')
    parser.add_argument('--window', type=int, default=WINDOW, metavar='BYTES', help='what the peer has room for (30000)')
    parser.add_argument('--threads', type=int, default=8, help='scripts at a time (8)')
    parser.add_argument('--info', action='store_true', help='compare what tcp_info tells')
    arguments = parser.parse_args()
    arguments.sysctls = SYSCTLS | dict(text.split('=', 1) for text in arguments.sysctl)
    for folder in filter(None, (arguments.keep, arguments.record)):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, concurrent.futures.ThreadPoolExecutor(arguments.threads) as pool:
        for kind in arguments.kind or KINDS:
            compare_kind(kind, arguments, arguments.keep or pathlib.Path(scratch), pool)


if __name__ == '__main__':
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Where chaski differs from the machine's kernel.

Makes random conversations as packet scripts, lets the kernel (run-scripts-linux, as root) and chaski
(run-scripts) have each, and prints the first packet that differs, or the calls. Windows and time
stamps may be anything; times within an eighth, as the kernel's timers are. Not every difference is a
mistake: docs/deviations.md has those that are meant.
"""
import argparse
import concurrent.futures
import pathlib
import random
import re
import subprocess
import tempfile

WEIGHTS = {
    'sending': {'write': 4, 'acknowledge': 5, 'report': 4, 'repeat': 2, 'option': 1, 'shut': 1, 'window': 2},
    'receiving': {'text': 5, 'ahead': 4, 'old': 1, 'across': 1, 'read': 3, 'acknowledge': 1, 'fin': 1, 'write': 1},
    'both': {'write': 2, 'acknowledge': 2, 'report': 1, 'text': 2, 'ahead': 1, 'read': 1, 'fin': 1, 'shut': 1,
             'option': 1, 'reset': 1, 'syn': 1, 'future': 1},
}
MSS = 1000


class Conversation:
    """A peer that keeps to its numbers, mostly, and an application, for one seed."""

    def __init__(self, seed, kind):
        self.random = random.Random(f'{kind} {seed}')
        self.kind = kind
        self.sack, self.scales = self.random.random() < .75, self.random.random() < .8
        self.fd = self.random.choice([3, 4])  # a client's, or what accept() returned
        self.written = self.acknowledged = self.came = self.farthest = 0
        self.window, self.finished, self.shut_down = 30000, False, False
        self.lines = ['`sysctl -q net.ipv4.tcp_timestamps=0`', '0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3']

    def options(self):
        permitted = ',sackOK' if self.sack else ''
        scale = ',nop,nop,nop,wscale 7' if self.sack else ',nop,wscale 7'
        rest = scale if self.scales else ',nop,nop' if self.sack else ''
        return f'<mss {MSS}{permitted}{rest}>'

    def peer(self, first, length, flags='.', blocks=''):
        window = self.window >> 7 if self.scales else self.window
        self.lines.append(f'{self.pause()} < {flags} {1 + first}:{1 + first + length}({length})'
                          f' ack {1 + self.acknowledged} win {window}{blocks}')

    def call(self, text):
        self.lines.append(f'{self.pause()} {text}')

    def pause(self):
        return self.random.choice(['+.01', '+.02', '+.05', '+.1', '+.1', '+.3'])

    def open(self):
        if self.fd == 4:
            self.lines += ['+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0', '+0 bind(3, ..., ...) = 0',
                           '+0 listen(3, 1) = 0', f'+0 < S 0:0(0) win 20000 {self.options()}',
                           '+0 > S. 0:0(0) ack 1 <...>', '+.05 < . 1:1(0) ack 1 win 20000', '+0 accept(3, ..., ...) = 4']
        nonblocking = f'+0 fcntl({self.fd}, F_SETFL, O_RDWR|O_NONBLOCK) = 0'
        self.lines.append(nonblocking)
        if self.fd == 3:
            self.lines += ['+0 connect(3, ..., ...) = -1 EINPROGRESS', '+0 > S 0:0(0) <...>',
                           f'+.05 < S. 0:0(0) ack 1 win 20000 {self.options()}', '+0 > . 1:1(0) ack 1']

    # What may happen next; each does nothing where it would make no sense.

    def write(self):
        length = self.random.choice([1, 100, 500, 1000, 1000, 1500, 2000, 3000, 5000, 10000, 20000])
        more = self.random.choice(['0', '0', '0', 'MSG_MORE'])
        if not self.shut_down:
            self.call(f'send({self.fd}, ..., {length}, {more}) = {length}')
            self.written += length

    def acknowledge(self):
        ahead = self.random.choice([1000, 2000, 2000, 3000, 5000, 10000])
        if self.written > self.acknowledged:
            self.acknowledged = min(self.written, self.acknowledged + ahead)
            self.peer(self.came, 0)

    def report(self):
        segments = (self.written - self.acknowledged) // MSS
        if self.sack and segments >= 2:
            first = self.random.randint(1, min(segments - 1, 9))
            end = self.random.randint(first + 1, segments)
            left, right = (1 + self.acknowledged + n * MSS for n in (first, min(end, first + 6)))
            self.peer(self.came, 0, blocks=f' <nop,nop,sack {left}:{right}>')

    def repeat(self):
        self.peer(self.came, 0)

    def option(self):
        name = self.random.choice(['TCP_NODELAY', 'TCP_CORK', 'TCP_QUICKACK'])
        self.call(f'setsockopt({self.fd}, IPPROTO_TCP, {name}, [{self.random.choice([0, 1, 1])}], 4) = 0')

    def shut(self):
        if not self.shut_down:
            self.call(f'shutdown({self.fd}, SHUT_WR) = 0')
            self.shut_down = True

    def change_window(self):
        self.window = self.random.choice([0, 2048, 10240, 30080, 60032])
        self.peer(self.came, 0)

    def text(self):
        length = self.random.choice([1, 100, 500, 1000, 1000, 1460])
        if not self.finished:
            self.peer(self.came, length, self.random.choice(['.', 'P.']))
            self.came += length

    def ahead(self):
        first = self.came + self.random.choice([500, 1000, 1000, 2000, 3000])
        length = self.random.choice([500, 1000])
        if not self.finished:
            self.peer(first, length)
            self.farthest = max(self.farthest, first + length)

    def old(self):
        length = min(self.came, self.random.choice([500, 1000]))
        if length and not self.finished:
            self.peer(self.came - length, length)

    def across(self):
        if self.came >= 500 and not self.finished:
            self.peer(self.came - 500, 1000)
            self.came += 500

    def read(self):
        self.call(f'read({self.fd}, ..., {self.random.choice([100, 1000, 5000, 100000])}) = ...')

    def fin(self):
        length = max(self.random.choice([0, 0, 100, 1000]), self.farthest - self.came)
        if not self.finished:
            self.peer(self.came, length, 'F.')
            self.came, self.finished = self.came + length + 1, True

    def reset(self):
        self.peer(self.came + 100, 0, 'R.')

    def syn(self):
        self.lines.append(f'{self.pause()} < S {1 + self.came}:{1 + self.came}(0) win 1000')

    def future(self):
        before, self.acknowledged = self.acknowledged, self.acknowledged + 100000
        self.peer(self.came, 0)
        self.acknowledged = before

    def script(self):
        names, weights = zip(*WEIGHTS[self.kind].items())
        self.open()
        for name in self.random.choices(names, weights, k=self.random.randint(3, 12)):
            getattr(self, 'change_window' if name == 'window' else name)()
        if self.random.random() < .3:
            self.call(f'close({self.fd}) = 0')
            self.peer(self.came, 0)
        self.lines.append('+.6 socket(..., SOCK_STREAM, IPPROTO_TCP) = ...')
        return '\n'.join(self.lines) + '\n'


def told(command):
    """What was sent, as (time, packet), and what the calls returned."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                          check=False)
    packets, calls = [], []
    for line in done.stdout.splitlines():
        packet = re.match(r'(\d+\.\d+) > (?:\[[^]]*\] )*(.*)', line)
        call = re.match(r'\d+\.\d+ (?!socket|accept)(\w+ = .*)', line)
        if packet:
            packets.append((float(packet[1]), re.sub(r' win \d+', '', packet[2])))
        elif call:
            calls.append(call[1])
    return packets, calls, re.search(r': time is .* already', done.stdout) is not None


def difference(ours, kernels):
    for n in range(max(len(ours[0]), len(kernels[0]))):
        a = ours[0][n] if n < len(ours[0]) else None
        b = kernels[0][n] if n < len(kernels[0]) else None
        since = kernels[0][n - 1][0] if n else 0
        if a is None or b is None or a[1] != b[1] or abs(a[0] - b[0]) > .015 + (b[0] - since) / 8:
            return f'packet {n + 1}: chaski {a}, kernel {b}'
    return '' if ours[1] == kernels[1] else f'calls: chaski {ours[1]}, kernel {kernels[1]}'


def compare(build, folder, kind, seed):
    path = folder / f'{kind}-{seed}.pkt'
    path.write_text(Conversation(seed, kind).script(), encoding='utf-8')
    programs = build / 'tests/script'
    for _ in range(5):  # a busy machine is late
        kernels = told([programs / 'run-scripts-linux', '--verbose', '--tolerance_usecs=40000', path])
        if not kernels[2]:
            break
    return path, difference(told([programs / 'run-scripts', '--verbose', path]), kernels)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build', type=pathlib.Path, help='build directory')
    parser.add_argument('--kind', choices=WEIGHTS, action='append', help='of conversation (all)')
    parser.add_argument('--first', type=int, default=1, help='seed (1)')
    parser.add_argument('--seeds', type=int, default=100, help='how many of each kind (100)')
    parser.add_argument('--keep', type=pathlib.Path, help='folder that the scripts stay in')
    arguments = parser.parse_args()
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, concurrent.futures.ThreadPoolExecutor(8) as pool:
        folder = arguments.keep or pathlib.Path(scratch)
        for kind in arguments.kind or WEIGHTS:
            seeds = range(arguments.first, arguments.first + arguments.seeds)
            found = list(pool.map(lambda seed, kind=kind: compare(arguments.build, folder, kind, seed), seeds))
            for path, text in found:
                if text:
                    print(f'{path.name}: {text}')
            print(f'{kind}: {sum(not text for _, text in found)} of {len(found)} alike', flush=True)


if __name__ == '__main__':
    main()

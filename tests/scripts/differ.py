#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Where chaski differs from the machine's kernel.

Makes random conversations as packet scripts, lets the kernel (run-scripts-linux, as root) and chaski
(run-scripts) have each, and prints the first packet that differs, or the calls. Windows and time
stamps may be anything; times within an eighth, as the kernel's timers are. With --info both are
asked for tcp_info behind each event, and the first answer that differs is told too, where no packet
has differed before. Not every difference is a mistake: docs/deviations.md has those that are meant.
"""
import argparse
import collections
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
SYSCTLS = {'net.ipv4.tcp_timestamps': '0'}
ASK = '+.005 %{ print(tcp_info) }%'

# What time goes into: microseconds, milliseconds, and rates.
MICROSECONDS = {'rto', 'ato', 'rtt', 'rttvar', 'min_rtt', 'rcv_rtt', 'busy_time', 'rwnd_limited', 'sndbuf_limited'}
MILLISECONDS = {'last_data_sent', 'last_data_recv', 'last_ack_recv', 'total_rto_time'}
RATES = {'pacing_rate', 'delivery_rate'}


class Conversation:
    """A peer that keeps to its numbers, mostly, and an application, for one seed."""

    def __init__(self, seed, kind, sysctls, asks, window):
        self.random = random.Random(f'{kind} {seed}')
        self.kind = kind
        self.sack, self.scales = self.random.random() < .75, self.random.random() < .8
        self.fd = self.random.choice([3, 4])  # a client's, or what accept() returned
        self.written = self.acknowledged = self.came = self.farthest = 0
        self.window, self.finished, self.shut_down = window, False, False
        self.stamps = sysctls['net.ipv4.tcp_timestamps'] != '0'
        self.mss = 988 if self.stamps else 1000
        self.now = self.before = 0  # milliseconds: the peer echoes what went at the event before
        self.asks = asks
        self.lines = [f'`sysctl -q {name}={value}`' for name, value in sysctls.items()]
        self.lines.append('0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3')

    def options(self):
        permitted = 'nop,nop,sackOK,' if self.sack else ''
        scale = 'nop,wscale 7,' if self.scales else ''
        stamp = f'nop,nop,{self.stamp()},' if self.stamps else ''
        return f'<{permitted}{scale}{stamp}mss 1000>'

    def answered(self, asked):
        """Options of our SYN or SYN+ACK; where there are stamps, all: the peer's echoes refer to them."""
        if not self.stamps:
            return '<...>'
        permitted = 'sackOK' if self.sack or not asked else 'nop,nop'
        scale = ',nop,wscale 7' if self.scales or not asked else ''
        return f'<mss 1460,{permitted},TS val 1000 ecr {10000 if asked else 0}{scale}>'

    def stamp(self):
        return f'TS val {10000 + self.now} ecr {1000 + self.before}'

    def happen(self, text):
        """What it is has the time at which it happens in it already, as self.now."""
        self.lines.append(text)
        self.lines += [ASK] * self.asks
        self.before, self.now = self.now, self.now + 5 * self.asks

    def segment(self, first, length, flags='.', blocks=''):
        window = self.window >> 7 if self.scales else self.window
        options = [self.stamp()] * self.stamps + [blocks] * bool(blocks)
        told = f' <{",".join(f"nop,nop,{option}" for option in options)}>' if options else ''
        return (f'{flags} {1 + first}:{1 + first + length}({length})'
                f' ack {1 + self.acknowledged} win {window}{told}')

    def peer(self, first, length, flags='.', blocks=''):
        self.happen(f'{self.pause()} < {self.segment(first, length, flags, blocks)}')

    def call(self, text):
        self.happen(f'{self.pause()} {text}')

    def pause(self):
        milliseconds = self.random.choice([10, 20, 50, 100, 100, 300])
        self.now += milliseconds
        return f'+{milliseconds / 1000:g}'

    def open(self):
        if self.fd == 4:
            self.lines += ['+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0', '+0 bind(3, ..., ...) = 0',
                           '+0 listen(3, 1) = 0', f'+0 < S 0:0(0) win 20000 {self.options()}',
                           f'+0 > S. 0:0(0) ack 1 {self.answered(True)}']
            self.now += 50
            self.lines += [f'+.05 < {self.segment(0, 0)}', '+0 accept(3, ..., ...) = 4']
        nonblocking = f'+0 fcntl({self.fd}, F_SETFL, O_RDWR|O_NONBLOCK) = 0'
        self.lines.append(nonblocking)
        if self.fd == 3:
            self.lines += ['+0 connect(3, ..., ...) = -1 EINPROGRESS', f'+0 > S 0:0(0) {self.answered(False)}']
            self.now += 50
            self.lines += [f'+.05 < S. 0:0(0) ack 1 win 20000 {self.options()}', '+0 > . 1:1(0) ack 1 <...>']

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
        segments = (self.written - self.acknowledged) // self.mss
        if self.sack and segments >= 2:
            first = self.random.randint(1, min(segments - 1, 9))
            end = self.random.randint(first + 1, segments)
            left, right = (1 + self.acknowledged + n * self.mss for n in (first, min(end, first + 6)))
            self.peer(self.came, 0, blocks=f'sack {left}:{right}')

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
        length = self.random.choice([1, 100, 500, 1000, 1000, 1448 if self.stamps else 1460])
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
        self.happen(f'{self.pause()} < S {1 + self.came}:{1 + self.came}(0) win 1000')

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
            self.asks = False
            self.call(f'close({self.fd}) = 0')
            self.peer(self.came, 0)
        self.lines.append('+.6 socket(..., SOCK_STREAM, IPPROTO_TCP) = ...')
        return '\n'.join(self.lines) + '\n'


def told(command):
    """What was sent, as (time, packet); what the calls returned; the answers to ASK, each behind so
    many packets; and whether the machine was late."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                          check=False)
    packets, calls, answers = [], [], []
    for line in done.stdout.splitlines():
        packet = re.match(r'(\d+\.\d+) > (?:\[[^]]*\] )*(.*)', line)
        call = re.match(r'\d+\.\d+ (?!socket|accept)(\w+ = .*)', line)
        if packet:
            packets.append((float(packet[1]), re.sub(r' win \d+|(?<=TS) val \d+ ecr \d+', '', packet[2])))
        elif line.startswith('tcp_info '):
            fields = dict(word.split('=') for word in line.split()[1:])
            answers.append((len(packets), {name: int(value) for name, value in fields.items()}))
        elif call:
            calls.append(call[1])
    return packets, calls, answers, re.search(r': time is .* already', done.stdout) is not None


def first_difference(ours, kernels):
    """The number of the first packet that differs, from 0; None when there is none."""
    for n in range(max(len(ours), len(kernels))):
        if n >= min(len(ours), len(kernels)) or ours[n][1] != kernels[n][1]:
            return n
        since = kernels[n - 1][0] if n else 0
        if abs(ours[n][0] - kernels[n][0]) > .035 + (kernels[n][0] - since) / 8:
            return n
    return None


def field_differs(name, ours, kernels):
    if name in MICROSECONDS | MILLISECONDS:
        return abs(ours - kernels) > (20000 if name in MICROSECONDS else 20) + kernels // 8
    if name in RATES:
        return abs(ours - kernels) > kernels // 4
    return ours != kernels


def different_fields(ours, kernels, until):
    """For each field that differs in some answer before packet `until` the first such answer."""
    found = {}
    for n, ((before, a), (kernels_before, b)) in enumerate(zip(ours, kernels), 1):
        if until is not None and max(before, kernels_before) > until:
            break
        for name in sorted(a.keys() | b.keys()):
            values = a.get(name, 0), b.get(name, 0)
            if name not in found and before == kernels_before and field_differs(name, *values):
                found[name] = f'{name} in answer {n}: chaski {values[0]}, kernel {values[1]}'
    return found


def compare(build, path):
    """Returns what differs, as lines of text, and the fields of tcp_info among it."""
    programs = build / 'tests/script'
    for _ in range(5):  # a busy machine is late
        kernels = told([programs / 'run-scripts-linux', '--verbose', '--tolerance_usecs=40000', path])
        if not kernels[3]:
            break
    ours = told([programs / 'run-scripts', '--verbose', path])
    n = first_difference(ours[0], kernels[0])
    lines = []
    if n is not None:
        a, b = (packets[n] if n < len(packets) else None for packets in (ours[0], kernels[0]))
        lines.append(f'packet {n + 1}: chaski {a}, kernel {b}')
    elif ours[1] != kernels[1]:
        lines.append(f'calls: chaski {ours[1]}, kernel {kernels[1]}')
    fields = different_fields(ours[2], kernels[2], n)
    return lines + list(fields.values()), fields.keys()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build', type=pathlib.Path, help='build directory')
    parser.add_argument('--kind', choices=WEIGHTS, action='append', help='of conversation (all)')
    parser.add_argument('--first', type=int, default=1, help='seed (1)')
    parser.add_argument('--seeds', type=int, default=100, help='how many of each kind (100)')
    parser.add_argument('--keep', type=pathlib.Path, help='folder that the scripts stay in')
    parser.add_argument('--sysctl', action='append', default=[], metavar='NAME=VALUE',
                        help='policy of both (net.ipv4.tcp_timestamps=0)')
    parser.add_argument('--window', type=int, default=30000, metavar='BYTES', help='what the peer has room for (30000)')
    parser.add_argument('--info', action='store_true', help='compare what tcp_info tells')
    arguments = parser.parse_args()
    sysctls = SYSCTLS | dict(text.split('=', 1) for text in arguments.sysctl)
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, concurrent.futures.ThreadPoolExecutor(8) as pool:
        for kind in arguments.kind or WEIGHTS:
            paths, counts = [], collections.Counter()
            for seed in range(arguments.first, arguments.first + arguments.seeds):
                paths.append((arguments.keep or pathlib.Path(scratch)) / f'{kind}-{seed}.pkt')
                conversation = Conversation(seed, kind, sysctls, arguments.info, arguments.window)
                paths[-1].write_text(conversation.script(), encoding='utf-8')
            found = list(pool.map(lambda path: compare(arguments.build, path), paths))
            for path, (lines, fields) in zip(paths, found):
                counts.update(fields)
                print(''.join(f'{path.name}: {line}\n' for line in lines), end='')
            print(f'{kind}: {sum(not lines for lines, _ in found)} of {len(found)} alike', flush=True)
            for name, count in counts.most_common():
                print(f'  {name} differs in {count}')


if __name__ == '__main__':
    main()

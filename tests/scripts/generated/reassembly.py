#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes a bundle of packet scripts: five segments in all 120 orders, with SACK and without, side by
side and such that each overlaps the next; and all pairs of ranges that overlap somehow, before what
is missing comes.

Each segment is acknowledged before the next one comes. What lies behind a gap is acknowledged at
once, as is what fills one (RFC 5681, 4.2); SACK blocks are those of RFC 2018, 4: the block that has
just grown first, then the others as they were reported.
"""
import itertools
import sys

UNIT = 100

SETUP = """\
`sysctl -q net.ipv4.tcp_timestamps=0 net.ipv4.tcp_dsack=0`
0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 20000 <mss 1000{0}>
+0 > S. 0:0(0) ack 1 <mss 1460{0}>
+.1 < . 1:1(0) ack 1 win 20000
+0 accept(3, ..., ...) = 4
"""


class Receiver:
    """What has arrived, in units, and the blocks behind the gap, the latest first."""

    def __init__(self):
        self.have, self.blocks = set(), []

    def next(self):
        return next(unit for unit in itertools.count() if unit not in self.have)

    def take(self, first, last):
        """Returns (is the acknowledgement due at once?)."""
        before, was_next = bool(self.blocks), self.next()
        self.have |= set(range(first, last))
        ranges = self.ranges()
        self.blocks.sort(key=lambda block: block[2])
        old = [(a, b) for a, b, _ in self.blocks]
        grown = [r for r in ranges if first < r[1] and last > r[0]]
        rest = [r for o in old for r in ranges if r[0] <= o[0] and o[1] <= r[1] and r not in grown]
        ordered = list(dict.fromkeys(grown + rest))
        self.blocks = [(a, b, rank) for rank, (a, b) in enumerate(ordered)]
        return before or first > was_next or last <= was_next or first < was_next

    def ranges(self):
        """The ranges behind the gap."""
        found, units = [], sorted(unit for unit in self.have if unit > self.next())
        for unit in units:
            if found and found[-1][1] == unit:
                found[-1] = (found[-1][0], unit + 1)
            else:
                found.append((unit, unit + 1))
        return found


def position(unit):
    return 1 + UNIT * unit


def arrival(receiver, first, last, sack):
    at_once = receiver.take(first, last)
    text = f'+.6 < P. {position(first)}:{position(last)}({UNIT * (last - first)}) ack 1 win 20000\n'
    text += f'{"+0" if at_once else "+0~+.5"} > . 1:1(0) ack {position(receiver.next())}'
    if sack and receiver.blocks:
        blocks = ' '.join(f'{position(a)}:{position(b)}' for a, b, _ in receiver.blocks)
        text += f' <nop,nop,sack {blocks}>'
    return text + '\n'


def orders(sack, length):
    """Segments of `length` units, each beginning a unit behind the one before it."""
    readable = UNIT * (4 + length)
    for order in itertools.permutations(range(5)):
        receiver = Receiver()
        text = SETUP.format(',nop,nop,sackOK' if sack else '')
        for unit in order:
            text += arrival(receiver, unit, unit + length, sack)
        name = ''.join(str(unit + 1) for unit in order)
        yield (f'order_{name}_{"overlapping_" * (length > 1)}{"with" if sack else "without"}_sack',
               text + f'+0 read(4, ..., 1000) = {readable}\n')


def overlaps():
    """Two ranges of units 1 to 4 in any place, then units 0 to 4 in one."""
    ranges = [(a, b) for a in range(1, 5) for b in range(a + 1, 6)]
    for one, two in itertools.product(ranges, ranges):
        receiver = Receiver()
        text = SETUP.format('')
        for first, last in (one, two):
            text += arrival(receiver, first, last, False)
        text += arrival(receiver, 0, 1, False)
        readable = UNIT * receiver.next()
        text += f'+0 read(4, ..., 1000) = {readable}\n'
        text += arrival(receiver, 0, 5, False)
        if readable < 500:
            text += f'+0 read(4, ..., 1000) = {500 - readable}\n'
        yield f'range_{one[0]}{one[1]}_then_{two[0]}{two[1]}', text


def main():
    for scripts in *itertools.starmap(orders, itertools.product((False, True), (1, 2))), overlaps():
        for name, text in scripts:
            sys.stdout.write(f'#### {name}\n{text}')


main()

# SPDX-License-Identifier: BSD-2-Clause
"""What conversations of every kind are made of."""
import random

ASK = '+.005 %{ print(tcp_info) }%'


class Conversation:
    """A script that is written event by event, for one seed.

    A kind is a class that has as WEIGHTS the names of its methods that may be next, and begin() and
    end() for what stands before and behind those.
    """

    WEIGHTS = {}
    LENGTHS = 3, 12  # at least and at most so many events
    WINDOWS = False  # whether the SYNs of both have to announce the same windows
    FIELDS = None  # of tcp_info that are compared; all

    def __init__(self, seed, settings):
        kind = type(self).__name__.lower()
        self.random = random.Random(f'{kind} {seed}')
        self.sysctls, self.asks, self.window = settings.sysctls, settings.info, settings.window
        self.stamps = self.sysctls['net.ipv4.tcp_timestamps'] != '0'
        self.now = self.before = 0  # milliseconds: the peer echoes what went at the event before
        self.lines = [f'`sysctl -q {name}={value}`' for name, value in self.sysctls.items()]

    def script(self):
        self.begin()
        names, weights = zip(*self.WEIGHTS.items())
        for name in self.random.choices(names, weights, k=self.random.randint(*self.LENGTHS)):
            getattr(self, name)()
        self.end()
        self.lines.append('+.6 socket(..., SOCK_STREAM, IPPROTO_TCP) = ...')
        return '\n'.join(self.lines) + '\n'

    def begin(self):
        """The lines before the events that are chosen."""

    def end(self):
        """And those behind them."""

    def stamp(self):
        return f'TS val {10000 + self.now} ecr {1000 + self.before}'

    def pause(self):
        # No two round trips are alike, and none is about as long as a timer that follows from the first.
        milliseconds = self.random.choice([0, 10, 40, 100, 100, 300]) + self.random.randint(12, 18)
        self.now += milliseconds
        return f'+{milliseconds / 1000:g}'

    def happen(self, text):
        """What it is has the time at which it happens in it already, as self.now."""
        self.lines.append(text)
        self.lines += [ASK] * self.asks
        self.before, self.now = self.now, self.now + 5 * self.asks

    def call(self, text):
        self.happen(f'{self.pause()} {text}')

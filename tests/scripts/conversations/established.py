# SPDX-License-Identifier: BSD-2-Clause
"""Conversations of a connection that is open: a peer that keeps to its numbers, mostly."""
from conversations.conversation import Conversation


class Established(Conversation):
    """What all of them may have happen; each event does nothing where it would make no sense."""

    def __init__(self, seed, settings):
        super().__init__(seed, settings)
        self.sack, self.scales = self.random.random() < .75, self.random.random() < .8
        self.fd = self.random.choice([3, 4])  # a client's, or what accept() returned
        self.offered = (0, 0, 0)  # where the window was told, and how large
        self.written = self.acknowledged = self.came = self.farthest = 0
        self.finished, self.shut_down = False, False
        self.mss = 988 if self.stamps else 1000
        self.lines.append('0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3')

    # The way in and out.

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

    def begin(self):
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

    def end(self):
        if self.random.random() < .3:
            self.asks = False
            self.call(f'close({self.fd}) = 0')
            self.peer(self.came, 0)

    # The peer's segments.

    def offer(self, first):
        """The window that is told. The kernel passes over one that shrinks where nothing else moves."""
        here = (first, self.acknowledged)
        window = self.offered[2] if here <= self.offered[:2] and 0 < self.window < self.offered[2] else self.window
        self.offered = max(self.offered, (*here, window))
        return window >> 7 if self.scales else window

    def segment(self, first, length, flags='.', blocks=''):
        window = self.offer(first)
        options = [self.stamp()] * self.stamps + [blocks] * bool(blocks)
        told = f' <{",".join(f"nop,nop,{option}" for option in options)}>' if options else ''
        return (f'{flags} {1 + first}:{1 + first + length}({length})'
                f' ack {1 + self.acknowledged} win {window}{told}')

    def peer(self, first, length, flags='.', blocks=''):
        self.happen(f'{self.pause()} < {self.segment(first, length, flags, blocks)}')

    # What is sent.

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

    # What is received.

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


class Sending(Established):
    WEIGHTS = {'write': 4, 'acknowledge': 5, 'report': 4, 'repeat': 2, 'option': 1, 'shut': 1, 'change_window': 2}


class Receiving(Established):
    WEIGHTS = {'text': 5, 'ahead': 4, 'old': 1, 'across': 1, 'read': 3, 'acknowledge': 1, 'fin': 1, 'write': 1}


class Both(Established):
    WEIGHTS = {'write': 2, 'acknowledge': 2, 'report': 1, 'text': 2, 'ahead': 1, 'read': 1, 'fin': 1, 'shut': 1,
               'option': 1, 'reset': 1, 'syn': 1, 'future': 1}

# SPDX-License-Identifier: BSD-2-Clause
"""Conversations that do not say what must come of them: a peer that may do anything at any time."""
from conversations.conversation import Conversation

NONBLOCKING = 'O_RDWR|O_NONBLOCK'


class Loose(Conversation):
    """What a peer and an application may do in whatever state the connection is."""

    WINDOWS = True
    FIELDS = {'state', 'ca_state', 'retransmits', 'probes', 'backoff', 'options', 'unacked', 'sacked', 'lost',
              'retrans'}
    POLICY = {}  # by sysctl, values that it may have instead of what it has by itself
    OPTIONS = {}  # of the socket, before it is used: by level and name likewise

    def __init__(self, seed, settings):
        super().__init__(seed, settings)
        self.lines.insert(0, '--unchecked')
        self.lines = [line for line in self.lines if 'tcp_timestamps=0' not in line]
        self.fd = 3
        self.came = self.wrote = 0  # behind the SYN of the peer's, and of ours
        self.stamps = False  # until both have offered them
        self.offered = []

    def pause(self):
        """Of such lengths that hardly any sum of them is a time-out."""
        milliseconds = self.random.choice([11, 23, 53, 107, 107, 311])
        self.now += milliseconds
        return f'+{milliseconds / 1000:g}'

    def chance(self, share):
        return self.random.random() < share

    # The application.

    def set_policy(self, share):
        self.lines += [f'`sysctl -q {name}="{self.random.choice(values)}"`'
                       for name, values in self.POLICY.items() if self.chance(share)]

    def make_socket(self, share):
        self.lines += ['0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3',
                       '+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0']
        self.lines += [self.option_line(*option, self.random.choice(values))
                       for option, values in self.OPTIONS.items() if self.chance(share)]

    def option_line(self, level, name, value):
        return f'+0 setsockopt({self.fd}, {level}, {name}, {value}) = ...'

    def not_blocking(self):
        return f'+0 fcntl({self.fd}, F_SETFL, {NONBLOCKING}) = 0'

    def look(self):
        """Which events there are."""
        self.call(f'poll([{{fd={self.fd}, events=POLLIN|POLLOUT|POLLPRI|POLLRDHUP, revents=...}}], 1, 0) = ...')

    def error(self):
        self.call(f'getsockopt({self.fd}, SOL_SOCKET, SO_ERROR, ..., [4]) = ...')

    def inform(self):
        self.happen(f'{self.pause()} %{{ print(tcp_info) }}%')

    def read(self):
        self.call(f'read({self.fd}, ..., {self.random.choice([0, 100, 1000, 100000])}) = ...')

    def write(self):
        length = self.random.choice([1, 100, 1000, 1460, 3000])
        self.call(f'send({self.fd}, ..., {length}, {self.random.choice(["0", "0", "0", "MSG_MORE"])}) = ...')
        self.wrote += length

    def shut(self):
        how = self.random.choice(['SHUT_RD', 'SHUT_WR', 'SHUT_WR', 'SHUT_RDWR'])
        self.call(f'shutdown({self.fd}, {how}) = ...')

    def close(self):
        self.call(f'close({self.fd}) = ...')

    def wait(self):
        milliseconds = self.random.choice([331, 719, 1129, 2131])
        self.now += milliseconds
        self.lines.append(f'+{milliseconds / 1000:g} fcntl(3, F_GETFD) = ...')

    # The peer.

    def options(self, share=.6):
        """Of its SYN or SYN+ACK: some that make sense and some that do not, in any order."""
        self.offered = [name for name in ('mss', 'sackOK', 'wscale', 'TS', 'other') if
                        self.chance(share if name != 'other' else share / 8)]
        sizes = [1000, 1000, 1000, 1460, 1460, 536, 0, 1, 64, 88, 500, 1459, 8960, 65535]
        written = {'mss': f'mss {self.random.choice(sizes)}', 'sackOK': 'sackOK', 'TS': self.stamp(),
                   'wscale': f'wscale {self.random.choice([7, 7, 0, 1, 8, 13, 14, 15])}',
                   'other': self.random.choice(['kind 99', 'kind 200 0102', 'kind 30 0081',
                                                'md5 00112233445566778899aabbccddeeff'])}
        if self.chance(.5):
            self.random.shuffle(self.offered)
        padding = ['nop'] * self.random.choice([0, 0, 1, 2])
        end = ['eol'] * self.chance(.1)
        return f' <{",".join(padding + [written[name] for name in self.offered] + end)}>'

    def segment(self, flags='.', first=0, length=0, ack=0, window=None):
        """Numbers are counted from where the connection should be by now."""
        window = self.random.choice([0, 500, 5000, 5000, 32792, 65535]) if window is None else window
        begin = (1 + self.came + first) % 2 ** 32
        acknowledges = f' ack {(1 + self.wrote + ack) % 2 ** 32}' if '.' in flags else ''
        return f'{flags} {begin}:{(begin + length) % 2 ** 32}({length}){acknowledges} win {window}'

    def stamped(self):
        return f' <nop,nop,{self.stamp()}>' if self.stamps else ''

    def peer(self, *arguments, **named):
        self.happen(f'{self.pause()} < {self.segment(*arguments, **named)}{self.stamped()}')

    def acknowledge(self):
        self.peer()

    def text(self):
        length = self.random.choice([1, 100, 1000])
        self.peer(self.random.choice(['.', 'P.']), length=length)
        self.came += length

    def fin(self):
        length = self.random.choice([0, 0, 100, 1000])
        self.peer('F.', length=length)
        self.came += length + 1

    def reset(self):
        first, ack = self.random.choice([(0, 0), (0, 0), (1, 0), (-1, 0), (100, 0), (100000, 0), (0, 1), (0, 1000)])
        self.peer(self.random.choice(['R', 'R.', 'R.']), first, ack=ack, window=0)

    def strange(self):
        """Numbers or flags that no peer should send."""
        flags = self.random.choice(['.', '.', 'P.', 'F.', 'S.', 'SF', 'S', 'FP.', 'U.'])
        self.peer(flags, self.random.choice([0, 0, -1, 1, 500, -500, 100000]), self.random.choice([0, 0, 1, 100]),
                  self.random.choice([0, 0, -1, 1, 500, -500, 100000]))

    def network(self):
        """An ICMP error; what it quotes may be what was never sent."""
        kind, code = self.random.choice([('unreachable', code) for code in range(16)] +
                                        [('time_exceeded', 0), ('time_exceeded', 1), ('parameter_problem', 0),
                                         ('parameter_problem', 1), ('source_quench', 0), ('redirect', 1)])
        mtu = f' mtu {self.random.choice([1400, 1000, 600, 68, 0, 9000])}' if (kind, code) == ('unreachable', 4) else ''
        quoted = self.random.choice([0, 0, 0, 0, 0, self.wrote, 5000, 4000000000])
        self.happen(f'{self.pause()} < icmp {kind} code_{code}{mtu} [{quoted}:{quoted}(0)]')

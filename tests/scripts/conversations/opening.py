# SPDX-License-Identifier: BSD-2-Clause
"""Conversations about how a connection begins."""
from conversations.loose import Loose


class Opening(Loose):
    """What callers and listeners have in common."""

    LENGTHS = 3, 9
    POLICY = {
        'net.ipv4.tcp_timestamps': [0, 0, 1, 2],
        'net.ipv4.tcp_sack': [0],
        'net.ipv4.tcp_window_scaling': [0],
        'net.ipv4.tcp_rmem': ['4096 8192 6291456', '4096 131072 200000', '4096 1000000 6291456'],
        'net.ipv4.tcp_wmem': ['4096 4096 4096'],
        'net.ipv4.tcp_syn_linear_timeouts': [1, 4],
        'net.ipv4.tcp_syn_retries': [1, 2],
        'net.ipv4.tcp_synack_retries': [1, 2],
        'net.ipv4.tcp_ecn': [0],
    }
    OPTIONS = {
        ('SOL_SOCKET', 'SO_RCVBUF'): ['[2000], 4', '[8000], 4', '[100000], 4', '[400000], 4'],
        ('SOL_SOCKET', 'SO_SNDBUF'): ['[2000], 4', '[100000], 4'],
        ('SOL_SOCKET', 'SO_KEEPALIVE'): ['[1], 4'],
        ('SOL_SOCKET', 'SO_LINGER'): ['{onoff=1, linger=0}, 8', '{onoff=1, linger=1}, 8'],
        ('IPPROTO_TCP', 'TCP_WINDOW_CLAMP'): ['[500], 4', '[3000], 4', '[50000], 4', '[200000], 4'],
        ('IPPROTO_TCP', 'TCP_MAXSEG'): ['[88], 4', '[500], 4', '[1400], 4', '[1460], 4', '[32767], 4'],
        ('IPPROTO_TCP', 'TCP_SYNCNT'): ['[1], 4', '[2], 4'],
        ('IPPROTO_TCP', 'TCP_USER_TIMEOUT'): ['[500], 4', '[1500], 4', '[2500], 4'],
        ('IPPROTO_TCP', 'TCP_NODELAY'): ['[1], 4'],
        ('IPPROTO_TCP', 'TCP_DEFER_ACCEPT'): ['[1], 4', '[3], 4'],
        ('IPPROTO_TCP', 'TCP_KEEPIDLE'): ['[1], 4'],
        ('IPPROTO_TCP', 'TCP_RTO_MAX_MS'): ['[1000], 4', '[2000], 4'],
    }

    def option(self):
        (level, name), values = self.random.choice(list(self.OPTIONS.items()))
        self.call(self.option_line(level, name, self.random.choice(values)).partition(' ')[2])

    def agree(self):
        """A peer has stamps once both have."""
        allowed = not any('tcp_timestamps="0"' in line for line in self.lines)
        self.stamps = allowed and 'TS' in self.offered and self.chance(.95)

    def answered(self, flags, echo):
        """The expectation that tells what the peer's echoes refer to."""
        ack = ' ack 1' if '.' in flags else ''
        return f'+0 > {flags} 0:0(0){ack} <mss 1460,sackOK,TS val {1000 + self.before} ecr {echo},nop,wscale 7>'


class Calling(Opening):
    WEIGHTS = {'answer': 6, 'crossing': 1, 'acknowledge': 2, 'wrong_answer': 2, 'reset': 2, 'strange': 1, 'network': 3,
               'wait': 3, 'look': 2, 'error': 1, 'inform': 1, 'read': 1, 'write': 2, 'shut': 1, 'close': 1, 'option': 1,
               'connect': 1, 'text': 1, 'fin': 1}
    CALLS = {'look', 'error', 'inform', 'read', 'write', 'shut', 'close', 'option', 'connect', 'wait'}

    def begin(self):
        self.set_policy(.12)
        self.make_socket(.08)
        self.blocking = self.chance(.2)
        if self.blocking:
            self.WEIGHTS = {name: weight for name, weight in self.WEIGHTS.items() if name not in self.CALLS}
            self.lines.append('+0...4 connect(3, ..., ...) = ...')
        else:
            self.lines += [self.not_blocking(), '+0 connect(3, ..., ...) = -1 EINPROGRESS']
        self.lines.append(self.answered('S', 0))

    def connect(self):
        self.call('connect(3, ..., ...) = ...')

    def answer(self, flags='S.', ack=1):
        length = self.random.choice([0] * 8 + [1, 100])
        self.happen(f'{self.pause()} < {flags} 0:{length}({length}) ack {ack} win '
                    f'{self.random.choice([0, 500, 5000, 65535])}{self.options()}')
        self.agree()
        self.came = max(self.came, length)

    def wrong_answer(self):
        self.answer(self.random.choice(['S.', 'S.', 'SF.']), self.random.choice([0, 2, 1000, 4000000000]))

    def crossing(self):
        length = self.random.choice([0] * 8 + [1, 100])
        self.happen(f'{self.pause()} < S 0:{length}({length}) win {self.random.choice([0, 500, 5000, 65535])}'
                    f'{self.options()}')
        self.agree()


class Answering(Opening):
    echo = 0
    POLICY = Opening.POLICY | {
        'net.ipv4.tcp_syncookies': [0, 2, 2, 2],
        'net.ipv4.tcp_abort_on_overflow': [1],
        'net.core.somaxconn': [0, 1],
        'net.ipv4.tcp_max_syn_backlog': [1, 2],
    }
    WEIGHTS = {'acknowledge': 6, 'text': 2, 'syn': 3, 'strange': 1, 'wrong_answer': 2, 'reset': 2, 'network': 2,
               'fin': 1, 'wait': 3, 'look': 1, 'accept': 4, 'inform': 1, 'read': 1, 'write': 1, 'shut': 1, 'close': 1,
               'other': 2, 'option': 1, 'error': 1}

    def begin(self):
        self.set_policy(.12)
        self.make_socket(.08)
        self.lines += [self.not_blocking(), '+0 bind(3, ..., ...) = ...',
                       f'+0 listen(3, {self.random.choice([0, 0, 1, 5])}) = ...']
        self.others = 0
        self.syn()
        self.lines.append(self.answered('S.', 10000 + self.before))
        self.echo = 1000 + self.before

    def stamp(self):
        """Linux takes an echo only of what it has sent."""
        return f'TS val {10000 + self.now} ecr {self.echo}'

    def syn(self):
        isn = self.random.choice([0] * 12 + [500])
        length = self.random.choice([0] * 8 + [1, 100, 1000])
        flags = self.random.choice(['S'] * 12 + ['SP', 'SF'])
        options = self.options() if isn != 0 or self.chance(.7) or not self.offered else ''
        window = self.random.choice([0, 500, 5000, 65535])
        self.happen(f'{self.pause()} < {flags} {isn}:{isn + length}({length}) win {window}{options}')
        self.agree()

    def wrong_answer(self):
        self.peer(self.random.choice(['.', '.', 'P.', 'F.']), ack=self.random.choice([-1, 1, 1000, 4000000000]))

    def accept(self):
        self.call('accept(3, ..., ...) = 4')
        self.fd = 4
        self.lines.append(self.not_blocking())

    def other(self):
        """Another peer comes, and may complete its handshake."""
        self.others += 1
        port = f'[port {40000 + self.others}]'
        self.happen(f'{self.pause()} < {port} S 0:0(0) win 5000 <mss 1000>')
        if self.chance(.7):
            self.happen(f'{self.pause()} < {port} . 1:1(0) ack 1 win 5000')

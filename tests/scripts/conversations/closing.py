# SPDX-License-Identifier: BSD-2-Clause
"""Conversations about how a connection ends."""
from conversations.loose import Loose


class Closing(Loose):
    """A connection that is open, and perhaps has something in flight or to be read."""

    LENGTHS = 4, 12
    WINDOWS = False
    POLICY = {
        'net.ipv4.tcp_timestamps': [0],
        'net.ipv4.tcp_sack': [0],
        'net.ipv4.tcp_fin_timeout': [1, 2],
        'net.ipv4.tcp_orphan_retries': [1, 2],
        'net.ipv4.tcp_rfc1337': [0],
        'net.ipv4.tcp_tw_reuse': [0, 1],
        'net.ipv4.tcp_abort_on_overflow': [1],
        'net.ipv4.tcp_max_tw_buckets': [0],
        'net.ipv4.tcp_retries2': [2],
        'net.ipv4.tcp_keepalive_time': [1],
        'net.ipv4.tcp_keepalive_intvl': [1],
        'net.ipv4.tcp_keepalive_probes': [1, 2],
    }
    OPTIONS = {
        ('SOL_SOCKET', 'SO_LINGER'): ['{onoff=1, linger=0}, 8', '{onoff=1, linger=1}, 8', '{onoff=0, linger=5}, 8'],
        ('SOL_SOCKET', 'SO_KEEPALIVE'): ['[1], 4', '[1], 4', '[0], 4'],
        ('IPPROTO_TCP', 'TCP_KEEPIDLE'): ['[1], 4'],
        ('IPPROTO_TCP', 'TCP_KEEPINTVL'): ['[1], 4'],
        ('IPPROTO_TCP', 'TCP_KEEPCNT'): ['[1], 4', '[2], 4'],
        ('IPPROTO_TCP', 'TCP_LINGER2'): ['[-1], 4', '[1], 4', '[0], 4'],
        ('IPPROTO_TCP', 'TCP_USER_TIMEOUT'): ['[700], 4', '[1700], 4'],
        ('IPPROTO_TCP', 'TCP_CORK'): ['[1], 4', '[0], 4'],
        ('IPPROTO_TCP', 'TCP_NODELAY'): ['[1], 4'],
        ('IPPROTO_TCP', 'TCP_QUICKACK'): ['[1], 4', '[0], 4'],
    }
    WEIGHTS = {'acknowledge': 5, 'text': 3, 'fin': 4, 'write': 3, 'read': 3, 'shut': 4, 'close': 3, 'reset': 2,
               'strange': 2, 'network': 1, 'wait': 3, 'look': 3, 'error': 1, 'inform': 3, 'option': 3, 'again': 2,
               'anew': 1}

    def begin(self):
        self.set_policy(.12)
        self.make_socket(.05)
        if self.chance(.5):
            self.be_called()
        else:
            self.call_out()
        self.lines.append(self.not_blocking())
        self.sent = False  # whether our FIN is

    def syn_options(self):
        self.stamps = self.chance(.3) and not any('timestamps' in line for line in self.lines)
        stamp = f'nop,nop,{self.stamp()},' if self.stamps else ''
        return f'<{stamp}mss 1000{self.random.choice(["", ",nop,nop,sackOK", ",nop,nop,sackOK"])},nop,wscale 0>'

    def be_called(self):
        self.lines += [self.not_blocking(), '+0 bind(3, ..., ...) = 0', '+0 listen(3, 1) = 0',
                       f'+0 < S 0:0(0) win 32792 {self.syn_options()}',
                       f'+0 > S. 0:0(0) ack 1 <mss 1460,sackOK,TS val 1000 ecr 10000,nop,wscale 7>']
        self.now += 50
        self.lines += [f'+.05 < {self.segment(window=32792)}{self.stamped()}', '+0 accept(3, ..., ...) = 4']
        self.fd = 4

    def call_out(self):
        self.lines += [self.not_blocking(), '+0 connect(3, ..., ...) = -1 EINPROGRESS',
                       '+0 > S 0:0(0) <mss 1460,sackOK,TS val 1000 ecr 0,nop,wscale 7>']
        self.now += 50
        self.lines += [f'+.05 < S. 0:0(0) ack 1 win 32792 {self.syn_options()}']

    def option(self):
        (level, name), values = self.random.choice(list(self.OPTIONS.items()))
        self.call(self.option_line(level, name, self.random.choice(values)).partition(' ')[2])

    def ended(self):
        if not self.sent:
            self.sent = True
            self.wrote += 1

    def shut(self):
        how = self.random.choice(['SHUT_RD', 'SHUT_WR', 'SHUT_WR', 'SHUT_RDWR'])
        self.call(f'shutdown({self.fd}, {how}) = ...')
        if how != 'SHUT_RD':
            self.ended()

    def close(self):
        super().close()
        self.ended()

    def write(self):
        before = self.wrote
        super().write()
        self.wrote = before if self.sent else self.wrote

    def acknowledge(self):
        """All, or not all."""
        self.peer(ack=self.random.choice([0, 0, 0, -1, -1000]) if self.wrote > 1000 else 0, window=32792)

    def again(self):
        """What came before comes again."""
        length = min(self.came, self.random.choice([1, 1, 100, 1000]))
        if length:
            self.peer(self.random.choice(['F.', 'F.', 'P.']), -length, length - 1)

    def anew(self):
        first = self.random.choice([0, 1, 1000, 100000, -1, -1000])
        number = (1 + self.came + first) % 2 ** 32
        self.happen(f'{self.pause()} < S {number}:{number}(0) win 5000 <mss 1000,nop,nop,{self.stamp()}>')

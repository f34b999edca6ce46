# SPDX-License-Identifier: BSD-2-Clause
"""Conversations about what waits for a peer that says little: keep-alives, shut windows, limits of time, lingering."""
from conversations.closing import Closing


class Lingering(Closing):
    """The peer's answers keep to the numbers, or do not come."""

    LENGTHS = 3, 8
    POLICY = {name: values for name, values in Closing.POLICY.items()
              if name not in ('net.ipv4.tcp_max_tw_buckets', 'net.ipv4.tcp_abort_on_overflow')}
    OPTIONS = {
        ('SOL_SOCKET', 'SO_KEEPALIVE'): ['[1], 4'],
        ('IPPROTO_TCP', 'TCP_KEEPIDLE'): ['[1], 4', '[2], 4'],
        ('IPPROTO_TCP', 'TCP_KEEPINTVL'): ['[1], 4'],
        ('IPPROTO_TCP', 'TCP_KEEPCNT'): ['[1], 4', '[2], 4', '[3], 4'],
        ('IPPROTO_TCP', 'TCP_LINGER2'): ['[-1], 4', '[1], 4', '[2], 4', '[0], 4', '[300], 4'],
        ('IPPROTO_TCP', 'TCP_USER_TIMEOUT'): ['[450], 4', '[1450], 4', '[3450], 4', '[0], 4'],
        ('SOL_SOCKET', 'SO_LINGER'): ['{onoff=1, linger=0}, 8', '{onoff=1, linger=1}, 8', '{onoff=0, linger=5}, 8'],
        ('IPPROTO_TCP', 'TCP_RTO_MAX_MS'): ['[1000], 4'],
    }
    WEIGHTS = {'acknowledge': 6, 'answer': 3, 'text': 2, 'fin': 2, 'write': 4, 'read': 2, 'shut': 2, 'end_it': 2,
               'wait': 8, 'error': 1, 'inform': 3, 'option': 2, 'look': 1, 'reset': .3}

    def begin(self):
        self.set_policy(.15)
        self.make_socket(.3)
        if self.chance(.5):
            self.be_called()
        else:
            self.call_out()
        self.lines.append(self.not_blocking())
        self.sent = False
        self.lingers = any('linger=1' in line for line in self.lines)

    def option(self):
        super().option()
        if 'SO_LINGER' in self.lines[-1]:
            self.lingers = 'linger=1' in self.lines[-1]

    def acknowledge(self):
        """With a window that may be shut."""
        window = self.random.choice([0, 0, 100, 5000, 32792])
        self.peer(ack=self.random.choice([0, 0, 0, -1]) if self.wrote > 1000 else 0, window=window)

    def answer(self):
        """Of a probe: what it says is known."""
        self.peer(first=0, ack=0, window=self.random.choice([0, 0, 32792]))

    def end_it(self):
        """Who lingers is away for a while."""
        if self.lingers:
            self.lines.append(f'{self.pause()}...{self.now / 1000 + 2.5:g} close({self.fd}) = ...')
            self.wait()
        else:
            self.call(f'close({self.fd}) = ...')
        self.ended()

    def wait(self):
        milliseconds = self.random.choice([719, 1129, 1129, 2131, 3371])
        self.now += milliseconds
        self.lines.append(f'+{milliseconds / 1000:g} fcntl(3, F_GETFD) = ...')

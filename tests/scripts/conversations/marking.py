# SPDX-License-Identifier: BSD-2-Clause
"""Conversations about congestion marks (RFC 3168).

Both ends may ask for ECN by any flags, the path marks what it likes, and the peer echoes as it
likes: mostly as RFC 3168 wants. A peer that asks for accurate ECN (RFC 9768) meets what the policy
says; where that is accurate ECN too, it counts marks in ACE and tells bytes in options.
"""
from conversations.established import Established

FIELDS = ['noecn', 'ect0', 'ect1', 'ce']
FIRST_ACE = 5


class Marking(Established):
    WEIGHTS = {'write': 5, 'acknowledge': 5, 'report': 2, 'repeat': 2, 'text': 4, 'ahead': 2, 'old': 1, 'read': 1,
               'change_window': 1, 'run_of_text': 2, 'silence': 1, 'shut': 1, 'fin': 1, 'reset': 1, 'syn': 1}

    def __init__(self, seed, settings):
        super().__init__(seed, settings)
        self.policy = self.sysctls.get('net.ipv4.tcp_ecn') or self.random.choice('0112222')
        self.lines.insert(-1, f'`sysctl -q net.ipv4.tcp_ecn={self.policy}'
                              f' net.ipv4.tcp_ecn_fallback={self.random.choice("0111")}`')
        self.usual = self.random.choice(['ect0', 'ect0', 'ect0', 'noecn', 'ect1', None])
        self.accurate = self.classic = False  # what was agreed on
        self.echoes = self.answers = False  # the peer says ECE, or has to say CWR
        self.marks, self.bytes = FIRST_ACE, {'e0b': 1, 'ceb': 0, 'e1b': 1}  # as the peer counts
        self.tells_bytes = self.random.choice([True, False])

    # The way in.

    def of_handshake(self):
        return self.random.choice(['noecn'] * 6 + ['ect0', 'ect1', 'ce'])

    def begin(self):
        if self.fd == 4:
            self.be_asked()
        else:
            self.ask()

    def be_asked(self):
        flags = self.random.choice(['S', 'SEW', 'SEW', 'SEW', 'SEWA', 'SEWA', 'SE', 'SW', 'SA', 'SWA', 'SEA'])
        self.accurate = flags == 'SEWA' and int(self.policy) >= 3
        self.classic = flags in ('SEW', 'SEWA') and self.policy != '0' and not self.accurate
        pause = self.random.choice([50, 50, 50, 1200])
        again = self.random.choice([None] * 6 + [flags, 'S', 'SEW'])
        self.lines += ['+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0', '+0 bind(3, ..., ...) = 0',
                       '+0 listen(3, 1) = 0',
                       f'+0 < [{self.of_handshake()}] {flags} 0:0(0) win 20000 {self.options()}']
        if self.stamps:
            self.lines.append(f'+0 > S. 0:0(0) ack 1 {self.answered(True)}')
        if again and pause == 50:
            self.lines.append(f'+0 < [{self.of_handshake()}] {again} 0:0(0) win 20000 {self.options()}')
        self.now += pause
        self.lines += [f'+{pause / 1000:g} < [{self.of_handshake()}] {self.segment(0, 0)}',
                       '+0 accept(3, ..., ...) = 4', '+0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0']

    def ask(self):
        answers = ['S', 'SE', 'SE', 'SE', 'SEWA']
        if self.policy not in '14':  # there Linux takes these for accurate ECN, which it has not asked for
            answers += ['SEW', 'SW', 'SA', 'SWA']
        flags = self.random.choice(answers)
        self.accurate = self.policy == '3' and flags in ('SEW', 'SW', 'SA', 'SWA')
        self.classic = self.policy in '134' and flags == 'SE'
        pause = self.random.choice([50, 50, 50, 50, 1200])
        self.lines += ['+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0', '+0 connect(3, ..., ...) = -1 EINPROGRESS']
        if self.stamps:
            self.lines.append(f'+0 > S 0:0(0) {self.answered(False)}')
        self.now += pause
        self.lines.append(f'+{pause / 1000:g} < [{self.of_handshake()}] {flags}. 0:0(0) ack 1 win 20000'
                          f' {self.options()}')

    # The peer's segments.

    def field(self, length):
        """Of IP's header: what is no text goes unmarked as a rule."""
        if self.random.random() < (.25 if length else .05):
            return 'ce'
        usual = self.usual if length or self.random.random() < .2 else 'noecn'
        return usual or self.random.choice(FIELDS)

    def counts(self):
        """The option, and what moves its counters."""
        if self.random.random() < .5:
            marked = self.random.choice([0, 1, 1, 2, 3, 6, 9])
            self.marks += marked
            self.bytes['ceb'] += 1000 * marked
            self.bytes['e0b'] += 1000 * self.random.choice([0, 1, 2])
        names = self.random.choice([['e0b', 'ceb', 'e1b'], ['e1b', 'ceb', 'e0b']])
        told = ' '.join(f'{name} {self.bytes[name]}' for name in names[:self.random.choice([1, 2, 3, 3, 3])])
        return f'ECN {told}' if self.tells_bytes else ''

    def echo(self, length):
        if self.accurate:
            return ''.join(letter for bit, letter in enumerate('EWA') if self.marks >> bit & 1)
        if self.random.random() < (.5 if self.classic else .02):
            self.echoes = self.random.random() < .4
        answers, self.answers = self.answers or self.random.random() < .1, False
        return 'E' * self.echoes + 'W' * (answers and length != 0)

    def segment(self, first, length, flags='.', blocks=''):
        options = [text for text in (blocks, self.counts() if self.accurate else '') if text]
        return super().segment(first, length, self.echo(length) + flags, ','.join(options))

    def peer(self, first, length, flags='.', blocks=''):
        self.happen(f'{self.pause()} < [{self.field(length)}] {self.segment(first, length, flags, blocks)}')

    # What may happen besides.

    def run_of_text(self):
        """Segments that come at once."""
        for _ in range(0 if self.finished else self.random.randint(2, 5)):
            length = self.random.choice([100, 1000, 1000])
            self.answers = self.random.random() < .3
            self.lines.append(f'+0 < [{self.field(length)}]'
                              f' {self.segment(self.came, length, self.random.choice([".", "P."]))}')
            self.came += length

    def silence(self):
        self.now += 700
        self.happen(f'+.7 fcntl({self.fd}, F_GETFL) = ...')

    def syn(self):
        flags = self.random.choice(['S', 'SEW', 'SEWA'])
        self.happen(f'{self.pause()} < [{self.field(0)}] {flags} {1 + self.came}:{1 + self.came}(0) win 1000')

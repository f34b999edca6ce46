# SPDX-License-Identifier: BSD-2-Clause
"""Conversations about TCP Fast Open (RFC 7413)."""
from conversations.opening import Opening

COOKIE = '3021b9d889017eeb'  # what the key gives the peer's address
KEY = 'net.ipv4.tcp_fastopen_key=a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4'


class FastCalling(Opening):
    """Mostly a server has given a cookie before, and is called again."""

    OPTIONS = {option: Opening.OPTIONS[option] for option in Opening.OPTIONS if option[1] in {
        'SO_SNDBUF', 'TCP_MAXSEG', 'TCP_USER_TIMEOUT', 'TCP_NODELAY'}}
    POLICY = {name: Opening.POLICY[name] for name in (
        'net.ipv4.tcp_timestamps', 'net.ipv4.tcp_sack', 'net.ipv4.tcp_window_scaling')} | {
        'net.ipv4.tcp_fastopen': [0, 3, 5, 5, 7],
        'net.ipv4.tcp_fastopen_blackhole_timeout_sec': [3600],
    }
    WEIGHTS = {'answer': 6, 'acknowledge': 2, 'crossing': 1, 'reset': 1, 'strange': 1, 'network': 1,
               'wait': 3, 'look': 1, 'error': 1, 'inform': 1, 'read': 1, 'write': 4, 'shut': 1, 'close': 1, 'text': 2,
               'fin': 1}

    def begin(self):
        self.lines.append('`sysctl -q net.ipv4.tcp_no_metrics_save=1`')  # but for the cookie
        self.set_policy(.2)
        self.make_socket(.1)
        self.lines.append(self.not_blocking())
        if self.chance(.85):
            self.have_cookie()
        self.open_again()

    def cookie(self):
        return self.random.choice(['', ' 1234', ' 01234567', ' 0123456789ab', ' 0123456789abcdef', ' 0123456789abcdef',
                                   ' 0123456789abcdef0123456789abcdef', ' 0123456789abcdef01', ' 0123456789abcd1'[:15]])

    def have_cookie(self):
        option = self.random.choice(['FO', 'FO', 'FO', 'FOEXP'])
        size = self.random.choice([1000, 1000, 1460, 500, 1400])
        self.lines += ['+0 sendto(3, ..., 0, MSG_FASTOPEN, ..., ...) = -1 EINPROGRESS',
                       '+0 > S 0:0(0) <mss 1460,sackOK,TS val 1000 ecr 0,nop,wscale 7,FO,nop,nop>',
                       f'+.05 < S. 0:0(0) ack 1 win 20000 <mss {size},{option}{self.cookie()}>',
                       '+.05 close(3) = 0', '+.01 < F. 1:1(0) ack 2 win 20000',
                       '+.01 socket(..., SOCK_STREAM, IPPROTO_TCP) = 4', '+0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0']
        self.fd = 4
        self.lines += [self.option_line(*option, self.random.choice(values))
                       for option, values in self.OPTIONS.items() if self.chance(.1)]

    def open_again(self):
        self.data = self.random.choice([0, 1, 100, 960, 1000, 2000, 5000])
        if self.chance(.5):
            self.call(f'sendto({self.fd}, ..., {self.data}, MSG_FASTOPEN, ..., ...) = ...')
        else:
            self.call(f'setsockopt({self.fd}, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, [1], 4) = ...')
            self.call(f'connect({self.fd}, ..., ...) = ...')
            self.call(f'send({self.fd}, ..., {self.data}, 0) = ...')
        self.lines.append('+0 > S 0:0(0) <mss 1460,sackOK,TS val 2000 ecr 0,nop,wscale 7>')

    def answer(self, flags='S.', ack=None):
        length = self.random.choice([0] * 8 + [1, 100])
        ack = 1 + self.random.choice([0, 0, self.data, self.data, min(self.data, 100)]) if ack is None else ack
        fast = self.random.choice([''] * 4 + [f',FO{self.cookie()}', f',FOEXP{self.cookie()}'])
        window = self.random.choice([500, 5000, 65535])
        self.happen(f'{self.pause()} < {flags} 0:{length}({length}) ack {ack} win {window}'
                    f' <mss 1000{self.random.choice(["", ",nop,nop,sackOK"])}{fast}>')
        self.came = max(self.came, length)
        self.wrote = max(self.wrote, self.data)

    def crossing(self):
        length = self.random.choice([0, 1, 100])
        self.happen(f'{self.pause()} < S 0:{length}({length}) win 5000 <mss 1000>')


class FastAnswering(Opening):
    OPTIONS = FastCalling.OPTIONS | {
        ('SOL_SOCKET', 'SO_RCVBUF'): Opening.OPTIONS['SOL_SOCKET', 'SO_RCVBUF'],
        ('IPPROTO_TCP', 'TCP_DEFER_ACCEPT'): ['[1], 4'],
        ('IPPROTO_TCP', 'TCP_FASTOPEN_NO_COOKIE'): ['[1], 4'],
    }
    POLICY = {name: Opening.POLICY[name] for name in (
        'net.ipv4.tcp_timestamps', 'net.ipv4.tcp_sack', 'net.ipv4.tcp_window_scaling',
        'net.ipv4.tcp_synack_retries')} | {
        'net.ipv4.tcp_syncookies': [0, 2],
        'net.ipv4.tcp_abort_on_overflow': [1],
    }
    WEIGHTS = {'acknowledge': 6, 'text': 3, 'syn': 2, 'strange': 1, 'reset': 1, 'network': 1, 'fin': 1, 'wait': 3,
               'look': 1, 'accept': 3, 'inform': 1, 'read': 3, 'write': 4, 'shut': 1, 'close': 1, 'error': 1}

    def begin(self):
        allowed = self.random.choice(['0x1', '0x2', '0x3', '0x3', '0x3', '0x7', '0x202', '0x203', '0x402', '0x602'])
        self.lines.append(f'`sysctl -q net.ipv4.tcp_fastopen={allowed} {KEY}`')
        self.set_policy(.1)
        self.make_socket(.08)
        self.lines += [self.not_blocking(), '+0 bind(3, ..., ...) = ...',
                       f'+0 listen(3, {self.random.choice([0, 1, 5])}) = ...']
        if self.chance(.85):
            most = self.random.choice([0, 1, 5, 5, 5])
            self.lines.append(f'+0 setsockopt(3, IPPROTO_TCP, TCP_FASTOPEN, [{most}], 4) = ...')
        self.data = 0
        self.syn()
        if self.chance(.6):
            self.accept()

    def syn(self):
        option = self.random.choice(['FO', 'FO', 'FO', 'FO', 'FOEXP'])
        cookie = self.random.choice([COOKIE] * 5 + ['', '3021b9d8', 'ffffffffffffffff', COOKIE * 2, '12345678901'[:10]])
        length = self.random.choice([0, 1, 100, 100, 1000, 1000, 1400])
        fast = f',{option} {cookie}'.rstrip() if self.chance(.9) else ''
        flags = self.random.choice(['S'] * 8 + ['SP', 'SF'])
        window, size = self.random.choice([500, 5000, 65535]), self.random.choice([1000, 1000, 1460, 88])
        self.happen(f'{self.pause()} < {flags} 0:{length}({length}) win {window}'
                    f' <mss {size}{self.random.choice(["", ",nop,nop,sackOK"])}{fast}>')
        self.came = length

    def accept(self):
        self.call('accept(3, ..., ...) = 4')
        self.fd = 4
        self.lines.append(self.not_blocking())

    def acknowledge(self):
        """What the SYN brought may be behind it, or not have been taken."""
        self.peer(first=self.random.choice([0, 0, 0, -self.came]), ack=self.random.choice([0, 0, -self.wrote]))

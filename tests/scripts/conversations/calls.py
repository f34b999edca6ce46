# SPDX-License-Identifier: BSD-2-Clause
"""Conversations about the socket's calls: what they return, tell and send, and what poll() and epoll say behind each."""
import re

from conversations.established import Established

EVERY = 'POLLIN|POLLPRI|POLLOUT|POLLRDNORM|POLLRDBAND|POLLWRNORM|POLLWRBAND|POLLRDHUP'
STAMPS = ['SOF_TIMESTAMPING_TX_SOFTWARE', 'SOF_TIMESTAMPING_TX_SCHED', 'SOF_TIMESTAMPING_TX_ACK',
          'SOF_TIMESTAMPING_OPT_ID', 'SOF_TIMESTAMPING_OPT_TSONLY', 'SOF_TIMESTAMPING_RX_SOFTWARE',
          'SOF_TIMESTAMPING_OPT_CMSG']


class Calls(Established):
    WEIGHTS = {'write': 5, 'acknowledge': 4, 'text': 4, 'urgent': 1, 'ahead': 1, 'read': 3, 'message': 3, 'errors': 2,
               'option': 5, 'told': 1, 'pieces': 1, 'between': 1, 'wait_again': 1, 'change_window': 1, 'fin': 1,
               'shut': 1, 'reset': .3, 'unreachable': .3}
    LENGTHS = 4, 14

    def begin(self):
        super().begin()
        triggers = self.random.choice(['', '', '|EPOLLET', '|EPOLLONESHOT'])
        self.lines += ['+0 epoll_create(1) = 10', '+0 pipe([11, 12]) = 0', '+0 open("/dev/zero", O_RDONLY) = 13',
                       f'+0 epoll_ctl(10, EPOLL_CTL_ADD, {self.fd}, {{events={self.events()}{triggers}, u32=1}}) = 0']

    def events(self):
        return self.random.choice(['EPOLLIN', 'EPOLLIN|EPOLLOUT', 'EPOLLOUT', 'EPOLLIN|EPOLLRDHUP|EPOLLPRI|EPOLLOUT'])

    def happen(self, text):
        super().happen(text)
        self.lines += [f'+0 poll([{{fd={self.fd}, events={EVERY}, revents=...}}], 1, 0) = ...',
                       '+0 epoll_wait(10, ..., 1, 0) = ...']
        for request in ('SIOCINQ', 'SIOCOUTQ', 'SIOCOUTQNSD'):
            self.lines.append(f'+0 ioctl({self.fd}, {request}, ...) = ...')

    # Bytes.

    def write(self):
        length = self.random.choice([0, 1, 100, 500, 1000, 1000, 1500, 2000, 3000, 5000, 10000, 20000, 100000])
        flags = self.random.choice(['0', '0', '0', 'MSG_MORE', 'MSG_OOB', 'MSG_EOR', 'MSG_ZEROCOPY',
                                    'MSG_OOB|MSG_MORE', 'MSG_ZEROCOPY|MSG_MORE'])
        self.call(f'send({self.fd}, ..., {length}, {flags}) = ...')
        self.written += 0 if self.shut_down else length

    def pieces(self):
        count = self.random.choice([1, 2, 3])
        pieces = ', '.join(f'{{..., {self.random.choice([0, 10, 700])}}}' for _ in range(count))
        self.call(f'{self.random.choice(["readv", "writev"])}({self.fd}, [{pieces}], {count}) = ...')

    def read(self):
        length = self.random.choice([0, 1, 100, 1000, 1000, 5000, 100000])
        flags = self.random.choice(['0', '0', 'MSG_PEEK', 'MSG_TRUNC', 'MSG_PEEK|MSG_TRUNC', 'MSG_OOB',
                                    'MSG_OOB|MSG_PEEK', 'MSG_WAITALL', 'MSG_DONTWAIT', 'MSG_PEEK|MSG_WAITALL'])
        self.call(f'recv({self.fd}, ..., {length}, {flags}) = ...')

    def message(self):
        length = self.random.choice([0, 10, 1000, 100000])
        flags = self.random.choice(['0', '0', 'MSG_PEEK', 'MSG_OOB', 'MSG_TRUNC'])
        self.call(f'recvmsg({self.fd}, {{msg_name(...)=..., msg_iov(1)=[{{..., {length}}}], msg_flags=...}}, {flags})'
                  ' = ...')

    def errors(self):
        for _ in range(self.random.choice([1, 2, 3])):
            self.call(f'recvmsg({self.fd}, {{msg_name(...)=..., msg_iov(1)=[{{..., 10}}], msg_flags=...}},'
                      ' MSG_ERRQUEUE) = ...')

    def between(self):
        length, flags = self.random.choice([1, 500, 3000]), self.random.choice(['0', 'SPLICE_F_NONBLOCK',
                                                                                'SPLICE_F_MORE|SPLICE_F_NONBLOCK'])
        self.call(self.random.choice([
            f'splice({self.fd}, NULL, 12, NULL, {length}, SPLICE_F_NONBLOCK) = ...',
            f'splice(11, NULL, {self.fd}, NULL, {length}, SPLICE_F_NONBLOCK|{flags}) = ...',
            f'sendfile({self.fd}, 13, NULL, {length}) = ...']))

    # Options, and what else is asked.

    def option(self):
        stamps = '|'.join(self.random.sample(STAMPS, self.random.randint(1, 4)) + ['SOF_TIMESTAMPING_SOFTWARE'])
        name, value = self.random.choice([
            ('TCP_NODELAY', '0'), ('TCP_NODELAY', '1'), ('TCP_CORK', '0'), ('TCP_CORK', '1'), ('TCP_CORK', '1'),
            ('TCP_QUICKACK', '0'), ('TCP_QUICKACK', '1'), ('TCP_NOTSENT_LOWAT', '1'), ('TCP_NOTSENT_LOWAT', '2000'),
            ('TCP_INQ', '1'), ('TCP_INQ', '0'), ('SO_RCVLOWAT', '1'), ('SO_RCVLOWAT', '500'), ('SO_RCVLOWAT', '2000'),
            ('SO_RCVLOWAT', '100000'), ('SO_ZEROCOPY', '1'), ('SO_ZEROCOPY', '1'), ('SO_TIMESTAMPING', stamps),
            ('SO_TIMESTAMPING', stamps), ('SO_OOBINLINE', '1'), ('SO_PEEK_OFF', '0'), ('SO_SNDBUF', '5000'),
            ('SO_SNDBUF', '30000'), ('SO_RCVBUF', '5000'), ('TCP_WINDOW_CLAMP', '3000')])
        level = 'IPPROTO_TCP' if name.startswith('TCP') else 'SOL_SOCKET'
        self.call(f'setsockopt({self.fd}, {level}, {name}, [{value}], 4) = ...')

    def told(self):
        name = self.random.choice(['SO_ERROR', 'SO_ERROR', 'SO_RCVLOWAT', 'SO_SNDBUF', 'SO_RCVBUF', 'TCP_MAXSEG',
                                   'TCP_QUICKACK', 'TCP_NOTSENT_LOWAT', 'TCP_WINDOW_CLAMP', 'SIOCATMARK'])
        if name == 'SIOCATMARK':
            self.call(f'ioctl({self.fd}, SIOCATMARK, ...) = ...')
        else:
            level = 'IPPROTO_TCP' if name.startswith('TCP') else 'SOL_SOCKET'
            self.call(f'getsockopt({self.fd}, {level}, {name}, ..., [4]) = ...')

    def wait_again(self):
        once = self.random.choice(['', '|EPOLLET', '|EPOLLONESHOT'])
        self.call(f'epoll_ctl(10, EPOLL_CTL_MOD, {self.fd}, {{events={self.events()}{once}, u32=1}}) = ...')

    # The peer.

    def urgent(self):
        length = self.random.choice([1, 10, 100])
        if not self.finished:
            mark = self.random.choice([1, length, length, length + 5])
            segment = re.sub(r'(?<= win )\d+', rf'\g<0> urg {mark}', self.segment(self.came, length, 'PU.'))
            self.happen(f'{self.pause()} < {segment}')
            self.came += length

    def unreachable(self):
        if self.written > self.acknowledged:
            self.happen(f'{self.pause()} < icmp unreachable host_unreachable'
                        f' [{1 + self.acknowledged}:{2 + self.acknowledged}(1)]')

    def shut(self):
        how = self.random.choice(['SHUT_WR', 'SHUT_RD', 'SHUT_RDWR'])
        self.call(f'shutdown({self.fd}, {how}) = ...')
        self.shut_down |= how != 'SHUT_RD'

    def end(self):
        if self.random.random() < .3:
            self.call(f'getsockopt({self.fd}, SOL_SOCKET, SO_ERROR, ..., [4]) = ...')

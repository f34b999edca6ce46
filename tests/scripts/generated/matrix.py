#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes a bundle of packet scripts: each kind of segment in each state of a connection, left of, in,
right of and outside the window, with each sort of acknowledgement.

What has to come of it is worked out here from RFC 9293, 3.10.7, with RFC 5961's answers to what may
have been forged, and docs/deviations.md. Round trips take a second, so that no timer interferes.
"""
import sys

FIRST = 64240           # the window that the stack offers in its SYN, in whole segments,
SECOND = 64536          # once there has been text, without a scale,
RIGHT = 65535           # and when that has been read
PEER_WINDOW = 20000
WAIT = '+.5'            # longer than an acknowledgement may be delayed (MUST-40)
MODULUS = 1 << 32

LISTENS = """\
0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
"""
# SND.UNA 1001, SND.NXT 1001, RCV.NXT 1001
ESTABLISHES = LISTENS + """\
+0 < S 0:0(0) win 20000 <mss 1000>
+0 > S. 0:0(0) ack 1 <mss 1460>
+.9 < . 1:1(0) ack 1 win 20000
+0 accept(3, ..., ...) = 4
+0 write(4, ..., 1000) = 1000
+0 > P. 1:1001(1000) ack 1
+.9 < P. 1:1001(1000) ack 1001 win 20000
+0 > . 1001:1001(0) ack 1001 win 64536
+0 read(4, ..., 2000) = 1000
"""
SHUTS = """\
+.6 shutdown(4, SHUT_WR) = 0
+0 > F. 1001:1001(0) ack 1001
"""
PEER_SHUTS = """\
+.1 < F. 1001:1001(0) ack 1001 win 20000
+0~+.5 > . 1001:1001(0) ack 1002 win 65535
"""

# kind: flags, bytes of text
KINDS = {
    'ack': ('.', 0), 'data': ('P.', 500), 'fin': ('F.', 0), 'data_fin': ('FP.', 500),
    'reset': ('R', 0), 'reset_ack': ('R.', 0), 'syn': ('S', 0), 'syn_ack': ('S.', 0),
    'data_without_ack': ('P', 500), 'fin_without_ack': ('F', 0),
}


def sequence_number(value):
    return value % MODULUS


def segment(flags, sequence, length, ack):
    text = f'< {flags} {sequence_number(sequence)}:{sequence_number(sequence + length)}({length})'
    if '.' in flags:
        text += f' ack {sequence_number(ack)}'
    return text + f' win {PEER_WINDOW}'


class State:
    """A synchronised state: how to come there, and what is acknowledged and awaited then."""

    def __init__(self, name, setup, una, nxt, awaited):
        self.name, self.setup, self.una, self.nxt, self.awaited = name, setup, una, nxt, awaited
        # As it was told last: before anything came, behind the text, behind the FIN.
        begun = not name.startswith('syn_received')
        ended = name in ('close_wait', 'closing', 'last_ack')
        self.edge = RIGHT + 1002 if ended else SECOND + 1001 if begun else FIRST + 1

    def answer(self):
        return f'> . {self.nxt}:{self.nxt}(0) ack {self.awaited}'


STATES = [
    State('established', ESTABLISHES + '+.6 write(4, ..., 2000) = 2000\n'
          '+0 > P. 1001:3001(2000) ack 1001\n', 1001, 3001, 1001),
    State('fin_wait_1', ESTABLISHES + SHUTS, 1001, 1002, 1001),
    State('fin_wait_2', ESTABLISHES + SHUTS + '+1 < . 1001:1001(0) ack 1002 win 20000\n',
          1002, 1002, 1001),
    State('close_wait', ESTABLISHES + '+.5 write(4, ..., 2000) = 2000\n'
          '+0 > P. 1001:3001(2000) ack 1001\n'
          '+.1 < F. 1001:1001(0) ack 1001 win 20000\n'
          '+0~+.5 > . 3001:3001(0) ack 1002\n', 1001, 3001, 1002),
    State('closing', ESTABLISHES + SHUTS + '+.1 < F. 1001:1001(0) ack 1001 win 20000\n'
          '+0~+.5 > . 1002:1002(0) ack 1002\n', 1001, 1002, 1002),
    State('last_ack', ESTABLISHES + PEER_SHUTS + '+.6 close(4) = 0\n'
          '+0 > F. 1001:1001(0) ack 1002\n', 1001, 1002, 1002),
    State('time_wait', ESTABLISHES + SHUTS + '+1 < F. 1001:1001(0) ack 1002 win 20000\n'
          '+0~+.5 > . 1002:1002(0) ack 1002\n', 1002, 1002, 1002),
]


def sequence_places(state, length):
    """Where a segment of so many numbers may lie."""
    first, last = state.awaited, state.edge
    places = {'left': first - 600, 'next': first, 'inside': first + 2000, 'outside': last + 1000,
              'at_the_end': last - 1, 'behind_the_end': last}
    if length > 1:
        places['across_the_start'] = first - 200
        places['across_the_end'] = last - 200
    return places


def ack_places(state, flags):
    if '.' not in flags:
        return {'': 0}
    places = {'_ack_too_old': state.una - PEER_WINDOW - 1, '_ack_old': state.una - 500,
              '_ack_again': state.una, '_ack_too_new': state.nxt + 1}
    if state.nxt != state.una:
        places['_ack_new'] = state.nxt
    return places


def acceptable(state, sequence, length):
    def inside(number):
        return state.awaited <= number < state.edge
    if state.name == 'syn_received':        # nothing can lie before the peer's SYN
        return inside(sequence)
    return inside(sequence) if length == 0 else inside(sequence) or inside(sequence + length - 1)


def event(state, flags, text, sequence, ack):
    """What a segment brings about: (lines behind it, name of the state then). '' is an end."""
    length = text + ('S' in flags) + ('F' in flags)
    at_once, soon = [f'+0 {state.answer()}'], []
    if not acceptable(state, sequence, length):
        return ([], state.name) if 'R' in flags else (at_once, state.name)
    if 'R' in flags:
        if state.name == 'time_wait':
            return [], state.name           # RFC 1337
        return ([], '') if sequence == state.awaited else (at_once, state.name)
    if 'S' in flags:
        return at_once, state.name
    if state.name == 'time_wait':           # acknowledged, lest it is the peer's FIN again
        return (at_once if length or sequence != state.awaited else []), state.name
    if '.' not in flags:
        return [], state.name
    if not state.una - PEER_WINDOW <= ack <= state.nxt:
        return at_once, state.name
    return accepted(state, flags, text, sequence, ack == state.nxt != state.una)


def accepted(state, flags, text, sequence, acknowledged):
    """The segment is acceptable and so is its acknowledgement."""
    name = state.name
    if acknowledged:
        name = {'fin_wait_1': 'fin_wait_2', 'closing': 'time_wait', 'last_ack': ''}.get(name, name)
    receives = state.name in ('established', 'fin_wait_1', 'fin_wait_2')
    length = text + ('F' in flags)
    if not receives:
        return [], name                     # beyond the peer's FIN there is nothing
    if length == 0:
        return [], name
    if sequence > state.awaited:
        return [f'+0 {state.answer()}'], name
    end = min(sequence + length, state.edge)
    if 'F' in flags and end == sequence + length:
        name = {'established': 'close_wait', 'fin_wait_1': 'closing', 'fin_wait_2': 'time_wait'}[name]
    return [f'+0~{WAIT} > . {state.nxt}:{state.nxt}(0) ack {end}'], name


def proof(state, name, received):
    """Lines that show the state after it all."""
    if name == '' and state.name == 'last_ack':
        return ['+.6 < . 1002:1002(0) ack 1002 win 20000', '+0 > R 1002:1002(0)']
    if name == '' and state.name not in ('close_wait', 'closing'):
        return ['+.6 read(4, ..., 1000) = -1 ECONNRESET (Connection reset by peer)']
    if name == 'time_wait':
        return [f'+.6 < F. 1001:1001(0) ack {state.nxt} win 20000',
                f'+0 > . {state.nxt}:{state.nxt}(0) ack {received}']
    if name == 'last_ack':
        return ['+0~+3 > F. 1001:1001(0) ack 1002']
    name = name or 'close'
    return [f'+.6 %{{ assert tcpi_state == TCP_{name.upper()}, tcpi_state }}%'.replace(
        'FIN_WAIT_', 'FIN_WAIT')]


def synchronised():
    for state in STATES:
        for kind, (flags, text) in KINDS.items():
            length = text + ('S' in flags) + ('F' in flags)
            if state.name == 'time_wait' and 'S' in flags:
                continue                    # RFC 6191: scripts of their own
            for place, sequence in sequence_places(state, length).items():
                for ack_place, ack in ack_places(state, flags).items():
                    answers, name = event(state, flags, text, sequence, ack)
                    received = state.awaited
                    for line in answers:
                        received = int(line.rsplit(' ', 1)[1])
                    lines = ['+.6 ' + segment(flags, sequence, text, ack), *answers,
                             *proof(state, name, received)]
                    yield f'{kind}_{place}{ack_place}_in_{state.name}', state.setup, lines


def closed():
    for kind, (flags, text) in KINDS.items():
        lines = ['0 ' + segment(flags, 5000, text, 7000)]
        length = text + ('S' in flags) + ('F' in flags)
        if 'R' not in flags:
            # A SYN is where the numbers of the peer begin.
            last = 5000 + length if flags != 'S' and flags != 'S.' else length
            lines.append('+0 > R 7000:7000(0)' if '.' in flags else
                         f'+0 > R. 0:0(0) ack {last}')
        yield f'{kind}_in_closed', '', lines + ['+1 `true`']


def listen():
    for kind, (flags, text) in KINDS.items():
        lines = ['+0 ' + segment(flags, 5000, text, 7000)]
        if '.' in flags and 'R' not in flags:
            lines.append('+0 > R 7000:7000(0)')
        elif flags == 'S':
            lines.append('+0 > S. 0:0(0) ack 1 <mss 1460>')
        lines.append('+.6 accept(3, ..., ...) = -1 EAGAIN (Resource temporarily unavailable)')
        yield f'{kind}_in_listen', LISTENS, lines


def syn_sent():
    setup = """\
0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
+0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
+0 > S 0:0(0) <...>
"""
    for kind, (flags, text) in KINDS.items():
        acks = {'_ack_old': 0, '_ack_of_the_syn': 1, '_ack_too_new': 2} if '.' in flags else {'': 0}
        for place, ack in acks.items():
            lines = ['+.1 ' + segment(flags, 0, text, ack)]
            state, good = 'TCP_SYN_SENT', place == '_ack_of_the_syn'
            if '.' in flags and not good:
                if 'R' not in flags:
                    lines.append(f'+0 > R {ack}:{ack}(0)')
                lines.append('+.002 > S 0:0(0) <...>')
            elif 'R' in flags and good:
                lines.append('+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0')
                state = 'TCP_CLOSE'
            elif flags == 'S.':
                lines.append('+0 > . 1:1(0) ack 1')
                state = 'TCP_ESTABLISHED'
            elif flags == 'S':
                lines.append('+0 > S. 0:0(0) ack 1 <...>')
                state = 'TCP_SYN_RECV'
            lines.append(f'+.5 %{{ assert tcpi_state == {state}, tcpi_state }}%')
            yield f'{kind}{place}_in_syn_sent', setup, lines


SYN_RECEIVED = State('syn_received', LISTENS + '+0 < S 0:0(0) win 20000 <mss 1000>\n'
                     '+0 > S. 0:0(0) ack 1 <mss 1460>\n', 0, 1, 1)


def syn_received():
    again = '+.5 accept(3, ..., ...) = -1 EAGAIN (Resource temporarily unavailable)'
    return before_the_connection(SYN_RECEIVED, lambda *its: opening(*its) or [again])


def before_the_connection(state, answers):
    """Each kind of segment at each place, with each sort of acknowledgement that there is by then."""
    for kind, (flags, text) in KINDS.items():
        length = text + ('S' in flags) + ('F' in flags)
        acks = {'_ack_old': 0, '_ack_of_the_syn': 1, '_ack_too_new': 2} if '.' in flags else {'': 0}
        for place, sequence in sequence_places(state, length).items():
            for ack_place, ack in acks.items():
                lines = ['+.1 ' + segment(flags, sequence, text, ack)]
                lines += answers(flags, text, sequence, ack)
                yield f'{kind}_{place}{ack_place}_in_{state.name}', state.setup, lines


def opening(flags, text, sequence, ack):
    """What a segment brings about before the connection is there; None: nothing is accepted."""
    state, length = SYN_RECEIVED, text + ('S' in flags) + ('F' in flags)
    again = '+.5 accept(3, ..., ...) = -1 EAGAIN (Resource temporarily unavailable)'
    if '.' in flags and 'R' not in flags and ack != 1:
        return [f'+0 > R {ack}:{ack}(0)', again]
    if not acceptable(state, sequence, length):
        return [again] if 'R' in flags else [f'+0 {state.answer()}', again]
    if 'R' in flags:
        if sequence != state.awaited:
            return [f'+0 {state.answer()}', again]
        return ['+0 < . 1:1(0) ack 1 win 20000', '+0 > R 1:1(0)', again]    # LISTEN
    if 'S' in flags:
        return [f'+0 {state.answer()}', again]
    if '.' not in flags:
        return [again]
    lines = ['+0 accept(3, ..., ...) = 4']
    end = min(sequence + length, state.edge)
    if length and sequence > state.awaited:
        lines.insert(0, '+0 > . 1:1(0) ack 1')
    elif length:
        lines.append(f'+0~{WAIT} > . 1:1(0) ack {end}')
    finished = 'F' in flags and length and sequence <= state.awaited
    name = 'TCP_CLOSE_WAIT' if finished and end == sequence + length else 'TCP_ESTABLISHED'
    return lines + [f'+.6 %{{ assert tcpi_state == {name}, tcpi_state }}%']


# Who has opened itself, and met the peer doing likewise.
BOTH_OPEN = State('syn_received_of_both', """\
0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
+0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
+0 > S 0:0(0) <...>
+.1 < S 0:0(0) win 20000 <mss 1000>
+0 > S. 0:0(0) ack 1 <...>
""", 0, 1, 1)


def both_open():
    return before_the_connection(BOTH_OPEN, meeting)


def meeting(flags, text, sequence, ack):
    """As opening(), but who began hears of the end."""
    state, length = BOTH_OPEN, text + ('S' in flags) + ('F' in flags)
    answer, name, lines = f'+0 {state.answer()}', 'TCP_SYN_RECV', []
    if not acceptable(state, sequence, length):
        lines = [] if 'R' in flags else [answer]
    elif 'R' in flags and sequence == state.awaited:
        lines = ['+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0']
        name = 'TCP_CLOSE'
    elif 'R' in flags or 'S' in flags:
        lines = [answer]
    elif '.' in flags and ack != 1:
        lines = [f'+0 > R {ack}:{ack}(0)']
    elif '.' in flags:
        name = 'TCP_ESTABLISHED'
        end = min(sequence + length, state.edge)
        if length and sequence > state.awaited:
            lines = [answer]
        elif length:
            lines = [f'+0~{WAIT} > . 1:1(0) ack {end}']
            if 'F' in flags and end == sequence + length:
                name = 'TCP_CLOSE_WAIT'
    return lines + [f'+.5 %{{ assert tcpi_state == {name}, tcpi_state }}%']


def main():
    out = sys.stdout
    for scripts in closed, listen, syn_sent, syn_received, both_open, synchronised:
        for name, setup, lines in scripts():
            # Options would be on every acknowledgement.
            out.write(f'#### {name}\n`sysctl -q net.ipv4.tcp_timestamps=0`\n{setup}')
            out.write('\n'.join(lines) + '\n')


main()

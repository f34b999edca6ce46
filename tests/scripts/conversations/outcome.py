# SPDX-License-Identifier: BSD-2-Clause
"""What came of a script on one stack, and where two such differ."""
import dataclasses
import re
import subprocess

# What time goes into: microseconds, milliseconds, and rates.
MICROSECONDS = {'rto', 'ato', 'rtt', 'rttvar', 'min_rtt', 'rcv_rtt', 'busy_time', 'rwnd_limited', 'sndbuf_limited'}
MILLISECONDS = {'last_data_sent', 'last_data_recv', 'last_ack_recv', 'total_rto_time'}
RATES = {'pacing_rate', 'delivery_rate'}


@dataclasses.dataclass
class Outcome:
    """Packets and calls as (time, text); the answers to what was asked, each behind so many packets."""
    packets: list = dataclasses.field(default_factory=list)
    calls: list = dataclasses.field(default_factory=list)
    answers: list = dataclasses.field(default_factory=list)
    failure: str = ''  # of a script that did not end well


def run(command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
                          check=False).stdout


def ours_of(build, path):
    """What chaski says of a script."""
    return run([build / 'tests/script/run-scripts', '--verbose', path])


def kernels_of(build, path):
    """What the machine's kernel says of it."""
    for _ in range(5):  # a busy machine is late
        text = run([build / 'tests/script/run-scripts-linux', '--verbose', '--tolerance_usecs=40000', path])
        if not re.search(r': time is .* already', text):
            break
    return text


def parse(text, windows):
    """What came of a script, from what was said of it; `windows` of SYNs without text are kept, others may be
    anything, as stamps may."""
    found = Outcome()
    window = r'(?<!S 0:0\(0\))(?<!S. 0:0\(0\) ack 1) win \d+' if windows else r' win \d+'
    anything = r'(?<=TS) val \d+ ecr \d+|' + window
    for line in text.splitlines():
        packet = re.match(r'(\d+\.\d+) > (.*)', re.sub(r'\[(?:tos|ttl) [^]]*\] ', '', line))
        call = re.match(r'(\d+\.\d+) (?!socket)(\w+ = .*)', line)
        if packet:
            known = re.sub(r'(?<!val )\b(?!4294)\d{8,}\b', '...', packet[2])  # not counted from where nobody has begun
            found.packets.append((float(packet[1]), re.sub(anything, '', known)))
        elif line.startswith('tcp_info '):
            fields = dict(word.split('=') for word in line.split()[1:])
            found.answers.append((len(found.packets), {name: int(value) for name, value in fields.items()}))
        elif call:
            found.calls.append((float(call[1]), re.sub(r'^((?:accept|open|epoll_create) = )\d+', r'\1...', call[2])))
        elif re.match(r'\S+\.pkt:\d+: ', line):
            found.failure = re.sub(r' at \d+\.\d+$', '', line.partition(': ')[2])
    return found


def first_difference(ours, kernels):
    """The number of the first event that differs, from 0; None when there is none."""
    for n in range(max(len(ours), len(kernels))):
        if n >= min(len(ours), len(kernels)) or ours[n][1] != kernels[n][1]:
            return n
        pause, ours_pause = (events[n][0] - (events[n - 1][0] if n else 0) for events in (kernels, ours))
        late = min(abs(ours[n][0] - kernels[n][0]), abs(ours_pause - pause))  # timers that follow timers
        if late > .035 + pause / 8:
            return n
    return None


def times_of(script):
    """When the script lets something happen."""
    now, times = 0, []
    for relative, number, what in re.findall(r'^(\+?)(\d+(?:\.\d+)?|\.\d+)\S* (.*)', script, re.MULTILINE):
        now = now + float(number) if relative else float(number)
        if what[0] not in '>%':
            times.append(now)
    return times


def near_a_timer(times, ours, kernels, n):
    """Whether something happened between one of our packets up to number n, and when the kernel had it."""
    for m, (begin, _) in enumerate(ours[:n + 1]):
        late = kernels[m][0] if m < n else begin + .045
        answers = m == n and any(abs(begin - time) < .0005 for time in times)
        if not answers and any(begin + .0005 < time < late for time in times):
            return True
    return False


def field_differs(name, ours, kernels):
    if name in MICROSECONDS | MILLISECONDS:
        return abs(ours - kernels) > (20000 if name in MICROSECONDS else 20) + kernels // 8
    if name in RATES:
        return abs(ours - kernels) > kernels // 4
    return ours != kernels


def different_fields(ours, kernels, until, wanted):
    """For each field that differs in some answer before packet `until` the first such answer."""
    found = {}
    for n, ((before, a), (kernels_before, b)) in enumerate(zip(ours, kernels), 1):
        if until is not None and max(before, kernels_before) > until:
            break
        for name in sorted(wanted or a.keys() | b.keys()):
            values = a.get(name, 0), b.get(name, 0)
            if name not in found and before == kernels_before and field_differs(name, *values):
                found[name] = f'{name} in answer {n}: chaski {values[0]}, kernel {values[1]}'
    return found


def differences(ours, kernels, script, wanted):
    """What differs, as lines of text, and the fields of tcp_info among it, of those that are `wanted`, or all."""
    lines = []
    n = first_difference(ours.packets, kernels.packets)
    call = first_difference(ours.calls, kernels.calls)
    found = []
    for what, number, all_ours, all_kernels in (('packet', n, ours.packets, kernels.packets),
                                                ('call', call, ours.calls, kernels.calls)):
        if number is not None:
            a, b = (events[number] if number < len(events) else None for events in (all_ours, all_kernels))
            near = what == 'packet' and near_a_timer(times_of(script), ours.packets, kernels.packets, number)
            found.append(((b or a)[0], f'{what} {number + 1}: chaski {a}, kernel {b}{", near a timer" * near}'))
    lines += [text for _, text in sorted(found)[:1]]
    if not lines and ours.failure != kernels.failure:
        lines.append(f'end: chaski {ours.failure!r}, kernel {kernels.failure!r}')
    fields = different_fields(ours.answers, kernels.answers, n, wanted)
    return lines + list(fields.values()), fields.keys()

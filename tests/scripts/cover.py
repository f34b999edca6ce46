#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""cover.py ROOT FOLDER...: that the corpus leaves nothing out: each socket option that sockets/ knows,
each field of tcp_info that it fills in, and each algorithm below occurs in a script; that the
test suite runs all folders of scripts there are, which FOLDER... are; and that none but those of
ipv4/ names what only IPv4 has.

A script stands for an algorithm when its comments or its lines name it.
"""
import pathlib
import re
import sys

# What scripts call something that has another name in IPv6, and what the sources' own names begin with
# for options that a system's headers may lack.
STANDS_FOR = {'LEVEL_IP': 'SOL_IP', 'TRAFFIC_CLASS': 'IP_TOS', 'HOP_LIMIT': 'IP_TTL',
              'RECEIVED_ERROR': 'IP_RECVERR'}
OWN_NAMES = {'AO_': 'TCP_', 'IS_MPTCP': 'TCP_', 'RTO_': 'TCP_', 'DELACK_': 'TCP_', 'LOCAL_PORT_RANGE': 'IP_'}
ROW = re.compile(r'\{(?:SOL_SOCKET|IPPROTO_TCP|IPPROTO_IP), (\w+), PLAIN_')
CASE = re.compile(r'case ((?:SO_|TCP_|IP_|' + '|'.join(OWN_NAMES) + r')\w*):')
# The range of ports is of this level in IPv6's sockets too.
OF_IP4 = re.compile(r'\b(?:IP_(?!LOCAL_PORT_RANGE)|ICMP_|INADDR_|sin_)[A-Za-z_]+|\bAF_INET\b')
FILLED = re.compile(r'\binfo(?:->|\.)(\w+) =')

ALGORITHMS = {
    'RACK-TLP': 'RFC 8985', 'PRR': 'RFC 9937', 'CUBIC': 'RFC 9438', 'HyStart++': 'RFC 9406',
    'BBR': 'draft-ietf-ccwg-bbr', 'F-RTO': 'RFC 5682', 'D-SACK': 'RFC 2883', 'Eifel detection': 'RFC 3522',
    'Eifel response': 'RFC 4015', 'limited transmit': 'RFC 3042', 'byte counting': 'RFC 3465',
    'window validation': 'RFC 7661', 'pacing': 'SO_MAX_PACING_RATE', 'ECN': 'RFC 3168',
    'accurate ECN': 'RFC 9768', 'DCTCP': 'RFC 8257', 'Fast Open of clients': 'MSG_FASTOPEN',
    'Fast Open of servers': 'TCP_FASTOPEN', 'reuse of TIME-WAIT': 'RFC 6191', 'user time-out': 'RFC 5482',
    'path MTU discovery': 'RFC 4821', 'path MTU discovery, datagrams': 'RFC 8899', 'TCP-AO': 'RFC 5925',
}


def options(root):
    names = set()
    for path in (root / 'sockets').rglob('*.c'):
        text = path.read_text(encoding='utf-8')
        names |= {linux_name(name) for name in ROW.findall(text) + CASE.findall(text)}
    return names


def linux_name(name):
    return next((prefix + name for own, prefix in OWN_NAMES.items() if name.startswith(own)), name)


def fields(root):
    text = (root / 'sockets/options/tcp_info.c').read_text(encoding='utf-8')
    return {f'tcpi_{name}' for name in FILLED.findall(text)}


def of_ip4(path):
    lines = path.read_text(encoding='utf-8').splitlines()
    names = {name for line in lines if not line.startswith('//') for name in OF_IP4.findall(line)}
    return names if path.parent.name != 'ipv4' else set()


def main(root, folders):
    paths = sorted((root / 'tests/scripts').rglob('*.pkt'))
    scripts = [path.read_text(encoding='utf-8') for path in paths]
    words = {STANDS_FOR.get(word, word) for text in scripts for word in re.findall(r'\w+', text)}
    missing = [f'{name} occurs in no script' for name in sorted(options(root) | fields(root)) if name not in words]
    for algorithm, name in ALGORITHMS.items():
        count = sum(bool(re.search(rf'{name}\b', text)) for text in scripts)
        print(f'{algorithm}: {count}')
        if count == 0:
            missing.append(f'{algorithm} ({name}) has no script')
    missing += [f'{name} is not run' for name in sorted({path.parent.name for path in paths} - set(folders))]
    missing += [f'{path}: {name} is of IPv4 only' for path in paths for name in sorted(of_ip4(path))]
    print(f'{len(scripts)} scripts, {len(options(root))} options, {len(fields(root))} fields')
    print('\n'.join(missing))
    return 1 if missing or not options(root) or not fields(root) else 0


if __name__ == '__main__':
    sys.exit(main(pathlib.Path(sys.argv[1]), sys.argv[2:]))

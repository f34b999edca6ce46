#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Fails when a folder's files include what the folder is not to know.

usage: check-includes.py [ROOT]

A file may include what its own folder holds, the public headers, the system's, and what the
folder's row names: folders, whose files count but not those below, and single headers.
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)

BASE = ['core/base']
BLOCK = [*BASE, 'core/packet', 'core/wire']
TRANSPORT = [*BLOCK, 'core/ip/network.h']
TCP = [*BLOCK, 'core/tcp/tcp_internal.h']  # a part of TCP, which it knows; and, of other parts:

MAY_INCLUDE = {
    'core/base': [],
    'core/packet': BASE,
    'core/wire': BASE,
    'core/link': BLOCK,
    'core/ip': BLOCK,
    'core/udp': TRANSPORT,
    'core/tcp': [*TRANSPORT, 'core/tcp/authentication', 'core/tcp/calls', 'core/tcp/congestion',
                 'core/tcp/opening', 'core/tcp/receiving', 'core/tcp/recovery', 'core/tcp/sending',
                 'core/tcp/window'],
    'core/tcp/authentication': [*TCP, 'core/tcp/tcp_table.h'],
    'core/tcp/calls': [*TCP, 'core/tcp/congestion/congestion.h', 'core/tcp/opening/tcp_listener.h',
                       'core/tcp/receiving/tcp_receive_window.h', 'core/tcp/sending/tcp_output.h',
                       'core/tcp/window/tcp_cwnd.h'],
    'core/tcp/congestion': [*BASE, 'core/tcp/recovery/tcp_rate.h'],
    'core/tcp/opening': [*TCP, 'core/tcp/tcp_table.h', 'core/tcp/calls/tcp_options.h',
                         'core/tcp/receiving/tcp_receive_window.h',
                         'core/tcp/receiving/tcp_segment.h', 'core/tcp/sending/tcp_build.h'],
    'core/tcp/receiving': [*TCP, 'core/tcp/opening/tcp_listener.h',
                           'core/tcp/opening/tcp_syn_sent.h', 'core/tcp/recovery/tcp_recovery.h',
                           'core/tcp/sending/tcp_build.h', 'core/tcp/sending/tcp_output.h'],
    'core/tcp/recovery': [*TCP, 'core/tcp/sending/tcp_output.h',
                          'core/tcp/sending/tcp_send_queue.h', 'core/tcp/window/tcp_cwnd.h'],
    'core/tcp/sending': [*TCP, 'core/tcp/receiving/tcp_receive_window.h',
                         'core/tcp/recovery/tcp_recovery.h', 'core/tcp/window/tcp_cwnd.h'],
    'core/tcp/window': [*TCP, 'core/tcp/receiving/tcp_owe.h', 'core/tcp/recovery/tcp_recovery.h',
                        'core/tcp/sending/tcp_build.h'],
    'core/host': [*BLOCK, 'core/ip', 'core/link', 'core/tcp', 'core/udp'],
}


def wrong(root, folder):
    allowed = MAY_INCLUDE.get(folder, [])
    for file in sorted((root / folder).glob('*.[ch]')):
        for name in INCLUDE.findall(file.read_text(encoding='utf-8')):
            known = name in allowed or str(pathlib.PurePath(name).parent) in [folder, 'chaski',
                                                                               *allowed]
            if not known:
                yield f'{file.relative_to(root)} includes {name}'


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else '.')
    folders = sorted({str(file.parent.relative_to(root)) for file in root.glob('core/**/*.[ch]')})
    found = [f'{folder} has no row' for folder in folders if folder not in MAY_INCLUDE]
    found += [f'{folder} is no folder' for folder in MAY_INCLUDE if folder not in folders]
    found += [complaint for folder in folders for complaint in wrong(root, folder)]
    for complaint in found:
        print(complaint)
    if not folders or found:
        sys.exit(1)
    print(f'{len(folders)} folders include what they may')


if __name__ == '__main__':
    main()

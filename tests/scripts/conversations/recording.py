# SPDX-License-Identifier: BSD-2-Clause
"""Conversations with what a kernel said of them, many in a file.

Each begins with "==== its kind and name", the script follows, and behind "---- who it was" what came of it.
"""
import dataclasses
import os
import re

HEADS = re.compile(r'^==== (\S+) (\S+)\n(.*?)^---- (.+?)\n(.*?)(?=^==== |\Z)', re.MULTILINE | re.DOTALL)


@dataclasses.dataclass
class Recording:
    kind: str
    name: str
    script: str
    kernel: str
    said: str


def read(path):
    return [Recording(*fields) for fields in HEADS.findall(path.read_text(encoding='utf-8'))]


def append(path, kind, name, script, said):
    """Of what the kernel said only events are kept, and how it ended."""
    kept = ''.join(line + '\n' for line in said.splitlines() if re.match(r'\d+\.\d+ |tcp_info |\S+\.pkt:\d+: ', line))
    with path.open('a', encoding='utf-8') as out:
        out.write(f'==== {kind} {name}\n{script}---- Linux {os.uname().release}\n{kept}')

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Fails when a document or a comment names a file or folder that does not exist.

usage: check-paths.py [ROOT]

Looked at are documents (*.md) and comments of C. A path that begins with one of the tree's own
folders must exist, with or without its suffix; a lone file name must be some file's; and a link of
a document must lead to a file. Words in capitals (TARGET, rfcNNNN) stand for any name.
"""
import fnmatch
import pathlib
import re
import sys

COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*', re.DOTALL)
LINK = re.compile(r'\]\(([^)#\s]+)')
SUFFIX = r'\.(?:c|h|l|y|py|sh|md|pkt|pml)\b(?![\w.]*\w)'
LONE = re.compile(r'(?<![\w./<*{}-])([\w-]+' + SUFFIX + ')')
SKIPPED = re.compile(r'build.*|\..+|corpus|__pycache__')

# What is named though it is not there, and why.
ABSENT = {
    'core/ip/ip6*.c': 'where IPv6 would go',
    'core/wire/ip6.h': 'where IPv6 would go',
    'echo_server.c': 'in a command for those who have copied it',
    'event_in_state.pkt': 'a pattern',
    'stdbool.h': 'the compiler has it',
    'stddef.h': 'the compiler has it',
    'stdint.h': 'the compiler has it',
}


def walk(folder):
    for entry in sorted(folder.iterdir()):
        if SKIPPED.fullmatch(entry.name):
            continue
        yield entry
        if entry.is_dir():
            yield from walk(entry)


class Tree:
    def __init__(self, root):
        self.root = root
        entries = list(walk(root))
        self.files = [entry for entry in entries if entry.is_file()]
        self.names = {entry.name for entry in self.files}
        self.paths = {str(entry.relative_to(root)) for entry in entries}
        self.paths |= {path.rsplit('.', 1)[0] for path in self.paths if '.' in path}
        folders = '|'.join(entry.name for entry in entries
                           if entry.is_dir() and entry.parent == root)
        self.path = re.compile(rf'(?<![\w./<-])((?:{folders})/[\w./*-]*[\w*])')

    def has(self, path):
        if path in ABSENT or re.search('[A-Z]{3}', path.replace('README', '')):
            return True
        if '*' in path:
            return any(fnmatch.fnmatch(known, path) for known in self.paths)
        return path in self.paths or (self.root / path).exists()

    def wrong(self, file):
        text = file.read_text(encoding='utf-8')
        if file.suffix == '.md':
            for link in LINK.findall(text):
                if '://' not in link and not (file.parent / link).exists():
                    yield link
            text = LINK.sub('', text)
        else:
            text = '\n'.join(COMMENT.findall(text))
        yield from (path for path in self.path.findall(text) if not self.has(path))
        yield from (name for name in LONE.findall(text)
                    if name not in self.names and not self.has(name))


def main():
    tree = Tree(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else '.').resolve())
    looked_at = [file for file in tree.files if file.suffix in ('.md', '.c', '.h', '.l', '.y')]
    found = [f'{file.relative_to(tree.root)} names {path}, which does not exist'
             for file in looked_at for path in tree.wrong(file)]
    for complaint in found:
        print(complaint)
    if not looked_at or found:
        sys.exit(1)
    print(f'{len(looked_at)} files name what exists')


if __name__ == '__main__':
    main()

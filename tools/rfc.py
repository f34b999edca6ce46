#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Says which test shows which rule of which RFC: writes docs/rfc.md, or checks that it is up to date.

usage: rfc.py [--check] [ROOT]

The rules stand in tests/rfc/*.txt: a first line "# RFC 8985: subject", further lines with # that go
into the document, and a line for each MUST or SHOULD, such as

    MUST-3 6.2 what it wants, in words of our own

with the RFC's own number where it has numbers, else one of ours, and "-" where it has no sections;
"(planned)" at the end says that a test is still to come. A test shows a rule when a comment right above it, or any "//" line of a
script, names it: "RFC 8985 MUST-3, SHLD-1" or, with the section to be checked, "RFC 8985 6.2 MUST-3".
In a file that has an RFC in its name, as tcp_rfc9293_open.c, a test's own name does: must_8_....
A row of docs/deviations.md that names rules, or "all", is the reason why they are not followed; when
what it does instead begins with "missing", nothing of the kind is built. Where the list says "# Each
has a packet script", a rule needs one, or a row of tests/scripts/README.md that says why there is none.

Fails when a rule has neither test nor reason, or is planned and has one; when a test or a row names
what there is not; when a script is wanted and there is neither that nor its reason, or both; when a
named test is not run; and, with --check, when docs/rfc.md is stale.
"""
import pathlib
import re
import sys

RULE = re.compile(r'((?:MUST|SHLD)-\d+) (\d+(?:\.\d+)*|-) (\S.*?)( \(planned\))?$')
TITLE = re.compile(r'# (RFC \d+|draft-[a-z\d-]+): (\S.*)$')
NAMES = r'(?:MUST|SHLD)-\d+(?:, (?:MUST|SHLD)-\d+)*'
TAG = re.compile(rf'(RFC \d+|draft-[a-z\d-]+)(?: (\d+(?:\.\d+)*))? ({NAMES})')
TEST = re.compile(r'((?:/\*(?:[^*]|\*(?!/))*\*/\s*)*)static void (\w+)\(void \*\*\w+\)\n\{')
COMMENT = re.compile(r'/\*(?:[^*]|\*(?!/))*\*/')
ROW = re.compile(r'^\| (RFC \d+|draft-[a-z\d-]+) \|([^|]*)\|([^|]*)\|', re.M)
SCRIPTED = '# Each has a packet script'
NAME = re.compile(r'\b(?:MUST|SHLD)-\d+\b')


class Rule:
    """One MUST or SHOULD: where it stands, what it wants, and what shows it."""

    def __init__(self, section, text, planned):
        self.section, self.text, self.planned = section, text, planned
        self.tests, self.reasons = [], []
        self.scripted, self.unscripted = False, False


class Trace:
    """All rules by RFC and name, and the complaints about them."""

    def __init__(self, root):
        self.root, self.titles, self.notes, self.rules, self.complaints = root, {}, {}, {}, []
        self.scripted = set()
        for path in sorted((root / 'tests/rfc').glob('*.txt'), key=order):
            self.read_list(path)
        for path in sorted((root / 'tests').rglob('*.c')):
            self.read_tests(path)
        for path in sorted((root / 'tests/scripts').rglob('*.pkt')):
            self.read_script(path)
        for names, instead in self.rows(root / 'docs/deviations.md'):
            for rule in names:
                rule.reasons.append(instead)
        for names, _ in self.rows(root / 'tests/scripts/README.md'):
            for rule in names:
                rule.unscripted = True
        self.judge()
        self.judge_scripts()

    def complain(self, where, what):
        self.complaints.append(f'{where}: {what}')

    def read_list(self, path):
        first, *lines = path.read_text(encoding='utf-8').splitlines() or ['']
        title = TITLE.match(first)
        if not title or title[1] in self.rules:
            return self.complain(path.name, 'no first line that says which RFC, or one that is there')
        rfc = title[1]
        self.titles[rfc], self.notes[rfc], self.rules[rfc] = title[2], [], {}
        for line in lines:
            rule = RULE.match(line)
            if line.startswith('# '):
                self.notes[rfc].append(line[2:])
                if line.startswith(SCRIPTED):
                    self.scripted.add(rfc)
            elif not rule or rule[1] in self.rules[rfc]:
                self.complain(path.name, f'no rule, or one that is there: {line!r}')
            else:
                self.rules[rfc][rule[1]] = Rule(rule[2], rule[3], bool(rule[4]))
        if not self.rules[rfc]:
            self.complain(path.name, 'has no rules')

    def read_tests(self, path):
        text = path.read_text(encoding='utf-8')
        name = re.search(r'rfc(\d+)', path.name)
        tagged = sum(len(TAG.findall(plain(comment))) for comment in COMMENT.findall(text))
        for test in TEST.finditer(text):
            tags = TAG.findall(plain(test[1]))
            tagged -= len(tags)
            own = re.match(r'(must|shld)_(\d+)_', test[2])
            if name and own:
                tags.append((f'RFC {name[1]}', '', f'{own[1].upper()}-{own[2]}'))
            if tags and not re.search(rf'\w\(\s*{test[2]}\b(?!\(void)', text[test.end():]):
                self.complain(path.name, f'{test[2]} is not run')
            for rfc, section, names in tags:
                self.shown(path, f'`{test[2]}` ({path.name})', rfc, section, names)
        if tagged:
            self.complain(path.name, f'{tagged} tags stand above no test')

    def read_script(self, path):
        for line in path.read_text(encoding='utf-8').splitlines():
            for rfc, section, names in TAG.findall(line) if line.startswith('//') else []:
                place = path.relative_to(self.root / 'tests/scripts')
                for rule in self.shown(path, f'`{place}`', rfc, section, names):
                    rule.scripted = True

    def shown(self, path, test, rfc, section, names):
        """Notes a test of some rules, which are returned."""
        found = []
        for name in names.split(', '):
            rule = self.rules.get(rfc, {}).get(name)
            if rule is None:
                self.complain(path.name, f'{rfc} {name} is in no list')
            elif section and section != rule.section:
                self.complain(path.name, f'{rfc} {name} stands in section {rule.section}')
            elif test not in rule.tests:
                rule.tests.append(test)
                found.append(rule)
        return found

    def rows(self, path):
        """Of a table whose first column is an RFC, the second rules, the third what is said of them."""
        for rfc, clause, said in ROW.findall(path.read_text(encoding='utf-8')):
            rules = self.rules.get(rfc, {})
            names = list(rules) if clause.strip() == 'all' else NAME.findall(clause)
            for name in names:
                if name not in rules:
                    self.complain(path.name, f'{rfc} {name} is in no list')
            yield [rules[name] for name in names if name in rules], said.strip()

    def judge(self):
        if not self.rules:
            self.complain('tests/rfc', 'has no lists')
        for rfc, name, rule in self.all_rules():
            if rule.planned and (rule.tests or rule.reasons):
                self.complain(f'{rfc} {name}', 'planned, but there is a test or a reason')
            elif not (rule.planned or rule.tests or rule.reasons):
                self.complain(f'{rfc} {name}', 'neither a test nor a row in docs/deviations.md')

    def judge_scripts(self):
        for rfc, name, rule in self.all_rules():
            if rule.unscripted and (rule.scripted or rfc not in self.scripted):
                self.complain(f'{rfc} {name}', 'a reason for no script, where there is one or none is wanted')
            elif rfc in self.scripted and not (rule.scripted or rule.unscripted):
                self.complain(f'{rfc} {name}', 'neither a script nor a row in tests/scripts/README.md')

    def all_rules(self):
        return [(rfc, name, rule) for rfc, rules in self.rules.items() for name, rule in rules.items()]

    def document(self):
        lines = [
            '# Which test shows which rule', '',
            'RFC by RFC what they demand of a host with MUST or SHOULD, in words of our own, and the tests that',
            'show it, or what chaski does instead ([deviations.md](deviations.md) says why). RFC 9293 numbers its',
            'rules itself; for the others the selection and the numbers are ours. Written by `tools/rfc.py`, which',
            'tells where all this comes from; the test suite checks that it is up to date, and that no rule has',
            'neither test nor reason.', '',
            '| | subject | rules | tested | otherwise | missing | not yet |', '|---|---|--:|--:|--:|--:|--:|']
        for rfc, rules in self.rules.items():
            states = [state(rule) for rule in rules.values()]
            counts = [str(states.count(s) or '') for s in ('tested', 'otherwise', 'missing', 'not yet')]
            lines.append(f'| [{rfc}](#{anchor(rfc)}) | {self.titles[rfc]} | {len(rules)} | {" | ".join(counts)} |')
        for rfc, rules in self.rules.items():
            lines += ['', f'## {rfc}', '', ' '.join([self.titles[rfc][0].upper() + self.titles[rfc][1:] + '.']
                                                    + self.notes[rfc]), '',
                      '| rule | section | what it wants | shown by |', '|---|---|---|---|']
            lines += [f'| {name} | {rule.section} | {rule.text} | {shown_by(rule)} |' for name, rule in rules.items()]
        return '\n'.join(lines) + '\n'


def plain(comments):
    """The words of C comments, without what makes them comments."""
    return ' '.join(re.sub(r'/\*|\*/|^\s*\*', ' ', comments, flags=re.M).split())


def order(path):
    number = re.search(r'\d+', path.stem) if path.stem.startswith('rfc') else None
    return (int(number[0]), path.name) if number else (1 << 32, path.name)


def anchor(rfc):
    return rfc.lower().replace(' ', '-')


def state(rule):
    if rule.tests:
        return 'tested'
    if rule.reasons:
        return 'missing' if all(reason.startswith('missing') for reason in rule.reasons) else 'otherwise'
    return 'not yet'


def shown_by(rule):
    shown = rule.tests + [reason if reason.startswith('missing') else f'otherwise: {reason}' for reason in rule.reasons]
    return '; '.join(shown) if shown else '**not yet**'


def main(words):
    check = '--check' in words
    root = pathlib.Path(next((word for word in words if word != '--check'), pathlib.Path(__file__).parent.parent))
    trace = Trace(root)
    path, text = root / 'docs/rfc.md', trace.document()
    if not check:
        path.write_text(text, encoding='utf-8')
    elif not path.exists() or path.read_text(encoding='utf-8') != text:
        trace.complain('docs/rfc.md', 'stale; tools/rfc.py writes it anew')
    for complaint in trace.complaints:
        print(complaint)
    states = [state(rule) for _, _, rule in trace.all_rules()]
    print(f'{len(states)} rules: ' + ', '.join(f'{states.count(s)} {s}' for s in ('tested', 'otherwise', 'missing', 'not yet')))
    return 1 if trace.complaints else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_checker.py RFC.PY: that the checker of rules and tests finds what it is there to find, each in
a small tree of its own that is right but for one thing."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

CHECKER = sys.argv.pop(1)
RIGHT = {
    'tests/rfc/rfc1.txt': '# RFC 1: a protocol\n# A note.\nMUST-1 2.1 something\nMUST-2 3 another thing\n'
                          'SHLD-1 - a third one\nSHLD-2 4 a fourth one\n',
    'tests/rfc/rfc20.txt': '# RFC 20: another protocol\nMUST-1 1 nothing of it (planned)\n',
    'tests/unit/one.c': '/* Right. */\n/* RFC 1 2.1 MUST-1 */\nstatic void a(void **state)\n{\n}\n\n'
                        'int main(void)\n{\n    run(test(a));\n}\n',
    'tests/unit/two_rfc1.c': 'static void must_2_b(void **state)\n{\n}\nint main(void)\n{\n    test(must_2_b);\n}\n',
    'tests/scripts/c/d.pkt': '// RFC 1 SHLD-1\n0 socket(...) = 3\n',
    'tests/rfc/rfc30.txt': '# RFC 30: a third one\n# Each has a packet script, or a reason.\n'
                           'MUST-1 1 something\nMUST-2 2 another thing\n',
    'tests/unit/three.c': '/* RFC 30 MUST-1, MUST-2 */\nstatic void c(void **state)\n{\n}\n\n'
                          'int main(void)\n{\n    run(test(c));\n}\n',
    'tests/scripts/c/e.pkt': '// RFC 30 MUST-1\n0 socket(...) = 3\n',
    'tests/scripts/README.md': '| RFC 30 | MUST-2 | a reason |\n',
    'docs/deviations.md': '| RFC 1 | SHLD-2 (4) | something else | a reason |\n',
}


class Checker(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        self.change(RIGHT)

    def tearDown(self):
        self.folder.cleanup()

    def change(self, files):
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding='utf-8')

    def run_checker(self, *words):
        done = subprocess.run([sys.executable, CHECKER, *words, self.root], text=True, check=False,
                              stdout=subprocess.PIPE)
        return done.returncode, done.stdout

    def replace(self, name, old, new):
        text = (self.root / name).read_text(encoding='utf-8')
        self.assertIn(old, text)
        self.change({name: text.replace(old, new)})

    def complains(self, about):
        self.run_checker()
        status, said = self.run_checker('--check')
        self.assertEqual(status, 1, said)
        self.assertIn(about, said)

    def test_what_is_right_passes(self):
        self.assertEqual(self.run_checker()[0], 0)
        status, said = self.run_checker('--check')
        self.assertEqual(status, 0, said)
        self.assertIn('7 rules: 5 tested, 1 otherwise, 0 missing, 1 not yet', said)
        text = (self.root / 'docs/rfc.md').read_text(encoding='utf-8')
        for line in ('| MUST-1 | 2.1 | something | `a` (one.c) |',
                     '| MUST-2 | 3 | another thing | `must_2_b` (two_rfc1.c) |',
                     '| SHLD-1 | - | a third one | `c/d.pkt` |',
                     '| SHLD-2 | 4 | a fourth one | otherwise: something else |',
                     '| MUST-1 | 1 | nothing of it | **not yet** |', 'A protocol. A note.'):
            self.assertIn(line, text)

    def test_no_document(self):
        self.assertEqual(self.run_checker('--check')[0], 1)

    def test_stale_document(self):
        self.run_checker()
        self.replace('tests/rfc/rfc1.txt', 'something', 'something new')
        status, said = self.run_checker('--check')
        self.assertEqual(status, 1)
        self.assertIn('stale', said)

    def test_rule_without_test(self):
        self.replace('tests/unit/one.c', 'RFC 1 2.1 MUST-1', 'nothing')
        self.complains('RFC 1 MUST-1: neither')

    def test_should_without_test(self):
        self.replace('tests/scripts/c/d.pkt', '// RFC 1 SHLD-1', '// nothing')
        self.complains('RFC 1 SHLD-1: neither')

    def test_rule_without_reason(self):
        self.change({'docs/deviations.md': ''})
        self.complains('RFC 1 SHLD-2: neither')

    def test_planned_but_tested(self):
        self.replace('tests/unit/one.c', '2.1 MUST-1', '2.1 MUST-1; RFC 20 MUST-1')
        self.complains('RFC 20 MUST-1: planned')

    def test_planned_but_excused(self):
        self.change({'docs/deviations.md': RIGHT['docs/deviations.md'] + '| RFC 20 | all | missing | why |\n'})
        self.complains('RFC 20 MUST-1: planned')

    def test_all_missing(self):
        self.replace('tests/rfc/rfc20.txt', ' (planned)', '')
        self.change({'docs/deviations.md': RIGHT['docs/deviations.md'] + '| RFC 20 | all | missing | why |\n'})
        self.assertIn('1 missing, 0 not yet', self.run_checker()[1])
        self.assertEqual(self.run_checker('--check')[0], 0)

    def test_rule_without_script(self):
        self.replace('tests/scripts/c/e.pkt', '// RFC 30 MUST-1', '// nothing')
        self.complains('RFC 30 MUST-1: neither a script')

    def test_rule_without_reason_for_no_script(self):
        self.change({'tests/scripts/README.md': 'Nothing.\n'})
        self.complains('RFC 30 MUST-2: neither a script')

    def test_script_and_reason_for_none(self):
        self.replace('tests/scripts/README.md', 'MUST-2', 'MUST-1, MUST-2')
        self.complains('RFC 30 MUST-1: a reason for no script')

    def test_reason_for_no_script_where_none_is_wanted(self):
        self.replace('tests/scripts/README.md', 'RFC 30 | MUST-2', 'RFC 1 | MUST-1')
        self.complains('RFC 1 MUST-1: a reason for no script')

    def test_reason_for_the_script_of_no_rule(self):
        self.replace('tests/scripts/README.md', 'MUST-2', 'MUST-3')
        self.complains('RFC 30 MUST-3 is in no list')

    def test_tag_of_no_rule(self):
        self.replace('tests/unit/one.c', 'MUST-1', 'MUST-1, MUST-9')
        self.complains('RFC 1 MUST-9 is in no list')

    def test_tag_of_no_list(self):
        self.replace('tests/scripts/c/d.pkt', 'RFC 1 ', 'RFC 2 ')
        self.complains('RFC 2 SHLD-1 is in no list')

    def test_name_of_no_rule(self):
        self.replace('tests/unit/two_rfc1.c', 'must_2_b', 'must_3_b')
        self.complains('RFC 1 MUST-3 is in no list')

    def test_row_of_no_rule(self):
        self.replace('docs/deviations.md', 'SHLD-2', 'SHLD-2, SHLD-3')
        self.complains('RFC 1 SHLD-3 is in no list')

    def test_wrong_section(self):
        self.replace('tests/unit/one.c', '2.1 MUST-1', '2.2 MUST-1')
        self.complains('RFC 1 MUST-1 stands in section 2.1')

    def test_test_that_is_not_run(self):
        self.replace('tests/unit/one.c', 'test(a)', 'test(b)')
        self.complains('a is not run')

    def test_tag_above_no_test(self):
        self.replace('tests/unit/one.c', 'int main', '/* RFC 1 MUST-2 */\nint main')
        self.complains('1 tags stand above no test')

    def test_tag_over_two_lines(self):
        self.replace('tests/unit/one.c', 'RFC 1 2.1 MUST-1 ', 'RFC 1\n * 2.1\n * MUST-1 ')
        self.assertEqual(self.run_checker()[0], 0)

    def test_line_that_is_no_rule(self):
        self.replace('tests/rfc/rfc1.txt', 'MUST-2 3', 'MUST-2')
        self.complains('no rule')

    def test_rule_twice(self):
        self.replace('tests/rfc/rfc1.txt', 'MUST-2', 'MUST-1')
        self.complains('no rule, or one that is there')

    def test_list_twice(self):
        self.change({'tests/rfc/rfc21.txt': RIGHT['tests/rfc/rfc20.txt']})
        self.complains('no first line')

    def test_list_without_title(self):
        self.replace('tests/rfc/rfc1.txt', '# RFC 1: a protocol\n', '')
        self.complains('no first line')

    def test_list_without_rules(self):
        self.change({'tests/rfc/rfc21.txt': '# RFC 21: nothing\n'})
        self.complains('has no rules')

    def test_no_lists(self):
        for name in ('rfc1.txt', 'rfc20.txt', 'rfc30.txt'):
            (self.root / 'tests/rfc' / name).unlink()
        self.complains('has no lists')


if __name__ == '__main__':
    unittest.main()

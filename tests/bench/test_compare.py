#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_compare.py ROOT: tests of ./dev compare, but for what it measures."""
import contextlib
import io
import json
import math
import pathlib
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

ROOT = pathlib.Path(sys.argv.pop(1))
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "bench"))
import compare  # noqa: E402
import inside  # noqa: E402
import instructions  # noqa: E402
import page  # noqa: E402
import revision  # noqa: E402
import rounds  # noqa: E402

CC = ["cc"]
# A program that stands for chaski, and its build.
MESON = "project('chaski', 'c')\noption = get_option('buildtype')\nsubdir('cli')\n"
CLI = "executable('chaski', 'main.c', c_args: '-DOPTION=\"' + option + '\"')\n"
MAIN = '#include <stdio.h>\nint main(void) { puts("first, " OPTION); return 0; }\n'


class Repository:
    """One with a commit that builds, "good", a later one that does not, "bad", and a change that is not committed."""

    def __init__(self, folder):
        self.root, self.kept = folder / "repository", folder / "kept"
        (self.root / "cli").mkdir(parents=True)
        self.git("init", "--quiet")
        self.commit("good", {"meson.build": MESON, "cli/meson.build": CLI, "cli/main.c": MAIN})
        self.commit("bad", {"cli/main.c": "no C at all\n"})
        (self.root / "cli/main.c").write_text("what is not committed\n")

    def git(self, *words):
        who = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "tag.gpgSign=false", "-c", "commit.gpgSign=false"]
        subprocess.run(["git", "-C", self.root, *who, *words], check=True, capture_output=True)

    def commit(self, name, files):
        for path, text in files.items():
            (self.root / path).write_text(text)
        self.git("add", ".")
        self.git("commit", "--quiet", "-m", f"Be {name}")
        self.git("tag", name)

    def program(self, revision_name, options=("-Dbuildtype=release",)):
        name, _ = revision.commit(revision_name, self.root)
        return revision.program(name, options, CC, self.kept, self.root)


class Revisions(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.repository = Repository(pathlib.Path(self.folder.name))

    def left(self):
        return sorted(path.name for path in self.repository.kept.glob("*/*"))

    def test_a_commit_has_a_name_and_a_subject(self):
        name, subject = revision.commit("good", self.repository.root)
        self.assertRegex(name, "^[0-9a-f]{40}$")
        self.assertEqual(subject, "Be good")

    def test_what_is_no_commit_is_told(self):
        for name in ("nonsense", "good:cli", "--all", ""):
            with self.assertRaisesRegex(revision.Trouble, f"^there is no commit '{name}' here$"):
                revision.commit(name, self.repository.root)

    def test_where_there_is_no_repository_that_is_told(self):
        with tempfile.TemporaryDirectory() as nowhere:
            with self.assertRaisesRegex(revision.Trouble, "not a git repository"):
                revision.commit("HEAD", pathlib.Path(nowhere))

    def test_what_is_not_committed_is_seen(self):
        self.assertTrue(revision.uncommitted(self.repository.root))
        self.repository.git("checkout", "--", ".")
        self.assertFalse(revision.uncommitted(self.repository.root))

    def test_a_commit_is_built_as_it_was_and_only_its_program_kept(self):
        program = self.repository.program("good")
        self.assertEqual(subprocess.run([program], capture_output=True, text=True).stdout, "first, release\n")
        self.assertEqual(self.left(), ["chaski", "how"])
        self.assertEqual((self.repository.root / "cli/main.c").read_text(), "what is not committed\n")

    def test_it_is_built_again_only_in_another_way(self):
        program = self.repository.program("good")
        program.write_text("the one that is kept")
        self.assertEqual(self.repository.program("good").read_text(), "the one that is kept")
        program = self.repository.program("good", ("-Dbuildtype=debug", ))
        self.assertEqual(subprocess.run([program], capture_output=True, text=True).stdout, "first, debug\n")

    def test_one_that_does_not_build_leaves_what_the_compiler_said(self):
        with self.assertRaisesRegex(revision.Trouble, "(?s)does not build:.*error.*build.log$"):
            self.repository.program("bad")
        self.assertEqual(self.left(), ["build.log"])

    def test_one_without_a_command_of_its_own_does_not_build(self):
        with self.assertRaisesRegex(revision.Trouble, "(?s)does not build:.*/dev"):
            self.repository.program("good", None)


class Ratios(unittest.TestCase):
    def test_equal_ratios_leave_no_doubt(self):
        found = rounds.paired([(2, 1), (4, 2), (None, 1), (6, 3), (1, None)])
        self.assertAlmostEqual(found["ratio"], 2)
        for bound in found["interval"]:
            self.assertAlmostEqual(bound, 2)

    def test_the_interval_is_students_of_logarithms(self):
        found = rounds.paired([(1, 1), (math.e, 1), (math.e ** 2, 1)])
        self.assertAlmostEqual(found["mean_ratio"], math.e)
        low, high = (math.log(bound) for bound in found["interval"])
        self.assertAlmostEqual(low + high, 2)
        self.assertAlmostEqual(high - 1, 4.303 / math.sqrt(3), delta=0.02)  # 4.303: Student's of two

    def test_one_pair_has_no_interval_and_none_has_nothing(self):
        self.assertEqual(rounds.paired([(3, 2)]), {"ratio": 1.5, "mean_ratio": 1.5, "interval": None})
        self.assertEqual(rounds.paired([(3, None)]), {"ratio": None, "mean_ratio": None, "interval": None})

    def test_a_mean_is_shown_with_its_interval(self):
        self.assertEqual(page.show_mean({"mean_ratio": 1.234, "interval": [1.1, 1.4]}), "1.23 (1.10 to 1.40)")
        self.assertEqual(page.show_mean({"mean_ratio": 1.234, "interval": None}, 3), "1.234")
        self.assertEqual(page.show_mean({"mean_ratio": None, "interval": None}), "-")


class Comparison(unittest.TestCase):
    def samples(self, before, after):
        figures = [figure for figure, _, _ in inside.IN_MEMORY]
        return {(who, mtu): [dict(zip(figures, values)) for values in taken]
                for mtu in compare.MTUS for who, taken in (("REV", before), (compare.TREE, after))}

    def said(self, before, after):
        """The last cell of each row of the first MTU."""
        results = compare.compare(self.samples(before, after), "REV")
        return [row[-1] for row in compare.table(results, "REV")["rows"]][:len(inside.IN_MEMORY)]

    def test_who_is_faster_is_said_where_the_interval_does(self):
        before = [(10, 10, 10, 10)] * 3
        after = [(11, 9, 10, 8), (11.1, 9.1, 10.1, 10), (11.2, 9.2, 9.8, 12.1)]
        self.assertEqual(self.said(before, after), ["faster", "slower", *2 * ["no difference seen"]])

    def test_what_one_of_them_lacks_is_said(self):
        self.assertEqual(self.said([(10, )] * 3, [(10, 10, 10)] * 3)[1:3], 2 * ["not in REV"])
        self.assertEqual(self.said([(10, 10)] * 3, [(10, )] * 3)[1], "not in this tree")

    def test_a_measurement_that_failed_has_no_part(self):
        samples = self.samples([(10, ), (10, ), (10, )], [(20, ), (20, ), (1, )])
        samples[compare.TREE, 1500][2] = None
        self.assertEqual(compare.compare(samples, "REV")[0]["mean_ratio"], 2)


class Run(unittest.TestCase):
    """Of all of it, with programs that are not there."""

    def run_with(self, benches, *words):
        """Its output, where `benches` stand for what each program's bench says."""
        def bench(*_, program, **__):
            return benches[program[-1]]

        prepared = {"REV": "old", compare.TREE: "new"}, {"revision": "REV"}
        with mock.patch.object(compare, "prepare", return_value=prepared), mock.patch.object(inside, "bench", bench), \
                mock.patch.object(sys, "argv", ["compare.py", "REV", "--rounds", "3", *words]), \
                contextlib.redirect_stdout(io.StringIO()) as said:
            compare.main()
        return said.getvalue()

    def test_it_says_and_keeps_what_it_has_found(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "kept.json"
            said = self.run_with({"old": {"gbit_per_second": 100}, "new": {"gbit_per_second": 125}},
                                 "--json", str(path))
            kept = json.loads(path.read_text())
        self.assertRegex(said, r"MTU 65535: bulk, Gbit/s +100 +125 +1\.250 +1\.250 \(1\.250 to 1\.250\) +faster\n")
        self.assertEqual(kept["results"][0]["medians"], [100, 125])
        self.assertEqual([len(taken) for taken in kept["samples"].values()], 4 * [3])

    def test_a_commit_without_such_a_bench_is_told(self):
        with self.assertRaisesRegex(revision.Trouble, "without `chaski bench memory` of both"):
            self.run_with({"old": None, "new": {"gbit_per_second": 125}})


class Instructions(unittest.TestCase):
    def parts(self, triggers):
        """What callgrind leaves, as --dump-before and --dump-after make it end its files."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for number, trigger in enumerate(triggers, 1):
            text = f"version: 1\ndesc: Trigger: {trigger}\npart: {number}\n"
            (pathlib.Path(folder.name) / f"part.{number}").write_text(text)
        return pathlib.Path(folder.name)

    def test_what_a_function_took_is_what_ends_with_it(self):
        calls = [f"--dump-{when}=bulk_measure" for _ in range(6) for when in ("before", "after")]
        found = instructions.calls(self.parts([*calls, "--dump-before=requests_measure",
                                               "--dump-after=requests_measure", "Program termination"]))
        numbers = {function: [text.split()[-1] for text in texts] for function, texts in found.items()}
        self.assertEqual(numbers, {"bulk_measure": ["2", "4", "6", "8", "10", "12"], "requests_measure": ["14"]})

    def test_what_was_called_is_not_a_functions_own(self):
        text = ("summary: 1075\n\nfl=a.c\nfn=one.constprop.0.isra.0\n7 5\n+2 10\n"
                "cfn=two\ncalls=3 9\n* 1000\n-1 20\n\n"
                "fn=two\n0 1000\n\nfn=one.lto_priv.1\n0 40\n\ntotals: 1075\n")
        self.assertEqual(instructions.by_function(text), {"one": 75, "two": 1000})

    def test_only_what_was_measured_has_a_cost(self):
        found = {"bulk_measure": ["", "fn=f\n0 500000\n"], "requests_measure": ["fn=g\n0 3000\n", ""]}
        sample = {"seconds": 2, "gbit_per_second": 1, "zero_copy_gbit_per_second": 1, "requests_per_second": 3}
        self.assertEqual(instructions.of_each(sample, found),
                         {"gbit_per_second": {"f": 2}, "requests_per_second": {"g": 500}})

    def test_there_is_a_row_for_each_even_where_one_lacks_it(self):
        before = {1500: {"gbit_per_second": {"f": 100, "g": 100}}}
        after = {1500: {"gbit_per_second": {"f": 50, "h": 50}, "requests_per_second": {"f": 10}}}
        rows, _ = instructions.compare(before, after)
        self.assertEqual([row[1:] for row in rows], [[200, 100, "0.500"], [None, None, None], [None, 10, None],
                                                     [None, None, None]])

    def test_the_functions_that_differ_most_come_first(self):
        before = {"same": 960, "less": 20, "little": 10, "gone": 10}
        after = {"same": 960, "less": 12, "little": 6, "new": 30}
        self.assertEqual(instructions.changed(before, after), [("new", 0, 30), ("gone", 10, 0), ("less", 20, 12)])


class Options(unittest.TestCase):
    def refused(self, *words):
        with self.assertRaises(SystemExit) as raised, contextlib.redirect_stderr(io.StringIO()) as said:
            compare.read_options(words)
        self.assertEqual(raised.exception.code, 2)
        return said.getvalue()

    def test_it_tells_what_it_takes(self):
        done = subprocess.run([ROOT / "dev", "compare", "--help"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("REV", done.stdout)

    def test_what_measures_nothing_is_refused(self):
        self.assertIn("REV", self.refused())
        self.assertIn("2 is less than 3", self.refused("HEAD", "--rounds", "2"))
        self.assertIn("is less than", self.refused("HEAD", "--seconds", "0"))

    def test_a_file_that_could_not_be_kept_is_refused_before_anything_is_measured(self):
        self.assertIn("there is no folder", self.refused("HEAD", "--json", str(ROOT / "nowhere/file")))
        self.assertIn("is a folder", self.refused("HEAD", "--json", str(ROOT)))

    def test_a_commit_that_is_none_ends_it_before_anything_is_built(self):
        done = subprocess.run([ROOT / "bench/compare.py", "no-such-commit"], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "^./dev compare: (there is no commit 'no-such-commit' here|fatal: .*)\n$")


if __name__ == "__main__":
    unittest.main()

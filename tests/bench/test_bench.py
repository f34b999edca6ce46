#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_bench.py ROOT: tests of what bench/ does with what it has measured."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv.pop(1))
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "bench"))
import load  # noqa: E402
import page  # noqa: E402
import plots  # noqa: E402
import rounds  # noqa: E402
import run  # noqa: E402


def section(promises=(), rows=(("a", 1.5), )):
    return {"title": "T", "missing": {"b": "not here"}, "machine": "M", "time": "now",
            "tables": [{"title": "Table", "columns": ["", "x"], "rows": rows}], "promises": promises}


class Rounds(unittest.TestCase):
    def test_everybody_is_measured_once_a_round(self):
        order = []
        samples = rounds.alternate("AB", 3, lambda name: order.append(name) or len(order), "")
        self.assertEqual("".join(order), "ABABAB")
        self.assertEqual(samples, {"A": [1, 3, 5], "B": [2, 4, 6]})

    def test_what_failed_has_no_part_in_the_median(self):
        samples = [{"x": 3}, None, {"x": 1}, {"x": None}, {"x": 100}]
        self.assertEqual(rounds.median(samples, "x"), 3)
        self.assertIsNone(rounds.median([None, {}], "x"))

    def test_a_promise_is_reached_missed_or_not_measured(self):
        for value, sign, target, reached in ((1.0, ">=", 1.0, True), (0.99, ">=", 1.0, False),
                                             (0.8, "<=", 0.8, True), (0.81, "<=", 0.8, False),
                                             (0, "==", 0, True), (1, "==", 0, False),
                                             (None, "<=", 1, None)):
            self.assertIs(rounds.promise("", value, sign, target)["reached"], reached)

    def test_an_interrupt_is_told_in_a_line(self):
        def interrupted():
            raise KeyboardInterrupt

        with self.assertRaises(SystemExit) as raised:
            rounds.until_interrupted("it", interrupted)
        self.assertRegex(str(raised.exception), "^\nit: interrupted; .*kept$")

    def test_a_ratio_wants_both(self):
        self.assertEqual(rounds.ratio(3, 2), 1.5)
        self.assertIsNone(rounds.ratio(None, 2))
        self.assertIsNone(rounds.ratio(3, 0))


class Page(unittest.TestCase):
    def rewritten(self, text, sections):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "page.md"
            path.write_text(text)
            page.rewrite(path, sections)
            return path.read_text()

    def test_only_what_was_measured_is_rewritten(self):
        text = ("by hand\n<!-- bench:promises -->\nold\n<!-- end -->\n<!-- bench:links -->\nold\n<!-- end -->\n"
                "<!-- bench:http -->\nkept\n<!-- end -->\nby hand too\n")
        missed = rounds.promise("p", 2.0, "<=", 1.0)
        once = self.rewritten(text, {"links": section([missed])})
        self.assertIn("| a | 1.50 |", once)
        self.assertIn("Not measured: b: not here.", once)
        self.assertIn("| p | 2.00 | <= 1.00 | **missed** |", once)
        self.assertIn("kept", once)
        self.assertNotIn("old", once)
        self.assertTrue(once.startswith("by hand\n") and once.endswith("by hand too\n"))
        self.assertEqual(self.rewritten(once, {"links": section([missed])}), once)

    def test_a_section_without_a_place_is_an_error(self):
        with self.assertRaises(ValueError):
            self.rewritten("<!-- bench:promises -->\n<!-- end -->\n", {"links": section()})

    def test_the_page_has_a_place_for_every_section(self):
        text = (ROOT / "docs/performance.md").read_text()
        for name in ["promises", *run.SECTIONS]:
            self.assertEqual(text.count(f"<!-- bench:{name} -->"), 1, name)

    def test_there_is_a_picture_of_every_section(self):
        self.assertEqual(plots.PICTURES.keys(), run.SECTIONS.keys())

    def test_figures_are_shown_with_three_digits(self):
        shown = {None: "-", 1234567: "1 234 567", 12345.6: "12 346", 123.4: "123", 12.34: "12.3",
                 0.5: "0.50", "text": "text"}
        for value, text in shown.items():
            self.assertEqual(page.show(value), text)


class Load(unittest.TestCase):
    def test_what_was_lost_adds_up_over_rounds(self):
        one = {"offered_per_second": 10, "sent_per_second": 8, "sent": 8, "received": 6, "dropped": 1}
        other = {"offered_per_second": 10, "sent_per_second": 10, "sent": 10, "received": 10, "dropped": 0}
        point = load.merge([one, None, other])
        self.assertEqual(point["dropped"], 1)
        self.assertEqual(point["sent_per_second"], 9)
        self.assertAlmostEqual(point["answered_share"], 16 / 18)

    def test_what_is_dropped_is_every_drop_of_ours(self):
        counted = load.chaski_counts({"drop.no_memory": 2, "drop.udp_queue_full": 3,
                                      "drop.ethernet_not_ours": 7, "link.frames_received": 9})
        self.assertEqual(counted, {"accepted": 9, "dropped": 5, "answered": 0})

    def test_what_was_sent_beside_datagrams_is_no_answer(self):
        counted = load.chaski_counts({"link.frames_sent": 5, "udp.datagrams_sent": 4})
        self.assertEqual(counted["answered"], 4)


class Programs(unittest.TestCase):
    def test_each_tells_what_it_takes(self):
        for program in ("run.py", "wan.py"):
            done = subprocess.run([ROOT / "bench" / program, "--help"], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("--rounds", done.stdout)
            self.assertIn("\n./dev bench", done.stdout)  # what it is, from the head of the file

    def test_words_that_mean_nothing_are_refused_before_anything_is_built(self):
        for command in ("build", "format", "help", "lint"):
            done = subprocess.run([ROOT / "dev", command, "nonsense"], capture_output=True, text=True, timeout=20)
            self.assertEqual((done.returncode, done.stdout), (2, ""), command)
            self.assertIn(f"{command} takes nothing", done.stderr)

    def test_numbers_that_measure_nothing_are_refused(self):
        for words in ("bench/run.py --rounds 0", "bench/run.py --seconds -1", "bench/wan.py --rounds 0",
                      "bench/wan.py --paths 0", "tools/fuzz.py --seconds 0", "tools/fuzz.py --jobs 0",
                      "tools/sanitize.py memory --seeds 0"):
            program, *options = words.split()
            done = subprocess.run([ROOT / program, *options], capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 2, words)
            self.assertRegex(done.stderr, "is less than")


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""run.py BUILD [PATTERN]: chaski and the Linux kernel on one TAP link. Prints TAP; exit code 1 when a
case fails. Where no TAP link can be had, what needs one is skipped.
"""
import pathlib
import sys
import traceback
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import world  # noqa: E402


class TapResult(unittest.TestResult):
    """Each test case as one line of TAP, what went wrong as comments after it."""

    def tell(self, test, verdict, remark="", details=""):
        _, kind, method = test.id().rsplit(".", 2)
        name = f"{kind} {method.removeprefix('test_')}".replace("_", " ")
        print(f"{verdict} {self.testsRun} - {name}{remark}", flush=True)
        for line in details.splitlines():
            print("#", line)

    def addSuccess(self, test):
        self.tell(test, "ok")

    def addSkip(self, test, reason):
        self.tell(test, "ok", f" # SKIP {reason}")

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.tell(test, "not ok", details="".join(traceback.format_exception(*error)))

    addError = addFailure


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    try:
        world.start(build)
        loader = unittest.TestLoader()
        if len(sys.argv) > 2:
            loader.testNamePatterns = [f"*{sys.argv[2]}*"]
        tests = loader.discover(str(HERE), "test_*.py", str(HERE))
        print(f"1..{tests.countTestCases()}", flush=True)
        result = tests.run(TapResult())
    finally:
        world.clean_up()
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())

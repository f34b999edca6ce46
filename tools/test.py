#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""test.py BUILD [NAME...]: runs the tests of a build directory, all of them or those named (meson's
names, and "interop"), and counts test cases. The last line is "N passed, M failed".
"""
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# A finding of a sanitizer ends the program; cmocka tells each case in TAP.
ENVIRONMENT = {
    "CMOCKA_MESSAGE_OUTPUT": "TAP",
    "ASAN_OPTIONS": "abort_on_error=0:detect_leaks=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1",
}
CASE = re.compile(r"^(ok|not ok) \d+(.*)$", re.MULTILINE)


def cases(output, succeeded):
    """Returns how many cases passed and a list of those that failed. A program without TAP is one
    case; one that ends badly without having named a failed case has failed one more."""
    passed, failed = 0, []
    for verdict, title in CASE.findall(output):
        if "# SKIP" in title:
            continue
        if verdict == "ok":
            passed += 1
        else:
            failed.append(title.strip(" -"))
    if succeeded and not failed:
        return max(passed, 0 if CASE.search(output) else 1), failed
    return passed, failed or ["ended badly"]


def run_meson(build, names):
    """Runs the programs that Meson knows; returns [(name, output, succeeded)]."""
    log = build / "meson-logs/testlog.json"
    log.unlink(missing_ok=True)
    subprocess.run(["meson", "test", "-C", build, "--no-rebuild", "--timeout-multiplier", "10", *names], check=False)
    if not log.exists():
        return [("meson test", "", False)]
    tests = [json.loads(line) for line in log.read_text().splitlines()]
    return [(test["name"], test.get("stdout", "") + test.get("stderr", ""),
             test["result"] in ("OK", "SKIP")) for test in tests]


def run_interop(build):
    command = [sys.executable, ROOT / "tests/interop/run.py", build]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        lines = []
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    return [("interop", "".join(lines), process.returncode == 0)]


def main():
    build, names = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
    os.environ.update(ENVIRONMENT)
    results = []
    if not names or set(names) - {"interop"}:
        results += run_meson(build, [name for name in names if name != "interop"])
    if not names or "interop" in names:
        results += run_interop(build)
    passed, failures = 0, []
    for name, output, succeeded in results:
        good, bad = cases(output, succeeded)
        passed += good
        failures += [f"{name}: {title}" for title in bad]
        if bad and name != "interop":
            print(f"---- {name}\n{output[-20000:]}")
    for failure in failures:
        print("FAILED", failure)
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

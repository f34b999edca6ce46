#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Builds and runs under MemorySanitizer (clang) or ThreadSanitizer (gcc), which cannot be had
together with the sanitizers of ./dev test. The last line is "N passed, M failed".

memory: the corpora of the fuzzers, the simulator, and the unit tests, but for those whose calls
of the C library this compiler's MemorySanitizer does not know. thread: the tests that have
threads, and what stands around loops.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys

from limits import at_least

ROOT = pathlib.Path(__file__).resolve().parent.parent
UNKNOWN_CALLS = {"http_answer": "fstat", "cli_demo": "likewise", "packetdrill": "RTLD_DEEPBIND",
                 "output_file": "stat", "status_socket": "lstat",
                 "veth_links": "those of libxdp", "xdp_socket": "likewise"}
THREADED = {"packetdrill", "loop", "public-loop"}  # besides the suite "threads"
COUNT = re.compile(r"^(\d+) passed, (\d+) failed$", re.MULTILINE)


def configure(kind, compiler):
    build = ROOT / f"build-{kind}"
    if not (build / "build.ninja").exists():
        subprocess.run(["meson", "setup", build, "-Dbuildtype=debugoptimized",
                        f"-Db_sanitize={kind}", "-Db_lundef=false"],
                       check=True, cwd=ROOT, env=os.environ | {"CC": compiler})
    return build


def counted(command):
    """Runs what ends in "N passed, M failed"; returns these."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="", flush=True)
    counts = COUNT.findall(done.stdout)
    passed, failed = map(int, counts[-1]) if counts else (0, 1)
    return passed, max(failed, done.returncode != 0)


def introspect(build, what):
    listed = subprocess.run(["meson", "introspect", what, build], check=True, text=True,
                            stdout=subprocess.PIPE).stdout
    return json.loads(listed)


def tests_of(build):
    return introspect(build, "--tests")


def is_in(test, name):
    return any(suite.endswith(":" + name) for suite in test["suite"])


def unit_tests(build):
    return [test["name"] for test in tests_of(build) if is_in(test, "unit")]


def memory(options):
    build = configure("memory", "clang")
    targets = ["replay", "tests/sim/sim"] if options.quick else []
    subprocess.run(["ninja", "-C", build, *targets], check=True)
    runs = [[ROOT / "tools/test.py", build, "--suite", "fuzz"],
            [build / "tests/sim/sim", "--seeds", str(options.seeds)]]
    if not options.quick:
        names = [name for name in unit_tests(build) if name not in UNKNOWN_CALLS]
        runs.append([ROOT / "tools/test.py", build, *names])
    return [counted(run) for run in runs]


def thread(_):
    build = configure("thread", "gcc")
    threaded = [test for test in tests_of(build)
                if is_in(test, "threads") or test["name"] in THREADED]
    files = {target["id"]: target["filename"][0] for target in introspect(build, "--targets")}
    wanted = {files[identifier] for test in threaded for identifier in test["depends"]}
    wanted |= {test["cmd"][0] for test in threaded}
    subprocess.run(["ninja", "-C", build, *(os.path.relpath(file, build) for file in wanted)],
                   check=True)
    return [counted([ROOT / "tools/test.py", build, *(test["name"] for test in threaded)])]


def main():
    parser = argparse.ArgumentParser(prog="./dev sanitize", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["memory", "thread"])
    parser.add_argument("--quick", action="store_true", help="memory: without the unit tests")
    parser.add_argument("--seeds", type=at_least(1), default=300, help="memory: of the simulator")
    options = parser.parse_args()
    results = memory(options) if options.kind == "memory" else thread(options)
    passed, failed = map(sum, zip(*results))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

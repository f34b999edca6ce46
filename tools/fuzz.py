#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the programs of tests/fuzz/, as many at a time as there are processors, starting from what
is kept in tests/fuzz/corpus/TARGET and from what earlier runs have found. What crashes a target is
left in build-fuzz/ (build-afl/). The last line is "N passed, M failed".
"""
import argparse
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys

from limits import at_least

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORPUS = ROOT / "tests/fuzz/corpus"
KEPT_BYTES = 4096  # of one input in tests/fuzz/corpus
ENVIRONMENT = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=0:symbolize=0",
    "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:symbolize=0",
    "AFL_QUIET": "1",
    "AFL_NO_UI": "1",
    "AFL_NO_AFFINITY": "1",
    "AFL_SKIP_CPUFREQ": "1",
    "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1",
}


class LibFuzzer:
    """Coverage by clang, mutation in the same process."""
    directory = ROOT / "build-fuzz"
    compiler = "clang"
    arguments = "-Dc_args=-fsanitize=fuzzer-no-link"

    def found(self, target):
        return self.directory / "corpus" / target

    def command(self, target, program, seconds):
        return [program, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=4096",
                # Long inputs are what a host is about; entropic scheduling costs more than it here.
                "-entropic=0", "-len_control=0", f"-max_len={KEPT_BYTES}", "-print_final_stats=1",
                "-verbosity=0", f"-artifact_prefix={self.directory}/{target}-",
                self.found(target), CORPUS / target]

    def failures(self, target):
        return list(self.directory.glob(f"{target}-*"))


class Afl:
    """AFL++ around the same function."""
    directory = ROOT / "build-afl"
    compiler = "afl-clang-fast"
    arguments = "-Dc_args=[]"

    def found(self, target):
        return self.directory / "corpus" / target / "default/queue"

    def command(self, target, program, seconds):
        return ["afl-fuzz", "-i", CORPUS / target, "-o", self.directory / "corpus" / target,
                "-V", str(seconds), "-t", "5000", "-G", str(KEPT_BYTES), "--", program]

    def failures(self, target):
        found = self.found(target).parent
        return [path for kind in ("crashes", "hangs") for path in found.glob(f"{kind}/id*")]


def build(engine):
    if not (engine.directory / "build.ninja").exists():
        subprocess.run(["meson", "setup", engine.directory, "-Dbuildtype=debugoptimized",
                        "-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dtests=false",
                        "-Dfuzz=true", engine.arguments],
                       check=True, cwd=ROOT, env=os.environ | {"CC": engine.compiler})
    subprocess.run(["ninja", "-C", engine.directory, "fuzz"], check=True)


def programs(engine, wanted):
    """Returns {target: program}."""
    found = {path.name.removeprefix("fuzz-"): path
             for path in sorted((engine.directory / "tests/fuzz").glob("fuzz-*")) if path.is_file()}
    missing = set(wanted) - set(found)
    if missing:
        sys.exit(f"no such fuzz target: {', '.join(sorted(missing))}; there are {', '.join(found)}")
    return {target: found[target] for target in wanted or found}


def run(engine, target, program, seconds):
    """Returns (target, what went wrong or "", output)."""
    if isinstance(engine, LibFuzzer):
        engine.found(target).mkdir(parents=True, exist_ok=True)
    else:
        shutil.rmtree(engine.directory / "corpus" / target, ignore_errors=True)
        (engine.directory / "corpus").mkdir(exist_ok=True)
    before = set(engine.failures(target))
    done = subprocess.run(engine.command(target, program, seconds), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    failures = set(engine.failures(target)) - before
    wrong = ", ".join(str(path) for path in failures)
    return target, wrong or (f"status {done.returncode}" if done.returncode else ""), done.stdout


def summary(engine, target, output):
    """How much was tried."""
    if isinstance(engine, LibFuzzer):
        lines = [line.split()[-1] for line in output.splitlines() if "executed_units" in line]
        tried = lines[0] if lines else "?"
    else:
        statistics = (engine.found(target).parent / "fuzzer_stats").read_text()
        tried = next(line.split()[-1] for line in statistics.splitlines() if "execs_done" in line)
    return f"{tried} inputs tried, {len(list(engine.found(target).iterdir()))} kept by now"


def fuzz(engine, targets, options):
    passed = failed = 0
    print(f"{len(targets)} targets, {options.seconds} seconds each, {options.jobs} at a time",
          flush=True)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        runs = [pool.submit(run, engine, target, program, options.seconds)
                for target, program in targets.items()]
        for done in concurrent.futures.as_completed(runs):
            target, wrong, output = done.result()
            if wrong:
                failed += 1
                print(f"{output[-8000:]}\nFAILED {target}: {wrong}", flush=True)
            else:
                passed += 1
                print(f"{target}: {summary(engine, target, output)}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return failed


def keep(engine, target, program):
    """What is kept is about the least that reaches all that was reached, however often."""
    kept, least = CORPUS / target, engine.directory / "least" / target
    shutil.rmtree(least, ignore_errors=True)
    least.mkdir(parents=True)
    kept.mkdir(parents=True, exist_ok=True)
    engine.found(target).mkdir(parents=True, exist_ok=True)
    subprocess.run([program, "-merge=1", "-set_cover_merge=1", "-use_counters=0", f"-max_len={KEPT_BYTES}",
                    "-verbosity=0", least, kept, engine.found(target),
                    *(path for path in [Afl().found(target)] if path.exists())],
                   check=True, stderr=subprocess.DEVNULL)
    shutil.rmtree(kept)
    shutil.copytree(least, kept)
    sizes = [path.stat().st_size for path in kept.iterdir()]
    print(f"{target}: {len(sizes)} inputs, {sum(sizes)} bytes")


def main():
    parser = argparse.ArgumentParser(prog="./dev fuzz", description=__doc__)
    parser.add_argument("target", nargs="*", help="default: all")
    parser.add_argument("--afl", action="store_true", help="by AFL++ instead of libFuzzer")
    parser.add_argument("--seconds", type=at_least(1), default=int(os.environ.get("FUZZ_SECONDS", 60)),
                        help="for each target; default: 60")
    parser.add_argument("--jobs", type=at_least(1), default=os.cpu_count(), help="at a time")
    parser.add_argument("--keep", action="store_true",
                        help="minimise what was found into tests/fuzz/corpus instead")
    options = parser.parse_args()
    os.environ.update(ENVIRONMENT)
    engine = Afl() if options.afl and not options.keep else LibFuzzer()
    build(engine)
    targets = programs(engine, options.target)
    if not options.keep:
        return 1 if fuzz(engine, targets, options) else 0
    for target, program in targets.items():
        keep(engine, target, program)
    return 0


if __name__ == "__main__":
    sys.exit(main())

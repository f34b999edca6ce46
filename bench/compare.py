#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""./dev compare REV [--rounds N] [--seconds S] [--json FILE]: is the working tree slower or faster than a commit?

Builds both and runs `chaski bench memory` of both by turns, REV first: two hosts in one thread, at the MTUs 1500
and 65535. A row gives the medians, and of the rounds' ratios, tree to REV, the geometric mean with the interval
that contains the true one with 95 % (Student's, of the logarithms). Where it does not contain 1, one is faster.

REV is built from what git has of it, in build/compare/, with the options and the compiler of the working tree's
build, so that only the code differs; --own builds it as its own ./dev build does. Its program is
kept there for the next time. Each is measured by its own `chaski bench`: what that of REV lacks is not compared, and
where the bench itself has changed, so may the figures.

--instructions counts instructions as well (callgrind, two minutes), which a busy machine does not change, and says
in which functions they differ most.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import time

import inside
import instructions
import page
import peers
import revision
import rounds
import run
from limits import at_least  # in tools/, where peers looks

MTUS = [1500, 65535]
TREE = "this tree"
CORE = -1  # the last one: the first is mostly everybody else's


def read_options(words=None):
    about, *more = __doc__.split("\n\n")
    parser = argparse.ArgumentParser(prog="./dev compare", description=about, epilog="\n\n".join(more),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rev", metavar="REV", help="a commit, by any name that git knows")
    parser.add_argument("--rounds", type=at_least(3), default=10, help="of both at either MTU (10)")
    parser.add_argument("--seconds", type=at_least(0.1, float), default=0.5, help="of each measurement (0.5)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="keep every sample there")
    parser.add_argument("--own", action="store_true", help="build REV as its own ./dev build does")
    parser.add_argument("--instructions", action="store_true", help="count instructions, too")
    options = parser.parse_args(words)
    if options.json and not options.json.absolute().parent.is_dir():
        parser.error(f"--json: there is no folder {options.json.absolute().parent}")
    if options.json and options.json.is_dir():
        parser.error(f"--json: {options.json} is a folder")
    return options


# ---- Measuring ----------------------------------------------------------------------------------

def measure(programs, options):
    """{(who, mtu): samples}."""
    def once(way):
        who, mtu = way
        return inside.bench("memory", "--mtu", mtu, "--seconds", f"{options.seconds:g}",
                            program=[*rounds.on_core(CORE), programs[who]])

    samples = {}
    for mtu in MTUS:
        ways = [(who, mtu) for who in programs]
        if None in (once(way) for way in ways):
            raise revision.Trouble("there is nothing to compare without `chaski bench memory` of both")
        samples.update(rounds.alternate(ways, options.rounds, once, "in memory"))
    return samples


def install_counter():
    if subprocess.run([peers.ROOT / "tools/install.sh", "instructions"], check=False).returncode != 0:
        raise revision.Trouble("without valgrind no instructions are counted")


def count(programs):
    """{who: {mtu: {figure: {function: instructions for one}}}}."""
    counted = {}
    for who, program in programs.items():
        counted[who] = {}
        for mtu in MTUS:
            rounds.progress(f"instructions of {who}, MTU {mtu}")
            counted[who][mtu] = instructions.count(program, mtu)
    rounds.progress("")
    return counted


# ---- What is shown ------------------------------------------------------------------------------

def verdict(interval):
    if interval is None:
        return ""
    low, high = interval
    return "faster" if low > 1 else "slower" if high < 1 else "no difference seen"


def compare(samples, who):
    """A row of figures for each of the bench's."""
    results = []
    for mtu in MTUS:
        before, after = samples[who, mtu], samples[TREE, mtu]
        for figure, what, _ in inside.IN_MEMORY:
            pairs = [(new and new.get(figure), old and old.get(figure)) for old, new in zip(before, after)]
            results.append({"label": f"MTU {mtu}: {what}", "figure": figure, "mtu": mtu,
                            "medians": [rounds.median(taken, figure) for taken in (before, after)],
                            **rounds.paired(pairs)})
    return results


def table(results, who):
    rows = []
    for result in results:
        before, after = result["medians"]
        said = verdict(result["interval"])
        if None in (before, after):
            said = f"not in {who if before is None else TREE}"
        mean = None if result["mean_ratio"] is None else page.show_mean(result, 3)
        rows.append([result["label"], before, after, instructions.show_ratio(before, after), mean, said])
    return {"title": "Rates", "rows": rows, "columns": ["", who, TREE, "ratio", "mean (95 %)", ""]}


def keep(path, report):
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(f"kept in {path}")


def prepare(options):
    """The two programs, by who each is, and what there is to know of them."""
    name, subject = revision.commit(options.rev)
    tree, who = revision.commit("HEAD")[0], name[:7]
    if options.instructions:
        install_counter()
    flags, compiler = revision.build_tree()
    rounds.progress(f"{who} is built")
    program = revision.program(name, None if options.own else flags, compiler)
    rounds.progress("")
    changed = revision.uncommitted()
    how = "as its own ./dev build does" if options.own else "as this tree: " + " ".join(flags)
    print(f"{who} ({subject}), built {how}\n{TREE} ({tree[:7]}{', with changes since' if changed else ''})\n"
          f"{run.machine()}\n", flush=True)
    return {who: program, TREE: inside.PROGRAM}, {"revision": name, "tree": tree, "changed": changed, "built": how}


def main():
    options = read_options()
    programs, report = prepare(options)
    report |= {"machine": run.machine(), "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
               "rounds": options.rounds, "seconds": options.seconds}
    samples, who = measure(programs, options), next(iter(programs))
    report["results"] = compare(samples, who)
    report["samples"] = {f"{way[0]}, MTU {way[1]}": taken for way, taken in samples.items()}
    tables = [table(report["results"], who)]
    if options.instructions:
        report["instructions"] = count(programs)
        tables += instructions.tables(*report["instructions"].values(), programs)
    page.print_section({"tables": tables, "missing": {}})
    if options.json:
        keep(options.json, report)


def run_or_say():
    try:
        main()
    except revision.Trouble as trouble:
        rounds.progress("")
        sys.exit(f"./dev compare: {trouble}")


if __name__ == "__main__":
    rounds.until_interrupted("./dev compare", run_or_say)

# SPDX-License-Identifier: BSD-2-Clause
"""Instructions of what `chaski bench memory` measures, by callgrind: a count that does not depend on who else uses
the machine. callgrind has no vectors of 64 bytes, so sums are those of processors with 32."""
import collections
import pathlib
import re
import tempfile

import inside
import rounds

SECONDS = 4  # so that what is still under way at the end does not count
# What the bench says, what is counted as one of it, how many of those it has done in a second, the function that
# measures it, and which of that function's calls it is: each bulk is preceded by a short one.
COUNTED = [("gbit_per_second", "bulk, a kB", 125_000, "bulk_measure", 1),
           ("zero_copy_gbit_per_second", "bulk without copies, a kB", 125_000, "bulk_measure", 3),
           ("requests_per_second", "a request of 64 bytes and its answer", 1, "requests_measure", 0),
           ("connections_per_second", "the same with a new connection", 1, "requests_measure", 1)]
MEASURES = sorted({function for _, _, _, function, _ in COUNTED})
SHOWN, LEAST = 6, 0.005  # functions of a row, and the share of all instructions from which one is shown
CLONE = re.compile(r"(\.(lto_priv|constprop|isra|part|cold)(\.\d+)?)+$")  # what the compiler appends to names


def valgrind(out):
    """What to put before the program: counts end before and after each call of these functions, in a file each that
    can be read without the others."""
    return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--compress-strings=no",
            *(f"--dump-{when}={function}" for function in MEASURES for when in ("before", "after"))]


def calls(folder):
    """{function: what callgrind wrote of each call of it, in their order}."""
    found = {function: [] for function in MEASURES}
    for path in sorted(folder.glob("part.*"), key=lambda path: int(path.name.rpartition(".")[2])):
        text = path.read_text(errors="replace")
        trigger = re.search(r"^desc: Trigger: --dump-after=(\w+)$", text, re.MULTILINE)
        if trigger:
            found[trigger.group(1)].append(text)
    return found


def by_function(text):
    """{function: its own instructions}: of lines of code, but not of what was called there."""
    own, function, called = collections.Counter(), "", False
    for line in text.splitlines():
        if line.startswith("fn="):
            function = CLONE.sub("", line[3:])
        elif line.startswith("calls="):
            called = True
        elif cost := re.match(r"[-+*\d]\S* (\d+)$", line):
            own[function] += 0 if called else int(cost.group(1))
            called = False
    return own


def of_each(sample, found):
    """{figure: {function: instructions for one}}, as far as the bench has said how many there were."""
    costs = {}
    for figure, _, units, function, call in COUNTED:
        if sample.get(figure) and call < len(found[function]):
            done = sample[figure] * units * sample["seconds"]
            own = by_function(found[function][call])
            costs[figure] = {name: instructions / done for name, instructions in own.items()}
    return costs


def count(program, mtu):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "part"
        sample = inside.bench("memory", "--mtu", mtu, "--seconds", SECONDS, program=[*valgrind(out), program])
        return of_each(sample, calls(out.parent)) if sample else {}


# ---- What is shown ------------------------------------------------------------------------------

def compare(before, after):
    """Rows of all instructions, and of the functions that differ most, of {mtu: {figure: {function: ...}}}."""
    rows, functions = [], []
    for mtu in after:
        for figure, what, *_ in COUNTED:
            pair = [costs[mtu].get(figure) for costs in (before, after)]
            label, totals = f"MTU {mtu}: {what}", [costs and sum(costs.values()) for costs in pair]
            rows.append([label, *totals, show_ratio(*totals)])
            if None not in pair:
                functions += [[f"{label}: {name}", *costs] for name, *costs in changed(*pair)]
    return rows, functions


def show_ratio(before, after):
    ratio = rounds.ratio(after, before)
    return None if ratio is None else f"{ratio:.3f}"


def changed(before, after):
    """Functions, with both costs, beginning with the one that differs most."""
    pairs = [(name, before.get(name, 0), after.get(name, 0)) for name in {**before, **after}]
    pairs.sort(key=lambda pair: -abs(pair[2] - pair[1]))
    least = LEAST * sum(before.values())
    return [pair for pair in pairs[:SHOWN] if abs(pair[2] - pair[1]) >= least]


def tables(before, after, whos):
    rows, functions = compare(before, after)
    return [{"title": "Instructions", "columns": ["", *whos, "ratio"], "rows": rows},
            {"title": f"Functions whose own differ by {LEAST:.1%} of all or more",
             "columns": ["", *whos], "rows": functions}]

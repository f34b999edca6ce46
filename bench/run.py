#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""./dev bench [--rounds N] [--seconds S] [--quick]: chaski beside its peers, in one run.

One client on kernel sockets measures four servers in turn (A B C D A B C D ...): chaski as it comes,
which spins where frames follow each other closely, chaski told to sleep between frames as the peers
do, lwIP, each over a TAP link, and the kernel over a veth pair. The client keeps to the first core and the servers
to the second, since whether a round trip crosses cores matters more than what is measured. What
stands in the table is the median of the rounds. Then come the figures that chaski takes of itself, in memory.
"""
import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import lab  # noqa: E402

BUILD = ROOT / "build"
OUT = BUILD / "bench"
SIZES = (100, 500, 1400, 4096)
GBIT, RATE, TIME = "gbit_per_second", "per_second", "p50_us"

# What is measured: a label, the client's arguments, the figures of its answer, and what the
# ratio of chaski to lwIP shall be at least (rates) or at most (times).
MEASURES = [
    ("to the server, Gbit/s", ["to"], GBIT, 3.0),
    ("from the server, Gbit/s", ["from"], GBIT, 3.0),
    ("connections per second", ["connections"], RATE, 1.2),
] + [(f"echo of {size} bytes, p50 µs", ["echo", size], TIME, 1.0) for size in SIZES]


def on_core(number):
    """What to put before a command so that it keeps to a core."""
    cores = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cores[number % len(cores)])]


def start_servers():
    """Returns {name: address}; a peer that was not built is missing."""
    servers = {}

    def start(name, address, command):
        log = open(OUT / f"{name}.log", "w")
        process = lab.spawn([*on_core(1), *command], stdout=log, stderr=log)
        lab.wait_port(address, 7, process)
        servers[name] = address

    lab.tap("tap-chaski", "10.77.0.1/24")
    start("chaski", "10.77.0.2",
          [BUILD / "chaski", "services", "--link", "tap:tap-chaski", "--addr", "10.77.0.2/24"])
    lab.tap("tap-sleeper", "10.80.0.1/24")
    start("sleeping", "10.80.0.2", [BUILD / "chaski", "services", "--sleep", "--link",
                                    "tap:tap-sleeper", "--addr", "10.80.0.2/24"])
    if (BUILD / "bench/peer-lwip").exists():
        lab.tap("tap-lwip", "10.78.0.1/24")
        start("lwip", "10.78.0.2", [BUILD / "bench/peer-lwip", "tap-lwip", "10.78.0.2"])
    far = lab.veth("veth", "10.79.0.1/24", "10.79.0.2/24")
    start("kernel", "10.79.0.2", [*far, BUILD / "bench/peer-kernel"])
    return servers


def client(address, arguments, seconds):
    test, *rest = arguments
    command = [*on_core(0), BUILD / "bench/bench-client", address, test, str(seconds), *map(str, rest)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    if done.returncode != 0:
        print(f"  {address} {arguments}: {done.stderr.strip()}", file=sys.stderr)
        return None
    return json.loads(done.stdout)


def measure(servers, rounds, seconds):
    results = []
    for label, arguments, figure, target in MEASURES:
        samples = {name: [] for name in servers}
        for turn in range(rounds):
            for name, address in servers.items():
                progress(f"{label}: round {turn + 1} of {rounds}, {name}")
                samples[name].append(client(address, arguments, seconds))
        medians = {name: median(taken, figure) for name, taken in samples.items()}
        results.append({"label": label, "figure": figure, "target": target, "samples": samples,
                        "medians": medians})
    progress("")
    return results


def progress(text):
    if sys.stderr.isatty():
        print("\r" + text.ljust(70) + "\r", end="", file=sys.stderr, flush=True)


def median(samples, figure):
    values = [sample[figure] for sample in samples if sample]
    return statistics.median(values) if values else None


def own(arguments):
    """A figure that chaski takes of itself: its JSON, or None with the reason on stderr."""
    done = subprocess.run([BUILD / "chaski", "bench", *arguments, "--json"], capture_output=True,
                          text=True, timeout=600)
    if done.returncode != 0:
        print(f"chaski bench {' '.join(arguments)}: {done.stderr.strip()}", file=sys.stderr)
        return None
    return json.loads(done.stdout)


def ratio(over, under):
    return over / under if over and under else None


def show(value, digits=2):
    return "-" if value is None else f"{value:.{digits}f}"


def row_of(result):
    medians = result["medians"]
    chaski, sleeping, lwip, kernel = (
        medians.get(name) for name in ("chaski", "sleeping", "lwip", "kernel"))
    beside = ratio(chaski, lwip)
    slower = result["figure"] == TIME
    reached = None if beside is None else \
        beside <= result["target"] if slower else beside >= result["target"]
    target = f"{'<=' if slower else '>='} {result['target']:g} x lwIP"
    verdict = {None: "", True: "reached", False: "missed"}[reached]
    return [result["label"], show(chaski), show(sleeping), show(lwip), show(kernel), show(beside),
            show(ratio(chaski, kernel)), target, verdict]


def own_rows(report):
    memory, idle = report["memory"] or {}, report["connections"] or {}
    count = idle.get("connections", 100_000)
    return [
        own_row("bulk at MTU 1500, checksums, Gbit/s", memory.get(GBIT), ">=", 40),
        own_row(f"each of {count} idle connections, bytes", idle.get("bytes_each_measured"), "<=",
                512),
        own_row("bulk on one of them to bulk on one alone", idle.get("ratio"), ">=", 0.8),
    ]


def own_row(label, value, sign, target):
    reached = value is not None and (value >= target if sign == ">=" else value <= target)
    verdict = "" if value is None else "reached" if reached else "missed"
    return [label, show(value), f"{sign} {target}", verdict]


def print_table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1])]
        print("  ".join(cells + [row[-1]]).rstrip())


def plot(results, path):
    try:
        import matplotlib
    except ImportError:
        print("no plot: python3-matplotlib is not installed", file=sys.stderr)
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(2, 4, figsize=(14, 6))
    colours = {"chaski": "#c8402f", "sleeping": "#e0958a", "lwip": "#7a8a99", "kernel": "#c9ced3"}
    for axis, result in zip(axes.flat, results):
        medians = {name: value for name, value in result["medians"].items() if value}
        bars = axis.bar(list(medians), list(medians.values()),
                        color=[colours[name] for name in medians])
        axis.bar_label(bars, fmt="%.1f")
        axis.set_title(result["label"], fontsize=10)
        axis.margins(y=0.15)
    axes.flat[-1].axis("off")
    figure.suptitle("chaski and lwIP over TAP, the kernel over veth: medians")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(prog="./dev bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--quick", action="store_true", help="one round of half a second")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 0.5
    OUT.mkdir(parents=True, exist_ok=True)
    why_not = lab.enter()
    report = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
              "machine": f"{os.cpu_count()} cores, Linux {platform.release()}",
              "rounds": options.rounds, "seconds": options.seconds}
    if why_not:
        print(f"Only the figures in memory: {why_not}", file=sys.stderr)
    else:
        report["link"] = measure(start_servers(), options.rounds, options.seconds)
        print_table([["medians", "chaski", "--sleep", "lwIP", "kernel", "chaski/lwIP", "chaski/kernel",
                      "target", ""]] + [row_of(result) for result in report["link"]])
        plot(report["link"], OUT / "bench.png")
    report["memory"] = own(["memory"])
    report["connections"] = own(["connections"])
    print()
    print_table([["in memory, one thread", "chaski", "target", ""]] + own_rows(report))
    (OUT / "bench.json").write_text(json.dumps(report, indent=1) + "\n")
    print(f"\nkept in {OUT.relative_to(ROOT)}/")


if __name__ == "__main__":
    main()

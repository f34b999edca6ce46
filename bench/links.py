#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""./dev bench links [--rounds N] [--seconds S] [--quick]: chaski by each kind of link, beside the kernel.

The client's kernel is at the other end of a TAP link or a veth pair; the server is the kernel, or chaski by
`tap`, `packet` and `xdp`, sleeping between frames and busy-polling. One server runs at a time,
since one that polls has its core for itself; they take turns in each round. The client keeps to the first
core, the server to the second. An xdp link's client completes its checksums and cuts its segments itself, as
there is no device between them that would.
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
VETH_CLIENT, VETH_SERVER = "10.84.0.1", "10.84.0.2"
TAP_CLIENT, TAP_SERVER = "10.85.0.1", "10.85.0.2"
MODES = {"sleeping": "--sleep", "polling": "--busy-poll"}
SERVERS = ["kernel"] + [f"{kind} {mode}" for kind in ("tap", "packet", "xdp") for mode in MODES]
# A label, the client's arguments, the figure, and what part of the kernel's is the most for
# xdp when it polls.
MEASURES = [(f"echo of {size} bytes, p50 µs", ["echo", size], "p50_us", 0.7)
            for size in (100, 500, 1400, 4096)]
MEASURES += [("to the server, Gbit/s", ["to"], "gbit_per_second", None),
             ("from the server, Gbit/s", ["from"], "gbit_per_second", None),
             ("connections per second", ["connections"], "per_second", None)]


def on_core(number):
    cores = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cores[number % len(cores)])]


class Lab:
    def __init__(self):
        lab.tap("tap", TAP_CLIENT + "/24")
        self.far = lab.veth("veth", None, VETH_CLIENT + "/24")

    def start(self, name):
        """Starts a server: its process, its address, and what to put before the client."""
        kind, _, mode = name.partition(" ")
        subprocess.run(["ip", "addr", "flush", "dev", "veth"], check=True)
        subprocess.run([*self.far, "ip", "neigh", "flush", "all"], check=True)
        state = "off" if kind == "xdp" else "on"
        subprocess.run([*self.far, "ethtool", "-K", "veth-far", "tx", state, "tso", state],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        address, prefix = (TAP_SERVER, []) if kind == "tap" else (VETH_SERVER, self.far)
        if kind == "kernel":
            lab.up("veth", VETH_SERVER + "/24")
            command = [BUILD / "bench/peer-kernel"]
        else:
            link = f"{kind}:{'tap' if kind == 'tap' else 'veth'}"
            command = [BUILD / "chaski", "services", "--link", link, "--addr", address + "/24",
                       MODES[mode]]
        process = lab.spawn([*on_core(1), *command], stdout=subprocess.DEVNULL)
        for _ in range(100):
            if client(address, prefix, ["echo", 1], 0.1) is not None:
                return process, address, prefix
            time.sleep(0.1)
        raise RuntimeError(f"{name} does not answer")


def client(address, prefix, arguments, seconds):
    test, *rest = arguments
    done = subprocess.run([*prefix, *on_core(0), BUILD / "bench/bench-client", address, test,
                           str(seconds), *map(str, rest)], capture_output=True, text=True,
                          timeout=seconds + 60)
    return json.loads(done.stdout) if done.returncode == 0 else None


def measure(place, rounds, seconds):
    samples = {label: {name: [] for name in SERVERS} for label, *_ in MEASURES}
    for turn in range(rounds):
        for name in SERVERS:
            if sys.stderr.isatty():
                print(f"\rround {turn + 1} of {rounds}, {name}".ljust(60), end="", file=sys.stderr)
            process, address, prefix = place.start(name)
            for label, arguments, *_ in MEASURES:
                samples[label][name].append(client(address, prefix, arguments, seconds))
            lab.stop(process)
    if sys.stderr.isatty():
        print("\r".ljust(60) + "\r", end="", file=sys.stderr)
    return samples


def median(samples, figure):
    values = [sample[figure] for sample in samples if sample]
    return statistics.median(values) if values else None


def row_of(label, figure, most, samples):
    medians = [median(samples[name], figure) for name in SERVERS]
    row = [label] + ["-" if value is None else f"{value:.1f}" for value in medians]
    if most is None or medians[0] is None or medians[-1] is None:
        return row + ["", ""]
    ratio = medians[-1] / medians[0]
    return row + [f"{ratio:.2f}", f"<= {most} {'reached' if ratio <= most else 'missed'}"]


def print_table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  ".join(cells).rstrip())


def main():
    parser = argparse.ArgumentParser(prog="./dev bench links")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--quick", action="store_true", help="one round of 0.3 seconds")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 0.3
    why_not = lab.enter()
    if why_not:
        sys.exit(f"there can be no links: {why_not}")
    OUT.mkdir(parents=True, exist_ok=True)
    samples = measure(Lab(), options.rounds, options.seconds)
    print_table([["medians"] + SERVERS + ["last/kernel", "target"]] +
                [row_of(label, figure, most, samples[label])
                 for label, _, figure, most in MEASURES])
    report = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
              "machine": f"{os.cpu_count()} cores, Linux {platform.release()}",
              "rounds": options.rounds, "seconds": options.seconds, "samples": samples}
    (OUT / "links.json").write_text(json.dumps(report, indent=1) + "\n")
    print(f"\nkept in {OUT.relative_to(ROOT)}/links.json")


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""./dev bench wan [--quick | --promised] [--rounds N] [--seconds S] [--paths N]: over a long way.

One path for chaski and the kernel: a client's kernel in a namespace of its own, `chaski link`, and behind that a
bridge with two servers on it, chaski over a TAP link and the kernel in a third namespace. Both
send with CUBIC to the same client, so the receiver, the link, its queue and its chances are the
same for both; they take turns, and in each round both meet the same seed: loss falls on packets of the
wire's size, also where they travel as one frame that is still to be cut, and mostly on the same ones.
All loss is on the way of the data. chaski sleeps between frames (--sleep) as the kernel does, since the
cores are shared with the link. Neither the receiver's window nor the sender's buffer is to be what
limits, so both may grow to 64 MB, and the receiver's begins with 4: with 128 kB, a burst that its
reader was too late for costs a round trip of slow start.

A measurement takes 20 s where the round trip is 50 ms or more. Chance decides most of what a sender gets in
it, above all how long the first slow start lasts; but packets are lost by their number, so in a round
both have the same luck, and the rounds' ratios vary far less than the rates. A row gives their median, and their
geometric mean with the interval that contains the true one with 95 % (Student's, of the logarithms). Every
round counts, and is as long as every other.

Where rates are so low that the processors are idle most of the time (a round trip of 50 ms or more, 0.1 % loss or
more), several paths (--paths) of the same kind are measured on at once, each with its own namespaces,
servers and seeds; while one half measures chaski the other one measures the kernel. How late the links
were is in the table.

Measured are goodput against loss and against the round trip, the other way round (the kernel sends to
either), congestion window and goodput over time, and how several flows, chaski's and the kernel's,
share the path.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import lab  # noqa: E402
from limits import at_least  # noqa: E402
import page  # noqa: E402
import rounds  # noqa: E402

BUILD = ROOT / "build"
OUT = BUILD / "bench"
CLIENT, CHASKI, KERNEL = "10.81.0.1", "10.81.0.2", "10.81.0.3"
SERVERS = {"chaski": CHASKI, "kernel": KERNEL}
COLOURS = {"chaski": "#c8402f", "kernel": "#7a8a99"}
RATE, QUEUE = "1gbit", "4mb"
# 1 Gbit/s at 200 ms are 25 MB, and CUBIC wants to overshoot.
SEND, RECEIVE = "4096 131072 67108864", "4096 4194304 67108864"
SETTINGS = {"ipv4/tcp_wmem": SEND, "ipv4/tcp_rmem": RECEIVE, "ipv4/tcp_no_metrics_save": "1",
            "ipv6/conf/default/disable_ipv6": "1"}

LOSSES = [0, 0.01, 0.1, 0.5, 1, 2, 5]  # per cent, at 50 ms
PROMISED = [0.1, 1]  # of these: at least the kernel's
LIGHT_MS, LIGHT_LOSS = 50, 0.1  # from these on the processors are idle most of the time
RECEIVING = [0, 0.01]  # likewise, the kernel sends
LONG_MS, SHORT_SECONDS = 50, 8  # what comes round sooner is measured for less long
ROUND_TRIPS = [1, 5, 20, 50, 100, 200]  # ms, at 0.1 %
OVER_TIME = [0, 0.1, 1]  # per cent, at 50 ms
# Which flows share a path of 100 Mbit/s, 20 ms.
FAIR = [("2 of chaski", 2, 0), ("2 of the kernel", 0, 2), ("1 and 1", 1, 1),
        ("16 of chaski", 16, 0), ("16 of the kernel", 0, 16), ("8 and 8", 8, 8)]


def progress(text):
    if sys.stderr.isatty():
        print("\r" + text.ljust(78) + "\r", end="", file=sys.stderr, flush=True)


# ---- The path -----------------------------------------------------------------------------------

def namespace():
    """A network namespace: the process that keeps it, and what to put before commands there."""
    ours = os.readlink("/proc/self/ns/net")
    process = lab.spawn(["unshare", "-n", "sleep", "infinity"])
    while os.readlink(f"/proc/{process.pid}/ns/net") == ours:
        time.sleep(0.01)
    prefix = ["nsenter", f"--net=/proc/{process.pid}/ns/net"]
    for name, value in SETTINGS.items():
        write = [*prefix, "tee", f"/proc/sys/net/{name}"]
        subprocess.run(write, input=value, text=True, check=True, stdout=subprocess.DEVNULL)
    return process, prefix


class Path:
    """The namespaces and the servers, for as long as the program runs; the link is made anew for each
    measurement. Interfaces that are side by side in our namespace bear the path's number."""

    def __init__(self, number):
        self.number, self.link = number, None
        self.bridge, self.near, self.tap = f"bridge{number}", f"kernel{number}", f"chaski{number}"
        lab.ip(f"link add {self.bridge} type bridge")
        lab.ip(f"link set {self.bridge} up")
        self.client_process, self.client = namespace()
        kernel_process, self.kernel = namespace()
        lab.ip(f"link add {self.near} type veth peer name far netns {kernel_process.pid}")
        lab.up("far", KERNEL + "/24", self.kernel)
        lab.ip(f"tuntap add dev {self.tap} mode tap")
        for name in (self.near, self.tap):
            lab.ip(f"link set {name} master {self.bridge} up")
        self.spawn(self.near, [*self.kernel, BUILD / "bench/peer-kernel"])
        self.spawn(self.tap, [BUILD / "chaski", "services", "--sleep", "--link", f"tap:{self.tap}",
                              "--addr", CHASKI + "/24", "--knob", f"tcp_wmem={SEND}", "--knob",
                              f"tcp_rmem={RECEIVE}"])

    @staticmethod
    def spawn(name, command):
        with open(OUT / f"wan-{name}.log", "w") as log:
            return lab.spawn([str(word) for word in command], stdout=log, stderr=log)

    def join(self, rtt_ms, loss, seed, rate=RATE, queue=QUEUE, lossy="--back"):
        """A new link from the client, A, to the bridge, B; loss is on one way only."""
        options = ["--delay", f"{rtt_ms / 2:g}ms", "--rate", rate, "--queue", queue, "--seed",
                   str(seed), "--json", lossy, "--loss", f"{loss:g}%"]
        client, servers = f"client{self.number}", f"servers{self.number}"
        self.link = lab.spawn([BUILD / "chaski", "link", client, servers, *options],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if "ready" not in self.link.stderr.readline():
            raise RuntimeError("chaski link: " + self.link.stderr.read())
        lab.ip(f"link set {servers} master {self.bridge} up")
        lab.ip(f"link set {client} netns {self.client_process.pid}")
        lab.up(client, CLIENT + "/24", self.client)
        for address in SERVERS.values():  # neighbours known, bridge learnt
            subprocess.run([*self.client, "ping", "-c", "1", "-W", "5", address], check=False,
                           stdout=subprocess.DEVNULL)

    def part(self, lossy="--back"):
        """Ends the link; returns its counters on the way of the data."""
        lab.stop(self.link)
        lines = self.link.stdout.read().splitlines()
        self.link.stdout.close()
        self.link.stderr.close()
        lab.spawned.remove(self.link)
        return json.loads(lines[-1] if lossy == "--back" else lines[-2])

    def flow(self, server, seconds, way="from"):
        command = [*self.client, BUILD / "bench/bench-client", SERVERS[server], way, str(seconds)]
        return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)


def goodput(flow):
    """Mbit/s of a flow that has been started; None with the reason on stderr."""
    out, error = flow.communicate(timeout=120)
    if flow.returncode != 0:
        print(f"  {error.strip()}", file=sys.stderr)
        return None
    return json.loads(out)["gbit_per_second"] * 1000


# ---- What a sender says of itself ---------------------------------------------------------------

def look_at_chaski(path):
    done = subprocess.run([BUILD / "chaski", "status", "--link", f"tap:{path.tap}", "--json"],
                          capture_output=True, text=True)
    for found in json.loads(done.stdout)["connections"] if done.returncode == 0 else []:
        if found["local"].endswith(":19") and "cwnd" in found:
            return {"cwnd": found["cwnd"], "mss": found["mss"], "acked": found["bytes_acked"],
                    "retransmitted": found["retransmitted"], "rtt_ms": found["rtt_us"] / 1000}
    return None


def look_at_kernel(path):
    shown = subprocess.run([*path.kernel, "ss", "-tinH", "sport", "=", ":19"], capture_output=True,
                           text=True).stdout

    def number(pattern):
        found = re.search(pattern, shown)
        return float(found.group(1)) if found else 0

    if "cwnd:" not in shown:
        return None
    return {"cwnd": number(r"cwnd:(\d+)"), "mss": number(r"\bmss:(\d+)"),
            "acked": number(r"bytes_acked:(\d+)"), "retransmitted": number(r"retrans:\d+/(\d+)"),
            "rtt_ms": number(r"\brtt:([\d.]+)")}


def watch(path, server, samples, done):
    begun = time.monotonic()
    while not done.wait(0.05):
        seen = look_at_chaski(path) if server == "chaski" else look_at_kernel(path)
        if seen:
            samples.append({"seconds": time.monotonic() - begun, **seen})


# ---- Measurements -------------------------------------------------------------------------------

def measure(path, server, rtt_ms, loss, seed, seconds, way):
    lossy = "--back" if way == "from" else "--there"
    path.join(rtt_ms, loss, seed, lossy=lossy)
    rate = goodput(path.flow(server, seconds, way))
    counters = path.part(lossy)
    return {"mbit_per_second": rate, "seed": seed, "seconds": seconds, "link": counters}


def sweep(paths, what, points, options, way="from"):
    """For each point (label, rtt, loss): samples of both, by rounds. Data comes from the server, or goes
    to it."""
    results = []
    for point in points:
        label, rtt_ms, loss = point
        light = rtt_ms >= LIGHT_MS and loss >= LIGHT_LOSS and way == "from"
        used = paths if light else paths[:1]
        progress(f"{what} {label}: {options.rounds} rounds on {len(used)} paths")
        with concurrent.futures.ThreadPoolExecutor(len(used)) as executor:
            taken = executor.map(lambda path: rounds_of(path, len(used), point, options, way), used)
        samples = {server: [] for server in SERVERS}
        for of_path in taken:
            for server in SERVERS:
                samples[server] += of_path[server]
        medians = {server: median(taken) for server, taken in samples.items()}
        results.append({"label": label, "rtt_ms": rtt_ms, "loss": loss, "samples": samples,
                        "medians": medians, **compare(samples)})
    progress("")
    return results


def rounds_of(path, paths, point, options, way):
    """What one path measures of a point."""
    _, rtt_ms, loss = point
    seconds = options.seconds if rtt_ms >= LONG_MS else min(options.seconds, SHORT_SECONDS)
    samples = {server: [] for server in SERVERS}
    for turn in range(options.rounds):
        seed = 100 + turn * paths + path.number
        order = list(SERVERS) if (turn + path.number) % 2 == 0 else list(SERVERS)[::-1]
        for server in order:
            samples[server].append(measure(path, server, rtt_ms, loss, seed, seconds, way))
    return samples


def median(samples):
    rates = [sample["mbit_per_second"] for sample in samples if sample["mbit_per_second"]]
    return statistics.median(rates) if rates else None


def compare(samples):
    """chaski's rates to the kernel's in the same rounds: chance is the same for both there."""
    return rounds.paired(zip(*([sample["mbit_per_second"] for sample in samples[server]] for server in SERVERS)))


def over_time(path, options):
    results = []
    for loss in options.over_time:
        series = {}
        for server in SERVERS:
            progress(f"over time, loss {loss:g} %: {server}")
            samples, done = [], threading.Event()
            path.join(50, loss, 100)
            watcher = threading.Thread(target=watch, args=(path, server, samples, done))
            watcher.start()
            rate = goodput(path.flow(server, options.seconds))
            done.set()
            watcher.join()
            series[server] = {"mbit_per_second": rate, "samples": samples, "link": path.part()}
        results.append({"loss": loss, "rtt_ms": 50, "series": series})
    progress("")
    return results


def jain(rates):
    """1 when all have the same; 1/n when one has everything."""
    squares = sum(rate * rate for rate in rates)
    return sum(rates) ** 2 / (len(rates) * squares) if squares else None


def fairness(path, options):
    results = []
    for label, chaski, kernel in FAIR:
        if chaski + kernel > options.flows:
            continue
        for turn in range(options.rounds):
            progress(f"fairness, {label}: round {turn + 1} of {options.rounds}")
            path.join(20, 0, 100 + turn, "100mbit", "500kb")
            names = ["chaski", "kernel"] * min(chaski, kernel)
            names += ["chaski"] * (chaski - kernel) + ["kernel"] * (kernel - chaski)
            flows = [path.flow(name, options.seconds) for name in names]
            rates = [goodput(flow) or 0 for flow in flows]
            results.append({"label": label, "flows": names, "rates": rates, "jain": jain(rates),
                            "link": path.part()})
    progress("")
    return results


# ---- What is shown ------------------------------------------------------------------------------

def show(value, digits=1):
    return "-" if value is None else f"{value:.{digits}f}"


def print_table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  ".join(cells).rstrip())
    print()


def spread(samples):
    rates = [sample["mbit_per_second"] for sample in samples if sample["mbit_per_second"]]
    return f"{min(rates):.1f} to {max(rates):.1f}" if rates else "-"


def lateness(result):
    """Of the links, on average: µs."""
    taken = [sample["link"]["late_mean_ns"] / 1000
             for samples in result["samples"].values() for sample in samples]
    return f"{statistics.mean(taken):.0f}"


def print_sweep(title, results):
    rows = [[title, "chaski", "kernel", "rounds", "ratio", "mean (95 %)", "chaski from to",
             "kernel from to", "late, µs", ""]]
    for result in results:
        chaski, kernel = result["medians"]["chaski"], result["medians"]["kernel"]
        promised = result["rtt_ms"] == 50 and result["loss"] in PROMISED
        missed = result["ratio"] is None or result["ratio"] < 1
        verdict = "" if not promised else "missed" if missed else "reached"
        rows.append([result["label"], show(chaski), show(kernel),
                     str(len(result["samples"]["chaski"])), show(result["ratio"], 2),
                     page.show_mean(result), *(spread(result["samples"][server]) for server in SERVERS),
                     lateness(result), verdict])
    print_table(rows)


def print_fairness(results):
    rows = [["fairness, 100 Mbit/s, 20 ms", "Jain", "chaski's share", "all, Mbit/s"]]
    for result in results:
        total = sum(result["rates"])
        own = sum(rate for name, rate in zip(result["flows"], result["rates"]) if name == "chaski")
        share = own / total if total else None
        rows.append([result["label"], show(result["jain"], 3), show(share, 2), show(total)])
    print_table(rows)


def plot_sweeps(pyplot, report):
    figure, axes = pyplot.subplots(1, 2, figsize=(12, 4.5))
    for axis, key, unit in ((axes[0], "loss", "loss, %"), (axes[1], "rtt_ms", "round trip, ms")):
        results = report["by_loss" if key == "loss" else "by_round_trip"]
        for server in SERVERS:
            axis.plot([str(result[key]) for result in results],
                      [result["medians"][server] for result in results], "o-", label=server,
                      color=COLOURS[server])
            for result in results:
                for sample in result["samples"][server]:
                    axis.plot(str(result[key]), sample["mbit_per_second"], ".", alpha=0.4,
                              color=COLOURS[server])
        axis.set_yscale("log")
        axis.set_xlabel(unit)
        axis.set_ylabel("goodput, Mbit/s")
        axis.legend()
    axes[0].set_title("1 Gbit/s, 50 ms")
    axes[1].set_title("1 Gbit/s, 0.1 % loss")
    finish(figure, "wan-goodput.png")


def plot_over_time(pyplot, results):
    figure, axes = pyplot.subplots(2, len(results), figsize=(4.5 * len(results), 7), squeeze=False)
    for column, result in enumerate(results):
        for server, series in result["series"].items():
            samples = series["samples"]
            times = [sample["seconds"] for sample in samples]
            axes[0][column].plot(times, [sample["cwnd"] for sample in samples], label=server,
                                 color=COLOURS[server])
            pairs = [(late["seconds"], (late["acked"] - early["acked"]) * 8e-6 /
                      (late["seconds"] - early["seconds"]))
                     for early, late in zip(samples[:-5], samples[5:])
                     if late["acked"] >= early["acked"]]
            axes[1][column].plot([pair[0] for pair in pairs], [pair[1] for pair in pairs],
                                 color=COLOURS[server])
        axes[0][column].set_title(f"1 Gbit/s, 50 ms, {result['loss']:g} % loss")
        axes[0][column].set_ylabel("window, segments")
        axes[1][column].set_ylabel("acknowledged, Mbit/s")
        axes[1][column].set_xlabel("seconds")
        axes[0][column].legend()
    finish(figure, "wan-time.png")


def plot_fairness(pyplot, results):
    figure, axis = pyplot.subplots(figsize=(11, 4.5))
    for place, result in enumerate(results):
        for number, (name, rate) in enumerate(zip(result["flows"], result["rates"])):
            offset = (number + 0.5) / len(result["flows"]) - 0.5
            axis.bar(place + 0.8 * offset, rate, width=0.8 / len(result["flows"]),
                     color=COLOURS[name])
    axis.set_xticks(range(len(results)), [result["label"] for result in results], rotation=20)
    axis.set_ylabel("goodput of each flow, Mbit/s")
    axis.set_title("100 Mbit/s, 20 ms: chaski red, kernel grey")
    finish(figure, "wan-fairness.png")


def finish(figure, name):
    figure.tight_layout()
    figure.savefig(OUT / name, dpi=110)


def plot(report):
    try:
        import matplotlib
    except ImportError:
        print("no plots: python3-matplotlib is not installed", file=sys.stderr)
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot
    plot_sweeps(pyplot, report)
    plot_over_time(pyplot, report["over_time"])
    if report["fairness"]:
        plot_fairness(pyplot, report["fairness"])


def read_options():
    about, *more = __doc__.split("\n\n")
    parser = argparse.ArgumentParser(prog="./dev bench wan", description=about, epilog="\n\n".join(more),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=at_least(1),
                        help="on each path, each with a seed of its own (5; --quick: 1)")
    parser.add_argument("--paths", type=at_least(1), default=4,
                        help="at once, where 50 ms or more and 0.1 %% loss or more leave processors idle (4)")
    parser.add_argument("--seconds", type=at_least(0.1, float), help="of each measurement (20; --quick: 3)")
    parser.add_argument("--quick", action="store_true",
                        help="one round of three seconds over fewer points")
    parser.add_argument("--promised", action="store_true",
                        help="only 50 ms with 0.1 and 1 %% loss, where the kernel's is to be reached")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.seconds = options.seconds or (3.0 if options.quick else 20.0)
    options.losses, options.round_trips, options.receiving = LOSSES, ROUND_TRIPS, RECEIVING
    options.over_time, options.flows = OVER_TIME, 16
    if options.quick:
        options.losses, options.round_trips = [0, 0.1, 1], [5]
        options.over_time, options.flows = [0.1], 2
    return options


def at_50_ms(losses):
    return [(f"{loss:g} % loss", 50, loss) for loss in losses]


def main():
    options = read_options()
    OUT.mkdir(parents=True, exist_ok=True)
    why_not = lab.enter()
    if why_not:
        sys.exit(f"./dev bench wan wants network namespaces: {why_not}")
    paths = [Path(number) for number in range(options.paths)]
    report = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
              "machine": f"{os.cpu_count()} cores, Linux {platform.release()}",
              "rounds": options.rounds, "paths": options.paths, "seconds": options.seconds,
              "rate": RATE, "queue": QUEUE, "congestion": "cubic"}
    if options.promised:
        report["by_loss"] = sweep(paths, "loss", at_50_ms(PROMISED), options)
        print_sweep("Mbit/s at 1 Gbit/s, 50 ms", report["by_loss"])
        (OUT / "wan-promised.json").write_text(json.dumps(report, indent=1) + "\n")
        return
    report["by_loss"] = sweep(paths, "loss", at_50_ms(options.losses), options)
    print_sweep("Mbit/s at 1 Gbit/s, 50 ms", report["by_loss"])
    report["receiving"] = sweep(paths, "receiving", at_50_ms(options.receiving), options, "to")
    print_sweep("the kernel sends, to", report["receiving"])
    report["by_round_trip"] = sweep(paths, "round trip", [(f"{rtt} ms", rtt, 0.1)
                                                         for rtt in options.round_trips], options)
    print_sweep("Mbit/s at 1 Gbit/s, 0.1 % loss", report["by_round_trip"])
    report["over_time"] = over_time(paths[0], options)
    report["fairness"] = fairness(paths[0], options)
    print_fairness(report["fairness"])
    (OUT / "wan.json").write_text(json.dumps(report, indent=1) + "\n")
    plot(report)
    print(f"kept in {OUT.relative_to(ROOT)}/: wan.json, wan-goodput.png, wan-time.png, wan-fairness.png")


if __name__ == "__main__":
    rounds.until_interrupted("./dev bench wan", main)

# SPDX-License-Identifier: BSD-2-Clause
"""HTTP requests per second under wrk: 64 connections that each ask for 100 bytes again and again. chaski's
services and nginx read a file; the others answer with the same bytes from memory, by the smallest server
that can."""
import re
import shutil
import subprocess

import peers
import rounds

TITLE = "HTTP"
CONNECTIONS = 64
FILES = ["nginx", "tap", "tap sleeping", "tap polling", "packet polling", "xdp polling"]
NAMES = ["nginx", "kernel", "tap", "tap sleeping", "tap polling", "packet polling", "xdp polling",
         "smallest", "smallest polling", "lwIP tap", "gVisor tap", "gVisor packet"]
UNITS = {"us": 1, "ms": 1000, "s": 1000000}


def in_us(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * UNITS[unit]


def wrk(server, seconds):
    # wrk counts in whole seconds, and its first tenth is for calibrating
    command = [*server.prefix, *rounds.on_core(0), "wrk", "-t1", f"-c{CONNECTIONS}",
               f"-d{max(1, round(seconds))}", "--latency", f"http://{server.address}/hundred.txt"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    if rate is None or "Non-2xx" in done.stdout:
        rounds.complain(f"wrk, {server.name}: {(done.stdout + done.stderr).strip()[-200:]}")
        return None
    times = dict(re.findall(r"(50|99)%\s+(\S+)", done.stdout))
    return {"per_second": float(rate.group(1)), "p50_us": in_us(times["50"]),
            "p99_us": in_us(times["99"]), "errors": "Socket errors" in done.stdout}


def measure(options, place):
    if shutil.which("wrk") is None:
        return {"title": TITLE, "missing": {"all": "wrk is not installed"}}
    names = place.there(NAMES)

    def one(name):
        server = place.start(name, 80)
        if server is None:
            return None
        taken = wrk(server, 2 * options.seconds)
        server.stop()
        return taken

    samples = rounds.alternate(names, options.rounds, one, "http")
    rows = []
    nginx = rounds.median(samples.get("nginx", []), "per_second")
    for name, taken in samples.items():
        rate = rounds.median(taken, "per_second")
        rows.append([title(name), rate, rounds.median(taken, "p50_us"),
                     rounds.median(taken, "p99_us"), rounds.ratio(rate, nginx)])
    table = {"title": f"HTTP, {CONNECTIONS} connections",
             "columns": ["", "requests per second", "p50, µs", "p99, µs", "to nginx"], "rows": rows}
    return {"title": TITLE, "missing": place.missing(NAMES), "rounds": options.rounds, "samples": samples,
            "tables": [table], "promises": []}


def title(name):
    return peers.TITLES[name] + (", a file" if name in FILES else ", from memory")

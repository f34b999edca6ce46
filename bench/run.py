#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""./dev bench [--quick] [--only NAME]... [--rounds N] [--seconds S]: chaski beside its peers, in one run.

Sections, each measured by turns and told in medians:

    memory    two hosts in one thread, and the kernel over its loopback device on one core
    shards    two shards beside one
    scale     1 to 1 000 000 connections, by one shard and two
    links     bulk, connections and echoes over TAP, AF_PACKET and AF_XDP; the kernel, lwIP, gVisor
    http      requests per second under wrk; nginx, lwIP, gVisor
    load      offered load up to saturation, and where what is lost was lost

What was measured is kept in build/bench/, as JSON and PNG, and the tables of docs/performance.md are
rewritten with it, unless the run was a quick one.
"""
import argparse
import json
import os
import pathlib
import platform
import time

import inside
import links
import load
import page
import peers
import plots
import rounds
import web
from limits import at_least  # in tools/, where peers looks

OUT = peers.BUILD / "bench"
PAGE = peers.ROOT / "docs/performance.md"
SECTIONS = {"memory": inside.measure_memory, "shards": inside.measure_shards,
            "scale": inside.measure_scale, "links": links.measure, "http": web.measure,
            "load": load.measure}
OVER_LINKS = ("links", "http", "load")


def read_options():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.split("\n\n")[0],
                                     epilog="\n\n".join(__doc__.split("\n\n")[1:]),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round; leaves the page alone")
    parser.add_argument("--only", action="append", choices=list(SECTIONS), metavar="NAME",
                        help="measure this section (repeatable)")
    parser.add_argument("--rounds", type=at_least(1), default=5)
    parser.add_argument("--seconds", type=at_least(0.01, float), default=0.3, help="of each measurement")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 0.2
    return options


def processor():
    with open("/proc/cpuinfo") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return names[0] if names else platform.machine()


def machine():
    return f"{os.cpu_count()} cores ({processor()}), Linux {platform.release()}"


def keep(sections):
    """Puts them beside what earlier runs measured of the others; returns everything."""
    path = OUT / "bench.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    kept.update(sections)
    path.write_text(json.dumps({name: kept[name] for name in SECTIONS if name in kept}, indent=1) + "\n")
    return {name: kept[name] for name in SECTIONS if name in kept}


def main():
    options = read_options()
    OUT.mkdir(parents=True, exist_ok=True)
    why_not = peers.lab.enter()
    place = None if why_not else peers.Lab(OUT)
    began, sections = time.monotonic(), {}
    for name in options.only or SECTIONS:
        if name in OVER_LINKS and why_not:
            sections[name] = {"title": name, "missing": {"all": why_not}}
        else:
            sections[name] = SECTIONS[name](options, place)
        sections[name]["machine"] = machine()
        sections[name]["time"] = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
        print(f"=== {sections[name]['title']} ({time.monotonic() - began:.0f} s)\n")
        page.print_section(sections[name])
    print("=== What was promised\n")
    page.print_table(page.PROMISE_COLUMNS, page.promise_rows(sections))
    if options.quick:
        (OUT / "quick.json").write_text(json.dumps(sections, indent=1) + "\n")
    else:
        page.rewrite(PAGE, keep(sections))
    plots.draw(sections, OUT)
    where = pathlib.Path(OUT).relative_to(peers.ROOT)
    print(f"kept in {where}/: {'quick.json' if options.quick else 'bench.json'} and pictures"
          + ("" if options.quick else f"; {PAGE.relative_to(peers.ROOT)} rewritten"))


if __name__ == "__main__":
    rounds.until_interrupted("./dev bench", main)

# SPDX-License-Identifier: BSD-2-Clause
"""Measuring by turns: A B C A B C ..., so that whatever the machine does meanwhile falls on all alike.

A sample is the JSON object that a program printed, or None when it failed; samples are kept as they came, and
what is said of them is the median.
"""
import json
import math
import os
import statistics
import subprocess
import sys


def until_interrupted(program, main):
    """Runs main(); whoever interrupts it gets a line and no traceback."""
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(f"\n{program}: interrupted; nothing of this run is kept")


def on_core(number):
    """What to put before a command so that it keeps to a core."""
    cores = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cores[number % len(cores)])]


def ask(command, seconds=60):
    """Runs a program that prints one JSON object: that, or None with the reason on stderr."""
    command = [str(word) for word in command]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        complain(f"{' '.join(command)}: no answer in {seconds} s")
        return None
    if done.returncode != 0:
        complain(f"{' '.join(command)}: {done.stderr.strip()}")
        return None
    return json.loads(done.stdout)


def complain(text):
    progress("")
    print("  " + text, file=sys.stderr)


def progress(text):
    if sys.stderr.isatty():
        print("\r" + text.ljust(78)[:78] + "\r", end="", file=sys.stderr, flush=True)


def alternate(names, rounds, measure, what):
    """{name: what measure(name) returned in each round}."""
    samples = {name: [] for name in names}
    for turn in range(rounds):
        for name in names:
            progress(f"{what}: round {turn + 1} of {rounds}, {name}")
            samples[name].append(measure(name))
    progress("")
    return samples


def median(samples, figure):
    """Of the samples that have the figure; None without any."""
    values = [sample[figure] for sample in samples if sample and sample.get(figure) is not None]
    return statistics.median(values) if values else None


def ratio(over, under):
    return over / under if over is not None and under else None


def students_t(freedom):
    """Its 97.5 % point; within a hundredth from three rounds on."""
    return 1.960 + 2.372 / freedom + 2.822 / freedom ** 2 + 2.556 / freedom ** 3 + 1.7 / freedom ** 4


def paired(pairs):
    """The ratios of pairs that were measured in the same round: their median, their geometric mean, and the interval
    that contains the true one with 95 % (Student's, of the logarithms). Pairs that lack one are left out."""
    logs = [math.log(over / under) for over, under in pairs if over and under]
    if not logs:
        return {"ratio": None, "mean_ratio": None, "interval": None}
    mean, interval = statistics.mean(logs), None
    if len(logs) > 1:
        margin = students_t(len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))
        interval = [math.exp(mean - margin), math.exp(mean + margin)]
    return {"ratio": math.exp(statistics.median(logs)), "mean_ratio": math.exp(mean),
            "interval": interval}


def promise(text, value, sign, target):
    """What was to be reached, and whether it was. `sign` is "<=" or ">=", or "==" for what is exact."""
    reached = None
    if value is not None:
        reached = {"<=": value <= target, ">=": value >= target, "==": value == target}[sign]
    return {"text": text, "value": value, "sign": sign, "target": target, "reached": reached}

# SPDX-License-Identifier: BSD-2-Clause
"""Loss at load: datagrams of 100 bytes are offered at a rate, up to more than anybody can echo, and wherever one
can be lost it is counted: refused by the client's kernel; lost between the client and the server, that is in
the device's queue, which the server does not see; dropped by the server after it had accepted them; lost in
the client's own socket. chaski is to drop nothing that it has accepted."""
import subprocess

import peers
import rounds

TITLE = "Loss at load"
BYTES = 100
RATES = [50_000, 100_000, 200_000, 400_000, 800_000, 1_600_000]
NAMES = ["kernel", "tap", "tap polling", "tap shards", "packet polling", "xdp polling", "lwIP tap"]
NOT_OURS = ("drop.ethernet_not_ours", "drop.ip4_not_ours")  # others' packets are nobody's loss
WARM_UP = 20_000  # datagrams a second, before anything is counted


def kernel_counts():
    """The kernel as a server: what it had no room for in the socket it had accepted before."""
    with open("/proc/net/snmp") as file:
        names, values = [line.split()[1:] for line in file if line.startswith("Udp:")]
    found = dict(zip(names, map(int, values)))
    return {"accepted": found["InDatagrams"] + found["InErrors"], "dropped": found["InErrors"],
            "answered": found["OutDatagrams"]}


def chaski_counts(counters):
    """What it sent counts as datagrams: among its frames are requests for addresses, which nobody misses."""
    return {"accepted": counters.get("link.frames_received", 0),
            "dropped": sum(value for name, value in counters.items()
                           if name.startswith("drop.") and name not in NOT_OURS),
            "answered": counters.get("udp.datagrams_sent", 0)}


def counts(server):
    """What the server counts; nothing for peers that count nothing."""
    if server.name == "kernel":
        return kernel_counts()
    counters = server.counters()
    return chaski_counts(counters) if counters is not None else {}


def one_rate(server, seconds, rate):
    before = counts(server)
    taken = server.client("load", seconds, BYTES, rate)
    if taken is None:
        return None
    taken.update({name: value - before[name] for name, value in counts(server).items()})
    if "accepted" in taken:
        # neighbour discovery is among what chaski counts, so a few more may be accepted than sent
        taken["before"] = max(0, taken["sent"] - taken["accepted"])
        taken["behind"] = max(0, taken["answered"] - taken["received"])
    return taken


def measure(options, place):
    names = place.there(NAMES)

    def one(name):
        server = place.start(name)
        if server is None:
            return None
        server.client("load", 0.05, BYTES, WARM_UP)
        taken = []
        for rate in RATES:
            rounds.progress(f"load, {name}: {rate} a second")
            taken.append(one_rate(server, options.seconds, rate))
        server.stop()
        return taken

    samples = rounds.alternate(names, max(1, options.rounds // 2), one, "load")
    points = {name: [merge([sample[i] for sample in taken if sample]) for i in range(len(RATES))]
              for name, taken in samples.items()}
    dropped = [point["dropped"] for name, taken in points.items() if name not in ("kernel", "lwIP tap")
               for point in taken if point and "dropped" in point]
    promise = rounds.promise("datagrams that chaski accepted and then dropped, at any load",
                             sum(dropped) if dropped else None, "==", 0)
    return {"title": TITLE, "missing": place.missing(NAMES), "samples": samples, "points": points,
            "tables": [table(points)], "promises": [promise]}


def merge(samples):
    """Rates are medians; whatever was lost adds up."""
    samples = [sample for sample in samples if sample]
    if not samples:
        return None
    point = {"offered_per_second": samples[0]["offered_per_second"],
             "sent_per_second": rounds.median(samples, "sent_per_second")}
    for name in ("sent", "refused", "received", "overflowed", "accepted", "dropped", "answered",
                 "before", "behind"):
        found = [sample[name] for sample in samples if name in sample]
        if found:
            point[name] = sum(found)
    point["answered_share"] = point["received"] / max(1, point["sent"])
    return point


def table(points):
    columns = ["", "offered a second", "sent a second", "answered", "refused by the client's kernel",
               "lost before the server", "dropped by the server", "lost behind it"]
    rows = []
    for name, taken in points.items():
        for point in taken:
            if point is not None:
                rows.append([peers.TITLES[name], point["offered_per_second"], point["sent_per_second"],
                             f"{point['answered_share'] * 100:.2f} %", point["refused"],
                             point.get("before"), point.get("dropped"), point.get("behind")])
    return {"title": f"Datagrams of {BYTES} bytes, echoed", "columns": columns, "rows": rows}

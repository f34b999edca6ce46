# SPDX-License-Identifier: BSD-2-Clause
"""Over links: bulk both ways, connections, and echoes of four sizes; chaski by each kind of link in each way of
waiting, beside the kernel over the same veth pair, lwIP and gVisor."""
import peers
import rounds

TITLE = "Over links"
SIZES = (100, 500, 1400, 4096)
TIMES = {"p50_us": "p50", "mean_us": "mean", "p99_us": "p99", "p999_us": "p99.9"}
# A label, the client's arguments, and the figure of its answer.
RATES = [("to the server, Gbit/s", ("to",), "gbit_per_second"),
         ("from the server, Gbit/s", ("from",), "gbit_per_second"),
         ("connections per second", ("connections",), "per_second")]


def echo_label(size):
    return f"echo of {size} bytes, µs"


TESTS = [(label, arguments) for label, arguments, _ in RATES] + \
        [(echo_label(size), ("echo", size)) for size in SIZES]


def measure(options, place):
    wanted = peers.KERNEL + peers.CHASKI + peers.OTHERS
    names = place.there(wanted)

    def one(name):
        server = place.start(name)
        if server is None:
            return None
        taken = {}
        for label, (test, *rest) in TESTS:
            rounds.progress(f"links, {name}: {label}")
            taken[label] = server.client(test, options.seconds, *rest)
        server.stop()
        return taken

    samples = rounds.alternate(names, options.rounds, one, "links")
    section = {"title": TITLE, "missing": place.missing(wanted), "rounds": options.rounds,
               "seconds": options.seconds, "samples": samples}
    section["medians"] = {name: medians_of(taken) for name, taken in samples.items()}
    section["tables"] = tables(section["medians"])
    section["promises"] = promises(section["medians"])
    return section


def medians_of(taken):
    """{label: median}, {label of an echo: {time: median}} of one server's rounds."""
    by_label = {label: [sample[label] for sample in taken if sample] for label, _ in TESTS}
    medians = {label: rounds.median(by_label[label], figure) for label, _, figure in RATES}
    for size in SIZES:
        label = echo_label(size)
        medians[label] = {time: rounds.median(by_label[label], time) for time in TIMES}
    return medians


def tables(medians):
    rates = {"title": "Rates", "columns": ["", *(label for label, _, _ in RATES)],
             "rows": [[peers.TITLES[name], *(taken[label] for label, _, _ in RATES)]
                      for name, taken in medians.items()]}
    echoes = []
    for size in SIZES:
        label = echo_label(size)
        kernel = (medians.get("kernel") or {}).get(label, {}).get("p50_us")
        rows = [[peers.TITLES[name], *(taken[label][time] for time in TIMES),
                 rounds.ratio(taken[label]["p50_us"], kernel)] for name, taken in medians.items()]
        echoes.append({"title": label[0].upper() + label[1:], "rows": rows,
                       "columns": ["", *TIMES.values(), "p50 to the kernel's"]})
    return [rates, *echoes]


def promises(medians):
    def rate(name, number):
        return (medians.get(name) or {}).get(RATES[number][0])

    def to_the_kernel(name, size, time):
        return rounds.ratio(*((medians.get(who) or {}).get(echo_label(size), {}).get(time)
                              for who in (name, "kernel")))

    made = []
    for number, way in enumerate(("to", "from")):
        made.append(rounds.promise(f"bulk {way} chaski over TAP, to the kernel's over veth",
                                   rounds.ratio(rate("tap", number), rate("kernel", number)),
                                   ">=", 1.0))
        made.append(rounds.promise(f"bulk {way} chaski over TAP, to lwIP's",
                                   rounds.ratio(rate("tap", number), rate("lwIP tap", number)),
                                   ">=", 5.0))
    made.append(rounds.promise("connections per second over TAP, to lwIP's",
                               rounds.ratio(rate("tap", 2), rate("lwIP tap", 2)), ">=", 1.5))
    # Times of sleepers lie in two heaps, of which a median tells one only.
    for name, most, what, times in (("tap polling", 0.8, "TAP, polling", ("p50_us",)),
                                    ("tap sleeping", 1.0, "TAP, sleeping", ("p50_us", "mean_us")),
                                    ("xdp polling", 0.7, "AF_XDP, polling", ("p50_us",))):
        for size in SIZES:
            for time in times:
                made.append(rounds.promise(
                    f"echo of {size} bytes over {what}, {TIMES[time]}, to the kernel's (sleeping)",
                    to_the_kernel(name, size, time), "<=", most))
    return made

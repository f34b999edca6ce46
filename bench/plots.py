# SPDX-License-Identifier: BSD-2-Clause
"""Pictures of what was measured: one PNG a section."""
import sys

import page

OWN, OTHERS = "#c8402f", ["#7a8a99", "#a9b4bf", "#5b6770", "#c9ced3"]


def colour(label, number):
    return OWN if "chaski" in label else OTHERS[number % len(OTHERS)]


def bars(axis, title, labels, values):
    pairs = [(label, value) for label, value in zip(labels, values) if value is not None]
    drawn = axis.barh([label for label, _ in pairs], [value for _, value in pairs],
                      color=[colour(label, i) for i, (label, _) in enumerate(pairs)])
    axis.bar_label(drawn, [page.show(value) for _, value in pairs], padding=2, fontsize=8)
    axis.set_title(title, fontsize=10)
    axis.tick_params(labelsize=8)
    axis.margins(x=0.18)
    axis.invert_yaxis()


def columns_as_bars(pyplot, table, columns, path, title):
    """A picture with one group of bars for each of some columns of a table."""
    figure, axes = pyplot.subplots(1, len(columns), figsize=(5.5 * len(columns), 4.5), squeeze=False)
    labels = [row[0] for row in table["rows"]]
    for axis, column in zip(axes.flat, columns):
        bars(axis, table["columns"][column], labels, [row[column] for row in table["rows"]])
    finish(figure, path, title)


def links(pyplot, section, out):
    rates, *echoes = section["tables"]
    columns_as_bars(pyplot, rates, [1, 2, 3], out / "links-rates.png", "Over links: medians")
    figure, axes = pyplot.subplots(2, len(echoes), figsize=(5 * len(echoes), 9))
    for i, table in enumerate(echoes):
        labels = [row[0] for row in table["rows"]]
        bars(axes[0][i], table["title"] + ": p50", labels, [row[1] for row in table["rows"]])
        bars(axes[1][i], table["title"] + ": p99.9", labels, [row[4] for row in table["rows"]])
    finish(figure, out / "links-echo.png", "Echoes over links: medians of the rounds")


def http(pyplot, section, out):
    columns_as_bars(pyplot, section["tables"][0], [1, 3], out / "http.png", "HTTP under wrk")


def memory(pyplot, section, out):
    rows = [row for row in section["tables"][0]["rows"] if row[1] is not None]
    figure, axes = pyplot.subplots(2, (len(rows) + 1) // 2, figsize=(18, 4.5), squeeze=False)
    for axis, row in zip(axes.flat, rows):
        bars(axis, row[0], ["chaski", "kernel, loopback", "lwIP"], row[1:4])
    finish(figure, out / "memory.png", "In memory, one core")


def shards(pyplot, section, out):
    rows = section["tables"][0]["rows"]
    figure, axes = pyplot.subplots(1, len(rows), figsize=(5.5 * len(rows), 2.2), squeeze=False)
    for axis, row in zip(axes.flat, rows):
        bars(axis, f"{row[0]}: bulk, Gbit/s", ["chaski, one shard", "chaski, two shards"], row[1:3])
    finish(figure, out / "shards.png", "Two shards beside one, in memory")


def scale(pyplot, section, out):
    figure, axes = pyplot.subplots(1, 3, figsize=(15, 4.5))
    wanted = [("cycles_per_packet", "cycles a packet"), ("cycles_per_byte", "cycles a byte, 8 kB")]
    for axis, (name, title) in zip(axes, wanted):
        for shards, style in ((1, "o-"), (2, "s--")):
            points = [point for point in section["points"] if point["shards"] == shards and point[name]]
            axis.plot([point["connections"] for point in points], [point[name] for point in points],
                      style, color=OWN, label=f"{shards} shard{'s' if shards > 1 else ''}")
        axis.set_ylabel(title)
        axis.margins(y=0.1)
        axis.set_ylim(bottom=0)
        axis.legend()
    idle = [(int(count), sample["bytes_each_measured"]) for count, sample in section["idle"].items()
            if sample]
    axes[2].plot([count for count, _ in idle], [size for _, size in idle], "o-", color=OWN)
    axes[2].set_ylabel("bytes each, idle")
    axes[2].margins(y=0.1)
    axes[2].set_ylim(bottom=0)
    for axis in axes:
        axis.set_xscale("log")
        axis.set_xlabel("connections")
    finish(figure, out / "scale.png", "From one connection to a million")


def load(pyplot, section, out):
    figure, axes = pyplot.subplots(1, 2, figsize=(12, 4.5))
    for number, (name, taken) in enumerate(section["points"].items()):
        taken = [point for point in taken if point]
        own = name.split()[0] in ("tap", "packet", "xdp")
        style = {"color": None if own else OTHERS[number % len(OTHERS)],
                 "linestyle": "-" if own else "--", "marker": "o",
                 "label": ("chaski " if own else "") + name}
        offered = [point["offered_per_second"] for point in taken]
        axes[0].plot(offered, [point["sent_per_second"] * point["answered_share"] for point in taken],
                     **style)
        axes[1].plot(offered, [100 * (1 - point["answered_share"]) for point in taken], **style)
    axes[0].set_ylabel("answered a second")
    axes[1].set_ylabel("not answered, % of those sent")
    for axis in axes:
        axis.set_xscale("log")
        axis.set_xlabel("offered a second")
        axis.legend(fontsize=8)
    finish(figure, out / "load.png", "Offered load: datagrams of 100 bytes")


def finish(figure, path, title):
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


PICTURES = {"links": links, "http": http, "memory": memory, "shards": shards, "scale": scale, "load": load}


def draw(sections, out):
    """Draws those sections that there is a picture for."""
    try:
        import matplotlib
    except ImportError:
        print("no plots: python3-matplotlib is not installed", file=sys.stderr)
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot
    for name, section in sections.items():
        if name in PICTURES and section.get("tables"):
            PICTURES[name](pyplot, section, out)

# SPDX-License-Identifier: BSD-2-Clause
"""In memory: two hosts on a memory wire in one thread, several shards, and many connections. `chaski bench`
measures; the kernel beside it has both ends on one core too, over its loopback device."""
import peers
import rounds

PROGRAM = peers.BUILD / "chaski"
CLIENT, KERNEL = peers.BUILD / "bench/bench-client", peers.BUILD / "bench/peer-kernel"
COUNTS = [1, 100, 10_000, 100_000, 1_000_000]
FEW = 100  # what many connections are compared with
HELD = 10_000  # by the kernel: more files are seldom allowed
BYTES_A_CONNECTION = 3500  # both ends, with all that sending takes, and what the bench itself keeps


def bench(*arguments, seconds=300, program=(PROGRAM,)):
    return rounds.ask([*program, "bench", *arguments, "--json"], seconds)


# ---- Two hosts in one thread --------------------------------------------------------------------

class Loopback:
    """The kernel with both ends on one core."""

    def __init__(self, mtu):
        peers.lab.ip(f"link set lo mtu {mtu}")
        self.process = peers.lab.spawn([*rounds.on_core(0), KERNEL])
        peers.lab.wait_port("127.0.0.1", 7, self.process)

    def client(self, *arguments):
        return rounds.ask([*rounds.on_core(0), CLIENT, "127.0.0.1", *arguments])

    def stop(self):
        peers.lab.stop(self.process)
        peers.lab.spawned.remove(self.process)


def kernel_in_memory(mtu, seconds):
    kernel = Loopback(mtu)
    bulk = kernel.client("to", seconds) or {}
    echo = kernel.client("echo", seconds, 64) or {}
    connections = kernel.client("connections", seconds) or {}
    kernel.stop()
    return {"gbit_per_second": bulk.get("gbit_per_second"),
            "requests_per_second": 1e6 / echo["mean_us"] if echo else None,
            "connections_per_second": connections.get("per_second")}


def lwip_in_memory(_, seconds):
    figures = {}
    for test in ("bulk", "requests", "connections"):
        figures.update(rounds.ask([*rounds.on_core(0), peers.BUILD / "bench/lwip-memory", test,
                                   f"{seconds:g}"]) or {})
    return figures


def chaski_in_memory(mtu, seconds):
    return bench("memory", "--mtu", mtu, "--seconds", f"{seconds:g}")


def chaski_whole(mtu, seconds):
    return bench("memory", "--mtu", mtu, "--whole", "--seconds", f"{seconds:g}")


# What chaski's bench says, what that is, and what was promised of it at MTU 1500.
IN_MEMORY = [("gbit_per_second", "bulk, Gbit/s", 140),
             ("zero_copy_gbit_per_second", "bulk without copies, Gbit/s", 250),
             ("requests_per_second", "requests of 64 bytes a second, one after the other", None),
             ("connections_per_second", "a second with a new connection each", None)]
# What passes on the wire: its name, the MTU, and chaski's way of it. Linux's loopback device always takes
# segments of 64 kB.
WIRES = [("MTU 1500", 1500, "chaski"),
         ("MTU 1500, segments of 64 kB on the wire", 1500, "chaski, whole"),
         ("MTU 65535", 65535, "chaski")]


def memory_rows(samples):
    rows, promises = [], []
    for wire, mtu, way in WIRES:
        for figure, what, least in IN_MEMORY:
            chaski, kernel, lwip = (rounds.median(samples.get((who, mtu), []), figure)
                                    for who in (way, "kernel", "lwIP"))
            rows.append([f"{wire}: {what}", chaski, kernel, lwip, rounds.ratio(chaski, kernel),
                         rounds.ratio(chaski, lwip)])
            if least and mtu == 1500:
                promises.append(rounds.promise(f"in memory, {wire}: {what}", chaski, ">=", least))
    return rows, promises


def measure_memory(options, inside_lab):
    seconds = max(0.2, options.seconds)

    whos, missing = {"chaski": chaski_in_memory, "chaski, whole": chaski_whole}, {}
    if inside_lab:
        whos["kernel"] = kernel_in_memory
    else:
        missing["kernel"] = "no network namespace"
    if (peers.BUILD / "bench/lwip-memory").exists():
        whos["lwIP"] = lwip_in_memory
    else:
        missing["lwIP"] = "liblwip-dev is not installed"
    ways = [(who, mtu) for mtu in (1500, 65535) for who in whos
            if mtu == 1500 or who not in ("lwIP", "chaski, whole")]
    samples = rounds.alternate(ways, options.rounds, lambda way: whos[way[0]](way[1], seconds), "memory")
    rows, promises = memory_rows(samples)
    table = {"title": "Two hosts, one thread", "rows": rows,
             "columns": ["", "chaski", "kernel, loopback, one core", "lwIP", "to the kernel", "to lwIP"]}
    return {"title": "In memory", "tables": [table], "promises": promises, "missing": missing,
            "samples": {f"{who}, MTU {mtu}": taken for (who, mtu), taken in samples.items()}}


# ---- Several shards -----------------------------------------------------------------------------

def measure_shards(options, _):
    seconds = f"{max(0.5, 3 * options.seconds):g}"
    samples = rounds.alternate([1500, 65535], options.rounds,
                               lambda mtu: bench("shards", "--mtu", mtu, "--seconds", seconds), "shards")
    rows = [[f"MTU {mtu}", *(rounds.median(taken, figure) for figure in (
        "one_gbit_per_second", "gbit_per_second", "ratio", "processor_ratio"))] for mtu, taken in samples.items()]
    table = {"title": "Bulk by two shards, each with both ends in its thread",
             "columns": ["", "one shard, Gbit/s", "two, Gbit/s", "ratio", "ratio by processor time"],
             "rows": rows}
    promises = [rounds.promise("two shards in memory, to one", rows[0][3], ">=", 1.8)]
    return {"title": "Shards", "missing": {}, "tables": [table], "promises": promises,
            "samples": {str(mtu): taken for mtu, taken in samples.items()}}


# ---- Many connections ---------------------------------------------------------------------------

def available_bytes():
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("MemAvailable")) * 1024


def fits(count):
    return count * BYTES_A_CONNECTION < available_bytes()


def hold_in_kernel():
    """What an idle connection takes of the kernel, an end."""
    kernel = Loopback(65535)
    taken = kernel.client("hold", 1, HELD)
    kernel.stop()
    return taken


def measure_scale(options, inside_lab):
    counts = [count for count in COUNTS if fits(count) and (count < 1_000_000 or not options.quick)]
    missing = {f"{count} connections": "--quick" if options.quick else "not enough memory"
               for count in COUNTS if count not in counts}
    cases = [(count, shards) for count in counts for shards in (1, 2) if count >= shards]
    seconds = f"{max(0.2, options.seconds):g}"
    samples = rounds.alternate(
        cases, max(1, min(options.rounds, 3)),
        lambda case: bench("scale", "--count", case[0], "--shards", case[1], "--seconds", seconds), "scale")
    idle = {}
    for count in counts:
        rounds.progress(f"idle connections: {count}")
        idle[count] = bench("connections", "--count", count, "--seconds", seconds) if count >= 1000 else None
    held = {HELD: hold_in_kernel()} if inside_lab else {}
    rounds.progress("")
    return {"title": "Scale", "missing": missing, "promises": scale_promises(samples, idle),
            "tables": scale_tables(samples, idle, held),
            "points": [{"connections": count, "shards": shards,
                        **{figure: rounds.median(taken, figure) for figure in FIGURES}}
                       for (count, shards), taken in samples.items()],
            "idle": {str(count): sample for count, sample in idle.items()},
            "samples": {f"{count} by {shards}": taken for (count, shards), taken in samples.items()}}


FIGURES = ["cycles_per_packet", "packets_per_exchange", "cycles_per_exchange", "cycles_per_byte",
           "connections_per_second"]


def scale_tables(samples, idle, held):
    rows = []
    for (count, shards), taken in samples.items():
        few = rounds.median(samples.get((FEW, shards), []), "cycles_per_packet")
        cells = [rounds.median(taken, figure) for figure in FIGURES]
        if count < HELD:
            cells[-1] = None  # over before it can be measured
        rows.append([f"{count}, {shards} shard{'s' if shards > 1 else ''}", *cells[:1],
                     rounds.ratio(cells[0], few), *cells[1:]])
    active = {"title": "Each connection sends now and then (both ends counted)", "rows": rows,
              "columns": ["connections", "cycles a packet", f"to {FEW}", "packets an exchange",
                          "cycles an exchange", "cycles a byte (8 kB)", "opened a second"]}
    rows = []
    for count, sample in idle.items():
        if sample:
            rows.append([str(count), sample["bytes_each_measured"], sample["gbit_per_second_alone"],
                         sample["gbit_per_second_among"], sample["ratio"],
                         (held.get(count) or {}).get("bytes_each")])
    quiet = {"title": "Idle connections, and bulk on one among them", "rows": rows,
             "columns": ["connections", "bytes each", "alone, Gbit/s", "among them, Gbit/s", "ratio",
                         "bytes each in the kernel"]}
    return [active, quiet]


def scale_promises(samples, idle):
    def cost(count):
        return rounds.median(samples.get((count, 1), []), "cycles_per_packet")

    most = max(count for count, _ in samples)
    sample = idle.get(most)
    return [rounds.promise(f"each of {most} idle connections, bytes",
                           sample and sample["bytes_each_measured"], "<=", 400),
            rounds.promise(f"cost of a packet among {most} connections, to that among {FEW}",
                           rounds.ratio(cost(most), cost(FEW)), "<=", 1.5)]

#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""./dev demo: the kernel on one end of a TAP link, chaski on the other, both ways; where no TAP link
can be had, or with --memory, the same between two chaski hosts on a memory wire.

Everything happens in network namespaces of its own and is gone at the end; only the capture stays,
in build/demo/. Exit code 1 when something did not work.
"""
import argparse
import hashlib
import heapq
import http.server
import json
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading

import lab

ROOT = pathlib.Path(__file__).resolve().parent.parent
CHASKI = ROOT / "build/chaski"
BENCH = ROOT / "build/bench"
OUT = ROOT / "build/demo"
CAPTURE = OUT / "demo.pcap"
BIG = 32 << 20
SECONDS = 2
bad = []


def title(text):
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def verdict(good, text):
    print(("  good: " if good else "  BAD:  ") + text, flush=True)
    if not good:
        bad.append(text)


def run(*command, show=True, **options):
    words = [str(word) for word in command]
    if show:
        print("$", " ".join(words).replace(str(ROOT) + "/", ""), flush=True)
    return subprocess.run(words, capture_output=True, timeout=120, **options)


def indent(output, lines=12):
    for line in output.decode(errors="replace").splitlines()[:lines]:
        print("  " + line)


def checksum(data):
    return hashlib.sha256(data).hexdigest()[:16]


def compare(what, sent, received):
    verdict(sent == received, f"{what}: {len(received)} bytes, SHA-256 {checksum(received)}... "
            f"{'at both ends' if sent == received else 'instead of ' + checksum(sent)}")


def make_files(folder):
    (folder / "more").mkdir(parents=True)
    (folder / "large.bin").write_bytes(random.Random(1).randbytes(BIG))
    (folder / "hello.txt").write_text("Run, chaski!\n")
    return (folder / "large.bin").read_bytes()


def show_services(large):
    title("ping")
    done = run("ping", "-n", "-c", 4, "-i", 0.2, "10.77.0.2")
    indent(done.stdout)
    verdict(done.returncode == 0, "chaski answers")

    title("curl fetches a large file and a directory page from chaski")
    compare("large.bin", large, run("curl", "-sS", "http://10.77.0.2/large.bin").stdout)
    page = run("curl", "-sS", "http://10.77.0.2/").stdout
    indent(page)
    verdict(b"large.bin" in page and b"hello.txt" in page, "the page names the files")

    title("echo over TCP and UDP")
    text = b"handed over at every station\n"
    for kind in ("TCP4", "UDP4"):
        done = run("socat", "-t", 2, "-", f"{kind}:10.77.0.2:7", input=text)
        verdict(done.stdout == text, f"{kind[:3]} echo: {done.stdout.decode().strip()!r}")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def show_fetch(folder, large, capture):
    title("chaski fetches from a server on the kernel's side (Python's http.server)")
    server = http.server.ThreadingHTTPServer(
        ("10.77.1.1", 8000), lambda *args: Quiet(*args, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    into = folder.parent / "fetched.bin"
    done = run(CHASKI, "fetch", "http://10.77.1.1:8000/large.bin", "-o", into, "--link",
               "tap:chaski1", "--addr", "10.77.1.2/24", "--capture", capture)
    indent(done.stdout + done.stderr)
    compare("large.bin", large, into.read_bytes() if into.exists() else b"")
    server.shutdown()


def start_services(link, address, *options):
    process = lab.spawn([CHASKI, "services", "--link", "tap:" + link, "--addr", address + "/24",
                         *options], stdout=subprocess.DEVNULL)
    lab.wait_port(address, 7, process)
    return process


def figures(address):
    def client(*arguments):
        done = run(BENCH / "bench-client", address, *arguments, show=False)
        return json.loads(done.stdout) if done.returncode == 0 else {}

    return {
        "to the server, Gbit/s": client("to", SECONDS).get("gbit_per_second"),
        "from the server, Gbit/s": client("from", SECONDS).get("gbit_per_second"),
        "echo of 100 bytes, p50 µs": client("echo", SECONDS, 100).get("p50_us"),
        "echo of 4096 bytes, p50 µs": client("echo", SECONDS, 4096).get("p50_us"),
        "connections per second": client("connections", SECONDS).get("per_second"),
    }


def show_speed():
    title("speed, measured by one client on the kernel's sockets "
          "(a chaski that records nothing)")
    start_services("chaski2", "10.77.2.2")
    far = lab.veth("veth", "10.77.3.1/24", "10.77.3.2/24")
    lab.wait_port("10.77.3.2", 7, lab.spawn([*far, BENCH / "peer-kernel"]))
    ours, kernels = figures("10.77.2.2"), figures("10.77.3.2")
    print(f"  {'':30}{'chaski over TAP':>17}{'kernel over veth':>18}")
    for name, value in ours.items():
        cells = ["failed" if cell is None else f"{cell:.1f}" for cell in (value, kernels[name])]
        print(f"  {name:30}{cells[0]:>17}{cells[1]:>18}")
    verdict(None not in ours.values(), "every measurement ended")


def record_speed(capture):
    """What the measurements look like on the wire: recording all of it would be what is measured."""
    title("the same traffic again for the capture, for a moment, headers only")
    services = start_services("chaski3", "10.77.4.2", "--capture", capture, "--snap", "128")
    tests = (("to", 0.05), ("from", 0.05), ("echo", 0.1, 100), ("echo", 0.1, 4096),
             ("connections", 0.1))
    done = [run(BENCH / "bench-client", "10.77.4.2", *test, show=False) for test in tests]
    good = all(one.returncode == 0 for one in done) and lab.stop(services) == 0
    verdict(good, "it is recorded")


def merge_captures(paths, into):
    """Puts pcap files of one kind together by time."""
    def records(path):
        with open(path, "rb") as file:
            header = file.read(24)
            little = header[0] in (0xd4, 0x4d)  # as magic numbers lie in the file
            while len(head := file.read(16)) == 16:
                seconds, part, length, _ = struct.unpack("<4I" if little else ">4I", head)
                yield (seconds, part), head + file.read(length)

    with open(into, "wb") as file:
        file.write(paths[0].read_bytes()[:24])
        for _, record in heapq.merge(*map(records, paths), key=lambda item: item[0]):
            file.write(record)


def show_capture(capture):
    title("what was on the wire")
    print(f"$ tcpdump -n -r {capture.relative_to(ROOT)} -c 12", flush=True)
    done = lab.tcpdump("-n", "-r", capture, "-c", 12)
    indent(done.stdout or done.stderr)
    ping = lab.tcpdump("-n", "-r", capture, "-c", 1, "icmp")  # wherever it stands: who waits for chaski may ask twice
    verdict(done.returncode == 0 and b"ICMP echo request" in ping.stdout,
            f"all of it is in {capture.stat().st_size >> 20} MB")


def over_tap(folder):
    print("A network namespace of our own: the kernel is 10.77.x.1, chaski is 10.77.x.2.")
    for number, network in enumerate((0, 1, 2, 4)):
        lab.tap(f"chaski{number}", f"10.77.{network}.1/24")
    large = make_files(folder / "www")
    captures = [folder / name for name in ("services.pcap", "fetch.pcap", "speed.pcap")]
    services = start_services("chaski0", "10.77.0.2", "--root", folder / "www",
                              "--capture", captures[0])
    show_services(large)
    show_fetch(folder / "www", large, captures[1])
    verdict(lab.stop(services) == 0, "the services ended when told to")
    show_speed()
    record_speed(captures[2])
    merge_captures(captures, CAPTURE)
    show_capture(CAPTURE)


def in_memory(why):
    print(f"{why} The same happens between two chaski hosts on a memory wire instead, "
          "without figures of the kernel's.")
    title("chaski demo")
    CAPTURE.unlink(missing_ok=True)
    command = [CHASKI, "demo", "--capture", CAPTURE]
    print("$", " ".join(map(str, command)).replace(str(ROOT) + "/", ""), flush=True)
    process = lab.spawn(command)
    try:
        verdict(process.wait(timeout=120) == 0, "chaski demo found nothing wrong")
    finally:
        lab.stop(process)  # it has files of its own to take away
    show_capture(CAPTURE)


def main():
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__.split("\n\n")[0])
    parser.add_argument("--memory", action="store_true",
                        help="between two chaski hosts on a memory wire, even where a TAP link can "
                        "be had")
    if parser.parse_args().memory:
        why_not = "No TAP link is wanted (--memory)."
    elif (problem := lab.enter()):
        why_not = f"No TAP link can be had here ({problem})."
    else:
        why_not = None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # not without what follows "finally"
    OUT.mkdir(parents=True, exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="chaski-demo-"))
    try:
        if why_not:
            in_memory(why_not)
        else:
            over_tap(folder)
    except KeyboardInterrupt:
        bad.append("interrupted")
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        verdict(False, str(error))
    finally:
        shutil.rmtree(folder)
    print("\nEverything worked." if not bad else "\nNot everything worked: " + "; ".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: BSD-2-Clause
"""`chaski link` between kernels in two network namespaces, and between a kernel and chaski."""
import json
import os
import re
import signal
import subprocess
import time
import unittest

import world
from world import lab, run

LEFT, RIGHT = "10.79.0.1", "10.79.0.2"

# Sends what it is told to for three seconds; prints what arrived.
SINK = """
import socket, sys
listener = socket.create_server((sys.argv[1], 5001))
print("ready", flush=True)
connection, total = listener.accept()[0], 0
while (piece := connection.recv(1 << 18)):
    total += len(piece)
print(total, flush=True)
"""
SOURCE = """
import socket, sys, time
connection = socket.create_connection((sys.argv[1], 5001))
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    connection.send(bytes(1 << 17))
connection.close()
"""


def namespace():
    """A network namespace that lasts as long as its process; returns process and prefix."""
    ours = os.readlink("/proc/self/ns/net")
    process = lab.spawn(["unshare", "-n", "sleep", "infinity"])
    while os.readlink(f"/proc/{process.pid}/ns/net") == ours:
        time.sleep(0.01)
    return process, ["nsenter", f"--net=/proc/{process.pid}/ns/net"]


class Link(world.LinkTest):
    def join(self, *options):
        """Two kernels, and the link between them."""
        left, self.left = namespace()
        right, self.right = namespace()
        self.link = lab.spawn([world.program, "link", "left", "right", *options],
                              stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.tidy, left, right)
        self.assertIn("ready", self.link.stdout.readline())
        for name, process, prefix, address in (("left", left, self.left, LEFT),
                                               ("right", right, self.right, RIGHT)):
            lab.ip(f"link set {name} netns {process.pid}")
            lab.up(name, address + "/24", prefix)

    def tidy(self, *processes):
        for process in (self.link, *processes):
            lab.stop(process)
        self.link.stdout.close()

    def ping(self, count, interval=0.02):
        done = run(*self.left, "ping", "-n", "-q", "-c", count, "-i", interval, "-W", 2, RIGHT)
        return done.stdout.decode()

    def counters(self):
        """What the link says as it ends: [there, back], by name; what is missing is 0."""
        self.assertEqual(lab.stop(self.link), 0)
        lines = [line for line in self.link.stdout.read().splitlines() if " -> " in line]
        return [dict((name, int(value)) for name, value in re.findall(r"(\w+) (\d+)", line))
                for line in lines[-2:]]

    def transfer(self, seconds):
        """A TCP stream from left to right; returns the bytes that arrived."""
        sink = lab.spawn([*self.right, "python3", "-c", SINK, RIGHT], stdout=subprocess.PIPE,
                         text=True)
        sink.stdout.readline()
        subprocess.run([*self.left, "python3", "-c", SOURCE, RIGHT, str(seconds)], check=True)
        total = int(sink.stdout.readline())
        sink.stdout.close()
        return total

    def test_delays_each_way_by_what_was_said(self):
        self.join("--there", "--delay", "20ms", "--back", "--delay", "10ms")
        self.ping(1)
        least = float(re.search(r"= ([0-9.]+)/", self.ping(20)).group(1))
        self.assertGreaterEqual(least, 30)
        self.assertLess(least, 31)

    def test_limits_the_rate(self):
        self.join("--delay", "2ms", "--rate", "100mbit", "--queue", "500kb")
        begun = time.monotonic()
        received = self.transfer(3)
        rate = received * 8 / (time.monotonic() - begun)
        self.assertGreater(rate, 60e6)
        there, _ = self.counters()
        self.assertLess(there["delivered_bytes"] * 8 / (time.monotonic() - begun), 101e6)
        self.assertGreater(there["packets"], there["frames"])

    def test_counts_what_it_loses(self):
        self.join("--there", "--loss", "20%", "--seed", "7")
        missing = 500 - int(re.search(r"(\d+) received", self.ping(500, 0.002)).group(1))
        there, back = self.counters()
        self.assertTrue(60 <= missing <= 140, missing)
        self.assertGreaterEqual(there["lost"], missing)
        self.assertNotIn("lost", back)

    def test_streams_survive_everything(self):
        self.join("--delay", "1ms", "--jitter", "1ms", "--loss", "0.5%", "--reorder", "1%",
                  "--duplicate", "1%", "--corrupt", "0.5%")
        self.assertGreater(self.transfer(2), 100000)
        there, _ = self.counters()
        for name in ("lost", "reordered", "duplicated", "corrupted"):
            self.assertGreater(there[name], 0, name)
        self.assertNotIn("malformed", there)

    def test_shows_counters_on_a_signal(self):
        self.join()
        self.ping(3)
        self.link.send_signal(signal.SIGUSR1)
        line = self.link.stdout.readline()
        self.assertRegex(line, r"^tap:left -> tap:right: frames \d+, ")
        self.assertIn("tap:right -> tap:left", self.link.stdout.readline())
        self.assertIsNone(self.link.poll())

    def test_ends_when_an_end_is_gone(self):
        self.join()
        lab.ip("link del left", self.left)
        self.ping(1)
        self.assertEqual(self.link.wait(10), 1)

    def test_ends_when_an_interface_is_gone(self):
        for state in ("up", "down"):
            lab.ip("link add near type veth peer name far")
            for name in ("near", "far"):
                lab.ip(f"link set {name} {state}")
            self.link = lab.spawn([world.program, "link", "packet:near", "made"], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True)
            self.assertIn("ready", self.link.stdout.readline())
            lab.ip("link del near")
            try:
                self.assertEqual(self.link.wait(10), 1, state)
            finally:
                self.tidy()

    def test_sets_up_what_it_made_and_names_what_is_down(self):
        lab.ip("tuntap add dev kept mode tap")
        self.addCleanup(lab.ip, "link del kept")
        self.link = lab.spawn([world.program, "link", "kept", "made"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.link.stderr.close)
        self.addCleanup(self.tidy)
        self.assertIn("ready", self.link.stdout.readline())
        self.assertIn("tap:kept is down", self.link.stderr.readline())
        self.assertIn(b"UP", run("ip", "-o", "link", "show", "dev", "made", "up").stdout)
        self.assertEqual(lab.stop(self.link), 0)
        self.assertEqual(self.link.stderr.read(), "")

    def test_joins_chaski_by_a_packet_socket(self):
        left, self.left = namespace()
        lab.ip("tuntap add dev path0 mode tap")
        lab.ip("link set path0 up")
        host = lab.spawn([world.program, "services", "--link", "tap:path0", "--addr", RIGHT + "/24"],
                         stdout=subprocess.DEVNULL)
        self.link = lab.spawn([world.program, "link", "left", "packet:path0", "--delay", "5ms",
                               "--loss", "0.1%", "--json"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lab.ip, "link del path0")
        self.addCleanup(self.link.stderr.close)
        self.addCleanup(self.tidy, left, host)
        self.assertIn("ready", self.link.stderr.readline())
        lab.ip(f"link set left netns {left.pid}")
        lab.up("left", LEFT + "/24", self.left)
        least = float(re.search(r"= ([0-9.]+)/", self.ping(20)).group(1))
        self.assertTrue(10 <= least < 11, least)
        code = ("import socket; c = socket.create_connection(('%s', 19)); n = 0\n"
                "while n < 1 << 22: n += len(c.recv(1 << 16))" % RIGHT)
        self.assertEqual(run(*self.left, "python3", "-c", code).returncode, 0)
        self.assertEqual(lab.stop(self.link), 0)
        there, back = [json.loads(line) for line in self.link.stdout.read().splitlines()]
        self.assertGreaterEqual(back["delivered_bytes"], 1 << 22)
        self.assertEqual(there["malformed"] + back["malformed"], 0)


class Complaint(unittest.TestCase):
    def test_of_what_is_wrong(self):
        for words, names in (
                (["a"], "A B is missing"),
                (["a", "b", "--delay", "25"], "25ms"),
                (["a", "b", "--loss", "0.1"], "0.1%"),
                (["a", "b", "--queue", "1mb"], "--rate"),
                (["wifi:a", "b"], "wifi:a"),
                (["packet:nowhere", "b"], "packet:nowhere"),
                (["tap:", "b"], "tap:")):
            done = run(world.program, "link", *words)
            self.assertEqual(done.returncode, 2, words)
            self.assertEqual(done.stdout, b"")
            self.assertEqual(done.stderr.count(b"\n"), 1)
            self.assertIn(names.encode(), done.stderr)

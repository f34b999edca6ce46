# SPDX-License-Identifier: BSD-2-Clause
"""chaski by several threads (services --shards), the kernel at the other end."""
import json
import re
import signal
import struct
import subprocess
import time

import world
from test_devices import CHARGEN, DISCARD, ECHO, FAR, FLOWS, NEAR, UDP_ECHO
from world import FILES, bytes_of, lab, run


class Shards(world.LinkTest):
    def serve(self, link, *options):
        """Serves on a link that exists; what it says is kept."""
        self.server = lab.spawn(
            [world.program, "services", "--link", link, "--addr", NEAR + "/24", "--root",
             str(world.folder / "www"), *map(str, options)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(self.stop)
        self.assertRegex(self.server.stdout.readline(), "^ready: .* shards: ")

    def stop(self):
        lab.stop(self.server)
        self.server.stdout.close()

    def tap(self, name, *mode):
        lab.ip(f"tuntap add dev {name} mode tap {' '.join(mode)}")
        self.addCleanup(run, "ip", "link", "del", name)
        lab.up(name, FAR + "/24")

    def work(self, *prefix):
        """Streams and datagrams, of many flows, both ways."""
        for program, size in ((FLOWS, 0), (ECHO, 4 << 20), (DISCARD, 16), (CHARGEN, 16),
                              (UDP_ECHO, 0)):
            done = run(*prefix, "python3", "-c", program, NEAR, size)
            self.assertEqual(done.returncode, 0, done.stderr.decode())
        done = run(*prefix, "curl", "-sS", "--max-time", 50, f"http://{NEAR}/big.bin")
        self.assertTrue(done.stdout == bytes_of("big.bin", FILES["big.bin"]), done.stderr)
        said = run(*prefix, "ping", "-n", "-c", 5, "-i", 0.05, "-W", 2, "-s", 4000, NEAR)
        self.assertIn(b"5 received", said.stdout)

    def ended(self):
        """What was said until the end."""
        self.server.send_signal(signal.SIGUSR1)
        time.sleep(0.5)
        self.server.send_signal(signal.SIGTERM)
        said = self.server.stdout.read()
        self.assertEqual(self.server.wait(10), 0, said)
        return said

    def test_one_queue_for_three_shards(self):
        self.tap("some0")
        self.serve("tap:some0", "--shards", 3)
        self.work()
        said = self.ended()
        self.assertIn("Shard  2", said)
        self.assertIn("shard.handed", said)
        self.assertNotIn("drop.shard_full", said)

    def test_a_queue_for_each_shard(self):
        self.tap("many0", "multi_queue")
        self.serve("tap:many0,queues=2", "--shards", 2)
        self.work()
        self.assertNotIn("drop.shard_full", self.ended())

    def test_two_queues_for_three_busy_shards(self):
        self.tap("many0", "multi_queue")
        self.serve("tap:many0,queues=2", "--shards", 3, "--busy-poll")
        self.work()
        self.assertNotIn("drop.shard_full", self.ended())

    def on_veth(self, kind):
        far = lab.veth("veth", None, FAR + "/24", "numrxqueues 2 numtxqueues 2")
        self.addCleanup(run, "ip", "link", "del", "veth")
        if kind == "xdp":
            self.need("ethtool")
            run(*far, "ethtool", "-K", "veth-far", "tx", "off")
        self.serve(f"{kind}:veth,queues=2", "--shards", 2)
        self.work(*far)
        self.assertNotIn("drop.shard_full", self.ended())

    def test_packet_sockets(self):
        self.on_veth("packet")

    def test_xdp_sockets(self):
        done = run(world.program, "services", "--link", "xdp:nosuch0", "--addr", NEAR + "/24")
        if b"built without" in done.stderr:
            self.skipTest("built without AF_XDP")
        self.on_veth("xdp")

    def test_a_device_that_is_gone(self):
        self.tap("some0")
        self.serve("tap:some0", "--shards", 2)
        lab.ip("link del some0")
        self.assertEqual(self.server.wait(10), 1)
        self.assertIn("the link tap:some0 is gone", self.server.stdout.read())

    def status(self, *options):
        done = run(world.program, "status", "--link", "tap:many0", *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode()

    def test_status_is_of_each_shard_and_of_all(self):
        self.tap("many0", "multi_queue")
        self.serve("tap:many0,queues=2", "--shards", 2)
        connections = [world.connect(7, NEAR) for _ in range(20)]
        for connection in connections:
            self.addCleanup(connection.close)
            connection.sendall(b"x")
            self.assertEqual(connection.recv(1), b"x")
        ports = {f"{FAR}:{connection.getsockname()[1]}" for connection in connections}
        status = json.loads(self.status("--json"))
        shard_of = {one["remote"]: one["shard"] for one in status["connections"]
                    if one["remote"] in ports}
        self.assertEqual(shard_of.keys(), ports)
        self.assertEqual(set(shard_of.values()), {0, 1})
        self.assertEqual(len(status["shards"]), 2)
        for label, value in status["counters"].items():
            self.assertEqual(sum(shard.get(label, 0) for shard in status["shards"]), value, label)
        text = self.status()
        for port, shard in shard_of.items():
            self.assertRegex(text, rf"(?m)^ +{shard} ESTAB.*{re.escape(port)} ")
        counted = re.search(r"(?m)^link.frames_received +(\d+) +(\d+) +(\d+) ", text)
        total, *each = (int(number) for number in counted.groups())
        self.assertEqual(sum(each), total)
        self.assertNotIn(0, each)

    def test_a_capture_has_the_frames_of_all_queues_in_order_of_time(self):
        path = world.folder / "shards.pcap"
        self.tap("many0", "multi_queue")
        self.serve("tap:many0,queues=2", "--shards", 2, "--capture", path)
        done = run("python3", "-c", FLOWS, NEAR, 0)
        self.assertEqual(done.returncode, 0, done.stderr)
        counted = re.search(r"received (\d+) frames .* sent (\d+) ", self.ended())
        capture, times, at = path.read_bytes(), [], 24
        while at < len(capture):
            seconds, fraction, kept, length = struct.unpack_from("=4I", capture, at)
            self.assertEqual(kept, length)
            times.append((seconds, fraction))
            at += 16 + kept
        self.assertGreaterEqual(len(times), sum(map(int, counted.groups())))
        self.assertEqual(times, sorted(times))
        text = lab.tcpdump("-nr", path).stdout.decode()
        for flags in ("Flags [S]", "Flags [S.]", "Flags [F.]"):
            self.assertIn(flags, text)

    def test_what_shards_cannot_do(self):
        for options, about in ((["--shards", 2, "--capture", "/nonexistent/x.pcap"], "/nonexistent"),
                               (["--shards", 0], "--shards"), (["--shards", 65], "--shards")):
            done = run(world.program, "services", "--link", "tap:chaski1", "--addr", NEAR + "/24",
                       *options)
            self.assertEqual(done.returncode, 2)
            self.assertIn(about, done.stderr.decode())
        self.tap("many0", "multi_queue")
        done = run(world.program, "services", "--link", "tap:many0,queues=3", "--addr", NEAR + "/24",
                   "--shards", 2)
        self.assertEqual(done.returncode, 2)
        self.assertIn("more queues than", done.stderr.decode())

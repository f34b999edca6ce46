# SPDX-License-Identifier: BSD-2-Clause
"""chaski by several threads (services --shards), the kernel at the other end."""
import signal
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
        self.assertIn("shard 2", said)
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

    def test_what_shards_cannot_do(self):
        for options, about in ((["--shards", 2, "--capture", "x.pcap"], "--capture"),
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

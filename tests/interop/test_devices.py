# SPDX-License-Identifier: BSD-2-Clause
"""chaski on one end of a veth pair, by each kind of link that shares an interface with the kernel; the
kernel of a second namespace on the other end.
"""
import re
import subprocess
import time

import world
from world import FILES, bytes_of, lab, run

NEAR, FAR, BESIDE = "10.81.0.2", "10.81.0.1", "10.81.0.3"
URL = f"http://{NEAR}"

# Programs for the kernel's end. Each ends with an exception when something is wrong.
ECHO = """
import random, socket, sys, threading
data = random.Random(1).randbytes(int(sys.argv[2]))
connection = socket.create_connection((sys.argv[1], 7), timeout=60)
threading.Thread(target=lambda: (connection.sendall(data), connection.shutdown(1))).start()
back = b"".join(iter(lambda: connection.recv(65536), b""))
assert back == data, len(back)
"""
DISCARD = """
import socket, sys
connection = socket.create_connection((sys.argv[1], 9), timeout=60)
for _ in range(int(sys.argv[2])):
    connection.sendall(bytes(1 << 20))
connection.shutdown(1)
assert connection.recv(1) == b""
"""
CHARGEN = """
import socket, sys
connection = socket.create_connection((sys.argv[1], 19), timeout=60)
left = int(sys.argv[2]) << 20
while left > 0:
    piece = connection.recv(1 << 18)
    assert piece
    left -= len(piece)
"""
UDP_ECHO = """
import socket, sys
client = socket.socket(type=socket.SOCK_DGRAM)
client.settimeout(10)
client.connect((sys.argv[1], 7))
for length in (0, 1, 18, 1000, 1472, 1473, 4000, 20000):
    client.send(bytes(length))
    assert client.recv(65536) == bytes(length), length
"""
FLOWS = """
import socket, sys
connections = [socket.create_connection((sys.argv[1], 7), timeout=10) for _ in range(32)]
for i, connection in enumerate(connections):
    connection.sendall(b"%4d" % i)
for i, connection in enumerate(connections):
    assert connection.recv(4, socket.MSG_WAITALL) == b"%4d" % i
"""


class Device:
    """What each kind must do. A subclass names it, and prepares the far end."""
    kind = None
    far_offloads = True
    max_mtu = 9000

    def setUp(self):
        super().setUp()
        self.need("ethtool")
        self.far, self.server = None, None

    def tearDown(self):
        if self.server is not None:
            lab.stop(self.server)
            self.server.stdout.close()
        if self.far is not None:
            run("ip", "link", "del", "veth")
        super().tearDown()

    def serve(self, *options, near=None, pair="", queues=""):
        """Makes the pair, and chaski on it."""
        if self.far is None:
            self.far = lab.veth("veth", near, FAR + "/24", pair)
            if not self.far_offloads:
                run(*self.far, "ethtool", "-K", "veth-far", "tx", "off")
        self.server = lab.spawn(
            [world.program, "services", "--link", f"{self.kind}:veth{queues}", "--addr",
             NEAR + "/24", "--root", str(world.folder / "www"), *options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = self.server.stdout.readline()
        if not said.startswith(f"ready: {self.kind}:veth, "):
            self.fail(said + self.server.stdout.read())

    def on_far(self, *command, code=0, **options):
        done = run(*self.far, *command, **options)
        self.assertEqual(done.returncode, code, done.stderr.decode() + done.stdout.decode())
        return done.stdout.decode(errors="replace")

    def python(self, program, *arguments):
        return self.on_far("python3", "-c", program, NEAR, *arguments)

    def curl(self):
        done = run(*self.far, "curl", "-sS", "--max-time", 50, URL + "/big.bin")
        self.assertTrue(done.stdout == bytes_of("big.bin", FILES["big.bin"]), done.stderr)

    def test_ping(self):
        self.serve()
        for size in (0, 56, 1472, 1473, 8000):
            said = self.on_far("ping", "-n", "-c", 5, "-i", 0.05, "-W", 2, "-s", size, NEAR)
            self.assertIn("5 received", said)

    def test_curl(self):
        self.serve()
        self.curl()

    def test_nc(self):
        self.need("nc")
        self.serve()
        data = bytes_of(3, 300_000)
        done = run(*self.far, "nc", "-N", NEAR, 7, input=data)
        self.assertTrue(done.stdout == data, done.stderr)

    def test_bulk_both_ways(self):
        self.serve()
        self.python(ECHO, 4 << 20)
        self.python(DISCARD, 64)
        self.python(CHARGEN, 64)
        self.assertNotIn("checksum", self.status())

    def test_udp(self):
        self.serve()
        self.python(UDP_ECHO)

    def test_without_sleep(self):
        self.serve("--busy-poll")
        self.python(ECHO, 4 << 20)
        self.assertEqual(lab.stop(self.server), 0)

    def test_with_the_interface_s_own_address(self):
        self.far = lab.veth("veth", None, FAR + "/24")
        if not self.far_offloads:
            run(*self.far, "ethtool", "-K", "veth-far", "tx", "off")
        mac = re.search(r"ether (\S+)", run("ip", "link", "show", "veth").stdout.decode()).group(1)
        self.serve("--mac", mac)
        self.curl()

    def test_several_queues(self):
        self.serve(pair="numrxqueues 2 numtxqueues 2", queues=",queues=2")
        self.python(FLOWS)
        self.curl()

    def test_another_mtu(self):
        self.serve("--mtu", "700")
        self.assertIn("mtu 700 ", run("ip", "link", "show", "veth").stdout.decode())
        self.on_far("ip", "link", "set", "veth-far", "mtu", 700)
        self.curl()
        self.python(DISCARD, 4)

    def test_the_largest_mtu(self):
        self.serve("--mtu", str(self.max_mtu), pair=f"mtu {self.max_mtu}")
        self.curl()
        self.python(ECHO, 1 << 20)

    def test_an_interface_that_is_down_for_a_while(self):
        self.serve()
        transfer = subprocess.Popen([*self.far, "python3", "-c", CHARGEN, NEAR, "1024"],
                                    stderr=subprocess.PIPE)
        time.sleep(0.5)
        lab.ip("link set veth down")
        time.sleep(0.5)
        self.assertIsNone(self.server.poll())
        lab.ip("link set veth up")
        errors = transfer.communicate(timeout=60)[1]
        self.assertEqual(transfer.returncode, 0, errors)
        self.curl()

    def assert_gone(self):
        lab.ip("link del veth")
        self.far = None
        self.assertEqual(self.server.wait(10), 1)
        self.assertIn(f"the link {self.kind}:veth is gone", self.server.stdout.read())

    def test_an_interface_that_is_gone(self):
        self.serve()
        self.assert_gone()

    def test_an_interface_that_is_gone_with_its_queues(self):
        self.serve(pair="numrxqueues 2 numtxqueues 2", queues=",queues=2")
        self.assert_gone()

    def test_an_interface_that_is_gone_while_it_is_down(self):
        self.serve()
        lab.ip("link set veth down")
        time.sleep(0.5)
        self.assertIsNone(self.server.poll())
        self.assert_gone()

    def test_what_cannot_be_opened(self):
        for link, about in ((f"{self.kind}:nosuch0", "there is no such interface"),
                            (f"{self.kind}:lo", "is not an Ethernet interface")):
            done = run(world.program, "services", "--link", link, "--addr", NEAR + "/24")
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"{link}: {about}", done.stderr.decode())

    def status(self):
        return run(world.program, "status", "--link", f"{self.kind}:veth").stdout.decode()


class Packet(Device, world.LinkTest):
    kind = "packet"

    def test_the_kernel_keeps_its_address_beside_us(self):
        self.serve(near=BESIDE + "/24")
        self.curl()
        self.assertIn("2 received", self.on_far("ping", "-n", "-c", 2, "-i", 0.1, BESIDE))

    def test_large_segments_pass_whole(self):
        self.serve()
        self.python(DISCARD, 64)
        self.python(CHARGEN, 64)
        said = self.status()
        frames, length = (int(re.search(rf"link\.{name}\s+(\d+)", said).group(1))
                          for name in ("frames_received", "bytes_received"))
        self.assertGreater(length / frames, 3000)


class Xdp(Device, world.LinkTest):
    kind = "xdp"
    far_offloads = False
    max_mtu = 9000

    def setUp(self):
        super().setUp()
        done = run(world.program, "services", "--link", "xdp:nosuch0", "--addr", NEAR + "/24")
        if b"built without" in done.stderr:
            self.skipTest("built without AF_XDP")

    def test_the_kernel_sees_nothing_of_it(self):
        self.serve(near=BESIDE + "/24")
        self.curl()
        self.on_far("ping", "-n", "-c", 1, "-W", 1, BESIDE, code=1)

    def test_another_start_after_being_killed(self):
        for options in (("--mtu", "1500"), ("--mtu", "9000"), ("--mtu", "1500")):
            for _ in range(2):
                self.serve(*options, pair="mtu 9000")
                self.curl()
                self.server.kill()
                self.server.wait()
                self.server.stdout.close()
            self.serve(*options)
            self.assertEqual(lab.stop(self.server), 0)
            self.server.stdout.close()

    def test_closing_gives_the_interface_back(self):
        self.serve(near=BESIDE + "/24")
        self.assertEqual(lab.stop(self.server), 0)
        self.assertIn("1 received", self.on_far("ping", "-n", "-c", 1, BESIDE))


class Dpdk(world.LinkTest):
    """On virtual devices that have the kernel at their other end."""

    def talk(self, link, prefix=(), ping=4000, udp=True):
        server = lab.spawn([world.program, "services", "--link", link, "--addr", NEAR + "/24"],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(lab.stop, server)
        said = server.stdout.readline()
        if "built without" in said:
            self.skipTest("built without DPDK")
        self.assertIn(f"ready: {link}, ", said)
        if not prefix:
            lab.up("dpdk0", FAR + "/24")
        done = run(*prefix, "ping", "-n", "-c", 3, "-i", 0.05, "-W", 2, "-s", ping, NEAR)
        self.assertIn(b"3 received", done.stdout)
        for program, amount in ((ECHO, 1 << 20), (DISCARD, 8), (CHARGEN, 8), (UDP_ECHO, 0))[:3 + udp]:
            done = run(*prefix, "python3", "-c", program, NEAR, amount)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(lab.stop(server), 0)

    def test_tap(self):
        self.talk("dpdk:net_tap0,iface=dpdk0")

    def test_af_packet(self):
        far = lab.veth("veth", None, FAR + "/24")
        self.addCleanup(run, "ip", "link", "del", "veth")
        run(*far, "ethtool", "-K", "veth-far", "tx", "off")
        # It has the kernel reassemble fragments, and drops what is then longer than a frame.
        self.talk("dpdk:net_af_packet0,iface=veth", far, ping=1400, udp=False)


class Tap(world.LinkTest):
    def test_several_queues(self):
        lab.ip("tuntap add dev many0 mode tap multi_queue")
        self.addCleanup(run, "ip", "link", "del", "many0")
        lab.up("many0", FAR + "/24")
        server = lab.spawn([world.program, "services", "--link", "tap:many0,queues=4", "--addr",
                            NEAR + "/24"], stdout=subprocess.DEVNULL)
        self.addCleanup(lab.stop, server)
        lab.wait_port(NEAR, 7, server)
        for program in (FLOWS, DISCARD, CHARGEN):
            done = run("python3", "-c", program, NEAR, 16)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_several_queues_of_a_device_with_one(self):
        done = run(world.program, "services", "--link", "tap:chaski1,queues=2", "--addr",
                   NEAR + "/24")
        self.assertEqual(done.returncode, 2)
        self.assertIn("mode tap multi_queue", done.stderr.decode())

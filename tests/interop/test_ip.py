# SPDX-License-Identifier: BSD-2-Clause
import socket

import world
from world import CHASKI, bytes_of, lab, run


class Ping(world.LinkTest):
    def ping(self, *arguments):
        done = run("ping", "-n", "-W", 2, *arguments, CHASKI)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(b" 0% packet loss", done.stdout)

    def test_of_every_size(self):
        for size in (0, 8, 56, 1000, 1472):
            self.ping("-c", 2, "-i", 0.01, "-s", size)

    def test_in_fragments(self):
        for size in (1473, 8000, 65507):
            self.ping("-c", 3, "-i", 0.01, "-s", size)

    def test_unfragmentable(self):
        self.ping("-c", 2, "-i", 0.01, "-s", 1472, "-M", "do")

    def test_flood(self):
        self.ping("-q", "-f", "-c", 5000)

    def test_after_the_neighbour_is_forgotten(self):
        lab.ip("neigh flush dev chaski0")
        self.ping("-c", 1)

    def test_short_time_to_live(self):
        self.ping("-c", 1, "-t", 1)

    def test_record_route_option(self):
        done = run("ping", "-n", "-R", "-c", 1, "-W", 2, CHASKI)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_nothing_answers_a_broadcast(self):
        done = run("ping", "-n", "-b", "-c", 2, "-i", 0.2, "-W", 1, "10.77.0.255")
        self.assertIn(b"100% packet loss", done.stdout)


class Udp(world.LinkTest):
    def socket(self, port):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(made.close)
        made.settimeout(5)
        made.connect((CHASKI, port))
        return made

    def test_echo_of_every_size(self):
        echo = self.socket(7)
        for length in (0, 1, 1000, 1472, 1473, 8000, 60000, 65507):
            data = bytes_of(length, length)
            echo.send(data)
            self.assertTrue(echo.recv(65536) == data, length)

    def test_echo_through_socat(self):
        self.need("socat")
        done = run("socat", "-t", 2, "-", f"UDP4:{CHASKI}:7", input=b"over socat")
        self.assertEqual(done.stdout, b"over socat")

    def test_echo_through_nc(self):
        self.need("nc")
        done = run("nc", "-u", "-w", 1, CHASKI, 7, input=b"over nc")
        self.assertEqual(done.stdout, b"over nc")

    def test_discard_says_nothing(self):
        discard = self.socket(9)
        discard.settimeout(0.5)
        discard.send(b"anything")
        with self.assertRaises(socket.timeout):
            discard.recv(1)

    def test_chargen_answers_each_datagram(self):
        chargen = self.socket(19)
        for _ in range(3):
            chargen.send(b"")
            self.assertLessEqual(len(chargen.recv(65536)), 512)

    def test_closed_port_is_unreachable(self):
        closed = self.socket(4711)
        closed.send(b"anybody?")
        with self.assertRaises(ConnectionRefusedError):
            closed.recv(1)

    def test_1000_datagrams_in_turn(self):
        echo = self.socket(7)
        for number in range(1000):
            echo.send(number.to_bytes(4, "big"))
            self.assertEqual(echo.recv(100), number.to_bytes(4, "big"))

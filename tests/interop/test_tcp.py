# SPDX-License-Identifier: BSD-2-Clause
import socket
import struct
import threading
import time

import world
from world import CHASKI, bytes_of, connect, lab, receive_all, run

ECHO, DISCARD, CHARGEN = 7, 9, 19


def send_beside(connection, data):
    """Sends in a thread, then ends our direction, while the caller reads."""

    def send():
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Tcp(world.LinkTest):
    def echo(self, length, **options):
        data = bytes_of(length, length)
        with connect(ECHO, **options) as connection:
            thread = send_beside(connection, data)
            self.assertTrue(receive_all(connection) == data, "other bytes came back")
            thread.join()

    def test_echo_of_4_megabytes(self):
        self.echo(4 << 20)

    def test_echo_with_the_smallest_segments(self):
        self.echo(100_000, TCP_MAXSEG=88)

    def test_echo_byte_by_byte(self):
        with connect(ECHO, TCP_NODELAY=1) as connection:
            for byte in range(256):
                connection.send(bytes([byte]))
            self.assertEqual(receive_all(connection, 256), bytes(range(256)))

    def test_half_close_still_receives(self):
        data = bytes_of(2, 50_000)
        with connect(ECHO) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            time.sleep(0.2)
            self.assertTrue(receive_all(connection) == data)

    def test_nc(self):
        self.need("nc")
        data = bytes_of(3, 300_000)
        done = run("nc", "-N", CHASKI, ECHO, input=data)
        self.assertTrue(done.stdout == data, done.stderr)

    def test_socat(self):
        self.need("socat")
        data = bytes_of(4, 300_000)
        done = run("socat", "-t", 10, "-", f"TCP4:{CHASKI}:{ECHO}", input=data)
        self.assertTrue(done.stdout == data, done.stderr)

    def test_discard_takes_bulk_and_ends_with_us(self):
        with connect(DISCARD) as connection:
            for _ in range(64):
                connection.sendall(bytes(1 << 20))
            connection.shutdown(socket.SHUT_WR)
            self.assertEqual(connection.recv(1), b"")

    def test_chargen_rotates_its_lines(self):
        with connect(CHARGEN) as connection:
            lines = receive_all(connection, 74 * 2000).split(b"\r\n")
        for before, line in zip(lines, lines[1:-1]):
            self.assertEqual(len(line), 72)
            self.assertEqual(line[:71], before[1:])

    def test_chargen_in_bulk(self):
        with connect(CHARGEN) as connection:
            self.assertEqual(len(receive_all(connection, 64 << 20)), 64 << 20)

    def test_nobody_listens(self):
        with self.assertRaises(ConnectionRefusedError):
            connect(4711)

    def test_resets_from_the_client(self):
        for _ in range(100):
            connection = connect(ECHO)
            connection.send(b"x" * 10_000)
            reset(connection)
        self.echo(1000)

    def test_reset_while_it_sends(self):
        for _ in range(20):
            connection = connect(CHARGEN)
            connection.recv(10_000)
            reset(connection)
        self.echo(1000)

    def test_close_with_unread_data(self):
        for _ in range(20):
            connection = connect(CHARGEN)
            connection.recv(10)
            connection.close()
        self.echo(1000)

    def test_client_stops_reading_and_resumes(self):
        with connect(CHARGEN, SO_RCVBUF=4096) as connection:
            first = receive_all(connection, 740)
            time.sleep(2.5)  # the window is shut, and probed
            lines = (first + receive_all(connection, 74 * 4000)).split(b"\r\n")
        for before, line in zip(lines, lines[1:-1]):
            self.assertEqual(line[:71], before[1:])

    def test_both_windows_exhausted(self):
        sent = bytearray()
        with connect(ECHO, SO_RCVBUF=8192, SO_SNDBUF=8192) as connection:
            connection.settimeout(1)
            try:
                while len(sent) < 1 << 28:
                    piece = bytes_of(len(sent), 65536)
                    sent += piece[:connection.send(piece)]
                self.fail("256 MB went in and nothing was read")
            except socket.timeout:
                pass
            connection.settimeout(30)
            connection.shutdown(socket.SHUT_WR)
            self.assertTrue(receive_all(connection) == sent)

    def test_300_connections_at_once(self):
        connections = [connect(ECHO) for _ in range(300)]
        for number, connection in enumerate(connections):
            connection.sendall(number.to_bytes(4, "big") * 1000)
        for number, connection in reversed(list(enumerate(connections))):
            self.assertEqual(receive_all(connection, 4000), number.to_bytes(4, "big") * 1000)
        for connection in connections:
            connection.close()

    def test_1000_connections_one_after_the_other(self):
        for number in range(1000):
            with connect(ECHO) as connection:
                connection.sendall(number.to_bytes(4, "big"))
                self.assertEqual(receive_all(connection, 4), number.to_bytes(4, "big"))

    def test_urgent_data_keeps_the_stream(self):
        with connect(ECHO, SO_OOBINLINE=1) as connection:
            connection.sendall(b"before")
            connection.send(b"!", socket.MSG_OOB)
            connection.sendall(b"after")
            connection.shutdown(socket.SHUT_WR)
            self.assertIn(receive_all(connection), (b"before!after", b"beforeafter"))

    def test_loss_and_delay(self):
        made = run("tc", "qdisc", "add", "dev", "chaski0", "root", "netem", "loss", "2%", "delay",
                   "3ms")
        if made.returncode != 0:
            self.skipTest("no netem: " + made.stderr.decode().strip())
        try:
            self.echo(1 << 20)
            with connect(CHARGEN) as connection:
                self.assertEqual(len(receive_all(connection, 4 << 20)), 4 << 20)
        finally:
            run("tc", "qdisc", "del", "dev", "chaski0", "root")

    def test_small_mtu_of_the_kernel(self):
        lab.ip("link set chaski0 mtu 576")
        try:
            self.echo(200_000)
        finally:
            lab.ip("link set chaski0 mtu 1500")

    def test_idle_server_sleeps(self):
        def woken():
            with open(f"/proc/{world.server.pid}/status") as status:
                return sum(int(line.split()[1]) for line in status if "ctxt_switches" in line)

        with connect(ECHO) as connection:
            connection.sendall(b"x")
            connection.recv(1)
            time.sleep(1)
            before = woken()
            time.sleep(3)
            self.assertLess(woken() - before, 10)

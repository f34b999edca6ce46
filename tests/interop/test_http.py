# SPDX-License-Identifier: BSD-2-Clause
import re

import world
from world import CHASKI, FILES, bytes_of, run

URL = f"http://{CHASKI}"


def curl(*arguments):
    return run("curl", "-sS", "--max-time", 50, *arguments)


def answer(request):
    """What the server says to raw bytes, up to its close."""
    with world.connect(80) as connection:
        connection.sendall(request)
        return world.receive_all(connection)


class Http(world.LinkTest):
    def body(self, path, *arguments):
        done = curl(*arguments, URL + path)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def status(self, path, *arguments):
        return self.body(path, "-o", "/dev/null", "-w", "%{http_code}", *arguments).decode()

    def test_get_of_each_size(self):
        for name, length in FILES.items():
            self.assertTrue(self.body("/" + name) == bytes_of(name, length), name)

    def test_head(self):
        header = self.body("/big.bin", "-I").decode().lower()
        self.assertIn("200", header.splitlines()[0])
        self.assertIn(f"content-length: {FILES['big.bin']}", header)

    def test_ranges(self):
        big = bytes_of("big.bin", FILES["big.bin"])
        for text, expected in (("100-199", big[100:200]), ("-100", big[-100:]),
                               (f"{len(big) - 5}-", big[-5:]), ("0-0", big[:1])):
            self.assertEqual(self.body("/big.bin", "-r", text), expected, text)
        self.assertEqual(self.status("/big.bin", "-r", "5-9"), "206")

    def test_range_beyond_the_end(self):
        self.assertEqual(self.status("/page.bin", "-r", "5000-6000"), "416")

    def test_keep_alive(self):
        url = URL + "/page.bin"
        done = curl("-w", "%{num_connects}", "-o", "/dev/null", url, "-o", "/dev/null", url)
        self.assertEqual(done.stdout, b"10")

    def test_directory_page(self):
        page = self.body("/").decode()
        for name in FILES:
            self.assertIn(name, page)
        self.assertIn('href="sub%20dir/"', page)

    def test_names_with_special_characters(self):
        page = self.body("/sub%20dir/").decode()
        link = re.search(r'href="([^"]*50[^"]*)"', page).group(1)
        self.assertEqual(self.body("/sub%20dir/" + link), b"found\n")

    def test_directory_without_slash_is_redirected(self):
        self.assertEqual(self.body("/sub%20dir", "-L"), self.body("/sub%20dir/"))

    def test_not_found(self):
        self.assertEqual(self.status("/nothing"), "404")

    def test_no_way_out_of_the_root(self):
        for path in ("/../secret.txt", "/%2e%2e/secret.txt", "/sub%20dir/../../secret.txt",
                     "/..%2fsecret.txt", "//secret.txt", "/way-out", "/%00"):
            done = curl("--path-as-is", "-w", "%{http_code}", URL + path)
            self.assertNotIn(b"secret\n", done.stdout, path)
            self.assertRegex(done.stdout[-3:], rb"40[034]", path)

    def test_other_methods(self):
        self.assertIn(self.status("/page.bin", "-X", "DELETE"), ("405", "501"))

    def test_what_is_not_http(self):
        self.assertRegex(answer(b"GARBAGE\r\n\r\n"), rb"^HTTP/1\.1 400 ")

    def test_endless_header_is_refused(self):
        reply = answer(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 100_000)
        self.assertRegex(reply, rb"^HTTP/1\.1 4(00|13|14|31) ")

    def test_http_1_0_closes(self):
        reply = answer(b"GET /one.bin HTTP/1.0\r\n\r\n")
        self.assertTrue(reply.endswith(b"\r\n\r\n" + bytes_of("one.bin", 1)))

    def test_pipelined_requests(self):
        request = b"GET /one.bin HTTP/1.1\r\nHost: a\r\n"
        reply = answer((request + b"\r\n") * 9 + request + b"Connection: close\r\n\r\n")
        self.assertEqual(reply.count(b"HTTP/1.1 200 "), 10)

    def test_request_byte_by_byte(self):
        request = b"GET /one.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        with world.connect(80, TCP_NODELAY=1) as connection:
            for byte in request:
                connection.send(bytes([byte]))
            self.assertRegex(world.receive_all(connection), rb"^HTTP/1\.1 200 ")

    def test_client_that_leaves_in_the_middle(self):
        for _ in range(20):
            with world.connect(80, SO_RCVBUF=4096) as connection:
                connection.sendall(b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n")
                connection.recv(1000)
        self.assertEqual(self.status("/one.bin"), "200")

    def test_wrk(self):
        self.need("wrk")
        done = run("wrk", "-t", 2, "-c", 50, "-d", "3s", f"http://{CHASKI}:80/page.bin")
        text = done.stdout.decode()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("Socket errors", text)
        self.assertNotIn("Non-2xx", text)
        self.assertGreater(int(re.search(r"(\d+) requests in", text).group(1)), 500)

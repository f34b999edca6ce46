# SPDX-License-Identifier: BSD-2-Clause
import functools
import http.server
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import world
from world import CHASKI, FILES, SECOND_CHASKI, SECOND_KERNEL, SECOND_LINK, bytes_of, lab, run

ADDR = ["--addr", "10.78.0.2/24"]
BAD_VALUES = {
    "no_subcommand": ([], "--help"),
    "unknown_subcommand": (["frobnicate"], "frobnicate"),
    "no_link": (["services", *ADDR], "--link"),
    "no_address": (["services", "--link", "tap:chaski1"], "--addr"),
    "unknown_kind_of_link": (["services", "--link", "wifi:a", *ADDR], "wifi:a"),
    "link_without_name": (["services", "--link", "tap:", *ADDR], "--link"),
    "link_name_too_long": (["services", "--link", "tap:" + "x" * 16, *ADDR], "--link"),
    "address_out_of_range": (["services", *SECOND_LINK[:2], "--addr", "10.78.0.256/24"], "--addr"),
    "address_without_prefix": (["services", *SECOND_LINK[:2], "--addr", "10.78.0.2"], "--addr"),
    "prefix_of_33": (["services", *SECOND_LINK[:2], "--addr", "10.78.0.2/33"], "--addr"),
    "prefix_of_0": (["services", *SECOND_LINK[:2], "--addr", "10.78.0.2/0"], "--addr"),
    "broadcast_address": (["services", *SECOND_LINK[:2], "--addr", "10.78.0.255/24"], "--addr"),
    "multicast_address": (["services", *SECOND_LINK[:2], "--addr", "224.0.0.1/24"], "--addr"),
    "gateway_elsewhere": (["services", *SECOND_LINK, "--gateway", "10.9.9.9"], "--gateway"),
    "mac_of_a_group": (["services", *SECOND_LINK, "--mac", "01:00:00:00:00:01"], "--mac"),
    "mac_not_hexadecimal": (["services", *SECOND_LINK, "--mac", "zz:00:00:00:00:01"], "--mac"),
    "mtu_too_small": (["services", *SECOND_LINK, "--mtu", "67"], "--mtu"),
    "knob_without_a_value": (["services", *SECOND_LINK, "--knob", "tcp_sack"], "NAME=VALUE"),
    "unknown_knob": (["services", *SECOND_LINK, "--knob", "tcp_sock=1"], "no such knob"),
    "knob_out_of_range": (["services", *SECOND_LINK, "--knob", "tcp_sack=2"], "does not take 2"),
    "mtu_not_a_number": (["services", *SECOND_LINK, "--mtu", "15oo"], "--mtu"),
    "unknown_option": (["services", *SECOND_LINK, "--frobnicate"], "frobnicate"),
    "option_without_value": (["services", *SECOND_LINK, "--root"], "--root"),
    "operand_too_many": (["services", *SECOND_LINK, "why"], "why"),
    "fetch_without_url": (["fetch", *SECOND_LINK, "-o", "x"], "URL"),
    "fetch_of_another_scheme": (["fetch", "ftp://10.78.0.1/x", *SECOND_LINK, "-o", "x"], "ftp"),
    "fetch_of_a_bad_port": (["fetch", "http://10.78.0.1:99999/", *SECOND_LINK, "-o", "x"], "99999"),
    "fetch_without_host": (["fetch", "http:///x", *SECOND_LINK, "-o", "x"], "http:///x"),
    "ping_without_address": (["ping", *SECOND_LINK], "ADDR"),
    "ping_of_a_name": (["ping", "localhost.example", *SECOND_LINK], "localhost.example"),
    "ping_minus_one_times": (["ping", SECOND_KERNEL, "-c", "-1", *SECOND_LINK], "-c"),
    "link_of_one_end": (["link", "a"], "A B"),
    "link_of_an_interface_with_itself": (["link", "a", "packet:a"], "packet:a"),
    "bench_of_nothing": (["bench"], "memory"),
    "bench_with_a_bad_mtu": (["bench", "memory", "--mtu", "1"], "--mtu"),
}


def links():
    return run("ip", "-o", "link").stdout.count(b"\n")


class Complaint(unittest.TestCase):
    """Exit code 2, one line on stderr that names the thing, nothing on stdout, nothing left."""

    def setUp(self):
        self.before = links()

    def complains(self, arguments, about, **options):
        done = run(world.program, *arguments, timeout=20, **options)
        error = done.stderr.decode()
        self.assertEqual(done.returncode, 2, error)
        self.assertEqual(error.count("\n"), 1, error)
        self.assertIn(about, error)
        self.assertEqual(done.stdout, b"")
        self.assertEqual(links(), self.before, "a link was left behind")


class CommandLine(Complaint):
    """One test for each of BAD_VALUES."""


def add_test(name, arguments, about):
    setattr(CommandLine, "test_" + name, lambda self: self.complains(arguments, about))


for bad, (words, thing) in BAD_VALUES.items():
    add_test(bad, words, thing)


class Environment(Complaint, world.LinkTest):
    """The same, where it is not the words that are wrong."""

    def setUp(self):
        world.LinkTest.setUp(self)
        Complaint.setUp(self)

    def test_missing_device(self):
        self.complains(["services", "--link", "tap:nosuch0", *ADDR], "nosuch0")

    def test_device_that_is_no_tap(self):
        self.complains(["services", "--link", "tap:lo", *ADDR], "lo")

    def test_device_in_use(self):
        self.complains(["services", "--link", "tap:chaski0", "--addr", "10.77.0.9/24"], "chaski0")

    def test_address_in_use(self):
        self.complains(["services", *SECOND_LINK[:2], "--addr", SECOND_KERNEL + "/24"],
                       SECOND_KERNEL)

    def test_missing_root(self):
        self.complains(["services", *SECOND_LINK, "--root", "/nonexistent"], "/nonexistent")

    def test_root_that_is_a_file(self):
        root = str(world.folder / "secret.txt")
        self.complains(["services", *SECOND_LINK, "--root", root], root)

    def test_capture_that_cannot_be_written(self):
        self.complains(["services", *SECOND_LINK, "--capture", "/nonexistent/a.pcap"],
                       "/nonexistent/a.pcap")

    def test_output_that_cannot_be_written(self):
        self.complains(["fetch", f"http://{SECOND_KERNEL}/", *SECOND_LINK, "-o", "/nonexistent/a"],
                       "/nonexistent/a")

    @unittest.skipIf(os.geteuid() != 0, "is root for this one")
    def test_no_privilege(self):
        with open("/proc/self/uid_map") as mapped:
            if mapped.read().split()[2] == "1":
                self.skipTest("no second user in this user namespace")
        program = shutil.copy(world.program, world.folder / "chaski")
        world.folder.chmod(0o755)
        self.complains_as_nobody([program, "services", *SECOND_LINK])

    def complains_as_nobody(self, command):
        program, world.program = world.program, "setpriv"
        try:
            self.complains(["--reuid=65534", "--regid=65534", "--clear-groups", *command],
                           "chaski1")
        finally:
            world.program = program


class Fetch(world.LinkTest):
    def setUp(self):
        super().setUp()
        handler = functools.partial(Handler, directory=str(world.folder / "www"))
        self.server = http.server.ThreadingHTTPServer((SECOND_KERNEL, 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = "http://{}:{}".format(*self.server.server_address)
        self.into = world.folder / "fetched"
        self.addCleanup(self.into.unlink, missing_ok=True)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def fetch(self, path, *options):
        return run(world.program, "fetch", self.url + path, "-o", self.into, *SECOND_LINK, *options)

    def test_file_of_each_size(self):
        for name, length in FILES.items():
            done = self.fetch("/" + name)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(self.into.read_bytes() == bytes_of(name, length), name)

    def test_answer_in_chunks(self):
        self.assertEqual(self.fetch("/chunked").returncode, 0)
        self.assertEqual(self.into.read_bytes(), b"one, two, three")

    def test_what_is_not_there(self):
        done = self.fetch("/nothing")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        self.assertIn(b"404", done.stderr)
        self.assertFalse(self.into.exists())

    def test_nobody_listens(self):
        self.url = f"http://{SECOND_KERNEL}:4711"
        done = self.fetch("/")
        self.assertEqual(done.returncode, 1)
        self.assertFalse(self.into.exists())

    def test_nobody_is_there(self):
        self.url = "http://10.78.0.77"
        done = self.fetch("/")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertFalse(self.into.exists())

    def test_body_that_ends_early(self):
        done = self.fetch("/short")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertFalse(self.into.exists())

    def test_capture_is_read_by_tcpdump(self):
        self.need("tcpdump")
        capture = world.folder / "fetch.pcap"
        self.assertEqual(self.fetch("/page.bin", "--capture", capture).returncode, 0)
        text = lab.tcpdump("-Anr", capture).stdout.decode()
        self.assertIn("ARP, Request", text)
        self.assertIn("Flags [S]", text)
        self.assertIn("GET /page.bin HTTP/1.1", text)

    def test_nginx(self):
        self.need("nginx")
        config = world.folder / "nginx.conf"
        config.write_text(NGINX.format(folder=world.folder, address=SECOND_KERNEL))
        nginx = lab.spawn(["nginx", "-p", str(world.folder), "-c", str(config)])
        self.addCleanup(lab.stop, nginx)
        lab.wait_port(SECOND_KERNEL, 8080, nginx)
        self.url = f"http://{SECOND_KERNEL}:8080"
        done = self.fetch("/big.bin")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(self.into.read_bytes() == bytes_of("big.bin", FILES["big.bin"]))


NGINX = """user root; daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{}}
http {{ access_log off; client_body_temp_path {folder}/nb; proxy_temp_path {folder}/np;
fastcgi_temp_path {folder}/nf; uwsgi_temp_path {folder}/nu; scgi_temp_path {folder}/ns;
server {{ listen {address}:8080; root {folder}/www; }} }}
"""


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files, and two answers that a file server does not give."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/chunked":
            self.answer({"Transfer-Encoding": "chunked"},
                        b"5\r\none, \r\na;x=y\r\ntwo, three\r\n0\r\nTrailer: x\r\n\r\n")
        elif self.path == "/short":
            self.answer({"Content-Length": "1000"}, b"not a thousand bytes")
            self.close_connection = True
        else:
            super().do_GET()

    def answer(self, headers, body):
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class PingOut(world.LinkTest):
    def ping(self, address, *options):
        return run(world.program, "ping", address, *SECOND_LINK, *options)

    def test_the_kernel(self):
        done = self.ping(SECOND_KERNEL, "-c", "3")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.decode().count("from " + SECOND_KERNEL), 3, done.stdout)

    def test_with_as_much_as_can_be(self):
        # Until the kernel's address is known, all but the last fragments wait for it in vain; a request
        # for it that is lost goes again after a second.
        done = self.ping(SECOND_KERNEL, "-c", "12", "-i", "0.25", "-s", "65507")
        self.assertIn(b"65515 bytes from", done.stdout)

    def test_nobody_is_there(self):
        done = self.ping("10.78.0.77", "-c", "1", "-W", "5")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(b"\nicmp_seq=1 the network reports the peer as unreachable", done.stdout)


class Demo(unittest.TestCase):
    """Needs no link. How long it measures is left short."""

    def demo(self, *options):
        return run(world.program, "demo", "--seconds", "0.1", *options)

    def test_works(self):
        before = set(pathlib.Path(tempfile.gettempdir()).glob("chaski-demo-*"))
        done = self.demo()
        text = done.stdout.decode()
        self.assertEqual(done.returncode, 0, text + done.stderr.decode())
        self.assertEqual(text.count("  good: "), 6, text)
        self.assertNotIn("BAD", text)
        self.assertNotIn("failed", text)
        after = set(pathlib.Path(tempfile.gettempdir()).glob("chaski-demo-*"))
        self.assertEqual(after - before, set(), "files were left behind")

    def test_capture_is_read_by_tcpdump(self):
        if shutil.which("tcpdump") is None:
            self.skipTest("tcpdump is not installed")
        capture = world.folder / "demo.pcap"
        self.addCleanup(capture.unlink, missing_ok=True)
        self.assertEqual(self.demo("--capture", capture).returncode, 0)
        done = lab.tcpdump("-Anr", capture)
        text = done.stdout.decode(errors="replace")
        self.assertEqual(done.returncode, 0, done.stderr)
        for part in ("ICMP echo request", "ICMP echo reply", "GET /large.bin HTTP/1.1",
                     "10.0.0.2.7: UDP", "10.0.0.2.7 > 10.0.0.1"):
            self.assertIn(part, text)

    def test_capture_that_cannot_be_written(self):
        done = self.demo("--capture", "/nonexistent/a.pcap")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        self.assertIn(b"/nonexistent/a.pcap", done.stderr)

    def test_nowhere_to_put_the_files(self):
        done = run(world.program, "demo", env={"TMPDIR": "/nonexistent"})
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        self.assertIn(b"/nonexistent", done.stderr)


    def test_of_dev_leaves_nothing_when_it_is_terminated(self):
        program = ("import pathlib, sys; sys.path.insert(0, sys.argv[1]); import demo;"
                   "demo.CHASKI, demo.OUT = map(pathlib.Path, sys.argv[2:4]); del sys.argv[1:4];"
                   "demo.ROOT = pathlib.Path('/'); demo.CAPTURE = demo.OUT / 'demo.pcap'; sys.exit(demo.main())")
        with tempfile.TemporaryDirectory() as folder:
            out, left = pathlib.Path(folder, "out"), pathlib.Path(folder, "left")
            left.mkdir()
            process = subprocess.Popen(
                [sys.executable, "-c", program, world.ROOT / "tools", world.program, out, "--memory"],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=os.environ | {"TMPDIR": str(left)})
            while process.stdout.readline().strip() != b"ping":
                self.assertIsNone(process.poll())
            process.terminate()
            self.assertIn(b"interrupted", process.stdout.read())  # as the program that it runs has heard
            self.assertEqual(process.wait(10), 143)
            self.assertEqual(list(left.iterdir()), [])


class Lifetime(world.LinkTest):
    """A service of its own, from its start to a signal."""

    def ends_cleanly(self, signal_number):
        server = lab.spawn([world.program, "services", *SECOND_LINK], stdout=subprocess.DEVNULL)
        lab.wait_port(SECOND_CHASKI, 7, server, 20)
        with world.connect(7, SECOND_CHASKI) as connection:
            connection.sendall(b"x")
            self.assertEqual(connection.recv(1), b"x")
            server.send_signal(signal_number)
            self.assertEqual(server.wait(10), 0)

    def test_ends_at_sigterm(self):
        self.ends_cleanly(signal.SIGTERM)

    def test_ends_at_sigint(self):
        self.ends_cleanly(signal.SIGINT)

    def ends_in_order_at_many_signals(self, *options):
        server = lab.spawn([world.program, "services", *SECOND_LINK, *options],
                           stdout=subprocess.PIPE)
        self.assertIn(b"ready: ", server.stdout.readline())
        for _ in range(10000):  # timeout(1) sends two, and people press Ctrl-C again
            if server.poll() is not None:
                break
            server.send_signal(signal.SIGINT)
            time.sleep(0.001)
        said = server.stdout.read()
        self.assertEqual(server.wait(10), 0)
        self.assertIn(b"ended after", said)

    def test_ends_in_order_at_many_signals(self):
        self.ends_in_order_at_many_signals()

    def test_ends_in_order_at_many_signals_with_shards(self):
        self.ends_in_order_at_many_signals("--shards", "2")

    def test_status_of_a_running_one(self):
        with world.connect(7) as connection:
            connection.sendall(b"x")
            done = run(world.program, "status")
            text = done.stdout.decode()
            self.assertEqual(done.returncode, 0, done.stderr)
            port = connection.getsockname()[1]
            self.assertIn(f"{world.KERNEL}:{port}", text)
            self.assertIn("link.frames_received", text)
            self.assertIn("ESTAB", text.upper())

    def test_output_that_cannot_be_written(self):
        for words in (["--help"], ["knobs"], ["ping", "--help"], ["status"]):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([world.program, *words], stdout=full, timeout=60,
                                      stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 1, words)
            self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
            self.assertIn(b"cannot be written", done.stderr)

    def test_help_of_each_subcommand(self):
        for words in ([], ["services"], ["fetch"], ["ping"], ["bench"], ["status"], ["demo"],
                      ["knobs"], ["link"]):
            done = run(world.program, *words, "--help")
            self.assertEqual(done.returncode, 0, words)
            self.assertGreater(done.stdout.count(b"\n"), 3, words)
            self.assertEqual(done.stderr, b"")
        for word in ("help", "-h"):
            self.assertEqual(run(world.program, word).stdout, run(world.program, "--help").stdout)

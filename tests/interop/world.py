# SPDX-License-Identifier: BSD-2-Clause
"""What the interop tests stand on: the kernel on one end of a TAP link, `chaski services` on the other,
and a second link for the programs that tests start themselves.
"""
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import lab  # noqa: E402

KERNEL, CHASKI = "10.77.0.1", "10.77.0.2"
SECOND_KERNEL, SECOND_CHASKI = "10.78.0.1", "10.78.0.2"
SECOND_LINK = ["--link", "tap:chaski1", "--addr", SECOND_CHASKI + "/24"]
FILES = {"big.bin": 8 << 20, "page.bin": 4096, "one.bin": 1, "empty.bin": 0}

program = None  # build-test/cli/chaski
no_link = None  # why there is no TAP link
server = None
folder = None  # holds www/, what the server serves, and the logs


def bytes_of(seed, length):
    return random.Random(seed).randbytes(length)


def start(build):
    global program, no_link, server, folder
    program = str(build / "cli/chaski")
    no_link = lab.enter()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="chaski-interop-"))
    make_files(folder / "www")
    if no_link:
        return
    lab.tap("chaski0", KERNEL + "/24")
    lab.tap("chaski1", SECOND_KERNEL + "/24")
    with open(folder / "server.log", "w") as log:
        server = lab.spawn([program, "services", "--link", "tap:chaski0", "--addr", CHASKI + "/24",
                            "--root", str(folder / "www")], stdout=log, stderr=log)
    lab.wait_port(CHASKI, 7, server, 20)


def make_files(www):
    www.mkdir()
    for name, length in FILES.items():
        (www / name).write_bytes(bytes_of(name, length))
    (www / "sub dir").mkdir()
    (www / "sub dir" / "50% & more.txt").write_text("found\n")
    (www.parent / "secret.txt").write_text("secret\n")
    (www / "way-out").symlink_to("../secret.txt")


def clean_up():
    if server is not None:
        lab.stop(server)
    shutil.rmtree(folder)


def run(*command, timeout=60, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, timeout=timeout,
                          **options)


def connect(port, address=CHASKI, **options):
    connection = socket.socket()
    connection.settimeout(30)
    for name, value in options.items():
        level = socket.IPPROTO_TCP if name.startswith("TCP_") else socket.SOL_SOCKET
        connection.setsockopt(level, getattr(socket, name), value)
    connection.connect((address, port))
    return connection


def receive_all(connection, length=None):
    """Reads `length` bytes, or up to the end of the stream."""
    received = bytearray()
    while length is None or len(received) < length:
        piece = connection.recv(65536 if length is None else min(65536, length - len(received)))
        if not piece:
            break
        received += piece
    return bytes(received)


class LinkTest(unittest.TestCase):
    """A test that needs the link; afterwards the server must still be there."""

    def setUp(self):
        if no_link:
            self.skipTest(no_link)

    def tearDown(self):
        if server is not None and server.poll() is not None:
            log = (folder / "server.log").read_text()
            self.fail(f"chaski services ended with {server.returncode}:\n{log[-4000:]}")

    def need(self, tool):
        if shutil.which(tool) is None:
            self.skipTest(f"{tool} is not installed")

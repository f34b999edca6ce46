#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""installed.py BUILD CC VERSION: installs the library into an empty directory, builds examples/echo_server.c
against it as a stranger would (pkg-config is all he asks), once shared and once static, and has it
echo on a TAP link. Prints TAP; without a TAP link the echoing is skipped.
"""
import os
import pathlib
import random
import shlex
import socket
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import lab  # noqa: E402

KERNEL, CHASKI = "10.0.0.1/24", "10.0.0.2"
# How he links; what the program must not need, or must, in order to start.
WAYS = {"shared": [], "static": ["-static"]}
STREAM = random.Random(7).randbytes(1 << 20)
told = 0


def tell(name, problem, remark=""):
    """One line of TAP, what went wrong as comments after it."""
    global told
    told += 1
    print("not ok" if problem else "ok", told, "-", name, remark, flush=True)
    for line in (problem or "").splitlines():
        print("#", line)
    return not problem


def install(build, directory):
    subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet"], check=True,
                   env={**os.environ, "DESTDIR": str(directory)}, stdout=subprocess.DEVNULL)


def pkg_config(directory, *words):
    """What pkg-config says when nothing but the installed library exists."""
    found = next(directory.rglob("chaski.pc")).parent
    environment = {**os.environ, "PKG_CONFIG_LIBDIR": str(found),
                   "PKG_CONFIG_SYSROOT_DIR": str(directory), "PKG_CONFIG_PATH": "",
                   "PKG_CONFIG_ALLOW_SYSTEM_CFLAGS": "1", "PKG_CONFIG_ALLOW_SYSTEM_LIBS": "1"}
    return shlex.split(subprocess.run(["pkg-config", *words, "chaski"], check=True, text=True,
                                      env=environment, stdout=subprocess.PIPE).stdout)


def compile_example(compiler, directory, way):
    """Returns the program's path and what the compiler complained about."""
    program = directory / ("echo_server-" + way)
    static = ["--static"] if way == "static" else []
    flags = pkg_config(directory, "--cflags", "--libs", *static)
    command = [*compiler, *WAYS[way], "-o", program, ROOT / "examples/echo_server.c", *flags]
    result = subprocess.run(command, capture_output=True, text=True)
    return program, result.stderr if result.returncode != 0 or result.stderr else ""


def wrong_library(program, way):
    """A static program must run alone; a shared one must want the library by its soname."""
    needed = subprocess.run(["readelf", "-d", program], check=True, capture_output=True,
                            text=True).stdout
    if ("libchaski.so.0" in needed) != (way == "shared"):
        return f"the {way} program needs:\n{needed}"
    return None


def echo():
    """Returns what is wrong with the echo of a whole stream; None: nothing."""
    with socket.create_connection((CHASKI, 7), timeout=30) as connection:
        def send():
            connection.sendall(STREAM)
            connection.shutdown(socket.SHUT_WR)
        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        received = bytearray()
        while piece := connection.recv(65536):
            received += piece
        sender.join()
    if received != STREAM:
        return f"sent {len(STREAM)} bytes, received {len(received)}, not the same"
    return None


def run(program, libraries):
    server = lab.spawn([program], stderr=subprocess.PIPE, text=True,
                       env={**os.environ, "LD_LIBRARY_PATH": str(libraries)})
    try:
        lab.wait_port(CHASKI, 7, server)
        problem = echo()
        if problem is None and server.poll() is not None:
            problem = "it has ended"
    except (OSError, RuntimeError) as error:
        problem = str(error)
    lab.stop(server)
    return f"{problem}\n{server.stderr.read()}" if problem else None


def main():
    build, compiler, version = pathlib.Path(sys.argv[1]), shlex.split(sys.argv[2]), sys.argv[3]
    no_link = lab.enter()
    if not no_link:
        lab.tap("chaski0", KERNEL)
    good = True
    print(f"1..{1 + 3 * len(WAYS)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="chaski-installed-") as temporary:
        directory = pathlib.Path(temporary)
        install(build, directory)
        stated = pkg_config(directory, "--modversion")
        good &= tell("the version is stated", stated != [version] and f"{stated}, not {version}")
        libraries = next(directory.rglob("libchaski.so")).parent
        for way in WAYS:
            program, complaints = compile_example(compiler, directory, way)
            good &= tell(f"{way}: the example compiles", complaints)
            if complaints:
                continue
            good &= tell(f"{way}: it is linked as asked for", wrong_library(program, way))
            if no_link:
                tell(f"{way}: it echoes", None, f"# SKIP {no_link}")
            else:
                good &= tell(f"{way}: it echoes", run(program, libraries))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

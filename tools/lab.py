# SPDX-License-Identifier: BSD-2-Clause
"""A laboratory: TAP links and veth pairs in network namespaces of our own.

enter() restarts the script inside a fresh network namespace (and a user namespace when it is not
root's). All that is made there, links and addresses, is gone when the last process in it
has ended, and every process started by spawn() dies with this one, however that dies.
"""
import atexit
import ctypes
import ipaddress
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

INSIDE = "CHASKI_LAB"
SETTINGS = {
    "ipv4/tcp_no_metrics_save": "1",  # a run shall not depend on the one before
    "ipv6/conf/default/disable_ipv6": "1",  # no neighbour discovery in the captures
}
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)
spawned = []


def enter():
    """Returns None inside the laboratory, or the reason why there can be none."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if os.environ.get(INSIDE):
        prepare()
        return None
    unshare = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]
    trial = ["ip", "tuntap", "add", "dev", "trial", "mode", "tap"]
    try:
        tried = subprocess.run(unshare + trial, capture_output=True, text=True)
    except FileNotFoundError as error:
        return f"{error.filename} is not installed"
    if tried.returncode != 0:
        return tried.stderr.strip().replace("open:", "/dev/net/tun:")
    os.environ[INSIDE] = "root" if os.geteuid() == 0 else "user"
    sys.stdout.flush()
    return os.execvp(unshare[0], unshare + [sys.executable] + sys.argv)


def prepare():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    runtime = tempfile.TemporaryDirectory(prefix="chaski-lab-")  # where `chaski status` looks
    os.environ["XDG_RUNTIME_DIR"] = runtime.name
    atexit.register(runtime.cleanup)
    atexit.register(lambda: [stop(process) for process in reversed(spawned)])
    for name, value in SETTINGS.items():
        with open("/proc/sys/net/" + name, "w") as setting:
            setting.write(value)
    ip("link set lo up")


def ip(command, prefix=()):
    subprocess.run([*prefix, "ip", *command.split()], check=True)


def tap(name, address):
    """Makes a TAP link whose kernel end has `address` (with prefix length)."""
    ip(f"tuntap add dev {name} mode tap")
    up(name, address)


def up(name, address, prefix=()):
    """CUBIC by the route: a machine's default of BBR would pace a local link to a fraction."""
    ip(f"addr add {address} dev {name}", prefix)
    ip(f"link set {name} up", prefix)
    network = ipaddress.ip_interface(address)
    ip(f"route replace {network.network} dev {name} proto kernel scope link src {network.ip} "
       "congctl cubic", prefix)


def veth(name, near, far, options=""):
    """Makes a veth pair into a second namespace; returns what to put before commands there. Without
    an address (None) the near end is only set up: it is for somebody else to use."""
    process = spawn(["unshare", "-n", "sleep", "infinity"])
    ours = os.readlink("/proc/self/ns/net")
    while os.readlink(f"/proc/{process.pid}/ns/net") == ours:
        time.sleep(0.01)
    prefix = ["nsenter", f"--net=/proc/{process.pid}/ns/net"]
    ip(f"link add {name} {options} type veth peer name {name}-far {options} netns {process.pid}")
    if near is None:
        ip(f"link set {name} up")
    else:
        up(name, near)
    up(name + "-far", far, prefix)
    return prefix


def spawn(command, **options):
    process = subprocess.Popen(
        command, preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL), **options)
    spawned.append(process)
    return process


def wait_port(address, port, process, seconds=10):
    """Waits until somebody accepts connections there; raises when `process` ends before."""
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((address, port), timeout=1).close()
            return
        except OSError as error:
            if process.poll() is not None:
                raise RuntimeError(f"{process.args[0]} ended with {process.returncode}") from error
            if time.monotonic() > end:
                raise RuntimeError(f"{address} port {port}: {error}") from error
            time.sleep(0.05)


def tcpdump(*arguments):
    """Runs tcpdump, which gives up being root. In a user namespace that fails: there it is put into
    one more, where it is nobody from the start."""
    prefix = ["unshare", "-U"] if os.environ.get(INSIDE) == "user" else []
    return subprocess.run([*prefix, "tcpdump", *map(str, arguments)], capture_output=True)


def stop(process, seconds=5):
    """Ends a process as a user would; returns its exit code."""
    if process.poll() is None:
        process.terminate()
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()

# SPDX-License-Identifier: BSD-2-Clause
"""Who is compared, and on what links: one laboratory for every measurement over links.

The client's kernel is at one end of each link. One server runs at a time, since one that polls has its core for
itself; the client keeps to the first core and the server to the second, because whether a round trip
crosses cores matters more than what is measured.

    TAP    the client's kernel is at the TAP device itself
    veth   the client's kernel is at the far end, in a namespace of its own, the server at the near end
"""
import functools
import os
import pathlib
import shutil
import subprocess
import sys
import time

import rounds

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
sys.path.insert(0, str(ROOT / "tools"))
import lab  # noqa: E402

VETH_CLIENT, VETH_SERVER = "10.84.0.1", "10.84.0.2"
# A TAP device for each stack, since it keeps what the last one set: by kind, its name and network. The smallest
# server on chaski's library runs where `chaski services` does.
TAPS = {"tap": ("tap", "10.85.0"), "lwIP": ("tap-lwip", "10.86.0"), "gVisor": ("tap-gvisor", "10.87.0")}
START_SECONDS = 8
MODES = {"": [], "sleeping": ["--sleep"], "polling": ["--busy-poll"], "shards": ["--shards", "2"]}

# The kernel's configuration first, since all are compared with it; then chaski's, then the other peers.
KERNEL = ["kernel", "kernel spinning", "kernel cutting"]
CHASKI = ["tap", "tap sleeping", "tap polling", "packet sleeping", "packet polling", "xdp sleeping",
          "xdp polling"]
OTHERS = ["lwIP tap", "gVisor tap", "gVisor packet"]
TITLES = {"kernel": "kernel", "kernel spinning": "kernel, spinning",
          "kernel cutting": "kernel, client as for AF_XDP", "tap": "chaski TAP",
          "tap sleeping": "chaski TAP, sleeping", "tap polling": "chaski TAP, polling",
          "tap shards": "chaski TAP, two shards by one queue",
          "packet sleeping": "chaski AF_PACKET, sleeping",
          "packet polling": "chaski AF_PACKET, polling", "xdp sleeping": "chaski AF_XDP, sleeping",
          "xdp polling": "chaski AF_XDP, polling", "lwIP tap": "lwIP TAP",
          "smallest": "chaski TAP", "smallest polling": "chaski TAP, polling",
          "gVisor tap": "gVisor TAP", "gVisor packet": "gVisor AF_PACKET", "nginx": "nginx, kernel"}
NGINX = """daemon off; master_process off; worker_processes 1; pid {out}/nginx.pid;
error_log {out}/nginx.log; user root;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 100000000; sendfile on; tcp_nodelay on; open_file_cache max=16;
client_body_temp_path {out}; proxy_temp_path {out}; fastcgi_temp_path {out}; uwsgi_temp_path {out};
scgi_temp_path {out}; server {{ listen 80; root {root}; }} }}
"""


def build_gvisor():
    """Builds gVisor's peer where Go and Debian's package of gVisor are; returns why not, or None."""
    source = pathlib.Path("/usr/share/gocode")
    if shutil.which("go") is None or not (source / "src/gvisor.dev").exists():
        return "golang-go and golang-gvisor-gvisor-dev are not installed"
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(source), "GOFLAGS": ""}
    done = subprocess.run(["go", "build", "-o", BUILD / "bench/peer-gvisor", "./bench/peer-gvisor"],
                          cwd=ROOT, env=environment, capture_output=True, text=True)
    return None if done.returncode == 0 else done.stderr.strip()


def find_nginx():
    """The program, fetched without being installed, since installed it would begin to serve; None without it."""
    path = shutil.which("nginx") or BUILD / "peers/usr/sbin/nginx"
    if not pathlib.Path(path).exists():
        (BUILD / "peers").mkdir(exist_ok=True)
        subprocess.run("apt-get -q download nginx && dpkg-deb -x nginx_*.deb .", shell=True,
                       cwd=BUILD / "peers", capture_output=True)
    return path if pathlib.Path(path).exists() else None


@functools.cache
def missing():
    """{peer: why it is missing}."""
    reasons = {}
    if not (BUILD / "bench/peer-lwip").exists():
        reasons["lwIP tap"] = "liblwip-dev is not installed"
    why_not = build_gvisor()
    if why_not:
        reasons["gVisor tap"] = reasons["gVisor packet"] = why_not
    if find_nginx() is None:
        reasons["nginx"] = "Debian's nginx cannot be fetched"
    return reasons


class Server:
    """One that runs. `prefix` goes before whatever the client is."""

    def __init__(self, name, process, device, address, prefix):
        self.name, self.process, self.address, self.prefix = name, process, address, prefix
        self.link = f"{name.split()[0]}:{device}"

    def client(self, *arguments, seconds=60):
        return rounds.ask([*self.prefix, *rounds.on_core(0), BUILD / "bench/bench-client",
                           self.address, *arguments], seconds)

    def counters(self):
        """chaski's own, by name; None for everybody else."""
        if self.name.split()[0] not in ("tap", "packet", "xdp"):
            return None
        status = rounds.ask([BUILD / "chaski", "status", "--link", self.link, "--json"])
        return status["counters"] if status else None

    def stop(self):
        lab.stop(self.process)
        lab.spawned.remove(self.process)


class Lab:
    def __init__(self, out):
        self.out = out
        self.failed = {}  # servers that could not be started, and why; they are not tried again
        self.root = out / "www"
        self.root.mkdir(exist_ok=True)
        (self.root / "hundred.txt").write_text("." * 99 + "\n")
        (out / "nginx.conf").write_text(NGINX.format(out=out, root=self.root))
        for name, network in TAPS.values():
            lab.tap(name, network + ".1/24")
        self.far = lab.veth("veth", None, VETH_CLIENT + "/24")

    @staticmethod
    def place_of(name):
        """A server's device and address."""
        kind, _, mode = name.replace("smallest", "tap").partition(" ")
        if kind in TAPS and not (kind == "gVisor" and mode == "packet"):
            device, network = TAPS[kind]
            return device, network + ".2"
        return "veth", VETH_SERVER

    def command(self, name):
        kind, _, mode = name.partition(" ")
        device, address = self.place_of(name)
        if kind == "kernel":
            return [BUILD / "bench/peer-kernel"] + (["--spin"] if mode == "spinning" else [])
        if kind == "nginx":
            return [find_nginx(), "-c", self.out / "nginx.conf"]
        if kind == "smallest":
            return [BUILD / "bench/peer-chaski", device, address, *MODES[mode]]
        if kind == "lwIP":
            return [BUILD / "bench/peer-lwip", device, address]
        if kind == "gVisor":
            return [BUILD / "bench/peer-gvisor", f"{mode}:{device}", address]
        return [BUILD / "chaski", "services", "--link", f"{kind}:{device}", "--addr",
                address + "/24", "--root", self.root, *MODES[mode]]

    def prepare(self, name):
        """No address at the near end but the kernel's own; at an xdp link's far end nobody may leave checksums
        and cutting to a device, since there is none."""
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["ip", "addr", "flush", "dev", "veth"], check=True)
        for prefix in ([], self.far):
            subprocess.run([*prefix, "ip", "neigh", "flush", "all"], check=False, **quiet)
        state = "off" if name.startswith("xdp") or name == "kernel cutting" else "on"
        subprocess.run([*self.far, "ethtool", "-K", "veth-far", "tx", state, "tso", state],
                       check=False, **quiet)
        if name.split()[0] in ("kernel", "nginx"):
            lab.up("veth", VETH_SERVER + "/24")

    def start(self, name, port=7):
        """Starts a server and waits until it answers; None when it does not."""
        if name in self.failed:
            return None
        self.prepare(name)
        device, address = self.place_of(name)
        prefix = self.far if device == "veth" else []
        with open(self.out / "servers.log", "a") as log:
            process = lab.spawn([str(word) for word in [*rounds.on_core(1), *self.command(name)]],
                                stdout=log, stderr=log)
        server = Server(name, process, device, address, prefix)
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and process.poll() is None:
            if self.answers(server, port):
                return server
            time.sleep(0.05)
        self.failed[name] = f"does not answer (build/bench/{log.name.rpartition('/')[2]} may say why)"
        rounds.complain(f"{name} {self.failed[name]}")
        server.stop()
        return None

    def there(self, names):
        """Those of the names that can be measured, as far as is known."""
        return [name for name in names if name not in missing() and name not in self.failed]

    def missing(self, names):
        """{its title: why it is missing} of those that were to be measured."""
        reasons = {**missing(), **self.failed}
        return {TITLES[name]: reasons[name] for name in names if name in reasons}

    @staticmethod
    def answers(server, port):
        """Whether somebody takes a connection there."""
        code = f"import socket; socket.create_connection(('{server.address}', {port}), 0.5).close()"
        return subprocess.run([*server.prefix, sys.executable, "-c", code],
                              stderr=subprocess.DEVNULL).returncode == 0

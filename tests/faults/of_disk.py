"""A8, A10, A12, A13h: what a server lives on runs short: disk, a disk that is quick enough, descriptors, threads."""
import contextlib
import errno
import http.client
import json
import os
import pathlib
import socket
import subprocess
import threading
import time

import ground
import http2
import organisation
import shim as shims
from ground import BINARY, Child, Load, Missing, check, event, post, world
from harness import Tocsin, wait_for
from of_abuse import Victim, address, grpc_address
from of_storage import nothing_lost, rounds, under_load


# ---- A8 ----

class OnDiskOfItsOwn(Tocsin):
    """The server in a mount namespace that outlives it, its data on a disk in memory that can grow."""
    mib, low_water_mib = 320, 32
    holder = None

    def run_inside(self, *command):
        return ["nsenter", f"--target={self.holder.process.pid}", "--mount", "--user", "--preserve-credentials", *map(str, command)]

    def start(self, wait=True):
        if not self.holder:
            self.data.mkdir(exist_ok=True)
            self.holder = Child(["unshare", "--mount", "--map-root-user", "sh", "-c",
                                 f"mount -t tmpfs -o size={self.mib}m none '{self.data}' && exec sleep 100000"], self.folder / "holder.log")
            wait_for("the disk", lambda: "tmpfs" in self.mounts() or self.holder.process.poll() is not None)
            if self.holder.process.poll() is not None:
                raise Missing("mount namespaces are not allowed here")
        self.child = Child(self.run_inside(BINARY, "serve", f"--data={self.data}", f"--http={self.http}", f"--grpc={self.grpc}",
                                           f"--config={self.config}", f"--low_water_mib={self.low_water_mib}", *self.flags),
                           self.folder / "tocsin.log")
        if wait:
            wait_for("the server to be ready", self.ready, 60)
        return self

    def mounts(self):
        try:
            text = pathlib.Path(f"/proc/{self.holder.process.pid}/mounts").read_text()
        except OSError:
            return ""
        return next((line for line in text.splitlines() if str(self.data) in line), "")

    def disk(self):
        return pathlib.Path(f"/proc/{self.holder.process.pid}/root{self.data}")

    def token(self):
        return (self.disk() / "admin.token").read_text().strip()

    def fill(self, leave=0):
        with open(self.disk() / "filler", "ab") as file:
            while True:
                free = os.statvfs(self.disk())
                size = min(free.f_bavail * free.f_frsize - leave, 1 << 20)
                if size <= 0:
                    return
                file.write(b"\0" * size)
                file.flush()

    def grow(self, mib):
        subprocess.run(self.run_inside("mount", "-o", f"remount,size={mib}m", self.data), check=True)

    def __exit__(self, *_):
        super().__exit__()
        if self.holder:
            self.holder.__exit__()


def full_disk(options):
    """The disk fills up to its last byte under load, whoever's doing it is. Alerts are refused before that; what was taken is paged. The server
    may end for it; when there is room again everything that was acknowledged is there. tests/e2e/test_trouble.py has the low-water mark."""
    ends = 0
    with world() as (tocsin, provider, ledger):
        tocsin = OnDiskOfItsOwn(tocsin.folder, tocsin.config, tocsin.flags)
        with tocsin.start():
            with Load(tocsin.url, ledger, options.randomness("A8").randrange(1 << 30)) as load:
                time.sleep(0.5)
                refused = ledger.refused
                for sender in load.senders:
                    sender.new_names()
                end = time.monotonic() + options.times(4, 60)
                while time.monotonic() < end:
                    tocsin.fill()  # again and again: the server throws its ballast overboard, and that fills up, too
                    if tocsin.child.process.poll() is not None:
                        ends += 1
                        tocsin.start(wait=False)  # as a supervisor does
                    time.sleep(0.5)
                wait_for("a refusal, or an end", lambda: ledger.refused > refused or ends)
                tocsin.grow(3 * tocsin.mib)
                load.pause()
                if tocsin.child.process.poll() is not None:
                    tocsin.start(wait=False)
                wait_for("alerts to be taken again", lambda: post(tocsin.url, [event("f8x8x8")]) == 202, 60)
                nothing_lost(tocsin, ledger, "after the disk had grown")
                load.resume()
                time.sleep(0.3)
            words = check(tocsin, provider, ledger)
    return f"ended {ends} times, refused {ledger.refused} times; {words}"


# ---- D10 ----

def retry_storm(options):
    """While there is no disk, many clients try again at once and again whenever they are refused. When there is disk again each of them gets in,
    and the server is as it was: nothing of the storm stays."""
    clients = options.times(40, 200)
    tries, accepted = [0] * clients, set()
    with world() as (tocsin, provider, ledger):
        tocsin = OnDiskOfItsOwn(tocsin.folder, tocsin.config, tocsin.flags)
        with tocsin.start():
            def insist(number):
                while post(tocsin.url, [event(f"f9x0x{number}", severity="critical")], 30) != 202:
                    tries[number] += 1
                accepted.add(f"f9x0x{number}")
            stopping = threading.Event()
            filling = threading.Thread(target=lambda: [tocsin.fill() for _ in iter(lambda: stopping.wait(0.1), True)], daemon=True)
            filling.start()
            wait_for("refusals", lambda: post(tocsin.url, [event("f9x1x1")]) == 503)
            storm = [threading.Thread(target=insist, args=(number,), daemon=True) for number in range(clients)]
            for client in storm:
                client.start()
            wait_for("a storm", lambda: sum(tries) > 50 * clients, 120)
            stopping.set()
            filling.join()
            (tocsin.disk() / "filler").unlink()
            begun = time.monotonic()
            wait_for("all clients to get in", lambda: len(accepted) == clients, 120)
            took = time.monotonic() - begun
            for name in accepted:
                ledger.trying({name: True})
                ledger.answered({name: True}, 202)
            words = check(tocsin, provider, ledger)
    return f"{sum(tries)} tries of {clients} clients, all in {took:.1f} s after there was room; {words}"


# ---- A10 ----

def slow_disk(options):
    """Each sync takes its time: answers come late, and whatever is answered is so. Pages go out meanwhile."""
    words = []
    for delay_ms in options.times([300], [50, 1000, 5000, 30_000]):
        with world(shim=True) as (tocsin, provider, ledger):
            tocsin.start()
            tocsin.stop()
            tocsin.shim = shims.Shim(tocsin.folder, tocsin.data)
            tocsin.start()
            tocsin.shim.arm("sync", shims.DELAY, delay_ms)
            with Load(tocsin.url, ledger, options.randomness("A10").randrange(1 << 30), timeout=delay_ms / 1000 * 4 + 5) as load:
                wait_for("pages meanwhile", lambda: len(provider.of()) > 3, 300)
                assert tocsin.shim.read("hits", "sync") > 0
                under_load(tocsin, ledger, options.randomness("A10"), 1)
                load.stop()
                tocsin.kill()  # in the middle of a sync that has not come back
                tocsin.start()
                nothing_lost(tocsin, ledger, "after a kill")
            words.append(f"{delay_ms} ms: {check(tocsin, provider, ledger)}")
    return "; ".join(words)


# ---- A12 ----

class WithDescriptors(Tocsin):
    """No more than a few descriptors, and no way to get more."""
    limit = 256

    def start(self, wait=True):
        self.child = Child(["prlimit", f"--nofile={self.limit}", str(BINARY), "serve", f"--data={self.data}", f"--http={self.http}",
                            f"--grpc={self.grpc}", f"--config={self.config}", *self.flags], self.folder / "tocsin.log")
        if wait:
            wait_for("the server to be ready", self.ready, 60)
        return self


def hold_connections(where, first, many, stopping):
    """Connections that say `first` and nothing more; those that are closed come again."""
    kept = []
    while not stopping.is_set():
        with contextlib.suppress(OSError):
            while len(kept) < many and not stopping.is_set():
                kept.append(socket.create_connection(where, 0.5))
                kept[-1].sendall(first)
                kept[-1].setblocking(False)
        for connection in kept[:]:
            with contextlib.suppress(BlockingIOError):
                with contextlib.suppress(ConnectionError):
                    if connection.recv(65536) != b"":
                        continue
                connection.close()
                kept.remove(connection)
        stopping.wait(0.05)
    for connection in kept:
        connection.close()


class Faithful(Victim):
    """The honest sender of before the flood: it has a connection, and keeps it. Its first alert comes when it may `go`."""

    def __init__(self, *more):
        super().__init__(*more)
        self.line, self.go = http.client.HTTPConnection(*address(self.tocsin), timeout=10), threading.Event()
        self.say("GET", "/-/ready")

    def say(self, method, path, body=None):
        self.line.request(method, path, body, ground.JSON)
        answer = self.line.getresponse()
        answer.read()
        return answer.status

    def run(self):
        self.go.wait()
        number = 0
        while not self.stopping.is_set():
            name = f"{self.word}q{number}q"
            begun = time.time()
            try:
                if self.say("POST", ground.DOOR, json.dumps([event(name, severity="critical")])) == 202:
                    self.sent[name] = begun
                    number += 1
            except (OSError, http.client.HTTPException):
                self.line.close()
            self.stopping.wait(2.5)  # longer than a connection to a provider is kept: each page needs a new one


def no_descriptors(where, part, first=b""):
    """Connections ask for twice the descriptors that there are, and get one part of so many. The others are the pages': these find a socket
    at their first attempt, while the flood goes on."""
    with world() as (tocsin, provider, ledger):
        tocsin = WithDescriptors(tocsin.folder, tocsin.config, tocsin.flags)
        with tocsin.start():
            honest = Faithful(tocsin, provider, "Honest")
            honest.start()
            stopping = threading.Event()
            flood = threading.Thread(target=hold_connections, args=(where(tocsin), first, 2 * tocsin.limit, stopping), daemon=True)
            in_use = lambda: len(os.listdir(f"/proc/{tocsin.child.process.pid}/fd"))
            before = in_use()
            flood.start()
            wait_for("the flood to be at its height", lambda: in_use() >= before + tocsin.limit // part - 2)  # two more may have been there
            honest.go.set()
            wait_for("alerts that come in meanwhile", lambda: len(honest.sent) >= 2, 60)
            most = in_use()
            some = set(honest.sent)
            wait_for("their pages, while the flood goes on", lambda: some <= set(honest.came()), 60)
            stopping.set()
            flood.join()
            times = honest.end()
            repeats = sum(json.loads(r["body"])["attempt"] > 1 for r in provider.of("/ann", "Honest"))
            with Load(tocsin.url, ledger, 1):
                time.sleep(0.3)
            words = check(tocsin, provider, ledger)
    assert repeats == 0, f"{repeats} pages found no socket at their first attempt; {words}"
    return f"{most} of {tocsin.limit} descriptors in use, {len(times)} honest alerts, the slowest page {times[-1]:.1f} s; {words}"


def no_descriptors_by_http(options):
    return no_descriptors(address, 2)


def no_descriptors_by_grpc(options):
    """They say what a client begins with, and nothing more. The rest of what may wait at that port wait for their first bytes."""
    return no_descriptors(grpc_address, 8, http2.PREFACE + http2.frame(http2.SETTINGS))


def no_threads(options):
    """No thread can be made any more: the server goes on or dies, and nothing is lost."""
    survived = []

    def strike(tocsin, ledger, randomness):
        tocsin.shim.arm("thread", shims.FAIL, errno.EAGAIN)
        stream = subprocess.Popen([str(BINARY), "send", f"--server={tocsin.grpc}", f"--key={organisation.STREAM_KEY}", "alertname=Stream",
                                   "service=web"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        under_load(tocsin, ledger, randomness, 0.5)
        stream.kill()
        stream.wait()
        survived.append(tocsin.child.process.poll() is None)
        tocsin.kill()
    words = rounds(options, "A12t", options.times(2, 20), strike, shim=True)
    return f"survived {sum(survived)} of {len(survived)}; {words}"


# ---- A13h ----

def hanging_archive(options):
    """The disk of the journal's archive and of the audit log's heads does not answer, from before a start on. The server starts, takes alerts,
    pages and stops all the same; when the disk answers again, what came meanwhile is archived."""
    with world(shim=True) as (tocsin, provider, ledger):
        elsewhere = tocsin.folder / "elsewhere"
        archive = elsewhere / "archive"
        archive.mkdir(parents=True)
        tocsin.flags += [f"--archive={archive}", "--archive_seconds=1", f"--audit_heads={elsewhere}/heads"]
        tocsin.shim = shims.Shim(tocsin.folder, tocsin.data, elsewhere=elsewhere)
        tocsin.shim.hang()
        took = []
        for _ in range(options.times(1, 5)):
            tocsin.start()
            wait_for("both to hang", lambda: tocsin.shim.hung() >= 2)
            with Load(tocsin.url, ledger, options.randomness("A13h").randrange(1 << 30)):
                under_load(tocsin, ledger, options.randomness("A13h"), 1)
            assert len(ledger.certain) > 0 and not any(archive.iterdir()), "it hangs"
            begun = time.monotonic()
            assert tocsin.stop() == 0, tocsin.child.text()[-3000:]
            took.append(time.monotonic() - begun)
        said = tocsin.child.text()
        assert "not archived yet" in said and "is not told everywhere" in said, said[-3000:]
        tocsin.start()
        words = check(tocsin, provider, ledger)
        tocsin.shim.hang(False)
        wait_for("everything to be archived", lambda: tocsin.metric("tocsin_archive_lag_entries") == 0)
        wait_for("a head", lambda: (elsewhere / "heads").exists() and (elsewhere / "heads").read_text())
        nothing_lost(tocsin, ledger, "after the disk has answered again")
    return f"stopped in {max(took):.1f} s; {words}"


CHECKS = [
    ("A8", "the disk fills up to its last byte, and grows", "smoke", full_disk),
    ("A10", "syncs that take their time", "smoke", slow_disk),
    ("A13h", "the archive's disk does not answer", "smoke", hanging_archive),
    ("D10", "a retry storm while alerts are refused", "smoke", retry_storm),
    ("A12", "HTTP connections ask for twice the descriptors", "smoke", no_descriptors_by_http),
    ("A12g", "gRPC connections ask for twice the descriptors", "smoke", no_descriptors_by_grpc),
    ("A12t", "no more threads", "smoke", no_threads),
]

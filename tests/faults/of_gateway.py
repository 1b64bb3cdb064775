"""The network side in a process of its own: killed again and again under load, and flooded. What was acknowledged is there, and
the engine's timers do not notice. tests/e2e/test_gateway.py has its doors, a gateway that stands still, and an engine that goes away."""
import contextlib
import subprocess
import threading
import time

import ground
import http2
import organisation
from ground import BINARY, Child, Load, check, event, post, world
from harness import wait_for
from of_abuse import abused, floods
from test_gateway import Gateway

STEP = 1.0


class Escalations(threading.Thread):
    """Critical alerts by the engine's own door, each with two steps; how far apart they come says how late its timers are."""

    def __init__(self, tocsin, provider):
        super().__init__(daemon=True)
        self.tocsin, self.provider, self.stopping, self.names = tocsin, provider, threading.Event(), []

    def run(self):
        while not self.stopping.wait(0.2):
            name = f"Timer{len(self.names)}x"
            if post(self.tocsin.url, [event(name, severity="critical")]) == 202:
                self.names.append(name)

    def lateness(self):
        """Of each second step beyond its time, in seconds."""
        self.stopping.set()
        self.join()
        first = lambda path, name: next((r["arrived"] for r in self.provider.of(path, f'\\"{name}\\"')), None)
        wait_for("all second steps", lambda: all(first("/bob", name) for name in self.names), 60)
        return [first("/bob", name) - first("/ann", name) - STEP for name in self.names]


class Streams(threading.Thread):
    """Alerts by gRPC through the gateway, one call after the other."""

    def __init__(self, gateway, ledger):
        super().__init__(daemon=True)
        self.gateway, self.ledger, self.stopping = gateway, ledger, threading.Event()

    def run(self):
        number = 0
        while not self.stopping.is_set():
            name = f"f77x0x{number}"
            self.ledger.trying({name: True})
            done = subprocess.run([str(BINARY), "send", f"alertname={name}", "service=web", "severity=critical", "--key", organisation.STREAM_KEY,
                                   "--server", self.gateway.grpc], capture_output=True, timeout=60)
            self.ledger.answered({name: True}, 202 if done.returncode == 0 else None)
            number += 1


def kills(options):
    """kill -9 of the gateway under load by HTTP and gRPC. An engine that does not notice: no timer is late for it."""
    count, randomness = options.times(5, 100), options.randomness("G1")
    with contextlib.ExitStack() as stack:
        tocsin, provider, ledger = stack.enter_context(world(step_delay=f"{STEP:.0f}s", flags=["--max_groups=100000"]))
        tocsin.flags.append(f"--gateway_socket={tocsin.folder}/socket")
        tocsin.start()
        gateway = stack.enter_context(Gateway(tocsin.folder, tocsin))
        gateway.start()
        escalations, streams = Escalations(tocsin, provider), Streams(gateway, ledger)
        with Load(gateway.url, ledger, randomness.randrange(1 << 30), pause=0.02) as load:
            escalations.start()
            streams.start()
            for _ in range(count):
                time.sleep(randomness.uniform(0.1, 0.6))
                gateway.child.kill()
                time.sleep(randomness.uniform(0, 0.1))
                gateway.start()
                for sender in load.senders:
                    sender.new_names()
            streams.stopping.set()
            streams.join(60)
        late = escalations.lateness()
        words = check(tocsin, provider, ledger)
        assert tocsin.metric("tocsin_gateways_attachments_total") == 1 + count
        assert tocsin.metric("tocsin_gateways_broken_total") == 0
        tardy = sum(each > 1 for each in late)
        return f"{count} kills, {len(late)} escalations, the latest timer {max(late):.2f} s late, {tardy} by more than a second; {words}"


class Bounded(Gateway):
    """A gateway with a bound on its memory, as its systemd unit has one."""
    mib = 768

    def start(self):
        self.child = Child(["prlimit", f"--data={self.mib << 20}", str(BINARY), "gateway", f"--engine={self.folder}/socket",
                            f"--http={self.http}", f"--grpc={self.grpc}"], self.folder / "gateway.log")
        wait_for("the gateway to be ready", self.ready, 30)
        return self


@contextlib.contextmanager
def bounded(tocsin):
    with Bounded(tocsin.folder, tocsin) as gateway:
        gateway.start()
        yield gateway
        assert gateway.child.process.poll() is None, f"the gateway ended with {gateway.child.process.returncode}"


def flooded(options):
    """All HTTP/2 floods at the gateway's gRPC port, with nobody reading what it answers: it keeps to its bound. The engine beside it does not
    grow and pages whoever sends to its own door."""
    with ground.scratch() as folder:
        socket = folder / "socket"
        return abused(options, floods(http2.FLOODS, reads=False), flags=[f"--gateway_socket={socket}"],
                      target=lambda tocsin: bounded(Placed(tocsin, folder)), growth=100 << 20)


class Placed:
    """A server as a gateway sees it, its socket in another folder."""

    def __init__(self, tocsin, folder):
        self.tocsin, self.folder = tocsin, folder

    def __getattr__(self, name):
        return getattr(self.tocsin, name)


CHECKS = [
    ("G1", "the gateway is killed under load; the engine's timers go on", "smoke", kills),
    ("G2", "D5 and D6 at a gateway: sixteen HTTP/2 floods that nobody reads the answers of", "smoke", flooded),
]

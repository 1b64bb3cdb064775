"""C5, C6 and F1: names that do not resolve, packets that vanish, names that lead elsewhere when they are asked for again. In namespaces of
their own, with a name server of ours."""
import contextlib
import fcntl
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import ground
import packets
from ground import Missing, Provider, event, post, world
from harness import wait_for
from of_providers import as_expected, rows_about, with_people

A, AAAA = 1, 28
# The name, what is answered for it, and what is to become of the page, as in of_providers.py.
NAMES = {
    "good": ({A: "127.0.0.1"}, "accepted"),
    "six": ({AAAA: "::1"}, "accepted"),
    "late": ({A: "127.0.0.1", "after": 4}, "accepted"),
    "absent": ({"code": 3}, "goes on"),
    "broken": ({"code": 2}, "goes on"),
    "silent": ({"after": 3600}, "goes on"),
    "poisoned": ({A: "169.254.169.254"}, "next"),
    "vanishing": ({A: "127.0.0.1"}, "goes on"),  # by an address of its own
}
# Names that are answered, and then not any more: what is answered instead.
FORGOTTEN = {"gone": {"code": 3}, "failing": {"code": 2}, "mute": {"after": 3600}}
NOWHERE = "10.99.0.2"  # its packets go to a device that nobody reads


class NameServer(threading.Thread):
    """`says`: of a name and a kind of record, what is answered: a list of addresses, and what else NAMES has."""

    def __init__(self, says):
        super().__init__(daemon=True)
        self.says = says
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        self.asked = []

    def run(self):
        while True:
            question, peer = self.socket.recvfrom(2000)
            threading.Thread(target=self.answer, args=(question, peer), daemon=True).start()

    def answer(self, question, peer):
        at, labels = 12, []
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode())
            at += 1 + question[at]
        kind = struct.unpack_from(">H", question, at + 1)[0]
        self.asked.append(labels[0])
        addresses, says = self.says(labels[0], kind)
        time.sleep(says.get("after", 0))
        found = b""
        for each in addresses:
            address = socket.inet_pton(socket.AF_INET if kind == A else socket.AF_INET6, each)
            found += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(address)) + address
        head = question[:2] + struct.pack(">HHHHH", 0x8180 | says.get("code", 0), 1, len(addresses), 0, 0)
        self.socket.sendto(head + question[12:at + 5] + found, peer)


def bring_up(name, address=None):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        if address:
            for request, value in ((0x8916, address), (0x891C, "255.255.255.0")):  # SIOCSIFADDR, SIOCSIFNETMASK
                fcntl.ioctl(s, request, struct.pack("16sHH4s8x", name.encode(), socket.AF_INET, 0, socket.inet_aton(value)))
        flags = struct.unpack("16sH", fcntl.ioctl(s, 0x8913, struct.pack("16sH14x", name.encode(), 0))[:18])[1]
        fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", name.encode(), flags | 1 | 64))  # SIOCSIFFLAGS: up, running


@contextlib.contextmanager
def asked(says):
    """A name server of ours is this namespace's."""
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("nameserver 127.0.0.1\n")
        file.flush()
        subprocess.run(["mount", "--bind", file.name, str(pathlib.Path("/etc/resolv.conf").resolve())], check=True)
        server = NameServer(says)
        server.start()
        yield server


def device_that_nobody_reads():
    """What is sent to its network vanishes. Returns its descriptor, which keeps it, or None where there is no such device."""
    with contextlib.suppress(OSError):
        tun = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH14x", b"nowhere", 0x1001))  # TUNSETIFF: IFF_TUN, IFF_NO_PI
        bring_up("nowhere", "10.99.0.1")
        return tun
    return None


TURNS = 20


class Forgetting:
    """What is answered to C5."""
    forgets = False

    def __call__(self, name, kind):
        if name in FORGOTTEN:
            says = FORGOTTEN[name] if self.forgets else {A: "127.0.0.1"}
        else:
            says = NAMES.get(name, ({"code": 3}, ""))[0]
        return [says[kind]] if kind in says else [], says


def last_good_addresses(tocsin, provider, server):
    """Hosts that were reached are paged on while their names do not resolve any more. Each turn has people of its own, at the same hosts; what
    was looked up is used for some seconds, so that it takes some turns until it is asked for again."""
    used = lambda: tocsin.metric("tocsin_attempts_by_last_good_address_total")
    assert used() == 0, "one was used although every name that was ever answered still is"

    def turn(number):
        people = [f"{name}{number}" for name in FORGOTTEN]
        assert post(tocsin.url, [event(each, severity="critical") for each in people]) == 202
        for each in people:
            wait_for(f"{each} to be paged", lambda: provider.of(f"/{each}"), 60)
            assert not provider.of(f"/{each}-next"), f"{each} was not reached by the first method"
    turn(0)
    server.says.forgets, before = True, len(server.asked)
    for number in range(1, TURNS):
        turn(number)
        if set(FORGOTTEN) <= set(server.asked[before:]) and used() >= len(FORGOTTEN):
            break
        time.sleep(3)  # connections that are kept, and what was looked up, have to grow old
    assert set(FORGOTTEN) <= set(server.asked[before:]), "not every name was asked for again"
    assert used() >= len(FORGOTTEN), f"{used():.0f} attempts by a last good address"
    for name in FORGOTTEN:
        assert f"host={name}.test address=127.0.0.1" in tocsin.child.text(), f"the log does not tell of {name}"


def inside():
    """In the namespaces."""
    bring_up("lo")
    vanishes = device_that_nobody_reads()
    names = [name for name in NAMES if name != "vanishing" or vanishes]
    with asked(Forgetting()) as server:
        with Provider(everywhere=True) as provider:
            host = lambda name: NOWHERE if name == "vanishing" else name.rstrip("0123456789") + ".test"
            url = lambda name: f"http://{host(name)}:{provider.port}/{name}"
            edit = with_people(names + [f"{name}{turn}" for name in FORGOTTEN for turn in range(TURNS)], url)
            with world(provider=provider, flags=["--allow_webhooks_to=127.0.0.0/8,::1/128,10.99.0.0/24"],
                       edit=lambda text: edit(text).replace("NEXT", f"http://127.0.0.1:{provider.port}")) as (tocsin, _, _):
                tocsin.flags.remove(ground.LOOPBACK)
                tocsin.start()
                assert post(tocsin.url, [event(name, severity="critical") for name in names]) == 202
                assert post(tocsin.url, [event("Honest", severity="critical")]) == 202
                wait_for("a page that needs no name", lambda: provider.of("/ann", "Honest"))
                for name in names:
                    wait_for(f"bob to be paged for {name}", lambda: provider.of("/bob", f'\\"{name}\\"'))
                    if NAMES[name][1] == "goes on":
                        wait_for(f"an attempt at {name} to fail", lambda: any(
                            r["lastError"] and r["method"]["id"] == "first" for r in rows_about(tocsin, name) if r["user"] == name), 60)
                        assert not provider.of(f"/{name}"), name
                    else:
                        wait_for(f"{name} to be {NAMES[name][1]}", lambda: as_expected(tocsin, provider, provider, name, NAMES[name][1]), 60)
                last_good_addresses(tocsin, provider, server)
                assert tocsin.metric("tocsin_auditor_findings_total") == 0
    print(f"{len(names)} kinds of names, {len(server.asked)} look-ups" + ("" if vanishes else "; no device whose packets vanish"))


# ---- C6, D12: packets by hand ----

# Who is at an address of the device, which segments arrive there, and what is to become of the page.
PEERS = {
    "answers": ("10.99.0.3", lambda length: True, "accepted"),  # that nothing else is wrong with them
    "swallows": ("10.99.0.4", lambda length: False, "goes on"),
    "small": ("10.99.0.5", lambda length: length < 300, "goes on"),  # as where a path is narrower than anybody says
}


def inside_vanishing():
    """Connections are made, and then packets vanish: all of them, or only large ones."""
    bring_up("lo")
    tun = device_that_nobody_reads()
    peers = packets.Peers(tun, {address: takes for address, takes, _ in PEERS.values()})
    peers.start()
    with Provider() as provider:
        edit = with_people(list(PEERS), lambda name: f"http://{PEERS[name][0]}:8080/{name}")
        with world(provider=provider, edit=lambda text: edit(text).replace("NEXT", provider.url)) as (tocsin, _, _):
            tocsin.flags[:] = ["--allow_webhooks_to=127.0.0.0/8,10.99.0.0/24"]
            tocsin.start()
            assert post(tocsin.url, [event(name, severity="critical") for name in PEERS]) == 202
            assert post(tocsin.url, [event("Honest", severity="critical")]) == 202
            wait_for("a page to an honest provider", lambda: provider.of("/ann", "Honest"))
            for name, (address, _, fate) in PEERS.items():
                if fate == "accepted":
                    wait_for(f"{name} to be accepted", lambda: as_expected(tocsin, provider, provider, name, fate), 60)
                    assert peers.vanished[address] == 0
                    continue
                wait_for(f"bob to be paged for {name}", lambda: provider.of("/bob", f'\\"{name}\\"'))
                wait_for(f"an attempt at {name} to be given up", lambda: any(
                    r["lastError"] and r["method"]["id"] == "first" for r in rows_about(tocsin, name) if r["user"] == name), 120)
                assert peers.opened[address] > 0 and peers.vanished[address] > 0, f"{name}: nothing vanished after a connection was made"
            assert tocsin.metric("tocsin_auditor_findings_total") == 0
    print(f"{sum(peers.opened.values())} connections, {sum(peers.vanished.values())} segments vanished after they were made")


def inside_openings():
    """Both ports are flooded with openings of connections from everywhere, to which nobody listens."""
    import of_abuse
    bring_up("lo")
    tun = device_that_nobody_reads()
    threading.Thread(target=lambda: [os.read(tun, 65536) for _ in iter(int, 1)], daemon=True).start()
    sent = []

    @contextlib.contextmanager
    def at_the_device(tocsin):
        tocsin.http, tocsin.grpc = (f"10.99.0.1:{each.split(':')[1]}" for each in (tocsin.http, tocsin.grpc))
        tocsin.url = f"http://{tocsin.http}"
        yield

    def flood(where):
        def attack(tocsin, stopping):
            host, port = where(tocsin).split(":")
            for count in packets.openings(tun, (host, int(port)), "10.99.0."):
                if stopping.is_set():
                    sent.append(count)
                    return
        return attack

    class Smoke:
        nightly = os.environ.get("FAULTS_NIGHTLY") == "1"

        def times(self, smoke, nightly):
            return nightly if self.nightly else smoke
    word = of_abuse.abused(Smoke(), [flood(lambda tocsin: tocsin.http), flood(lambda tocsin: tocsin.grpc)], prepare=at_the_device)
    print(f"{sum(sent)} openings; {word}")


def ask_for_a_device():
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        raise Missing("no device whose other end is ours (/dev/net/tun)")


def vanishing(options):
    ask_for_a_device()
    return in_namespaces("inside_vanishing")


def opening_flood(options):
    ask_for_a_device()
    return in_namespaces("inside_openings", FAULTS_NIGHTLY=str(int(options.nightly)))


# ---- F1 ----

ALLOWED, FORBIDDEN = "10.99.0.1", ["127.0.0.1", "169.254.169.254"]
REFUSES = "10.99.0.9"  # allowed, and nobody listens there
REBOUND = 8


class Rebinding:
    """The first question for a name is answered by an allowed address, every later one by a forbidden one; for those that are called the
    other way round it is so. `both`: the allowed one, where nobody listens, and behind it the forbidden ones."""

    def __init__(self):
        self.lock, self.counts = threading.Lock(), {}

    def __call__(self, name, kind):
        if kind != A:
            return [], {}
        if name == "both":
            return [REFUSES, *FORBIDDEN], {}
        with self.lock:
            count = self.counts[name] = self.counts.get(name, 0) + 1
        forbidden = FORBIDDEN[int(name[-1]) % 2]
        return [ALLOWED if (count == 1) == name.startswith("good") else forbidden], {}


def inside_rebound():
    """In the namespaces."""
    bring_up("lo")
    bring_up("lo:1", ALLOWED)
    bring_up("lo:2", FORBIDDEN[1])
    names = [f"{first}{i}" for first in ("good", "bad") for i in range(REBOUND)]
    people = [f"{name}-{turn}" for name in names for turn in ("once", "again")] + ["both"]
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(asked(Rebinding()))
        provider = stack.enter_context(Provider(host=ALLOWED))
        inner = [stack.enter_context(Provider(host=host, port=provider.port)) for host in FORBIDDEN]
        edit = with_people(people, lambda person: f"http://{person.split('-')[0]}.test:{provider.port}/{person}")
        tocsin, _, _ = stack.enter_context(world(provider=provider, flags=["--allow_webhooks_to=10.99.0.0/24"],
                                                 edit=lambda text: edit(text).replace("NEXT", provider.url)))
        tocsin.flags.remove(ground.LOOPBACK)
        tocsin.start()

        def page(turn, arrives):
            told = [f"{name}-{turn}" for name in names]
            assert post(tocsin.url, [event(each, severity="critical") for each in told]) == 202
            for each in told:
                fate = "accepted" if each.startswith(arrives) else "next"
                wait_for(f"{each} to be {fate}", lambda: as_expected(tocsin, provider, provider, each, fate), 60)
        page("once", "good")
        asked_once = dict(server.says.counts)
        time.sleep(8)  # connections that are kept, and what was looked up, have to grow old
        page("again", "bad")
        assert all(server.says.counts[name] > asked_once[name] for name in names), "not every name was asked for again"
        assert post(tocsin.url, [event("both", severity="critical")]) == 202
        wait_for("the next method of who has both addresses", lambda: provider.of("/both-next"), 60)
        for each in inner:
            assert each.connections == 0, f"{each.connections} connections to {each.url}: {[r['path'] for r in each.requests]}"
        assert tocsin.metric("tocsin_auditor_findings_total") == 0
    print(f"{len(people)} webhooks, {len(names)} names that lead elsewhere later, no connection into a forbidden network")


def rebound(options):
    return in_namespaces("inside_rebound")


def names_and_packets(options):
    return in_namespaces("inside")


def in_namespaces(function, **environment):
    if subprocess.run(["unshare", "--net", "--mount", "--map-root-user", "mount", "--bind", "/etc/hosts", "/etc/hosts"],
                      capture_output=True).returncode != 0:
        raise Missing("no namespaces of networks and mounts")
    done = subprocess.run(["unshare", "--net", "--mount", "--map-root-user", sys.executable, "-c", f"import of_network; of_network.{function}()"],
                          capture_output=True, text=True, cwd=pathlib.Path(__file__).parent, timeout=900,
                          env={**os.environ, **environment})
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout.strip().splitlines()[-1]


CHECKS = [
    ("C5", "C5 and C6: names that do not resolve, packets that vanish", "smoke", names_and_packets),
    ("C6", "C6: connections whose packets vanish once they are made, all of them or only large ones", "smoke", vanishing),
    ("D12s", "openings of connections (SYN) from everywhere that nobody goes on with", "smoke", opening_flood),
    ("F1", "webhooks to names that lead into forbidden networks when they are asked for again", "smoke", rebound),
]

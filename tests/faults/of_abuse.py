"""D1 to D12: whoever reaches the doors and means harm. Meanwhile an honest sender posts a critical alert every moment, and each of them is
paged; how long that takes beside an idle server is reported. What must hold on any machine: the process lives, the honest alerts are
all paged, memory stays bounded."""
import contextlib
import gzip
import json
import random
import re
import resource
import socket
import ssl
import threading
import time
import urllib.request
import zlib

import ground
import http2
import organisation
from ground import DOOR, JSON, event, http_request, post, world
from harness import wait_for
from of_providers import rss
from test_tls import Authority, trusting

MOST_GROWTH = 200 << 20


class Victim(threading.Thread):
    """An honest sender: a critical alert each moment, by its own key, each one to be paged."""

    def __init__(self, tocsin, provider, word, every=0.2):
        super().__init__(daemon=True)
        self.tocsin, self.provider, self.word, self.every = tocsin, provider, word, every
        self.sent, self.stopping, self.tries = {}, threading.Event(), 0

    def run(self):
        number = 0
        while not self.stopping.is_set():
            name = f"{self.word}q{number}q"
            begun = time.time()
            while not self.stopping.is_set():
                self.tries += 1
                if post(self.tocsin.url, [event(name, severity="critical")], 10) == 202:
                    self.sent[name] = begun  # from the first try on: what it waits for is part of it
                    number += 1
                    break
                time.sleep(0.1)
            self.stopping.wait(self.every)

    def end(self):
        """The time from the first try to the page, of all of them, ascending."""
        self.stopping.set()
        self.join(30)
        wait_for(f"pages of all honest alerts; {sorted(set(self.sent) - set(self.came()))[:5]}",
                 lambda: set(self.sent) <= set(self.came()), 60)
        came = self.came()
        assert self.sent, "not one honest alert came in"
        return sorted(came[name] - at for name, at in self.sent.items())

    def came(self):
        found = {}
        for request in self.provider.of("/ann", self.word):
            for name in re.findall(rf"{self.word}q\d+q", request["body"].decode()):
                found.setdefault(name, request["arrived"])
        return found


def late_part(times):
    return times[min(len(times) - 1, int(len(times) * 0.99))]


@contextlib.contextmanager
def many_descriptors():
    """For this process and the server that it starts: connections by the thousand."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def by_tls(tocsin):
    """All doors of the server have TLS, and this process trusts its certificate."""
    authority = Authority(tocsin.folder, "authority")
    pem, key, _ = authority.issue("server")
    tocsin.flags += [f"--tls_certificate={pem}", f"--tls_key={key}"]
    tocsin.url = f"https://{tocsin.http}"
    urllib.request.install_opener(urllib.request.build_opener(urllib.request.HTTPSHandler(context=trusting(authority))))
    try:
        yield
    finally:
        urllib.request.install_opener(urllib.request.build_opener())


def abused(options, attacks, flags=(), edit=lambda text: text, growth=MOST_GROWTH, log=1 << 20, target=None, prepare=contextlib.nullcontext):
    """`attacks`: functions of (tocsin, stopping) that run beside the honest sender, all of them until it has had enough. `target`: a
    manager that puts something in front of the server and gives it to the attacks instead; `prepare`: one of the server before it
    starts."""
    with many_descriptors(), world(flags=flags, edit=edit) as (tocsin, provider, _), prepare(tocsin):
        tocsin.start()
        with target(tocsin) if target else contextlib.nullcontext(tocsin) as attacked:
            idle = Victim(tocsin, provider, "Idle")
            idle.start()
            time.sleep(options.times(1.5, 20))
            idle = idle.end()
            before, most = rss(tocsin), 0
            stopping, failed = threading.Event(), []
            runners = [threading.Thread(target=run_attack, args=(attack, attacked, stopping, failed), daemon=True) for attack in attacks]
            honest = Victim(tocsin, provider, "Honest")
            honest.start()
            for runner in runners:
                runner.start()
            end = time.monotonic() + options.times(3, 600)
            while time.monotonic() < end:
                assert tocsin.child.process.poll() is None, f"the server ended with {tocsin.child.process.returncode}"
                most = max(most, rss(tocsin))
                time.sleep(0.2)
            times = honest.end()
            stopping.set()
            for runner in runners:
                runner.join(60)
            assert not failed, failed[0]
            assert tocsin.child.process.poll() is None, f"the server ended with {tocsin.child.process.returncode}"
            assert most - before < growth, f"memory grew by {(most - before) >> 20} MiB"
            assert tocsin.metric("tocsin_auditor_findings_total") == 0
            said = tocsin.child.log.stat().st_size
            assert said < log, f"the log grew by {said >> 10} KiB: it would fill a disk"
    return (f"{len(times)} honest alerts, page p99 {1000 * late_part(times):.0f} ms, idle {1000 * late_part(idle):.0f} ms, "
            f"memory +{max(0, most - before) >> 20} MiB")


def run_attack(attack, tocsin, stopping, failed):
    try:
        attack(tocsin, stopping)
    except AssertionError as error:
        failed.append(error)


def address(tocsin):
    host, port = tocsin.http.split(":")
    return host, int(port)


def grpc_address(tocsin):
    host, port = tocsin.grpc.split(":")
    return host, int(port)


def connected(tocsin):
    connection = socket.create_connection(address(tocsin), 10)
    connection.settimeout(10)
    return connection


# ---- D1 ----

def held(count, first, more, every=1.0, read=False, window=None, where=address):
    """So many connections that say `first` and then a byte of `more` each moment; those that are cut off come again."""
    def attack(tocsin, stopping):
        connections = []
        with contextlib.ExitStack() as stack:
            while not stopping.is_set():
                while len(connections) < count and not stopping.is_set():
                    try:
                        connection = stack.enter_context(socket.socket())
                        if window:
                            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
                        connection.settimeout(2)
                        connection.connect(where(tocsin))
                        connection.sendall(first)
                        connection.setblocking(False)
                        connections.append(connection)
                    except OSError:
                        break
                for connection in list(connections):
                    try:
                        if more:
                            connection.send(more)
                        if read and connection.recv(1) == b"":
                            raise ConnectionResetError
                    except BlockingIOError:
                        pass
                    except OSError:
                        connections.remove(connection)
                        connection.close()
                stopping.wait(every)
    return attack


def slow_peers(options):
    many = options.times(150, 3000)
    head = f"POST {DOOR} HTTP/1.1\r\nHost: x\r\n".encode()
    return abused(options, [
        held(many, head, b"X"),  # a header without end
        held(many, head + b"Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n[", b" "),
        held(many, head + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        held(many, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 50, b"", window=1024),  # asks for much, reads nothing
        held(20, b"GET /metrics HTTP/1.1\r\nHost: x\r\nRange: bytes=" + b",".join(b"%d-%d" % (i, i + 1) for i in range(1000))
             + b"\r\n\r\n", b"", read=True),
    ])


# ---- D2 ----

def answer_to(tocsin, *pieces):
    """The status of what is answered to raw bytes, which may be none."""
    with contextlib.suppress(OSError), connected(tocsin) as connection:
        with contextlib.suppress(OSError):
            for piece in pieces:
                connection.sendall(piece)
        head = connection.recv(65536)
        if head.startswith(b"HTTP/1.1 "):
            return int(head[9:12])
    return None


def oversized(options):
    head = f"POST {DOOR} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    table = [
        ("a gigabyte is announced", {413}, head + b"Content-Length: 1073741824\r\n\r\n", b"[" * 65536),
        ("a length of 2^64", {400, 413}, head + b"Content-Length: 18446744073709551616\r\n\r\n"),
        ("a negative length", {400}, head + b"Content-Length: -1\r\n\r\n"),
        ("two lengths", {400}, head + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n[]  "),
        ("chunks without end", {413}, head + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 100),
        ("a chunk of 2^63", {400, 413}, head + b"Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n" + b" " * 65536),
        ("a header of a megabyte", {431, 400}, head + b"X-Large: " + b"x" * (1 << 20) + b"\r\n\r\n"),
        ("ten thousand headers", {431, 400}, head + b"".join(b"X-%d: y\r\n" % i for i in range(10_000)) + b"\r\n"),
        ("a path of a megabyte", {400, 414, 431}, b"GET /" + b"x" * (1 << 20) + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
    ]

    def attack(tocsin, stopping):
        while not stopping.is_set():
            for name, expected, *pieces in table:
                got = answer_to(tocsin, *pieces)
                # None: it hung up while we were still talking, and the answer was lost with our connection.
                assert got in expected | {None}, f"{name}: {got}"
            # Less than was announced, and then nothing.
            with contextlib.suppress(OSError), connected(tocsin) as connection:
                connection.sendall(head + b"Content-Length: 100\r\n\r\n[")
    return abused(options, [attack] * 2)


# ---- D3 ----

def strange_json():
    one = '{"status":"firing","labels":{"alertname":"%s","service":"web"}}'
    yield b"[" * 1_000_000
    yield b'{"a":' * 500_000
    yield b'[{"labels":' * 100_000
    yield ('[{"status":"firing","labels":' + '{"a":' * 1000 + "1" + "}" * 1000 + "}]").encode()
    yield b'{"status":"firing","status":"resolved","labels":{"alertname":"Twice","alertname":"Once"}}'
    yield b'{"labels":{"alertname":"Number"},"startsAt":1e999,"value":-1e999}'
    yield b'{"labels":{"alertname":"\\ud800"}}'
    yield b'{"labels":{"alertname":"Nul\\u0000byte"}}'
    yield b'\xef\xbb\xbf' + (one % "Bom").encode()
    yield b'{"labels":{"alertname":"\xff\xfe\xc0\x80"}}'
    yield (one % ("x" * 1_000_000)).encode()
    yield b"[" + b",".join([b"{}"] * 100_000) + b"]"
    yield b"\0" * 100_000
    yield b'{"labels":{' + b",".join(b'"l%d":"v"' % i for i in range(10_000)) + b"}}"
    yield b'"' + b"\\" * 1_000_001


def nonsense(options):
    def attack(tocsin, stopping):
        while not stopping.is_set():
            for path in (DOOR, "/api/v2/alerts", "/tocsin.v1.GroupService/ListGroups"):
                for body in strange_json():
                    if stopping.is_set():
                        return
                    status = http_request(f"{tocsin.url}{path}", body, JSON, timeout=30)[0]
                    assert status < 500, f"{path}: {status} for {body[:60]!r}"
    return abused(options, [attack])


# ---- D4 ----

def bombs(options):
    zeros = b"[" + b" " * (50 << 20) + b"]"
    once = gzip.compress(zeros)
    table = [
        ("a bomb", {"Content-Encoding": "gzip"}, once, {413, 400}),
        ("a bomb in a bomb", {"Content-Encoding": "gzip"}, gzip.compress(gzip.compress(b" " * (200 << 20))), {413, 400, 202}),
        ("two layers are said", {"Content-Encoding": "gzip, gzip"}, gzip.compress(once), {415, 400, 413}),
        ("deflate", {"Content-Encoding": "deflate"}, zlib.compress(zeros), {415, 400, 413}),
        ("brotli", {"Content-Encoding": "br"}, b"\x0b\x02\x80hello\x03", {415, 400}),
        ("cut off", {"Content-Encoding": "gzip"}, once[:-20], {400, 413}),
        ("garbage behind it", {"Content-Encoding": "gzip"}, gzip.compress(b"[]") + b"garbage", {400}),
        ("no gzip at all", {"Content-Encoding": "gzip"}, b"plain", {400}),
        ("a thousand members", {"Content-Encoding": "gzip"}, gzip.compress(b" " * 100_000) * 1000, {413, 400}),
    ]

    def attack(tocsin, stopping):
        while not stopping.is_set():
            for name, headers, body, expected in table:
                status = http_request(f"{tocsin.url}{DOOR}", body, {**JSON, **headers}, timeout=30)[0]
                assert status in expected, f"{name}: {status}"
                if stopping.is_set():
                    return
    return abused(options, [attack] * 2)


def grpc_bombs(options):
    """Messages of gRPC that become a thousand times as large when they are unpacked. They are refused as packed, or with the call."""
    packed = gzip.compress(bytes(256 << 20))
    refused = []

    def attack(path, key):
        def run(tocsin, stopping):
            while not stopping.is_set():
                with contextlib.suppress(OSError):
                    refused.append(http2.has_ended(http2.say_packed(tocsin.grpc, path, key, packed), 1))
        return run
    word = abused(options, [attack("/tocsin.v1.OrganisationService/ApplyOrganisation", ""),
                            attack("/tocsin.v1.IngestService/Stream", organisation.STREAM_KEY)])
    assert any(refused), "no bomb was answered"
    return f"{sum(refused)} of {len(refused)} refused; {word}"


# ---- D5, D6 ----

def floods(which, reads, key=organisation.STREAM_KEY):
    """Each flood of http2.py by a thread of its own; `reads`: it reads what is answered."""
    def one(flood):
        return lambda attacked, stopping: http2.attack(attacked.grpc, flood, key, stopping, reads)
    return [one(flood) for flood in which]


def taken_calls(options):
    """What the floods rely on: their calls are ones that the server takes and keeps."""
    with world() as (tocsin, _, _):
        tocsin.start()
        stopping = threading.Event()
        attacker = threading.Thread(target=http2.attack, args=(tocsin.grpc, http2.open_streams, organisation.STREAM_KEY, stopping))
        attacker.start()
        try:
            wait_for("streams of the flood", lambda: tocsin.metric("tocsin_ingest_streams_total") >= 50)
        finally:
            stopping.set()
            attacker.join()
    return "calls of the floods reach the server and hold streams"


def strangers(options):
    """By somebody without a key, who reads nothing of what is answered."""
    return abused(options, floods(http2.FLOODS, reads=False, key=""))


def http2_floods(options):
    """By somebody who has a valid key, at the engine's own port; who reads what is answered, and who does not."""
    reading = abused(options, floods(http2.FLOODS, reads=True))
    return f"{reading}; nobody reads: {abused(options, floods(http2.FLOODS, reads=False))}"


def complaints(options):
    """CVE-2023-1428's headers, thousands of them: what is said of each does not fill the disk."""
    return abused(options, floods([http2.te_and_a_large_header] * 2, reads=True), log=64 << 10)


# ---- D7 to D9, D11 ----

def until(stopping, step):
    number = 0
    while not stopping.is_set():
        step(number)
        number += 1


def cardinality(options):
    """Labels that differ with each event, too many of them, and too long ones: in one group, as whoever has only a low key can."""
    def attack(tocsin, stopping):
        def step(number):
            events = [event("Noise", request=f"{number}-{i}", user=str(random.random())) for i in range(200)]
            events.append(event("Noise", **{f"l{i}": "v" for i in range(1000)}))
            events.append(event("Noise", long="x" * 65536))
            for i, each in enumerate(events):
                each["dedup_key"] = f"noise{number % 50}-{i}"
            status = post(tocsin.url, events, 30)
            assert status in (202, 413, 429, 503, None), status
        until(stopping, step)
    return abused(options, [attack], growth=400 << 20)


def too_many_groups(options):
    """More groups than there may be: what goes beyond joins one group for the route, which pages."""
    with world(flags=["--max_groups=100"]) as (tocsin, provider, _):
        tocsin.start()
        assert post(tocsin.url, [event(f"Many{i}", severity="critical") for i in range(1000)], 30) == 202
        wait_for("the page for the rest", lambda: provider.of("/ann", "TocsinTooManyGroups"))
        wait_for("all that are left to page", lambda: len({ground.purpose_of(r)["subject"] for r in provider.of("/ann")}) >= 100)
        held_alerts = ground.alerts_of(tocsin)
        assert sum(held_alerts.values()) == 1000, f"{sum(held_alerts.values())} of 1000 alerts fire"
        return "1000 alerts, 100 groups and the one for the rest"


def many_alerts(options):
    """Distinct alerts as fast as they can be said, then all of them end."""
    total, each = options.times(20_000, 1_000_000), 5000
    sent = []

    def attack(tocsin, stopping):
        for firing in (True, False):
            for start in range(0, total, each):
                events = [dict(event("Storm", firing, host=f"h{i}"), dedup_key=f"storm{i}") for i in range(start, start + each)]
                while (status := post(tocsin.url, events, 60)) != 202:
                    assert status in (429, 503, None), status
                    if stopping.wait(0.2):
                        return
                sent.append(firing)
            if firing:
                firing_now = int(tocsin.call("StatusService/GetStatus")["firing"])
                assert firing_now >= total, f"{firing_now} alerts fire of {total} that were acknowledged"
    word = abused(options, [attack], growth=2 << 30, flags=["--max_groups=100000"])
    return f"{len(sent) * each} events; {word}"


def hot_key(options):
    """One alert, as often as four senders can say it: it is one alert."""
    def attack(tocsin, stopping):
        until(stopping, lambda _: post(tocsin.url, [event("Hot")] * 500, 30))

    def watch(tocsin, stopping):
        while not stopping.wait(0.5):
            hot = [g for g in ground.groups_of(tocsin) if {"name": "alertname", "value": "Hot"} in g["labels"]]
            assert len(hot) <= 1 and all(g["firing"] <= 1 for g in hot), hot
    return abused(options, [attack] * 4 + [watch])


def loud_neighbour(options):
    """Another key with a small allowance of alerts, at whatever rate it can: it is refused, the honest one is not."""
    key = "e2e-loud-key-0123456789"
    refused = []

    def edit(text):
        return text.replace("\nintegrations:\n", f"\nintegrations:\n  - {{id: loud, source: generic, key: {key}, active_alerts: 100}}\n")

    def attack(tocsin, stopping):
        def step(number):
            events = [dict(event("Loud", n=f"{number}-{i}"), dedup_key=f"loud{number}-{i}") for i in range(500)]
            status, body, _ = http_request(f"{tocsin.url}/v1/integrations/{key}", json.dumps(events).encode(), JSON, timeout=30)
            refused.append(status == 429 or b"rejected" in body)
        until(stopping, step)

    def watch(tocsin, stopping):
        while not stopping.wait(0.5):
            loud = [g for g in ground.groups_of(tocsin) if {"name": "alertname", "value": "Loud"} in g["labels"]]
            assert all(g["firing"] <= 101 for g in loud), [g["firing"] for g in loud]
    word = abused(options, [attack] * 4 + [watch], edit=edit)
    assert any(refused), "the loud one was never refused"
    return f"{sum(refused)} of {len(refused)} of its batches refused; {word}"


# ---- D12, A12 ----

def connect_only(port_of):
    def attack(tocsin, stopping):
        kept = []
        while not stopping.is_set():
            try:
                kept.append(socket.create_connection(port_of(tocsin), 1))
            except OSError:
                stopping.wait(0.05)
            if len(kept) > 200:
                for connection in kept[:100]:
                    connection.close()
                del kept[:100]
        for connection in kept:
            connection.close()
    return attack


def say_and_leave(first, where):
    """As many connections as there can be, each of which says something and is closed before it can be answered."""
    def attack(tocsin, stopping):
        while not stopping.is_set():
            with contextlib.suppress(OSError), socket.create_connection(where(tocsin), 1) as connection:
                connection.sendall(first)
    return attack


def connection_flood(options):
    """Some say nothing; those to the gRPC port also what a client begins with, and then nothing more. What is refused is counted."""
    begin = http2.PREFACE + http2.frame(http2.SETTINGS)
    many = options.times(5000, 15_000)  # more than it takes

    def watch(tocsin, stopping):
        most = 0
        while not stopping.wait(0.2):
            most = max(most, tocsin.metric("tocsin_grpc_connections_open"))
        assert 0 < most <= 4096, f"{most:.0f} connections were open at the gRPC port"
        assert tocsin.metric('tocsin_grpc_connections_refused_total') > 0
    return abused(options, [connect_only(address)] * 2 + [connect_only(grpc_address), say_and_leave(begin, grpc_address),
                                                          held(many, begin, b"", read=True, where=grpc_address), watch])


def client_hello():
    """What a client of gRPC says first, by TLS."""
    trust, told = ssl.create_default_context(), ssl.MemoryBIO()
    trust.set_alpn_protocols(["h2"])
    with contextlib.suppress(ssl.SSLWantReadError):
        trust.wrap_bio(ssl.MemoryBIO(), told, server_hostname="localhost").do_handshake()
    return told.read()


def handshake_flood(options):
    """Handshakes of TLS that stop at each point where a client can stop, and come again when they are cut off."""
    hello, many = client_hello(), options.times(400, 4000)
    attacks = [each for where in (address, grpc_address) for each in (
        held(many, b"", b"", read=True, where=where), held(many, hello[:100], b"", read=True, where=where),
        held(many, hello, b"", read=True, where=where), say_and_leave(hello, where))]
    return abused(options, attacks, prepare=by_tls)


CHECKS = [
    ("D1", "slow headers, slow bodies, slow readers, ranges", "smoke", slow_peers),
    ("D2", "oversized and lying requests", "smoke", oversized),
    ("D3", "nesting, duplicate keys, numbers and text that are none", "smoke", nonsense),
    ("D4", "gzip bombs and other packings", "smoke", bombs),
    ("D4g", "messages of gRPC that become a thousand times as large", "smoke", grpc_bombs),
    ("D5", "calls of the floods of D6 are taken", "smoke", taken_calls),
    ("D6", "D5 and D6: HTTP/2 floods at the gRPC port by somebody with a key", "smoke", http2_floods),
    ("D6s", "D5 and D6: the same by strangers", "smoke", strangers),
    ("D6l", "headers that somebody could complain of, by the thousand", "smoke", complaints),
    ("D7", "label cardinality", "smoke", cardinality),
    ("D7g", "more groups than there may be", "smoke", too_many_groups),
    ("D8", "distinct alerts as fast as they can be said", "smoke", many_alerts),
    ("D9", "one alert at any rate", "smoke", hot_key),
    ("D11", "a neighbour beyond its allowance", "smoke", loud_neighbour),
    ("D12", "a flood of connections", "smoke", connection_flood),
    ("D12t", "a flood of TLS handshakes that are never finished", "smoke", handshake_flood),
]

"""The network side in a process of its own, `tocsin gateway` beside `tocsin serve`: alerts come in by gRPC and by POST through it; it is
killed again and again under load, stopped where it stands, and outlives its engine. No acknowledged alert is lost, and pages go out in
time whatever becomes of it."""
import http.client
import json
import pathlib
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "faults"))

import http2
import organisation
from harness import BINARY, PATIENCE, Child, Receiver, Tocsin, free_port, http_request, scratch, wait_for

KILLS = 20
SENDERS = 4


class Gateway:
    """A gateway at the server's socket. Keeps its ports, so that senders find it again."""

    def __init__(self, folder, tocsin):
        self.folder, self.tocsin = folder, tocsin
        self.http, self.grpc = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.http}"
        self.child = None

    def start(self, wait=True):
        self.child = Child([BINARY, "gateway", f"--engine={self.folder}/socket", f"--http={self.http}", f"--grpc={self.grpc}"],
                           self.folder / "gateway.log")
        if wait:
            wait_for("the gateway to be ready", self.ready)
        return self

    def ready(self):
        if self.child.process.poll() is not None:
            raise AssertionError(f"the gateway ended with {self.child.process.returncode}:\n{self.child.text()[-4000:]}")
        try:
            return http_request(f"{self.url}/-/ready", timeout=10)[0] == 200
        except OSError:
            return False

    def metric(self, name):
        text = http_request(f"{self.url}/-/gateway/metrics")[1].decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if re.match(rf"{name}(\{{| )", line))

    def post(self, *alerts, path=f"/v1/integrations/{organisation.GENERIC_KEY}", query="", timeout=PATIENCE):
        return http_request(f"{self.url}{path}{query}", json.dumps(list(alerts)).encode(), {"Content-Type": "application/json"},
                            timeout=timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child:
            if self.child.process.poll() is None:
                self.child.process.send_signal(signal.SIGCONT)
            self.child.__exit__()


def alert(name, **labels):
    return {"status": "firing", "labels": {"alertname": name, "service": "web", "severity": "critical", **labels}}


def names(tocsin):
    """alertname/instance of every alert that fires."""
    found, cursor = set(), ""
    while True:
        page = tocsin.call("AlertService/ListAlerts", pageSize=1000, cursor=cursor)
        for each in page["alerts"]:
            labels = {label["name"]: label["value"] for label in each["summary"]["labels"]}
            found.add(f"{labels['alertname']}/{labels.get('instance', '')}")
        cursor = page["nextCursor"]
        if not cursor:
            return found


def paged(receiver, name):
    return any(name in request["body"].decode() for request in receiver.requests)


def send(gateway, *arguments):
    return subprocess.run([str(BINARY), "send", *arguments, "--key", organisation.STREAM_KEY, "--server", gateway.grpc],
                          capture_output=True, text=True, timeout=PATIENCE)


def check_doors(tocsin, gateway, receiver):
    done = send(gateway, "alertname=ByStream", "service=web", "severity=critical")
    assert done.returncode == 0, done.stdout + done.stderr
    status, body, _ = gateway.post(alert("ByWebhook"), query="?outcomes=1")
    assert status == 202 and json.loads(body)["outcomes"] == ["new"], (status, body)
    status, body, headers = gateway.post({"labels": {"alertname": "ByPrometheus", "service": "web"}}, path="/api/v2/alerts")
    assert status == 200 and "Cache-Control" in headers, (status, body, headers)
    status, body, _ = gateway.post(alert("Explained"), query="?explain=1")
    assert status == 202 and b"explained" in body, (status, body)
    assert gateway.post(alert("Nobody"), path="/v1/integrations/wrong-key")[0] == 404
    assert {"ByStream/", "ByWebhook/", "ByPrometheus/", "Explained/"} <= names(tocsin)
    wait_for("pages of what came by the gateway", lambda: paged(receiver, "ByStream") and paged(receiver, "ByWebhook"))
    assert tocsin.metric("tocsin_gateways_attached") == 1
    assert tocsin.metric("tocsin_gateways_events_total") == 3
    assert gateway.metric("tocsin_gateway_events_total") == 3


def check_forwarding(tocsin, gateway):
    # The engine's own answers, by the gateway's port.
    token = {"Content-Type": "application/json", "Authorization": f"Bearer {tocsin.token()}"}
    status, body, headers = http_request(f"{gateway.url}/api/v2/alerts", headers=token)
    assert status == 200 and {a["labels"]["alertname"] for a in json.loads(body)} >= {"ByStream", "ByWebhook"}, (status, body)
    assert [name for name in headers if name.lower() == "vary"] == ["Vary"], headers
    status, body, _ = http_request(f"{gateway.url}/tocsin.v1.GroupService/ListGroups", b"{}", token)
    assert status == 200 and json.loads(body)["groups"], (status, body)
    assert http_request(f"{gateway.url}/tocsin.v1.GroupService/ListGroups", b"{}", {"Content-Type": "application/json"})[0] == 401
    assert b"tocsin_gateways_attached 1" in http_request(f"{gateway.url}/metrics")[1]
    assert http_request(f"{gateway.url}/nowhere")[0] == 404
    # What is open to the engine's own machine is not open to what a gateway hands on, whatever it says.
    assert http_request(f"{tocsin.url}/api/v2/silences")[0] == 200
    for forged in ({}, {"Tocsin-Forwarded-For": "127.0.0.1"}):
        assert http_request(f"{gateway.url}/api/v2/silences", headers=forged)[0] in (401, 403)
    # What is not ingest is not at the gateway's gRPC port, and the answer says where it is.
    done = subprocess.run([str(BINARY), "groups", "--server", gateway.grpc, "--token-file", str(tocsin.data / "admin.token")],
                          capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode != 0 and "gateway" in done.stdout + done.stderr, done.stdout + done.stderr


class Stream:
    """A stream of batches by frames of our own, so that it is known how they come: each DATA frame is as large as any client may send it."""

    def __init__(self, address):
        self.connection = socket.create_connection(tuple(address.split(":")), PATIENCE)
        self.came = b""
        self.connection.sendall(http2.PREFACE + http2.frame(http2.SETTINGS) + http2.opened(1, http2.call(key=organisation.STREAM_KEY)))
        self.answer()  # says hello, and that there is room for more than a standard's window

    def say(self, message):
        rest = b"\0" + struct.pack(">I", len(message)) + message
        while rest:
            self.connection.sendall(http2.frame(http2.DATA, 0, 1, rest[:16384]))
            rest = rest[16384:]
        return self.answer()

    def answer(self):
        """The next message of the server's."""
        while len(self.came) < 5 or len(self.came) < 5 + struct.unpack(">I", self.came[1:5])[0]:
            head = self._read(9)
            payload = self._read(int.from_bytes(head[:3], "big"))
            assert head[3] not in (http2.RST_STREAM, 7), (head, payload)
            if head[3] == http2.DATA:
                self.came += payload
        size = 5 + struct.unpack(">I", self.came[1:5])[0]
        message, self.came = self.came[5:size], self.came[size:]
        return message

    def _read(self, size):
        got = b""
        while len(got) < size:
            more = self.connection.recv(size - len(got))
            assert more, "the connection is closed"
            got += more
        return got


def wire(field, value):
    """A field of a message: bytes, or a number below 128."""
    if isinstance(value, int):
        return bytes([field << 3, value])
    return bytes([field << 3 | 2]) + varint(len(value)) + value


def varint(value):
    out = b""
    while value >= 128:
        out, value = out + bytes([value % 128 + 128]), value // 128
    return out + bytes([value])


def outcomes(answer):
    """Of an IngestResponse, whose numbers are all small but for the sequence."""
    at = 0

    def read():
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = answer[at]
            at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    while at < len(answer):
        tag = read()
        value = read()
        if tag == 4 << 3 | 2:
            return list(answer[at:at + value])
        at += value if tag & 7 == 2 else 0
    return []


def check_repeats(gateway):
    """What a stream says again lies in memory that the gateway shares with the engine, which reads it there when the alert stands otherwise by now."""
    new, refired, duplicate, resolved = 1, 2, 3, 6
    label = lambda name, value: wire(2, wire(1, name.encode()) + wire(2, value.encode()))
    text = wire(3, wire(1, b"summary") + wire(2, b"s" * 300))
    one = lambda i, kind=b"": wire(2, kind + label("alertname", "Repeated") + label("instance", str(i)) + text)
    count = 200  # of more than is copied: 16 KiB
    asks = wire(3, 1)
    everything = b"".join(map(one, range(count))) + asks
    stream = Stream(gateway.grpc)
    assert outcomes(stream.say(everything)) == [new] * count
    assert outcomes(stream.say(everything)) == [duplicate] * count
    assert outcomes(stream.say(one(7, wire(1, 2)) + one(133, wire(1, 2)) + asks)) == [resolved] * 2
    again = outcomes(stream.say(everything))
    assert [i for i in range(count) if again[i] == refired] == [7, 133], again
    assert outcomes(stream.say(everything)) == [duplicate] * count
    stream.connection.close()


class Sender(threading.Thread):
    """Posts through the gateway and remembers what was answered 202."""

    def __init__(self, gateway, number):
        super().__init__(daemon=True)
        self.gateway, self.number = gateway, number
        self.stopping = threading.Event()
        self.acknowledged = set()

    def run(self):
        sent = 0
        while not self.stopping.is_set():
            instances = [f"{self.number}-{sent + i}" for i in range(5)]
            sent += 5
            try:
                if self.gateway.post(*(alert(f"Load{self.number}", instance=i) for i in instances))[0] == 202:
                    self.acknowledged.update(f"Load{self.number}/{i}" for i in instances)
            except (OSError, http.client.HTTPException):
                pass


def check_kills(tocsin, gateway, receiver):
    senders = [Sender(gateway, number) for number in range(SENDERS)]
    for sender in senders:
        sender.start()
    latest = 0.0
    for kill in range(KILLS):
        time.sleep(random.uniform(0.05, 0.5))
        gateway.child.kill()
        # While there is no gateway the engine pages for what comes by its own door.
        begun = time.monotonic()
        status, _, _ = http_request(f"{tocsin.url}/v1/integrations/{organisation.GENERIC_KEY}",
                                    json.dumps([alert(f"Meanwhile{kill}times")]).encode(), {"Content-Type": "application/json"})
        assert status == 202
        wait_for("a page while the gateway is dead", lambda: paged(receiver, f"Meanwhile{kill}times"), every=0.02)
        latest = max(latest, time.monotonic() - begun)
        gateway.start()
    for sender in senders:
        sender.stopping.set()
    for sender in senders:
        sender.join()
    acknowledged = set().union(*(sender.acknowledged for sender in senders))
    missing = acknowledged - names(tocsin)
    assert not missing, f"{len(missing)} of {len(acknowledged)} acknowledged alerts are not there: {sorted(missing)[:5]}"
    assert tocsin.metric("tocsin_gateways_attachments_total") == 1 + KILLS
    print(f"{KILLS} kills, {len(acknowledged)} alerts acknowledged, none lost; the slowest page took {latest:.2f} s")


def check_wedged(tocsin, gateway, receiver):
    waiting = socket.create_connection(tuple(gateway.http.split(":")), PATIENCE)  # a connection that it holds
    gateway.child.process.send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    status, _, _ = http_request(f"{tocsin.url}/v1/integrations/{organisation.GENERIC_KEY}",
                                json.dumps([alert("WhileWedged")]).encode(), {"Content-Type": "application/json"})
    assert status == 202
    wait_for("a page while the gateway stands still", lambda: paged(receiver, "WhileWedged"), every=0.02)
    print(f"a page while the gateway stood still took {time.monotonic() - begun:.2f} s")
    gateway.child.process.send_signal(signal.SIGCONT)
    waiting.close()
    wait_for("the gateway to serve again", lambda: gateway.post(alert("AfterWedged"))[0] == 202)


def check_engine_restart(tocsin, gateway, receiver):
    tocsin.kill()
    wait_for("the gateway to notice", lambda: not gateway.ready())
    status, _, headers = gateway.post(alert("TooEarly"))
    assert status == 503 and headers.get("Retry-After"), (status, headers)
    status, _, headers = http_request(f"{gateway.url}/metrics")
    assert status == 503 and headers.get("Retry-After"), (status, headers)
    assert send(gateway, "alertname=TooEarly", "service=web").returncode != 0
    tocsin.start()
    wait_for("the gateway to attach again", gateway.ready)
    assert gateway.post(alert("AfterRestart"))[0] == 202
    assert send(gateway, "alertname=StreamAfterRestart", "service=web", "severity=critical").returncode == 0
    wait_for("a page after the restart", lambda: paged(receiver, "StreamAfterRestart"))


def main():
    with scratch() as folder, Receiver() as receiver:
        config = folder / "organisation.yaml"
        config.write_text(organisation.yaml(webhook=receiver.url, step_delay="0s", group_wait="0s"))
        tocsin = Tocsin(folder, config, ["--allow_webhooks_to=127.0.0.0/8", f"--gateway_socket={folder}/socket"])
        with tocsin.start(), Gateway(folder, tocsin) as gateway:
            gateway.start()
            check_doors(tocsin, gateway, receiver)
            check_forwarding(tocsin, gateway)
            check_repeats(gateway)
            check_kills(tocsin, gateway, receiver)
            check_wedged(tocsin, gateway, receiver)
            check_engine_restart(tocsin, gateway, receiver)
            assert tocsin.metric("tocsin_gateways_broken_total") == 0
            assert tocsin.metric("tocsin_auditor_findings_total") == 0
            assert gateway.child.stop() == 0
            assert tocsin.stop() == 0
    print("6 passed, 0 failed")


if __name__ == "__main__":
    main()

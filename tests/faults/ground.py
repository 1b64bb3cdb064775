"""What the checks of faults stand on: a load whose every request and answer is in a ledger, a provider that logs every call and answers as it
is told to, and the checker that joins the two with what the engine says of itself. All on the real binary over real sockets."""
import contextlib
import json
import pathlib
import random
import re
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import organisation  # noqa: E402
from harness import BINARY, ROOT, Child, Tocsin, free_port, http_request, scratch, wait_for  # noqa: E402,F401

JSON = {"Content-Type": "application/json"}
DOOR = f"/v1/integrations/{organisation.GENERIC_KEY}"
LOOPBACK = "--allow_webhooks_to=127.0.0.0/8"
# After an acknowledgement was answered: a message that was on its way by then may take so long to be read here. The order in the
# engine's own timeline is checked without any such allowance.
ON_ITS_WAY = 5.0


class Missing(Exception):
    """Something that a check needs is not there: it cannot be made here."""


class Ledger:
    """What senders were told. A line is written before a request is sent, and another one when it was answered."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.file = open(self.path, "a", buffering=1)
        self.lock = threading.Lock()
        self.certain = {}        # alert -> firing, as last acknowledged
        self.possible = {}       # alert -> states tried since
        self.asked_for = set()   # groups that were tried to take
        self.acknowledgements = {}  # group -> when the OK was read
        self.acknowledged = self.refused = self.unanswered = 0

    def _write(self, **line):
        self.file.write(json.dumps({"at": time.time(), **line}) + "\n")

    def trying(self, batch):
        with self.lock:
            self._write(trying=batch)
            for name, firing in batch.items():
                self.possible.setdefault(name, set()).add(firing)

    def answered(self, batch, status):
        with self.lock:
            self._write(answered=sorted(batch), status=status)
            if status is None:
                self.unanswered += 1
            elif status // 100 != 2:
                self.refused += 1
            else:
                self.acknowledged += len(batch)
                for name, firing in batch.items():
                    self.certain[name] = firing
                    self.possible[name] = set()

    def taking(self, group):
        with self.lock:
            self._write(taking=int(group))
            self.asked_for.add(int(group))

    def took(self, group):
        with self.lock:
            self.acknowledgements.setdefault(int(group), time.time())
            self._write(took=int(group))

    def firing(self):
        """The alerts that were acknowledged as firing and never tried to resolve since."""
        with self.lock:
            return {name for name, firing in self.certain.items() if firing and False not in self.possible[name]}


def event(name, firing=True, severity="warning", **labels):
    return {"status": "firing" if firing else "resolved", "dedup_key": name, "severity": severity,
            "labels": {"alertname": name, "service": "web", **labels}}


def post(url, events, timeout=5, door=DOOR):
    """The status, or None when there was no answer."""
    try:
        return http_request(f"{url}{door}", json.dumps(events).encode(), JSON, timeout=timeout)[0]
    except OSError:
        return None
    except Exception as error:  # half an answer of a server that was killed
        if type(error).__module__ != "http.client":
            raise
        return None


class Sender(threading.Thread):
    """Posts batches of new alerts, of alerts that are known and of ends, and writes all of it to the ledger."""

    def __init__(self, url, ledger, number, seed, names=20, pause=0.005, timeout=5):
        super().__init__(daemon=True)
        self.url, self.ledger, self.number, self.names, self.pause, self.timeout = url, ledger, number, names, pause, timeout
        self.random = random.Random(seed)
        self.stopping, self.idle, self.paused = threading.Event(), threading.Event(), threading.Event()
        self.generation = self.fresh = 0
        self.gone = set()

    def run(self):
        while not self.stopping.is_set():
            if self.paused.is_set():
                self.idle.set()
                time.sleep(0.01)
                continue
            self.idle.clear()
            self.send()
            time.sleep(self.pause)
        self.idle.set()

    def choose(self):
        batch = {}
        for _ in range(self.random.randint(1, 10)):
            if self.fresh < self.names and self.random.random() < 0.5:
                batch[f"f{self.number}x{self.generation}x{self.fresh}"] = True
                self.fresh += 1
                continue
            known = f"f{self.number}x{self.generation}x{self.random.randrange(max(self.fresh, 1))}"
            if known in self.gone or self.fresh == 0:
                continue
            batch[known] = int(known.rpartition("x")[2]) % 2 == 0 or self.random.random() < 0.8  # half of them never end
            if not batch[known]:
                self.gone.add(known)
        return batch

    def send(self):
        batch = self.choose()
        if not batch:
            time.sleep(0.005)
            return
        self.ledger.trying(batch)
        events = [event(name, firing, "critical" if name.endswith(("0", "4", "8")) else "warning") for name, firing in batch.items()]
        self.ledger.answered(batch, post(self.url, events, self.timeout))

    def new_names(self):
        """A bound on how many alerts one round makes, so that a world of many rounds stays small."""
        self.generation += 1
        self.fresh = 0


class Load:
    """Senders that run together."""

    def __init__(self, url, ledger, seed, senders=4, **more):
        self.senders = [Sender(url, ledger, number, seed + number, **more) for number in range(senders)]

    def __enter__(self):
        for sender in self.senders:
            sender.start()
        return self

    def pause(self):
        for sender in self.senders:
            sender.paused.set()
        for sender in self.senders:
            wait_for("a sender to pause", sender.idle.is_set, 60)

    def resume(self):
        for sender in self.senders:
            sender.new_names()
            sender.idle.clear()
            sender.paused.clear()

    def stop(self):
        for sender in self.senders:
            sender.stopping.set()
        for sender in self.senders:
            sender.join(60)

    def __exit__(self, *_):
        self.stop()


class Provider:
    """A webhook's far end. Every request is logged when it has been read; what is answered is up to `answer`, a function of a
    connection and a request that may do with the connection whatever it likes. The first whose prefix fits the path counts."""

    def __init__(self, everywhere=False, listens=True, host="127.0.0.1", port=0):
        self.requests, self.connections, self.rules = [], 0, []
        self.lock = threading.Lock()
        self.socket = socket.socket(socket.AF_INET6 if everywhere else socket.AF_INET)
        if everywhere:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.bind(("::" if everywhere else host, port))
        self.port = self.socket.getsockname()[1]
        self.url = f"http://{host}:{self.port}"
        self.closing = False
        self.open = set()
        self.accepting = threading.Thread(target=self.accept, daemon=True)
        if listens:
            self.begin()

    def begin(self):
        """From now on; before that connections are refused, and the port is nobody else's."""
        self.socket.listen(1024)
        self.accepting.start()

    def rule(self, prefix, answer):
        with self.lock:
            self.rules.insert(0, (prefix, answer))

    def accept(self):
        while not self.closing:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            if self.closing:
                return connection.close()
            self.connections += 1
            with self.lock:
                self.open.add(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            with connection:
                buffer = b""
                while True:
                    request, buffer = self.read(connection, buffer)
                    if request is None:
                        return
                    with self.lock:
                        self.requests.append(request)
                        answer = next((rule for prefix, rule in self.rules if request["path"].startswith(prefix)), ok)
                    if answer(connection, request) is False:
                        return
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.open.discard(connection)

    def read(self, connection, buffer):
        while b"\r\n\r\n" not in buffer:
            piece = connection.recv(65536)
            if not piece:
                return None, b""
            buffer += piece
        head, _, buffer = buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        size = int(headers.get("content-length", 0))
        while len(buffer) < size:
            piece = connection.recv(65536)
            if not piece:
                return None, b""
            buffer += piece
        return {"arrived": time.time(), "path": lines[0].split(" ")[1], "headers": headers, "body": buffer[:size]}, buffer[size:]

    def of(self, prefix="", word=""):
        with self.lock:
            return [r for r in self.requests if r["path"].startswith(prefix) and word.encode() in r["body"]]

    def stop(self):
        """Refuses connections from now on, and drops those that are open."""
        self.closing = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        if self.accepting.is_alive():
            self.accepting.join(10)  # before its descriptor is another's
        self.socket.close()
        with self.lock:
            connections = list(self.open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def reply(status=200, body=b"ok", **headers):
    """An answer that is as it should be."""
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n"
    head += "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()) + "\r\n"

    def answer(connection, _):
        connection.sendall(head.encode() + body)
    return answer


ok = reply()


def purpose_of(request):
    try:
        return json.loads(request["body"])
    except ValueError:
        return {}


@contextlib.contextmanager
def world(flags=(), shim=False, provider=None, edit=lambda text: text, folder=None, **more):
    """A server in a folder of its own whose people have webhooks at a provider, each alert a group of its own; not yet started.
    Yields (tocsin, provider, ledger)."""
    with contextlib.ExitStack() as stack:
        folder = folder or stack.enter_context(scratch())
        provider = provider or stack.enter_context(Provider())
        settings = {"step_delay": "0s", "group_wait": "0s", "webhook": provider.url, **more}
        config = folder / "organisation.yaml"
        config.write_text(edit(organisation.yaml(**settings)))
        tocsin = (Shimmed if shim else Tocsin)(folder, config, [LOOPBACK, *flags])
        stack.enter_context(tocsin)
        yield tocsin, provider, Ledger(folder / "ledger")


class Shimmed(Tocsin):
    """A server with the shim in front of the kernel when `shim` is set."""
    shim = None
    faults = ()  # what the shim is armed with from the next start's first system call on

    def start(self, wait=True):
        self.starts += 1
        arguments = [BINARY, "serve", f"--data={self.data}", f"--http={self.http}", f"--grpc={self.grpc}", *self.flags]
        if self.config and self.starts == 1:
            arguments.append(f"--config={self.config}")
        if self.shim:
            self.shim.start_counting_anew()
            for fault in self.faults:
                self.shim.arm(**fault)
        self.child = Child(arguments, self.folder / "tocsin.log", env=self.shim.env if self.shim else None)
        if wait:
            wait_for("the server to be ready", self.ready, 60)
        return self

    def ended(self, seconds=60):
        """Waits until the process is gone and returns what it returned."""
        wait_for("the server to end", lambda: self.child.process.poll() is not None, seconds)
        return self.child.process.returncode


# ---- the checker ----

def alerts_of(tocsin):
    """name -> firing, of all alerts that the server holds."""
    found, cursor = {}, ""
    while True:
        page = tocsin.call("AlertService/ListAlerts", pageSize=1000, cursor=cursor)
        for alert in page["alerts"]:
            labels = {label["name"]: label["value"] for label in alert["summary"]["labels"]}
            found[labels["alertname"]] = alert["summary"]["firing"]
        cursor = page["nextCursor"]
        if not cursor:
            return found


def groups_of(tocsin, resolved=True):
    found, cursor = [], ""
    while True:
        page = tocsin.call("GroupService/ListGroups", includeResolved=resolved, pageSize=1000, cursor=cursor)
        found += page["groups"]
        cursor = page.get("nextCursor", "")
        if not cursor:
            return found


def lost(ledger, held):
    """What was acknowledged and is not there: (alert, what was said last, what the server says). Total over `held`, as alerts_of gives
    it, so that the controls can feed it something false."""
    wrong = []
    for name, firing in ledger.certain.items():
        allowed = {firing} | ledger.possible[name]
        # An alert that is over may have been forgotten; one that fires may not.
        if held.get(name, False) not in allowed:
            wrong.append((name, firing, held.get(name)))
    return wrong


def missed(ledger, requests, taken=frozenset()):
    """Alerts that were acknowledged as firing, and still are, about which no page came to the provider; but those that somebody has
    `taken`, who may have been quicker than the page."""
    told = set()
    for request in requests:
        body = purpose_of(request)
        if body.get("purpose") == "page":
            told.update(re.findall(r"\bf\d+x\d+x\d+\b", body["title"] + body["body"]))
    return sorted(ledger.firing() - told - taken)


def late(ledger, requests):
    """Pages that came to the provider after their group's acknowledgement had been answered, and how long after."""
    wrong = []
    for request in requests:
        body = purpose_of(request)
        if body.get("purpose") != "page" or not body.get("subject", "").startswith("G"):
            continue
        answered = ledger.acknowledgements.get(int(body["subject"][1:]))
        if answered is not None and request["arrived"] > answered + ON_ITS_WAY:
            wrong.append((body["subject"], request["arrived"] - answered))
    return wrong


def begun_after(group):
    """The pages that began after the acknowledgement of a group as GetGroup shows it, by the engine's own order."""
    pages = {row["id"] for row in group["notifications"] if row["purpose"] == "PURPOSE_PAGE"}
    kinds = [(entry["kind"], entry.get("notification")) for entry in group["timeline"]]
    taken = next((i for i, (kind, _) in enumerate(kinds) if kind == "KIND_ACKNOWLEDGED"), len(kinds))
    return [number for kind, number in kinds[taken:] if kind == "KIND_NOTIFICATION_STARTED" and number in pages]


def taken_by_somebody(tocsin, ledger):
    """The alerts whose groups the load has acknowledged, by the engine's own word."""
    return {group["labels"][0]["value"] for group in groups_of(tocsin) if group["acknowledgedBy"] and int(group["id"]) in ledger.asked_for}


def settle(tocsin, seconds=120):
    wait_for("everything due to be sent",
             lambda: tocsin.call("StatusService/GetStatus")["undeliveredNotifications"] == "0", seconds)


def check(tocsin, provider, ledger, seconds=120):
    """All that must hold once the load has stopped; says what it has looked at."""
    wrong = lost(ledger, alerts_of(tocsin))
    assert not wrong, f"{len(wrong)} of {len(ledger.certain)} acknowledged alerts are not as acknowledged: {wrong[:5]}"
    settle(tocsin, seconds)
    taken = taken_by_somebody(tocsin, ledger)
    wait_for(f"a page about each acknowledged alert; none about {missed(ledger, provider.of(), taken)[:5]}",
             lambda: not missed(ledger, provider.of(), taken), seconds)
    after = late(ledger, provider.of())
    assert not after, f"sent after their acknowledgement had been answered: {after[:5]}"
    for group in ledger.acknowledgements:
        begun = begun_after(tocsin.call("GroupService/GetGroup", id=group))
        assert not begun, f"G{group}: pages that began after its acknowledgement: {begun}"
    assert tocsin.metric("tocsin_auditor_findings_total") == 0, "the auditor had to repair something"
    return f"{ledger.acknowledged} alerts acknowledged, {len(provider.requests)} pages, {len(ledger.acknowledgements)} taken: nothing lost"


def take_some(tocsin, ledger, randomness, most=3):
    """Acknowledges a few open groups, and writes down those that were answered OK."""
    try:
        groups = [group for group in tocsin.call("GroupService/ListGroups", pageSize=200)["groups"] if group["state"] == "STATE_OPEN"]
        for group in randomness.sample(groups, min(most, len(groups))):
            ledger.taking(group["id"])
            tocsin.call("GroupService/AcknowledgeGroup", id=group["id"])
            ledger.took(group["id"])
    except (OSError, AssertionError, ValueError):
        pass  # killed in between: no OK was given

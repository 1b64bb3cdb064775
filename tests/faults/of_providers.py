"""C1 to C9: providers that are slow, that hang, lie, refuse, talk nonsense or are not there. One that misbehaves costs its own pages time and
nobody else's: whoever comes next in the policy is paged, an honest provider's pages go out meanwhile, and nothing is sent twice
without a doubt that called for it."""
import contextlib
import json
import pathlib
import random
import socket
import ssl
import struct
import subprocess
import threading
import time
from email.utils import formatdate

import ground
import shim as shims
import telephone
from ground import Missing, Provider, event, post, reply, scratch, world
from harness import BINARY, Child, wait_for


def gone(connection, _):
    return False


def reset(connection, _):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def hang(connection, _):
    while connection.recv(65536):
        pass
    return False


def then_hang(head):
    def answer(connection, request):
        connection.sendall(head)
        return hang(connection, request)
    return answer


def trickle(connection, _):
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok":
        connection.sendall(bytes([byte]))
        time.sleep(1)


def after(seconds, answer):
    def wait(connection, request):
        time.sleep(seconds)
        return answer(connection, request)
    return wait


def in_turn(*answers):
    """For each idempotency key the first answer first; the last one is for all further attempts."""
    seen = {}

    def answer(connection, request):
        key = request["headers"]["idempotency-key"]
        seen[key] = seen.get(key, -1) + 1
        return answers[min(seen[key], len(answers) - 1)](connection, request)
    return answer


class Flood:
    """A hundred megabytes of body, or of header, and how much of it went out."""

    def __init__(self, head):
        self.head, self.sent = head, 0

    def __call__(self, connection, _):
        connection.sendall(self.head)
        piece = b"X-Pad: " + b"x" * 65000 + b"\r\n"
        while self.sent < 100_000_000:
            connection.sendall(piece)
            self.sent += len(piece)
        return False


def garbage(connection, _):
    connection.sendall(random.randbytes(4000))
    return False


def date_in(seconds):
    return formatdate(time.time() + seconds, usegmt=True)


# What the provider does -> what is to become of the page. "accepted": by this very provider. "next": given up for good at once, the
# person's next method has it. "goes on": tried again and again, while others are paged.
def misbehaviours():
    return {
        "fine": (ground.ok, "accepted"),
        "slow": (after(3, ground.ok), "accepted"),
        "stalls-in-the-body": (then_hang(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), "accepted"),
        "stalls-in-the-head": (then_hang(b"HTTP/1.1 200 OK\r\nContent-"), "accepted"),
        "hangs": (hang, "goes on"),
        "trickles": (trickle, "accepted"),
        "fails-once": (in_turn(reply(500), ground.ok), "accepted"),
        "hangs-up-once": (in_turn(gone, ground.ok), "accepted"),
        "resets-once": (in_turn(reset, ground.ok), "accepted"),
        "talks-nonsense-once": (in_turn(garbage, ground.ok), "accepted"),
        "says-wait-2": (in_turn(reply(429, Retry_After="2"), ground.ok), "accepted"),
        "says-wait-until": (in_turn(reply(503, Retry_After=date_in(3)), ground.ok), "accepted"),
        "says-wait-absurdly": (reply(429, Retry_After="99999999999999999999"), "goes on"),
        "says-wait-negatively": (in_turn(reply(429, Retry_After="-5"), ground.ok), "accepted"),
        "says-wait-soon": (in_turn(reply(429, Retry_After="soon"), ground.ok), "accepted"),
        "bad-request": (reply(400), "next"),
        "not-found": (reply(404), "next"),
        "gone-for-good": (reply(410), "next"),
        "redirects": (reply(302, Location="/redirected"), "next"),
        "redirects-for-good": (reply(308, Location="/redirected"), "next"),
        "floods-the-body": (Flood(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"), "accepted"),
        "floods-the-head": (Flood(b"HTTP/1.1 200 OK\r\n"), "accepted"),
    }


def with_people(names, url_of):
    """An edit of the organisation: for each name a route, a policy and a person with two methods, the second at /NAME-next; two seconds
    later bob is paged. `url_of`: of a name, the first method."""
    def edit(text):
        users = "".join(f"  - {{id: {n}, contact_methods: [{{kind: webhook, id: first, address: '{url_of(n)}'}}, "
                        f"{{kind: webhook, id: second, address: 'NEXT/{n}-next'}}]}}\n" for n in names)
        policies = "".join(f"  - {{id: {n}, steps: [{{delay: 2s, targets: [{{user: {n}}}]}}, {{delay: 1h, targets: [{{user: bob}}]}}]}}\n" for n in names)
        routes = ", ".join(f"{{matchers: ['alertname=\"{n}\"'], policy: {n}}}" for n in names)
        text = text.replace("\nteams:\n", f"\n{users}teams:\n").replace("\nservices:\n", f"\n{policies}services:\n")
        return text.replace("group_interval: 2s}", f"group_interval: 2s, routes: [{routes}]}}")
    return edit


def rss(tocsin):
    for line in pathlib.Path(f"/proc/{tocsin.child.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    return 0


def rows_about(tocsin, name):
    """Nothing as long as there is no group yet: an alert is acknowledged a moment before."""
    group = next((g for g in ground.groups_of(tocsin) if g["labels"] == [{"name": "alertname", "value": name}]), None)
    return tocsin.call("GroupService/GetGroup", id=group["id"])["notifications"] if group else []


def as_expected(tocsin, bad, good, name, fate):
    """Whether it has come so far."""
    rows = [row for row in rows_about(tocsin, name) if row["user"] == name]
    first = next((row for row in rows if row["method"]["id"] == "first"), None)
    if first is None:
        return False
    if fate == "accepted":
        return first["state"] == "STATE_ACCEPTED"
    if fate == "next":
        return first["state"] == "STATE_FAILED" and int(first["attempt"]) == 1 and good.of(f"/{name}-next")
    return first["state"] in ("STATE_PENDING", "STATE_LEASED") and int(first["attempt"]) >= 1 and bad.of(f"/{name}")


def no_send_without_doubt(provider):
    """What came for one notification came with one key, and after the first time as a repeat where the first may have arrived."""
    by_id = {}
    for request in provider.of():
        body = json.loads(request["body"])
        by_id.setdefault(body["id"], []).append((request["headers"]["idempotency-key"], body["attempt"], body["repeat"]))
    for number, sends in by_id.items():
        assert len({key for key, _, _ in sends}) == 1, f"{number} came with several keys: {sends}"
        attempts = [attempt for _, attempt, _ in sends]
        assert attempts == sorted(set(attempts)), f"{number}: one attempt came twice: {sends}"
    return by_id


def misbehaving(options):
    cases = misbehaviours()
    with Provider() as bad, Provider() as good:
        for name, (answer, _) in cases.items():
            bad.rule(f"/{name}", answer)
        edit = with_people(cases, lambda name: f"{bad.url}/{name}")
        with world(provider=good, edit=lambda text: edit(text).replace("NEXT", good.url)) as (tocsin, _, _):
            tocsin.start()
            before = rss(tocsin)
            assert post(tocsin.url, [event(name, severity="critical") for name in cases]) == 202
            # While many hang: a provider that is all right is not kept waiting. A condition, no stop-watch: what hangs hangs for good.
            assert post(tocsin.url, [event("Honest", severity="critical")]) == 202
            wait_for("the page of an honest provider", lambda: good.of("/ann", "Honest"))
            for name, (_, fate) in cases.items():
                wait_for(f"{name} to be {fate}: {[(r['state'], r['lastError']) for r in rows_about(tocsin, name) if r['user'] == name]}",
                         lambda: as_expected(tocsin, bad, good, name, fate), 90)
                wait_for(f"bob to be paged for {name}", lambda: good.of("/bob", f'\\"{name}\\"'))
            wait_for("the attempt that hung to be tried again", lambda: len(bad.of("/hangs", '"attempt":2')) > 0, 90)
            repeated = json.loads(bad.of("/hangs", '"attempt":2')[0]["body"])
            assert repeated["repeat"], "a repeat that may be the second to arrive does not say so"
            assert not bad.of("/redirected"), "a redirect was followed"
            for flood in ("floods-the-body", "floods-the-head"):
                assert cases[flood][0].sent < 20_000_000, f"{flood}: {cases[flood][0].sent} bytes were taken"
            no_send_without_doubt(bad)
            grown = rss(tocsin) - before
            assert grown < 200 << 20, f"memory grew by {grown >> 20} MiB"
            assert tocsin.metric("tocsin_auditor_findings_total") == 0
    return f"{len(cases)} ways to misbehave; memory grew by {grown >> 20} MiB"


def one_provider_takes_no_slots(options):
    """Hundreds of pages for a provider that hangs, more than it may have slots: another one is paged at once."""
    many = options.times(300, 3000)
    with Provider() as bad, Provider() as good:
        bad.rule("/", hang)
        edit = with_people(["hangs"], lambda _: f"{bad.url}/hangs")
        spread = lambda text: edit(text).replace("NEXT", bad.url).replace("alertname=\"hangs\"", "alertname=~\"hangs.*\"").replace(
            "{delay: 2s, ", "{delay: 1h, ")
        with world(provider=good, edit=spread) as (tocsin, _, _):
            tocsin.start()
            assert post(tocsin.url, [event(f"hangs{i}", severity="critical") for i in range(many)], 30) == 202
            wait_for("slots to be taken", lambda: bad.connections >= 32)
            for i in range(5):
                assert post(tocsin.url, [event(f"Honest{i}", severity="critical")]) == 202
            wait_for("the honest provider's pages", lambda: all(good.of("/ann", f"Honest{i}") for i in range(5)), 15)
            assert bad.connections <= 64 * 3, f"{bad.connections} connections to one host"
            return f"{many} pages waited for a provider with {bad.connections} connections"


def all_down_and_back(options):
    """No provider is there for a while. When it is back everything comes that still matters: nothing is lost, and what has recovered meanwhile
    pages nobody."""
    critical, others, ended = options.times(30, 1000), options.times(30, 1000), options.times(10, 100)
    with Provider(listens=False) as provider, world(provider=provider, flags=["--max_groups=100000"]) as (tocsin, _, _):
        tocsin.start()
        names = [f"f1x0x{i}" for i in range(critical)] + [f"f2x0x{i}" for i in range(others)]
        severities = ["critical"] * critical + ["warning"] * others
        assert post(tocsin.url, [event(n, True, s) for n, s in zip(names, severities)], 30) == 202
        ending = names[-ended:]
        wait_for("pages that wait", lambda: int(tocsin.call("StatusService/GetStatus")["undeliveredNotifications"]) >= len(names), 60)
        assert post(tocsin.url, [event(name, False) for name in ending], 30) == 202
        wait_for("groups to be over", lambda: sum(g["state"] == "STATE_RESOLVED" for g in ground.groups_of(tocsin)) >= ended)
        time.sleep(options.times(2, 60))
        provider.begin()
        begun = time.monotonic()
        about = lambda words: {w for w in words if provider.of("/", f'\\"{w}\\"')}
        wait_for("all critical pages", lambda: about(names[:critical]) == set(names[:critical]), 300)
        took = time.monotonic() - begun
        wait_for("all other pages", lambda: about(names[:-ended]) == set(names[:-ended]), 300)
        ground.settle(tocsin, 300)
        told = [r for r in provider.of() if json.loads(r["body"])["purpose"] == "page"]
        wrong = [name for name in ending if any(f'\\"{name}\\"'.encode() in r["body"] for r in told)]
        assert not wrong, f"what had recovered was paged: {wrong[:5]}"
        return f"{critical} critical pages {took:.1f} s after the return"


# ---- C7 ----

def certificates(folder):
    """An authority, and what it and others have signed: (name, key, chain)."""
    def run(*arguments, env=None):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, env=env)
    key, authority = folder / "ca.key", folder / "ca.pem"
    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-keyout", key, "-out", authority, "-subj", "/CN=test authority")

    def sign(name, alternative, days="30", env=None):
        own, request, extensions = folder / f"{name}.key", folder / f"{name}.csr", folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={alternative}\n")
        run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", own, "-out", request, "-subj", f"/CN={name}")
        run("x509", "-req", "-in", request, "-CA", authority, "-CAkey", key, "-days", days, "-extfile", extensions, "-out", folder / f"{name}.pem",
            "-CAcreateserial", env=env)
    shim = shims.Shim(folder, folder / "nowhere")
    shim.set_wall(-100 * 86400)  # a certificate that has expired is one that was made long ago
    sign("good", "IP:127.0.0.1")
    sign("old-protocol", "IP:127.0.0.1")
    sign("other-host", "DNS:elsewhere.example")
    sign("expired", "IP:127.0.0.1", "30", shims.environment(shim))
    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-keyout", folder / "self-signed.key", "-out",
        folder / "self-signed.pem", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    return authority


class TlsProvider(Provider):
    def __init__(self, folder, name):
        super().__init__()
        self.url = f"https://127.0.0.1:{self.port}"
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
        if name == "old-protocol":
            self.context.set_ciphers("ALL:@SECLEVEL=0")
            self.context.minimum_version = ssl.TLSVersion.TLSv1
            self.context.maximum_version = ssl.TLSVersion.TLSv1_1

    def serve(self, connection):
        with contextlib.suppress(OSError, ValueError):
            super().serve(self.context.wrap_socket(connection, server_side=True))


def tls(options):
    """With certificates that are expired, another host's or nobody's, and with a protocol that is too old, nothing is told to the far end and the
    next one is paged. With a good one it is; without that the rest would prove nothing."""
    names = ["good", "expired", "other-host", "self-signed", "old-protocol"]
    with scratch() as folder, Provider() as honest, contextlib.ExitStack() as stack:
        authority = certificates(folder)
        providers = {name: stack.enter_context(TlsProvider(folder, name)) for name in names}
        edit = with_people(names, lambda name: providers[name].url)
        bundle = "/etc/ssl/certs/ca-certificates.crt"
        if not pathlib.Path(bundle).exists() or subprocess.run(
                ["unshare", "--mount", "--map-root-user", "mount", "--bind", str(authority), bundle], capture_output=True).returncode != 0:
            raise Missing("no mount namespaces, so no authority of our own")
        with world(provider=honest, folder=folder, edit=lambda text: edit(text).replace("NEXT", honest.url)) as (tocsin, _, _):
            serve = [str(BINARY), "serve", f"--data={tocsin.data}", f"--http={tocsin.http}", f"--grpc={tocsin.grpc}",
                     f"--config={tocsin.config}", ground.LOOPBACK]
            tocsin.child = Child(["unshare", "--mount", "--map-root-user", "sh", "-c",
                                  f"mount --bind '{authority}' {bundle} && exec \"$@\"", "sh", *serve], folder / "tocsin.log")
            wait_for("the server to be ready", tocsin.ready, 60)
            assert post(tocsin.url, [event(name, severity="critical") for name in names]) == 202
            wait_for("the page by a good certificate", lambda: providers["good"].of("/", "good"))
            for name in names[1:]:
                wait_for(f"bob to be paged for {name}", lambda: honest.of("/bob", f'\\"{name}\\"'))
                row = wait_for(f"{name} to have failed", lambda: next(
                    (r for r in rows_about(tocsin, name) if r["user"] == name and r["method"]["id"] == "first" and r["lastError"]), None))
                assert row["state"] != "STATE_ACCEPTED", row
                assert not providers[name].requests, f"{name}: something was told"
    return f"{len(names) - 1} kinds of bad TLS refused"


# ---- C9 ----

class OddMailServer:
    """SMTP whose answers depend on the recipient. Keeps (recipient, Message-ID) of all that it has accepted, and of all that it was sent."""

    def __init__(self):
        self.accepted, self.sent, self.greyed = [], [], set()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=(self.socket.accept()[0],), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError), connection, connection.makefile("rwb") as lines:
            def say(text):
                lines.write(text.encode() + b"\r\n")
                lines.flush()
            recipient = ""
            say("220 odd")
            while line := lines.readline():
                word = line.decode(errors="replace").strip()
                command = word.upper()
                if command.startswith(("EHLO", "HELO")):
                    say("250 odd")  # neither 8BITMIME nor STARTTLS nor anything
                elif command.startswith("RCPT"):
                    recipient = word[word.index("<") + 1:word.index(">")]
                    say(self.answer_to(recipient))
                elif command == "DATA":
                    say("354 go on")
                    if not self.take(recipient, lines, say):
                        return
                elif command == "QUIT":
                    return say("221 bye")
                else:
                    say("250 ok")

    def answer_to(self, recipient):
        if recipient.startswith("refused"):
            return "550 5.1.1 no such user"
        if recipient.startswith("grey") and recipient not in self.greyed:
            self.greyed.add(recipient)
            return "451 4.7.1 come again later"
        return "250 ok"

    def take(self, recipient, lines, say):
        content = []
        while (line := lines.readline()) != b".\r\n":
            if not line:
                return False
            content.append(line)
        number = next(line for line in content if line.lower().startswith(b"message-id:")).split(b":", 1)[1].strip().decode()
        first = recipient not in {who for who, _ in self.sent}
        self.sent.append((recipient, number))
        if any(byte > 127 for line in content for byte in line):
            say("554 5.6.3 eight bits, and nobody asked")
            return True
        if recipient.startswith("dot") and first:
            return False  # it may have it, and does not say so
        if recipient.startswith("slow"):
            time.sleep(5)
        self.accepted.append((recipient, number))
        say("250 ok")
        return True


def odd_mail(options):
    people = ["grey", "refused", "dot", "slow", "plain"]
    server = OddMailServer()
    with Provider() as honest:
        def edit(text):
            text = with_people(people, lambda name: f"{name}@example.com")(text).replace("kind: webhook, id: first", "kind: email, id: first")
            text += f"smtp: {{url: 'smtp://127.0.0.1:{server.port}', from: 'tocsin@example.com', require_tls: false}}\n"
            return text.replace("NEXT", honest.url)
        with world(provider=honest, edit=edit) as (tocsin, _, _):
            tocsin.start()
            events = [event(name, severity="critical") for name in people]
            for each in events:
                each["description"] = "Zürich \u2028 日本 ist aus"  # must travel in seven bits
            assert post(tocsin.url, events) == 202
            for name in ("plain", "slow", "grey", "dot"):
                wait_for(f"the mail to {name}", lambda: any(who.startswith(name) for who, _ in server.accepted), 90)
            wait_for("the next method of a refused address", lambda: honest.of("/refused-next"))
            wait_for("bob, in the end", lambda: all(honest.of("/bob", f'\\"{name}\\"') for name in people))
            ground.settle(tocsin)
            numbers = {}
            for who, number in server.sent:
                numbers.setdefault(who, []).append(number)
            for who, each in numbers.items():
                assert len(set(each)) == 1, f"{who}: attempts at one message have several Message-IDs: {each}"
                assert len(each) == (2 if who.startswith("dot") else 1), f"{who} was sent {len(each)} times"
    return f"{len(server.sent)} messages for {len(people)} people"


def mail_without_tls(options):
    """A server that offers no STARTTLS (or somebody in between who has taken it out) learns nothing."""
    server = OddMailServer()
    with Provider() as honest:
        def edit(text):
            text = with_people(["plain"], lambda name: f"{name}@example.com")(text).replace("kind: webhook, id: first", "kind: email, id: first")
            return text.replace("NEXT", honest.url) + f"smtp: {{url: 'smtp://127.0.0.1:{server.port}', from: 'tocsin@example.com'}}\n"
        with world(provider=honest, edit=edit) as (tocsin, _, _):
            tocsin.start()
            assert post(tocsin.url, [event("plain", severity="critical")]) == 202
            wait_for("bob", lambda: honest.of("/bob", '\\"plain\\"'))
            wait_for("an attempt that failed", lambda: any(r["lastError"] for r in rows_about(tocsin, "plain") if r["user"] == "plain"))
            assert not server.sent and not server.accepted, server.sent


CHECKS = [
    ("C1", "C1 to C4: slow, hanging, refusing, flooding and lying webhooks", "smoke", misbehaving),
    ("C1s", "a provider that hangs has no more than its slots", "smoke", one_provider_takes_no_slots),
    ("C1p", "two providers of a kind: one hangs, refuses", "smoke", telephone.two_providers),
    ("C3", "a provider that accepts and never delivers", "smoke", telephone.accepts_and_delivers_nothing),
    ("C7", "TLS that must not be trusted", "smoke", tls),
    ("C8", "all providers are down, and come back", "smoke", all_down_and_back),
    ("C9", "SMTP: greylisting, refusals, a drop after the final dot, seven bits", "smoke", odd_mail),
    ("C9t", "SMTP: no STARTTLS, no mail", "smoke", mail_without_tls),
]

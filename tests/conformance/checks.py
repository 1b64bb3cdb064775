"""What the checks of programs share: a server whose only person has a webhook, so that pages can be seen; and looking at what has
become of an alert by tocsin's own API."""
import contextlib
import json
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import organisation  # noqa: E402
from harness import ROOT, Receiver, Tocsin, free_port, http_request, scratch, wait_for  # noqa: E402,F401

UNPACKED = ROOT / "build/conformance"
NODE = ROOT / "build/node"
LIBRARIES = UNPACKED / "usr/lib/x86_64-linux-gnu"
JSON = {"Content-Type": "application/json"}


class Missing(Exception):
    """A program, or a door of ours, is not there: the check cannot be made."""


def need(program, package):
    if not program.exists():
        raise Missing(f"{package} could not be had")
    return program


class Server:
    """A running tocsin in a folder of its own."""

    def __init__(self, folder, tocsin, pages):
        self.folder, self.tocsin, self.pages, self.url, self.http = folder, tocsin, pages, tocsin.url, tocsin.http

    def alerts(self, **labels):
        """All that there are with these labels, as the API has them; labels as a dictionary."""
        found = []
        for alert in self.tocsin.call("AlertService/ListAlerts")["alerts"]:
            own = {label["name"]: label["value"] for label in alert["summary"]["labels"]}
            if all(own.get(name) == value for name, value in labels.items()):
                found.append({**alert["summary"], "labels": own, "received": int(alert["received"])})
        return found

    def one(self, firing=True, **labels):
        """The only alert with these labels, once it fires or has ceased to."""
        def look():
            found = self.alerts(**labels)
            assert len(found) < 2, f"two alerts for one thing: {found}"
            return found[0] if found and found[0]["firing"] == firing else None
        return wait_for(f"an alert {labels} with firing {firing}; there are {self.alerts()}", look)

    def recovers(self, alert, **labels):
        """The same alert ceases to fire."""
        ended = self.one(firing=False, **labels)
        assert ended["key"] == alert["key"], (alert, ended)

    def paged(self, word, purpose="page"):
        """A page that names it."""
        def look():
            bodies = [json.loads(request["body"]) for request in self.pages.requests]
            return [body for body in bodies if body["purpose"] == purpose and word in body["title"] + body["body"]]
        return wait_for(f"a {purpose} about {word}", look)[0]


def answers(url, **request):
    """Whether there is a door: anything but 404 and 405."""
    return http_request(url, **request)[0] not in (404, 405)


@contextlib.contextmanager
def server(integrations="", flags=(), edit=lambda text: text):
    with scratch() as folder, Receiver() as pages:
        text = edit(organisation.yaml(webhook=pages.url, group_wait="0s", step_delay="10m"))
        if integrations:
            text = re.sub(r"\nintegrations:\n", f"\nintegrations:\n{integrations}\n", text)
        config = folder / "organisation.yaml"
        config.write_text(text)
        with Tocsin(folder, config, ["--allow_webhooks_to=127.0.0.0/8", *flags]) as tocsin:
            try:
                tocsin.start()
            except AssertionError as error:
                if found := re.search(r'source "(\w+)" is unknown', str(error)):
                    raise Missing(f"the source {found[1]} is not there") from error
                raise
            yield Server(folder, tocsin, pages)
            assert tocsin.metric("tocsin_auditor_findings_total") == 0


def certificate(folder):
    """A key and a certificate for loopback, signed by itself."""
    key, chain = folder / "key.pem", folder / "chain.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(key), "-out",
                    str(chain), "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                   check=True, capture_output=True)
    return key, chain


def pass_on(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def tls_before(tocsin):
    """Clients that insist on https: a port that ends TLS in front of the server, as a proxy would."""
    key, chain = certificate(tocsin.folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(raw):
        with contextlib.suppress(OSError), context.wrap_socket(raw, server_side=True) as client:
            host, _, port = tocsin.http.rpartition(":")
            with socket.create_connection((host, int(port))) as server_side:
                threading.Thread(target=pass_on, args=(server_side, client), daemon=True).start()
                pass_on(client, server_side)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()

"""deploy/haproxy in front of the real server: TLS and HTTP/2, a JSON call, a webhook, the gRPC stream and the command line through
it; what must not pass does not. haproxy is Debian's, unpacked under build/programs."""
import contextlib
import http.client
import json
import os
import re
import ssl
import subprocess
import urllib.error
import urllib.request

import organisation
from harness import BINARY, PATIENCE, PROGRAMS, ROOT, Child, Tocsin, free_port, scratch, skip, wait_for

FRONT = "127.0.0.9"  # so that clients are somebody else
HAPROXY = PROGRAMS / "usr/sbin/haproxy"
LIBRARIES = {"LD_LIBRARY_PATH": str(PROGRAMS / "usr/lib/x86_64-linux-gnu")}


def certificate(folder):
    """Self-signed, for localhost; haproxy wants chain and key in one file."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    (folder / "tocsin.pem").write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
    return folder / "cert.pem"


def configured(folder, tocsin, https, grpc):
    """The file of deploy/, with this test's ports, certificate and address of the front, and nothing else changed."""
    text = (ROOT / "deploy/haproxy/haproxy.cfg").read_text()
    for old, new in [("bind :443 ", f"bind 127.0.0.1:{https} "), ("bind :8443 ", f"bind 127.0.0.1:{grpc} "),
                     ("/etc/haproxy/tocsin.pem", str(folder / "tocsin.pem")), ("127.0.0.1:8911 check", f"{tocsin.http} source {FRONT} check"),
                     ("127.0.0.1:8912 proto", f"{tocsin.grpc} source {FRONT} proto")]:
        assert old in text, old
        text = text.replace(old, new)
    (folder / "haproxy.cfg").write_text(text)
    return folder / "haproxy.cfg"


def request(url, trust, body=None, headers=None):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body, headers=headers or {}), timeout=10,
                                    context=trust) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def call_from(source, https, trust, method, headers=None, **said):
    """A method of the API through the front, by a client at `source`."""
    connection = http.client.HTTPSConnection("127.0.0.1", https, context=trust, timeout=PATIENCE, source_address=(source, 0))
    with contextlib.closing(connection):
        connection.request("POST", f"/tocsin.v1.{method}", json.dumps(said), {"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def clients_are_told_apart(tocsin, https, trust, cli):
    """Whose address counts is the client's, whatever a client says of itself."""
    password = "correct horse battery"
    code = tocsin.call("SignInService/InviteUser", user="bob")["invitation"]
    assert call_from("127.0.0.7", https, trust, "SignInService/AcceptInvitation", invitation=code, password=password)[0] == 200

    def forged(number):  # another address each time
        return {"X-Forwarded-For": f"203.0.113.{number % 250}", "Forwarded": f"for=198.51.100.{number % 250}"}
    answers = set()
    for number in range(60):
        answers.add(call_from("127.0.0.66", https, trust, "SignInService/AcceptInvitation", forged(number), invitation="x", password="y")[0])
        if 429 in answers:
            break
    assert 429 in answers, f"a stranger at one address guesses on: {answers}"
    status, session = call_from("127.0.0.7", https, trust, "SignInService/SignIn", forged(1), user="bob", password=password)
    assert status == 200, session

    origins = {each["action"]: each["origin"] for each in reversed(tocsin.call("AuditService/ListAudit")["entries"])}
    assert origins["SignIn"] == "http 127.0.0.7", origins
    cli("token", "create", "--name", "by-the-front", "--role", "viewer")
    assert tocsin.call("AuditService/ListAudit")["entries"][0]["origin"] == "grpc 127.0.0.1", "gRPC, too"


def main():
    if not HAPROXY.exists():
        skip("haproxy is not under build/programs; ./dev fetch-programs gets it")
    with scratch() as folder:
        config = folder / "organisation.yaml"
        config.write_text(organisation.yaml())
        cert = certificate(folder)
        https, grpc = free_port(), free_port()
        with Tocsin(folder, config, [f"--trusted_proxies={FRONT}"]).start() as tocsin:
            front = configured(folder, tocsin, https, grpc)
            checked = subprocess.run([HAPROXY, "-c", "-f", front], capture_output=True, text=True,
                                     env={**os.environ, **LIBRARIES})
            assert checked.returncode == 0, checked.stdout + checked.stderr
            assert "warning" not in checked.stderr.lower(), checked.stderr
            trust = ssl.create_default_context(cafile=str(cert))
            base = f"https://127.0.0.1:{https}"
            with Child([HAPROXY, "-db", "-f", front], folder / "haproxy.log", env=LIBRARIES):
                def serves():
                    try:
                        return request(f"{base}/-/ready", trust)[0] == 200
                    except OSError:
                        return False
                wait_for("haproxy", serves)

                # JSON over HTTPS, a webhook with its key; without a key the door is closed although it is open on loopback.
                bearer = {"Authorization": f"Bearer {tocsin.token()}", "Content-Type": "application/json"}
                status, body = request(f"{base}/tocsin.v1.StatusService/GetStatus", trust, b"{}", bearer)
                assert status == 200 and json.loads(body)["organisation"] == "end-to-end", body
                alert = json.dumps([{"status": "firing", "labels": {"alertname": "ByWebhook"}}]).encode()
                door = f"{base}/v1/integrations/{organisation.GENERIC_KEY}"
                assert request(door, trust, alert, {"Content-Type": "application/json"})[0] == 202
                bare = json.dumps([{"labels": {"alertname": "NoKey"}}]).encode()
                assert request(f"{base}/api/v2/alerts", trust, bare, {"Content-Type": "application/json"})[0] in (401, 403)
                large = http.client.HTTPSConnection("127.0.0.1", https, context=trust, timeout=10)
                large.putrequest("POST", "/v1/integrations/x")
                large.putheader("Content-Length", str(5 << 20))
                large.endheaders()
                assert large.getresponse().status == 413, "before the body is read"

                # gRPC over TLS and HTTP/2: the stream of alerts, and the command line.
                server = f"https://127.0.0.1:{grpc}"
                env = {**os.environ, "TOCSIN_SERVER": server, "TOCSIN_TOKEN": tocsin.token(), "TOCSIN_CA": str(cert)}

                def cli(*arguments, **more):
                    return subprocess.run([str(BINARY), *arguments], capture_output=True, text=True, timeout=PATIENCE,
                                          env={**env, **more})
                for i in range(20):
                    sent = cli("send", f"--key={organisation.STREAM_KEY}", "alertname=ByStream", f"instance=i{i}")
                    assert sent.returncode == 0, sent.stderr
                listed = cli("alerts", "-o", "json")
                names = re.findall(r'"value": "(ByStream|ByWebhook|NoKey)"', listed.stdout)
                assert names.count("ByStream") == 20 and "ByWebhook" in names and "NoKey" not in names, names
                clients_are_told_apart(tocsin, https, trust, cli)
                backed_up = cli("backup", str(folder / "backup"))
                assert backed_up.returncode == 0, backed_up.stderr
                refused = cli("status", TOCSIN_CA="")
                assert refused.returncode == 1 and "no server answers" in refused.stderr, refused.stderr
                plain = cli("status", f"--server=127.0.0.1:{grpc}")
                assert plain.returncode == 1, "TLS is not spoken unless https:// asks for it"
            assert tocsin.stop() == 0
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()

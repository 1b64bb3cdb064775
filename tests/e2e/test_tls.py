"""TLS at the server's own doors: the pair of certificate and key is changed again and again under load at both of them and nobody's
request fails; bad pairs are refused and the one before stays; clients without a certificate that counts are refused; old protocols and
ciphers are not spoken; and a gateway does the same. The certificates are made by openssl on the spot."""
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import threading

import organisation
from harness import BINARY, Child, Tocsin, free_port, scratch, wait_for

ROTATIONS = 12
AT_EACH = 5  # requests of each sender with each pair


def openssl(*arguments, check=True):
    return subprocess.run(["openssl", *map(str, arguments)], check=check, capture_output=True, text=True, errors="replace",
                          stdin=subprocess.DEVNULL)


class Authority:
    """Signs certificates, and says which of them count no more."""

    def __init__(self, folder, name):
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir()
        self.certificate, self.key = self.folder / "ca.pem", self.folder / "ca.key"
        self.serial = 4096
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 2, "-subj", f"/CN={name}",
                "-keyout", self.key, "-out", self.certificate)
        (self.folder / "ca.cnf").write_text(f"[ca]\ndefault_ca=own\n[own]\ndatabase={self.folder}/index.txt\ndefault_md=sha256\n"
                                            "default_crl_days=1\n")
        (self.folder / "index.txt").write_text("")

    def issue(self, name, names="DNS:localhost,IP:127.0.0.1"):
        """Returns (certificate, key, serial)."""
        self.serial += 1
        pem, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 2, "-subj", f"/CN={name}",
                "-addext", f"subjectAltName={names}", "-addext", "basicConstraints=critical,CA:FALSE", "-set_serial", self.serial,
                "-CA", self.certificate, "-CAkey", self.key, "-keyout", key, "-out", pem)
        return pem, key, self.serial

    def revoke(self, path, *serials):
        """Writes a list in which these are revoked."""
        (self.folder / "index.txt").write_text("".join(
            f"R\t491231235959Z\t261101000000Z\t{serial:04X}\tunknown\t/CN=revoked\n" for serial in serials))
        openssl("ca", "-config", self.folder / "ca.cnf", "-gencrl", "-keyfile", self.key, "-cert", self.certificate,
                "-out", f"{path}.new")
        os.replace(f"{path}.new", path)


def put(folder, pair):
    """The way certbot and its like do it: one file after the other."""
    for source, target in zip(pair, ("certificate.pem", "key.pem")):
        (folder / "new").write_bytes(pathlib.Path(source).read_bytes())
        os.replace(folder / "new", folder / target)


def trusting(authority, client=None):
    trust = ssl.create_default_context(cafile=str(authority.certificate))
    if client:
        trust.load_cert_chain(str(client[0]), str(client[1]))
    return trust


def serial_at(address, trust):
    """Of the certificate that a new connection is shown; None: it is refused."""
    host, port = address.rsplit(":", 1)
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=10) as plain:
        with trust.wrap_socket(plain, server_hostname="localhost") as tls:
            return int(tls.getpeercert()["serialNumber"], 16)


class TlsTocsin(Tocsin):
    """The real server, spoken to by TLS."""

    def __init__(self, folder, authority, flags=(), client=None):
        super().__init__(folder, pathlib.Path(folder) / "organisation.yaml",
                         [f"--tls_certificate={folder}/certificate.pem", f"--tls_key={folder}/key.pem", *flags])
        self.config.write_text(organisation.yaml())
        self.authority, self.client = authority, client
        self.trust = trusting(authority, client)

    def get(self, path, trust=None):
        connection = http.client.HTTPSConnection(self.http, context=trust or self.trust, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def ready(self):
        if self.child.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.child.process.returncode}:\n{self.child.text()[-4000:]}")
        with contextlib.suppress(OSError):
            return self.get("/-/ready")[0] == 200
        return False

    def metric(self, name):
        return sum(float(line.rsplit(" ", 1)[1]) for line in self.get("/metrics")[1].splitlines()
                   if line.startswith(name))

    def run(self, *arguments, client=None):
        client = client or self.client
        shown = {"TOCSIN_CERT": str(client[0]), "TOCSIN_CERT_KEY": str(client[1])} if client else {}
        return subprocess.run([str(BINARY), *arguments], capture_output=True, text=True, timeout=60,
                              env={**os.environ, "TOCSIN_SERVER": f"https://{self.grpc}", "TOCSIN_TOKEN": self.token(),
                                   "TOCSIN_CA": str(self.authority.certificate), **shown})


class Load:
    """Senders that never stop: over connections that stay, over one for each request, and by gRPC."""

    def __init__(self, tocsin):
        self.tocsin, self.ended, self.failures = tocsin, threading.Event(), []
        self.counts = {"kept": 0, "fresh": 0, "grpc": 0}
        steps = {"kept": self.keeping(), "fresh": self.fresh, "grpc": self.grpc}
        self.threads = [threading.Thread(target=self.go, args=item) for item in steps.items()]
        for thread in self.threads:
            thread.start()

    def go(self, name, step):
        while not self.ended.is_set():
            try:
                step(self.counts[name])
            except Exception as error:  # each is a failure, and told
                self.failures.append(f"{name}: {error!r}")
            self.counts[name] += 1

    def post(self, connection, i):
        alert = json.dumps([{"status": "firing", "labels": {"alertname": "Load", "instance": f"i{i % 50}"}}])
        connection.request("POST", f"/v1/integrations/{organisation.GENERIC_KEY}", alert, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 202, (answer.status, answer.read())
        answer.read()

    def keeping(self):
        connection = http.client.HTTPSConnection(self.tocsin.http, context=self.tocsin.trust, timeout=20)
        connection.connect()
        connection.auto_open = 0  # a connection that was dropped is an error
        return lambda i: self.post(connection, i)

    def fresh(self, i):
        with contextlib.closing(http.client.HTTPSConnection(self.tocsin.http, context=self.tocsin.trust, timeout=20)) as connection:
            self.post(connection, i)

    def grpc(self, i):
        sent = self.tocsin.run("send", f"--key={organisation.STREAM_KEY}", "alertname=ByStream", f"instance=i{i % 50}")
        assert sent.returncode == 0, sent.stderr

    def more(self):
        """Waits until each sender has got on."""
        wanted = {name: count + AT_EACH for name, count in self.counts.items()}
        wait_for("the senders to get on", lambda: all(self.counts[name] >= count for name, count in wanted.items()), 60)

    def stop(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()
        assert not self.failures, self.failures[:5]


def rotates_under_load(folder):
    authority = Authority(folder, "authority")
    pairs = [authority.issue(f"pair{i}") for i in range(4)]
    put(folder, pairs[0])
    with TlsTocsin(folder, authority).start() as tocsin:
        load = Load(tocsin)
        for i in range(1, ROTATIONS + 1):
            pair = pairs[i % len(pairs)]
            put(folder, pair)
            for door in (tocsin.http, tocsin.grpc):
                wait_for(f"pair {i} at {door}", lambda: serial_at(door, tocsin.trust) == pair[2])
            load.more()
        load.stop()
        assert tocsin.metric('tocsin_tls_reloads_total{result="taken"}') == ROTATIONS
        until = ssl.cert_time_to_seconds(re.search("notAfter=(.*)", openssl("x509", "-in", pairs[0][0], "-noout", "-enddate").stdout)[1])
        assert tocsin.metric("tocsin_tls_certificate_not_after_seconds") == until
        print(f"    {ROTATIONS} pairs, requests: {load.counts}")
        assert tocsin.stop() == 0


def refuses_bad_pairs(folder):
    authority = Authority(folder, "authority")
    good, other, fewer = authority.issue("good"), authority.issue("other"), authority.issue("fewer", "DNS:localhost")
    put(folder, good)
    with TlsTocsin(folder, authority).start() as tocsin:
        def refuses(why, path, pair):
            put(folder, pair)
            wait_for(why, lambda: tocsin.metric("tocsin_tls_reload_refused") == 1)
            wait_for(f"the log to say {why}", lambda: re.search(f"ERROR .*refused.*{why}", tocsin.child.text()))
            assert {serial_at(door, tocsin.trust) for door in (tocsin.http, tocsin.grpc)} == {good[2]}, path
            put(folder, good)
            wait_for("nothing to be refused", lambda: tocsin.metric("tocsin_tls_reload_refused") == 0)
        refuses("does not belong", "another's key", (good[0], other[1]))
        refuses("holds no key", "no key", (good[0], good[0]))
        refuses("no longer serves 127.0.0.1", "a name lost", fewer)
        os.kill(tocsin.child.process.pid, signal.SIGHUP)
        wait_for("the log to speak of SIGHUP", lambda: "SIGHUP: the files" in tocsin.child.text())
        put(folder, other)
        os.kill(tocsin.child.process.pid, signal.SIGHUP)
        wait_for("the other pair", lambda: serial_at(tocsin.http, tocsin.trust) == other[2])
        assert tocsin.stop() == 0
    put(folder, (good[0], other[1]))
    with TlsTocsin(folder, authority).start(wait=False) as tocsin:
        assert tocsin.child.process.wait(60) == 1 and "does not belong" in tocsin.child.text(), tocsin.child.text()


def outlives_what_is_no_file(folder):
    """A folder, a pipe, a device without an end where it reads a file again: what was known stays, and it still ends when told to."""
    authority = Authority(folder, "authority")
    good = authority.issue("good")
    put(folder, good)
    sign_in, beats = folder / "sign_in.yaml", folder / "beats"
    sign_in.write_text("providers: []\n")
    beats.write_text("")
    with TlsTocsin(folder, authority, [f"--sign_in={sign_in}", f"--beats_file={beats}"]).start() as tocsin:
        for path in (folder / "key.pem", sign_in, beats):
            content = path.read_bytes()
            for make in (pathlib.Path.mkdir, os.mkfifo, lambda at: at.symlink_to("/dev/zero")):
                said = tocsin.child.text().count(f"{path} cannot be read")
                path.unlink()
                make(path)
                os.kill(tocsin.child.process.pid, signal.SIGHUP)
                wait_for(f"the log to name {path}", lambda: tocsin.child.text().count(f"{path} cannot be read") > said)
                assert serial_at(tocsin.http, tocsin.trust) == good[2]
                if path.is_dir():
                    path.rmdir()
                else:
                    path.unlink()
                path.write_bytes(content)
        os.unlink(folder / "key.pem")
        os.mkfifo(folder / "key.pem")
        assert tocsin.stop() == 0


def asks_clients(folder):
    authority, foreign = Authority(folder, "authority"), Authority(folder, "foreign")
    put(folder, authority.issue("server"))
    friend, former, later = (authority.issue(name, "DNS:client") for name in ("friend", "former", "later"))
    stranger = foreign.issue("stranger", "DNS:client")
    authority.revoke(folder / "crl.pem", former[2])
    flags = [f"--tls_client_ca={authority.certificate}", f"--tls_client_crl={folder}/crl.pem"]
    with TlsTocsin(folder, authority, flags, friend).start() as tocsin:
        def may_enter(client):
            """By HTTP and by gRPC."""
            by_http = False
            with contextlib.suppress(OSError):
                by_http = tocsin.get("/-/healthy", trusting(authority, client))[0] == 200
            shown = {"TOCSIN_CERT": str(client[0]), "TOCSIN_CERT_KEY": str(client[1])} if client else {}
            done = subprocess.run([str(BINARY), "status"], capture_output=True, text=True, timeout=60,
                                  env={**os.environ, "TOCSIN_SERVER": f"https://{tocsin.grpc}", "TOCSIN_TOKEN": tocsin.token(),
                                       "TOCSIN_CA": str(authority.certificate), **shown})
            return by_http, done.returncode == 0
        assert may_enter(friend) == (True, True)
        assert may_enter(later) == (True, True)
        assert may_enter(None) == (False, False)
        assert may_enter(stranger) == (False, False)
        assert may_enter(former) == (False, False)
        authority.revoke(folder / "crl.pem", former[2], later[2])
        wait_for("the new revocation", lambda: may_enter(later) == (False, False))
        assert may_enter(friend) == (True, True)
        assert tocsin.stop() == 0


def speaks_nothing_old(folder):
    authority = Authority(folder, "authority")
    put(folder, authority.issue("server"))
    with TlsTocsin(folder, authority).start() as tocsin:
        for door in (tocsin.http, tocsin.grpc):
            def talks(*arguments):
                done = openssl("s_client", "-connect", door, "-CAfile", authority.certificate, "-verify_return_error", "-alpn", "h2",
                               *arguments, check=False)
                return done.returncode == 0 and "Cipher is (NONE)" not in done.stdout
            for spoken in (["-tls1_3"], ["-tls1_2"], ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"]):
                assert talks(*spoken), (door, spoken)
            # Level 0, so that it is the server that refuses.
            for refused in (["-tls1"], ["-tls1_1"], ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"],
                            ["-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"], ["-tls1_2", "-cipher", "ALL:!ECDHE:@SECLEVEL=0"]):
                more = [] if "-cipher" in refused else ["-cipher", "ALL:@SECLEVEL=0"]
                assert not talks(*refused, *more), (door, refused)
        assert tocsin.stop() == 0


def gateways_do_the_same(folder):
    authority = Authority(folder, "authority")
    first, second = authority.issue("first"), authority.issue("second")
    (folder / "engine").mkdir()
    put(folder, first)
    put(folder / "engine", first)
    grpc, web = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    with TlsTocsin(folder / "engine", authority, [f"--gateway_socket={folder}/socket"]).start() as tocsin:
        gateway = Child([BINARY, "gateway", f"--engine={folder}/socket", f"--http={web}", f"--grpc={grpc}",
                         f"--tls_certificate={folder}/certificate.pem", f"--tls_key={folder}/key.pem"], folder / "gateway.log")
        with gateway:
            for pair in (first, second):
                put(folder, pair)
                for door in (web, grpc):
                    wait_for(f"{pair[0].stem} at {door}", lambda: serial_at(door, tocsin.trust) == pair[2])
            at_gateway = TlsTocsin(folder / "engine", authority)
            at_gateway.grpc, at_gateway.http = grpc, web
            wait_for("the gateway to be attached", lambda: at_gateway.get("/-/ready")[0] == 200)
            assert at_gateway.run("send", f"--key={organisation.STREAM_KEY}", "alertname=ByGateway").returncode == 0
            numbers = at_gateway.get("/-/gateway/metrics")[1]
            assert 'tocsin_tls_reloads_total{result="taken"} 1' in numbers, numbers
            assert gateway.stop() == 0
        assert tocsin.stop() == 0


def main():
    stories = [rotates_under_load, refuses_bad_pairs, outlives_what_is_no_file, asks_clients, speaks_nothing_old, gateways_do_the_same]
    for story in stories:
        with scratch() as folder:
            story(pathlib.Path(folder))
        print(f"ok  {story.__name__}", flush=True)
    print(f"{len(stories)} passed, 0 failed")


if __name__ == "__main__":
    main()

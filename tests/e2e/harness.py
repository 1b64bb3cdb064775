"""What the end-to-end tests share: the real server as a child process, a fake that speaks Twilio's REST protocol, a real SMTP
server, and waiting with a bound. Standard library only. Everything listens on loopback, on ports that the system chose,
and is stopped by its own process id."""
import base64
import contextlib
import email
import grp
import http.server
import json
import os
import pathlib
import pwd
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("TOCSIN_BINARY", ROOT / "build/release/tocsin"))
PROGRAMS = ROOT / "build/programs"
SKIPPED = 77  # ctest's SKIP_RETURN_CODE
# How long anything may take before it counts as hanging. A machine that stands still for a while, or that runs everything at once,
# is no fault of ours: no test says that something is quick.
PATIENCE = 120
reserved = []  # sockets that keep ports for this process, see free_port


def skip(why):
    print(f"SKIPPED: {why}")
    sys.exit(SKIPPED)


def wait_for(what, condition, seconds=PATIENCE, every=0.05):
    """Polls until condition() is truthy and returns it; fails with `what` when it never becomes so."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain for: {what}")
        time.sleep(every)


def free_port():
    """A port for a server that this test starts, and starts again after a kill. It stays bound here, without listening, so that nobody
    else is given it; whoever binds it by number with SO_REUSEADDR, as servers do, may listen on it."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", 0))
    reserved.append(s)
    return s.getsockname()[1]


def user_and_group():
    """The names of who runs this, for daemons that want to be told whom to become."""
    def named(look_up, number):
        try:
            return look_up(number)[0]
        except KeyError:
            return str(number)
    return named(pwd.getpwuid, os.geteuid()), named(grp.getgrgid, os.getegid())


def http_request(url, body=None, headers=None, method=None, timeout=PATIENCE):
    """Returns (status, body, headers); never raises for an HTTP status."""
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


class Child:
    """A child process with its output in a file; killed at the end if it still runs, with whatever it has started."""

    def __init__(self, arguments, log, env=None, cwd=None):
        self.log = pathlib.Path(log)
        self.out = open(self.log, "ab")
        self.process = subprocess.Popen([str(a) for a in arguments], stdout=self.out, stderr=subprocess.STDOUT,
                                        stdin=subprocess.DEVNULL, cwd=cwd, env={**os.environ, **(env or {})},
                                        start_new_session=True)

    def kill(self):
        """All of its session: some daemons leave a child of theirs behind."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds=PATIENCE):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self.process.args[0]} did not stop in {seconds} s")
        self.out.close()
        return self.process.returncode

    def text(self):
        return self.log.read_text(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
        self.out.close()


class Tocsin:
    """The real server. The ports are chosen at the first start and kept, so that senders find it again after a kill."""

    def __init__(self, folder, config=None, flags=()):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.http = f"127.0.0.1:{free_port()}"
        self.grpc = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.http}"
        self.flags = list(flags)
        self.config = config
        self.child = None
        self.starts = 0

    def start(self, wait=True):
        self.starts += 1
        arguments = [BINARY, "serve", f"--data={self.data}", f"--http={self.http}", f"--grpc={self.grpc}", *self.flags]
        if self.config and self.starts == 1:
            arguments.append(f"--config={self.config}")
        self.child = Child(arguments, self.folder / "tocsin.log")
        if wait:
            wait_for("the server to be ready", self.ready)
        return self

    def ready(self):
        if self.child.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.child.process.returncode}:\n{self.child.text()[-4000:]}")
        with contextlib.suppress(OSError):
            return http_request(f"{self.url}/-/ready", timeout=10)[0] == 200
        return False

    def kill(self):
        self.child.kill()

    def stop(self):
        return self.child.stop()

    def token(self):
        return (self.data / "admin.token").read_text().strip()

    def call(self, method, **request):
        """A method of the API as JSON over HTTP, e.g. call("GroupService/ListGroups")."""
        status, body, _ = http_request(f"{self.url}/tocsin.v1.{method}", json.dumps(request).encode(),
                                       {"Content-Type": "application/json", "Authorization": f"Bearer {self.token()}"})
        if status != 200:
            raise AssertionError(f"{method}: {status} {body.decode(errors='replace')}")
        return json.loads(body)

    def cli(self, *arguments, check=True):
        """The command line of the same binary, against this server; returns its standard output."""
        done = subprocess.run([str(BINARY), *arguments], capture_output=True, text=True, timeout=PATIENCE,
                              env={**os.environ, "TOCSIN_SERVER": self.grpc, "TOCSIN_TOKEN": self.token()})
        if check and done.returncode != 0:
            raise AssertionError(f"tocsin {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def metric(self, name):
        """The sum over all labels of a metric."""
        text = http_request(f"{self.url}/metrics")[1].decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                   if re.match(rf"{re.escape(name)}(\{{| )", line))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child:
            self.child.__exit__()


class QuietServer(http.server.ThreadingHTTPServer):
    """Peers that are killed in the middle of a request are what some of these tests are about."""
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


class FakeTwilio:
    """Twilio's Messages and Calls resources (REST API 2010-04-01): basic authentication, form bodies, JSON answers. It stands
    for the real service, which cannot be had offline. `fail` may hold a function (form) -> (status, json) or None."""

    def __init__(self, sid="AC" + "0" * 32, token="secret-token"):
        self.sid, self.auth_token = sid, token
        self.messages, self.calls = [], []
        self.fail = None
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                arrived = time.time()
                form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode(),
                                                   strict_parsing=True, keep_blank_values=True))
                expected = "Basic " + base64.b64encode(f"{fake.sid}:{fake.auth_token}".encode()).decode()
                kind = {f"/2010-04-01/Accounts/{fake.sid}/Messages.json": "SM",
                        f"/2010-04-01/Accounts/{fake.sid}/Calls.json": "CA"}.get(self.path)
                if self.headers.get("Authorization") != expected:
                    self.answer(401, {"code": 20003, "message": "Authenticate", "status": 401})
                elif kind is None:
                    self.answer(404, {"code": 20404, "message": "The requested resource was not found", "status": 404})
                elif not re.fullmatch(r"\+[1-9]\d{6,14}", form.get("To", "")):
                    self.answer(400, {"code": 21211, "message": "Invalid 'To' Phone Number", "status": 400})
                elif fake.fail and (failure := fake.fail(form)):
                    self.answer(*failure)
                else:
                    stored = fake.messages if kind == "SM" else fake.calls
                    stored.append({**form, "arrived": arrived})
                    self.answer(201, {"sid": f"{kind}{len(stored):032x}", "status": "queued", "to": form["To"]})

            def answer(self, status, body):
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = QuietServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Receiver:
    """A webhook receiver or a dead-man service: keeps every request with its arrival time and answers `status`."""

    def __init__(self):
        self.requests = []
        self.status = 200
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.do_POST()

            def do_POST(self):
                arrived = time.time()
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                receiver.requests.append({"arrived": arrived, "path": self.path, "headers": dict(self.headers),
                                          "body": body})
                self.send_response(receiver.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass

        self.server = QuietServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Smtp:
    """A real SMTP server, aiosmtpd from Debian's package unpacked under build/programs. Each mail lands in a file."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder) / "mail"
        self.folder.mkdir(parents=True, exist_ok=True)
        library = PROGRAMS / "usr/lib/python3/dist-packages"
        if not (library / "aiosmtpd").is_dir():
            skip("aiosmtpd is not under build/programs; ./dev fetch-programs gets it")
        self.port = free_port()
        self.child = Child([sys.executable, pathlib.Path(__file__).with_name("smtp_sink.py"), self.port, self.folder],
                           self.folder.parent / "smtp.log", env={"PYTHONPATH": str(library)})
        wait_for("the SMTP server", self.listens)

    def listens(self):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 10).close()
            return True
        return False

    def mails(self):
        """All mails so far, oldest first, with the recipient in X-Rcpt."""
        return [email.message_from_bytes(path.read_bytes()) for path in sorted(self.folder.glob("*.eml"))]

    def to(self, address):
        return [mail for mail in self.mails() if address in mail["X-Rcpt"]]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.__exit__()


@contextlib.contextmanager
def scratch():
    """A folder that is kept when the test fails, so that its logs can be read."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tocsin-e2e-"))
    try:
        yield folder
    except BaseException:
        for log in folder.glob("*.log"):
            print(f"--- {log}\n{log.read_text(errors='replace')[-3000:]}")
        raise
    subprocess.run(["rm", "-rf", str(folder)], check=True)

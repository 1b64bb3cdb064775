"""Who watches the watcher, with the real binary: the canary goes the way of a page and only its arrival sends beats; nobody sees it; a
supervisor hears of life only while there is progress; of two servers that watch each other one is killed, and the other pages."""
import contextlib
import pathlib
import os
import signal
import socket
import sys
import threading

import organisation
from harness import BINARY, PATIENCE, Child, Receiver, Tocsin, free_port, http_request, scratch, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "faults"))
from shim import DELAY, Shim  # noqa: E402

FOR_EVER = 3_600_000  # ms


LOOPBACK = "--allow_webhooks_to=127.0.0.0/8"  # the outside of these tests is this machine


class Supervisor:
    """As systemd: a datagram socket at a path or, with '@', under an abstract name."""

    def __init__(self, name):
        self.name, self.heard = name, []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:] if name.startswith("@") else name)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        with contextlib.suppress(OSError):
            while True:
                self.heard.append(self.socket.recv(4096).decode())

    def count(self, what):
        return sum(what in message.split("\n") for message in self.heard)

    def env(self, watchdog_s):
        return {"NOTIFY_SOCKET": self.name, "WATCHDOG_USEC": str(watchdog_s * 1_000_000)}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


class Watched(Tocsin):
    """The server with an environment of its own."""

    def __init__(self, *arguments, env=None, **more):
        super().__init__(*arguments, **more)
        self.env = env or {}

    def start(self, wait=True):
        self.starts += 1
        arguments = [BINARY, "serve", f"--data={self.data}", f"--http={self.http}", f"--grpc={self.grpc}", *self.flags]
        if self.config and self.starts == 1:
            arguments.append(f"--config={self.config}")
        self.child = Child(arguments, self.folder / "tocsin.log", env=self.env)
        if wait:
            wait_for("the server to be ready", self.ready)
        return self

    def log(self):
        return self.child.text()


def firing(tocsin):
    alerts = tocsin.call("AlertService/ListAlerts", pageSize=100)["alerts"]
    return [alert for alert in alerts if alert["summary"]["firing"]]


def write(path, text):
    path.write_text(text)
    return path


def the_canary_sends_the_beats(folder):
    with Receiver() as first, Receiver() as second, Receiver() as people:
        config = write(folder / "organisation.yaml", organisation.yaml(webhook=people.url)
                       + f"dead_man: {{url: '{first.url}/of-the-organisation', interval: 1s}}\n")
        beats = write(folder / "beats", f"# outside\n{first.url}/one?key=secret-of-one\n\n  {second.url}/two\n")
        with Watched(folder, config, flags=[f"--beats_file={beats}", LOOPBACK]).start() as tocsin:
            paths = lambda: {r["path"] for r in first.requests + second.requests}
            wait_for("all three beats", lambda: paths() >= {"/of-the-organisation", "/one?key=secret-of-one", "/two"})
            wait_for("more of them", lambda: len(second.requests) >= 3)
            assert tocsin.metric("tocsin_canary_seconds_count") >= 3
            assert tocsin.metric("tocsin_paging_possible") == 1
            # Nobody sees it, and it counts as nothing.
            assert people.requests == []
            assert not tocsin.call("GroupService/ListGroups").get("groups")
            assert not tocsin.call("AlertService/ListAlerts").get("alerts")
            for name in ("tocsin_ingest_events_total", "tocsin_ingest_batches_total", "tocsin_attempts_total", "tocsin_notifications",
                         "tocsin_attempt_start_seconds_count"):
                assert tocsin.metric(name) == 0, name
            assert "canary" not in tocsin.cli("audit") and "canary" not in tocsin.cli("events")
            # Another list at SIGHUP; a bad one leaves the former.
            write(beats, f"{first.url}/three\n")
            tocsin.child.process.send_signal(signal.SIGHUP)
            wait_for("the new URL", lambda: "/three" in paths())
            write(beats, "ftp://elsewhere/\n")
            tocsin.child.process.send_signal(signal.SIGHUP)
            wait_for("the refusal", lambda: "line 1" in tocsin.log())
            seen = sum(r["path"] == "/three" for r in first.requests)
            wait_for("the former URL to go on", lambda: sum(r["path"] == "/three" for r in first.requests) > seen)
            assert "secret-of-one" not in tocsin.log()
            assert tocsin.stop() == 0
            write(beats, "ftp://elsewhere/\n")
            with contextlib.suppress(AssertionError):
                tocsin.start()
            assert tocsin.child.process.wait(PATIENCE) == 1 and "--beats_file: line 1" in tocsin.log()


def without_it_beats_go_by_the_clock(folder):
    with Receiver() as outside:
        config = write(folder / "organisation.yaml",
                       organisation.yaml() + f"dead_man: {{url: '{outside.url}/beat', interval: 1s}}\n")
        with Watched(folder, config, flags=["--canary_seconds=0", LOOPBACK]).start() as tocsin:
            wait_for("beats", lambda: len(outside.requests) >= 2)
            assert tocsin.metric("tocsin_canary_seconds_count") == 0
            assert tocsin.stop() == 0


def a_journal_that_hangs_ends_beats_and_proofs_of_life(folder):
    with Receiver() as outside, Supervisor(f"@tocsin-e2e-{os.getpid()}") as supervisor:
        config = write(folder / "organisation.yaml",
                       organisation.yaml() + f"dead_man: {{url: '{outside.url}/beat', interval: 1s}}\n")
        shim = Shim(folder, folder / "data")
        with Watched(folder, config, flags=[LOOPBACK], env={**shim.env, **supervisor.env(4)}).start() as tocsin:
            wait_for("READY", lambda: supervisor.count("READY=1") == 1)
            assert tocsin.metric("tocsin_canary_seconds_count") >= 1 or "ready without it" in tocsin.log()
            # Idle as it is, it proves that it lives.
            wait_for("proofs of life", lambda: supervisor.count("WATCHDOG=1") >= 3)
            wait_for("a status", lambda: any("STATUS=pages can go out" in message for message in supervisor.heard))
            wait_for("beats", lambda: len(outside.requests) >= 2)

            shim.arm("sync", DELAY, value=FOR_EVER)
            wait_for("the word that something stands still", lambda: "no proof of life" in tocsin.log())
            alive = supervisor.count("WATCHDOG=1")
            wait_for("the word that the canary is missing", lambda: "the canary does not arrive" in tocsin.log())
            beats = len(outside.requests)
            why = tocsin.call("StatusService/GetStatus").get("whyNotPaging", "")
            assert "canary" in why, why
            assert tocsin.metric("tocsin_paging_possible") == 0
            wait_for("it to be given up again", lambda: tocsin.metric("tocsin_canary_missed_total") >= 2)
            assert len(outside.requests) == beats, "nothing arrives, and outside is told that it does"
            assert supervisor.count("WATCHDOG=1") == alive, "nothing is written, and the supervisor is told of life"

            # What a supervisor does then.
            tocsin.kill()
            shim.disarm()
            tocsin.start()
            wait_for("life", lambda: supervisor.count("WATCHDOG=1") > alive and len(outside.requests) > beats)
            assert tocsin.stop() == 0
            wait_for("the end", lambda: supervisor.count("STOPPING=1") == 1)


def a_stopped_process_tells_nothing(folder):
    name = str(folder / "notify")
    with Supervisor(name) as supervisor:
        config = write(folder / "organisation.yaml", organisation.yaml())
        with Watched(folder, config, env=supervisor.env(4)).start() as tocsin:
            wait_for("proofs of life", lambda: supervisor.count("WATCHDOG=1") >= 2)
            tocsin.child.process.send_signal(signal.SIGSTOP)
            status = pathlib.Path(f"/proc/{tocsin.child.process.pid}/stat")
            wait_for("it to stand", lambda: status.read_text().rsplit(") ", 1)[1][0] == "T")
            before = supervisor.count("WATCHDOG=1")
            tocsin.child.process.send_signal(signal.SIGCONT)
            wait_for("it to go on", lambda: supervisor.count("WATCHDOG=1") > before)
            assert tocsin.stop() == 0


def a_gateway_lives_without_its_engine(folder):
    with Supervisor(str(folder / "notify")) as supervisor:
        http = f"127.0.0.1:{free_port()}"
        with Child([BINARY, "gateway", f"--engine={folder}/nowhere", f"--http={http}", f"--grpc=127.0.0.1:{free_port()}"],
                   folder / "gateway.log", env=supervisor.env(4)) as gateway:
            wait_for("READY and proofs of life",
                     lambda: supervisor.count("READY=1") == 1 and supervisor.count("WATCHDOG=1") >= 2)
            assert gateway.stop() == 0
            wait_for("the end", lambda: supervisor.count("STOPPING=1") == 1)


def two_watch_each_other(folder):
    """docs/operations.md has the recipe."""
    with Receiver() as people:
        servers = {}
        for name, other in (("a", "b"), ("b", "a")):
            home = folder / name
            home.mkdir()
            config = write(home / "organisation.yaml", organisation.yaml(webhook=f"{people.url}/{name}") + f"""
heartbeats:
  - {{id: tocsin-{other}, interval: 20s, grace: 20s, severity: critical, summary: the other tocsin is silent}}
""")
            servers[name] = Watched(home, config, flags=["--canary_seconds=2", "--allow_webhooks_to=127.0.0.0/8",
                                                         f"--beats_file={home / 'beats'}"])
        for name, other in (("a", "b"), ("b", "a")):
            write(folder / name / "beats",
                  f"{servers[other].url}/v1/heartbeats/tocsin-{name}?key={organisation.GENERIC_KEY}\n")
        with servers["a"], servers["b"]:
            for each in servers.values():
                each.start()
            for each in servers.values():
                wait_for("the other's heartbeat", lambda each=each: each.metric("tocsin_heartbeat_pings_total") >= 1)
            servers["b"].kill()
            page = wait_for("a's page about b", lambda: [r for r in people.requests
                                                         if r["path"].startswith("/a/") and b"tocsin-b" in r["body"]])
            assert b"HeartbeatMissed" in page[0]["body"], page[0]["body"]
            servers["b"].start()
            wait_for("its end when b is back", lambda: not firing(servers["a"]))
            assert servers["a"].stop() == 0 and servers["b"].stop() == 0


def what_nobody_takes_is_told(folder):
    """Providers that fail or refuse: `tocsin status`, the metrics and the log say which, since when, and with which words."""
    with Receiver() as people:
        config = write(folder / "organisation.yaml", organisation.yaml(webhook=people.url, step_delay="1s"))
        with Watched(folder, config, flags=["--allow_webhooks_to=127.0.0.0/8"]).start() as tocsin:
            assert "messages by" not in tocsin.cli("status"), "nothing was tried"
            people.status = 500
            tocsin.cli("send", f"--key={organisation.STREAM_KEY}", "alertname=First", "service=web")
            wait_for("the metric", lambda: tocsin.metric("tocsin_channel_failing_seconds") > 0)
            shown = wait_for("status to tell it", lambda: (text := tocsin.cli("status")) and "webhook fails since" in text and text)
            assert "messages by webhook" in shown and "FAILING" in shown and "status 500" in shown, shown
            wait_for("the log to tell it", lambda: "WARNING a message was not taken" in tocsin.log())
            people.status = 401
            tocsin.cli("send", f"--key={organisation.STREAM_KEY}", "alertname=Second", "service=web")
            wait_for("the log to name who was not reached", lambda: "ERROR no contact method reached somebody" in tocsin.log())
            wait_for("the provider's words in it", lambda: "user=ann" in tocsin.log() and "status 401" in tocsin.log())
            # Over a restart, and until something gets through.
            tocsin.kill()
            tocsin.start()
            assert tocsin.call("ChannelService/ListChannels")["channels"][0]["failing"]
            people.status = 200

            def works_again():  # what was answered before may be written down after the first page that gets through
                tocsin.cli("page", "--test", "bob")
                shown = tocsin.cli("status")
                return "fails since" not in shown and "taken last" in shown

            wait_for("it to work again", works_again)
            assert not tocsin.call("ChannelService/ListChannels")["channels"][0]["failing"]
            assert tocsin.metric("tocsin_channel_failing_seconds") == 0
            assert tocsin.stop() == 0


def main():
    stories = [what_nobody_takes_is_told, the_canary_sends_the_beats, without_it_beats_go_by_the_clock, a_journal_that_hangs_ends_beats_and_proofs_of_life,
               a_stopped_process_tells_nothing, a_gateway_lives_without_its_engine, two_watch_each_other]
    for story in stories:
        if len(sys.argv) > 1 and story.__name__ not in sys.argv[1:]:
            continue
        with scratch() as folder:
            story(folder)
            print(f"{story.__name__}: ok", flush=True)
    print(f"{len(stories)} passed, 0 failed")


if __name__ == "__main__":
    main()

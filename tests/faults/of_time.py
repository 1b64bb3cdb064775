"""B1, B2, B4, B5: clocks that jump, machines that sleep, senders whose clocks are wrong, and everything due at once. (B3, time zones and
leap days, is tests/escalation's.)"""
import datetime
import json
import signal
import subprocess
import time

import ground
import shim as shims
from ground import BINARY, Child, JSON, Missing, Provider, event, http_request, post, world
from harness import wait_for

STEP = 2.0
YEAR = 365 * 86400


def pages(provider, path, name):
    return provider.of(path, f'\\"{name}\\"')


def wall_jumps(options):
    """Between two steps of an escalation the wall clock is set, forward and back, by a second and by decades. The steps keep their distance,
    which is engine time; nobody is paged twice for it; alerts that come after it page as ever."""
    jumps = options.times([3600, -3600], [1, -1, 3600, -3600, YEAR, -YEAR, 20 * YEAR, -1.7e9 + 86400, -20 * YEAR])
    seen = []
    for jump in jumps:
        with world(shim=True, step_delay=f"{STEP:.0f}s") as (tocsin, provider, _):
            tocsin.start()
            tocsin.stop()
            tocsin.shim = shims.Shim(tocsin.folder, tocsin.data)
            tocsin.start()
            assert post(tocsin.url, [event("Jump", severity="critical")]) == 202
            first = wait_for("the first step", lambda: pages(provider, "/ann", "Jump"))[0]
            tocsin.shim.set_wall(jump)
            second = wait_for("the second step", lambda: pages(provider, "/bob", "Jump"))[0]
            apart = second["arrived"] - first["arrived"]
            assert apart > STEP - 1, f"the wall clock went {jump} s and the second step came after {apart:.2f} s instead of {STEP}"
            seen.append(apart)
            assert post(tocsin.url, [event("After", severity="critical")]) == 202
            wait_for("a page after the jump", lambda: pages(provider, "/bob", "After"))
            # And a start with the clock as it is now, as after a battery that has gone flat.
            tocsin.kill()
            tocsin.shim = ShimFrom(tocsin.shim, jump)
            tocsin.start()
            assert post(tocsin.url, [event("AfterStart", severity="critical")]) == 202
            wait_for("a page after the start", lambda: pages(provider, "/bob", "AfterStart"))
            ground.settle(tocsin)
            for name in ("Jump", "After", "AfterStart"):
                for path in ("/ann", "/bob"):
                    came = [json.loads(r["body"]) for r in pages(provider, path, name)]
                    fresh = [body for body in came if not body["repeat"]]  # a kill may leave a repeat, which says so
                    assert len(fresh) <= 1, f"jump {jump}: {path} was paged {len(fresh)} times for {name}"
            assert tocsin.metric("tocsin_auditor_findings_total") == 0
    return f"{len(jumps)} jumps; steps {min(seen):.2f} to {max(seen):.2f} s apart instead of {STEP:.2f}"


class ShimFrom:
    """A shim whose wall clock is off from the server's first look at it."""

    def __init__(self, shim, jump):
        self.shim, self.jump = shim, jump

    def __getattr__(self, name):
        return getattr(self.shim, name)

    def start_counting_anew(self):
        self.shim.start_counting_anew()
        self.shim.set_wall(self.jump)


def silence_and_jump(options):
    """A silence is over when its end has come by the wall clock, also when that has jumped there."""
    with world(shim=True) as (tocsin, provider, _):
        tocsin.start()
        tocsin.stop()
        tocsin.shim = shims.Shim(tocsin.folder, tocsin.data)
        tocsin.start()
        tocsin.cli("silence", "add", 'alertname="Silenced"', "--for", "30m", "-c", "known")
        assert post(tocsin.url, [event("Silenced", severity="critical"), event("Loud", severity="critical")]) == 202
        wait_for("the other page", lambda: pages(provider, "/ann", "Loud"))
        assert not pages(provider, "/ann", "Silenced")
        tocsin.shim.set_wall(3600)
        wait_for("the page when the silence is over", lambda: pages(provider, "/ann", "Silenced"))


def stopped(options):
    """The process stands still (SIGSTOP, as in a suspended machine) past the time at which steps were due: each is taken once."""
    with world(step_delay=f"{STEP:.0f}s") as (tocsin, provider, _):
        tocsin.start()
        names = [f"Stopped{i}" for i in range(10)]
        assert post(tocsin.url, [event(name, severity="critical") for name in names]) == 202
        wait_for("first steps", lambda: all(pages(provider, "/ann", name) for name in names))
        tocsin.child.process.send_signal(signal.SIGSTOP)
        time.sleep(options.times(3, 60))
        before = len(provider.of("/bob"))
        tocsin.child.process.send_signal(signal.SIGCONT)
        wait_for("second steps", lambda: all(pages(provider, "/bob", name) for name in names))
        ground.settle(tocsin)
        for name in names:
            for path in ("/ann", "/bob"):
                fresh = [r for r in pages(provider, path, name) if not json.loads(r["body"])["repeat"]]
                assert len(fresh) == 1, f"{path} was paged {len(fresh)} times for {name}"
        assert tocsin.metric("tocsin_auditor_findings_total") == 0
        return f"{len(names) - before} of {len(names)} steps were overdue"


def machine_slept(options):
    """Twelve hours of suspend between two starts, by a time namespace: what was due in between is done, once."""
    if subprocess.run(["unshare", "--time", "--map-root-user", "--boottime", "1", "true"], capture_output=True).returncode != 0:
        raise Missing("time namespaces are not allowed here")
    with world(step_delay="1h") as (tocsin, provider, _):
        tocsin.start()
        assert post(tocsin.url, [event("Slept", severity="critical")]) == 202
        wait_for("the first step", lambda: pages(provider, "/ann", "Slept"))
        tocsin.kill()
        serve = [BINARY, "serve", f"--data={tocsin.data}", f"--http={tocsin.http}", f"--grpc={tocsin.grpc}", *tocsin.flags]
        tocsin.child = Child(["unshare", "--time", "--map-root-user", "--boottime", 12 * 3600, *serve], tocsin.folder / "tocsin.log")
        wait_for("the server to be ready", tocsin.ready, 60)
        # Engine time goes on from where the journal ended, by the wall clock, which says that no time has passed: nothing is due yet, and
        # nothing fires for a boot clock that is another one.
        assert post(tocsin.url, [event("Later", severity="critical")]) == 202
        wait_for("a page after the start", lambda: pages(provider, "/ann", "Later"))
        assert not pages(provider, "/bob", "Slept"), "an hour's step was taken within seconds"
        assert tocsin.metric("tocsin_auditor_findings_total") == 0


def wrong_senders(options):
    """Senders whose clocks are ten years off, both ways: a first page is sent, whatever they say of begin and end."""
    now = datetime.datetime.now(datetime.timezone.utc)

    def stamp(years):
        return (now + datetime.timedelta(days=365 * years)).isoformat().replace("+00:00", "Z")
    with world() as (tocsin, provider, _):
        tocsin.start()
        events = [dict(event(f"Starts{years}", severity="critical"), starts_at=stamp(years)) for years in (-10, 0, 10)]
        assert post(tocsin.url, events) == 202
        alerts = [{"labels": {"alertname": f"Prometheus{years}"}, "startsAt": stamp(years), "endsAt": stamp(10)} for years in (-10, 0, 9)]
        alerts.append({"labels": {"alertname": "NoTimes"}})
        assert http_request(f"{tocsin.url}/api/v2/alerts", json.dumps(alerts).encode(), JSON)[0] == 200
        for name in ["Starts-10", "Starts0", "Starts10", "Prometheus-10", "Prometheus0", "Prometheus9", "NoTimes"]:
            wait_for(f"a page about {name}", lambda: pages(provider, "/ann", name))
        assert tocsin.metric("tocsin_auditor_findings_total") == 0


def timer_storm(options):
    """The server is down while the second steps of many escalations become due. After the start each is taken once, and no critical one waits
    behind one that is not: bench/latency has the time that it takes for a hundred thousand."""
    many = options.times(300, 20_000)
    with Provider() as provider, world(provider=provider, step_delay=f"{STEP:.0f}s", flags=["--max_groups=100000"]) as (tocsin, _, _):
        tocsin.start()
        events = [event(f"f1x0x{i}", severity="critical" if i % 10 == 0 else "high") for i in range(many)]
        for start in range(0, many, 2000):
            assert post(tocsin.url, events[start:start + 2000], 60) == 202
        wait_for("first steps", lambda: len(provider.of("/ann")) >= many, 300)
        tocsin.kill()
        early = len(provider.of("/bob"))
        time.sleep(STEP + 1)
        tocsin.start()
        about = lambda: {r["headers"]["idempotency-key"] for r in provider.of("/bob")}
        wait_for("second steps", lambda: len(about()) >= many, 300)
        ground.settle(tocsin, 300)
        assert len(about()) == many, f"{len(about())} second pages of {many}"
        assert tocsin.metric("tocsin_auditor_findings_total") == 0
        order = [json.loads(r["body"])["priority"] for r in provider.of("/bob")[early:]]
        last = max((i for i, priority in enumerate(order) if priority == "critical"), default=0)
        return f"{many} steps, {early} before the kill; the last critical page was number {last + 1} of {len(order)}"


CHECKS = [
    ("B1", "the wall clock jumps", "smoke", wall_jumps),
    ("B1s", "the wall clock jumps past the end of a silence", "smoke", silence_and_jump),
    ("B2", "the process is stopped past what was due", "smoke", stopped),
    ("B2n", "another boot clock after a start", "smoke", machine_slept),
    ("B4", "senders whose clocks are wrong", "smoke", wrong_senders),
    ("B5", "everything is due at once after an outage", "smoke", timer_storm),
]

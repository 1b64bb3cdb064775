"""Heartbeats with the real binary: one that stays away is an alert, the next signal resolves it; kill -9 and downtime raise no
false alert and forget none; deploys stand beside the alerts that follow."""
import contextlib
import threading
import time

import organisation
from harness import Tocsin, http_request, scratch, wait_for

INTERVALS = (3, 12, 48)  # seconds; the story is told again more slowly on a machine that cannot keep the pace
GRACE = 1


class TooSlow(Exception):
    """The machine was late, not tocsin: what was to be in time was not, by this test's own clock."""


def declared(interval):
    return f"""
heartbeats:
  - {{id: alive, interval: {interval}s, grace: {GRACE}s}}
  - {{id: dead, interval: {interval}s, grace: {GRACE}s, labels: {{service: web}}, summary: the backup is missing}}
"""


def ping(tocsin, name, key=organisation.GENERIC_KEY, method="GET"):
    return http_request(f"{tocsin.url}/v1/heartbeats/{name}?key={key}", method=method)[0]


def standing(tocsin):
    listed = tocsin.call("HeartbeatService/ListHeartbeats")["heartbeats"]
    return {one["heartbeat"]["rule"]["id"]: one["heartbeat"] for one in listed}


def expired(tocsin):
    return {name for name, row in standing(tocsin).items() if row.get("expiredAt")}


def firing(tocsin):
    alerts = tocsin.call("AlertService/ListAlerts", pageSize=100)["alerts"]
    labels = [{label["name"]: label["value"] for label in alert["summary"]["labels"]} for alert in alerts
              if alert["summary"]["firing"]]
    return {one["heartbeat"] for one in labels if one.get("alertname") == "HeartbeatMissed"}


class Signals:
    """Signals of `alive` all the time, from a thread of their own; they know the longest time that may have passed between two."""

    def __init__(self, tocsin):
        self.tocsin, self.longest = tocsin, 0.0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        before = time.monotonic()
        while not self.stopping.is_set():
            sent = time.monotonic()
            with contextlib.suppress(OSError):
                ping(self.tocsin, "alive")
            self.longest = max(self.longest, time.monotonic() - before)
            before = sent
            time.sleep(0.2)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()


def holds(claim, what, seconds, limit):
    """`claim` is true as long as no more than `limit` seconds have passed; then it says nothing about tocsin."""
    if not claim and seconds() >= limit:
        raise TooSlow(f"{seconds():.1f} s went by where {limit} s are the limit")
    assert claim, what


def check_door(tocsin):
    assert ping(tocsin, "alive") == 202
    assert ping(tocsin, "alive", method="POST") == 202
    assert ping(tocsin, "alive", method="HEAD") == 202
    assert ping(tocsin, "nobody") == 404
    assert ping(tocsin, "alive", key="wrong") == 401
    status, _, _ = http_request(f"{tocsin.url}/v1/heartbeats/alive",
                                headers={"Authorization": f"Bearer {organisation.STREAM_KEY}"})
    assert status == 202, status


def check_expiry(tocsin, limit):
    """What is signalled stays, what is not expires."""
    check_door(tocsin)
    ping(tocsin, "dead")
    tocsin.cli("changes", "record", "web 1.4.2 is out", "env=prod", "--service", "web")
    with Signals(tocsin) as signals:
        wait_for("the alert of what stays away", lambda: "dead" in firing(tocsin))
        time.sleep(limit)
        late = lambda: signals.longest
        holds(firing(tocsin) == {"dead"} and expired(tocsin) == {"dead"}, standing(tocsin), late, limit)
        group = wait_for("its group", lambda: tocsin.call("GroupService/ListGroups")["groups"])[0]
        told = tocsin.cli("explain", f"G{group['group']['id'] if 'group' in group else group['id']}")
        assert "recent change: web 1.4.2 is out" in told, told

        assert ping(tocsin, "dead") == 202
        wait_for("the end of its alert", lambda: "dead" not in firing(tocsin))


def check_downtime(tocsin, limit):
    """Killed, and down for longer than both may be silent: nothing expires because of that."""
    assert ping(tocsin, "dead") == 202
    tocsin.kill()
    time.sleep(limit + 1)
    began = time.monotonic()
    since = lambda: time.monotonic() - began
    tocsin.start()
    holds(expired(tocsin) == set(), standing(tocsin), since, limit)
    time.sleep(max(0.0, limit - GRACE - 1 - since()))
    # What the crash took of the end of its alert, the start has said again.
    holds(firing(tocsin) == set(), f"one whole interval and grace: {standing(tocsin)}", since, limit)
    wait_for("what is really dead", lambda: "dead" in firing(tocsin))

    # Killed while it is expired: it is still known, and still resolved by the next signal.
    tocsin.kill()
    tocsin.start()
    assert "dead" in expired(tocsin)
    assert ping(tocsin, "dead") == 202
    tocsin.kill()
    tocsin.start()
    wait_for("the end of its alert after a crash", lambda: ping(tocsin, "dead") and "dead" not in firing(tocsin))


def tell_story(interval):
    with scratch() as folder:
        config = folder / "organisation.yaml"
        config.write_text(organisation.yaml() + declared(interval))
        with Tocsin(folder, config) as tocsin:
            tocsin.start()
            check_expiry(tocsin, interval + GRACE)
            check_downtime(tocsin, interval + GRACE)


def main():
    for interval in INTERVALS:
        try:
            tell_story(interval)
            break
        except TooSlow as late:
            print(f"with signals every {interval} s: {late}")
    else:
        raise AssertionError("the machine was too slow for each of the intervals")
    print("heartbeats: ok")


if __name__ == "__main__":
    main()

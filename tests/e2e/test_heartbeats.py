"""Heartbeats with the real binary: one that stays away is an alert, the next signal resolves it; kill -9 and downtime raise no
false alert and forget none; deploys stand beside the alerts that follow."""
import time

import organisation
from harness import Tocsin, http_request, scratch, wait_for

INTERVAL, GRACE = 3, 1
DECLARED = """
heartbeats:
  - {id: alive, interval: 3s, grace: 1s}
  - {id: dead, interval: 3s, grace: 1s, labels: {service: web}, summary: the backup is missing}
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


def keep_alive(tocsin, seconds):
    """Signals of `alive`, none of the other."""
    end = time.time() + seconds
    while time.time() < end:
        ping(tocsin, "alive")
        time.sleep(0.5)


def check_door(tocsin):
    assert ping(tocsin, "alive") == 202
    assert ping(tocsin, "alive", method="POST") == 202
    assert ping(tocsin, "alive", method="HEAD") == 202
    assert ping(tocsin, "nobody") == 404
    assert ping(tocsin, "alive", key="wrong") == 401
    status, _, _ = http_request(f"{tocsin.url}/v1/heartbeats/alive",
                                headers={"Authorization": f"Bearer {organisation.STREAM_KEY}"})
    assert status == 202, status


def tell_story(tocsin):
    check_door(tocsin)
    ping(tocsin, "dead")
    tocsin.cli("changes", "record", "web 1.4.2 is out", "env=prod", "--service", "web")
    keep_alive(tocsin, INTERVAL + GRACE + 2)
    wait_for("the alert of what stays away", lambda: firing(tocsin) == {"dead"})
    assert expired(tocsin) == {"dead"}, standing(tocsin)
    group = wait_for("its group", lambda: tocsin.call("GroupService/ListGroups")["groups"])[0]
    told = tocsin.cli("explain", f"G{group['group']['id'] if 'group' in group else group['id']}")
    assert "recent change: web 1.4.2 is out" in told, told

    assert ping(tocsin, "dead") == 202
    wait_for("the end of its alert", lambda: firing(tocsin) == set())

    # Killed, and down for longer than both may be silent: nothing expires because of that.
    tocsin.kill()
    time.sleep(INTERVAL + GRACE + 2)
    tocsin.start()
    assert expired(tocsin) == set(), standing(tocsin)
    keep_alive(tocsin, INTERVAL - 1)
    # What the crash took of the end of its alert, the start has said again.
    assert firing(tocsin) == set(), f"one whole interval and grace: {standing(tocsin)}"
    keep_alive(tocsin, GRACE + 3)
    wait_for("what is really dead", lambda: firing(tocsin) == {"dead"})

    # Killed while it is expired: it is still known, and still resolved by the next signal.
    tocsin.kill()
    tocsin.start()
    assert expired(tocsin) == {"dead"}
    assert ping(tocsin, "dead") == 202
    tocsin.kill()
    tocsin.start()
    wait_for("the end of its alert after a crash", lambda: ping(tocsin, "dead") and "dead" not in firing(tocsin))


def main():
    with scratch() as folder:
        config = folder / "organisation.yaml"
        config.write_text(organisation.yaml() + DECLARED)
        with Tocsin(folder, config) as tocsin:
            tell_story(tocsin.start())
    print("heartbeats: ok")


if __name__ == "__main__":
    main()

"""kill -9 of the real binary at random moments under load from eight senders. Every acknowledged alert is there afterwards, every
group that fires has been paged, and nothing is sent after an acknowledgement has answered OK.

The senders keep a ledger of what was answered 202, the receiver of what was sent; the checker joins them with what the server
says. Usage: test_kill9.py [kills]"""
import collections
import http.client
import json
import os
import random
import sys
import threading
import time

import organisation
from harness import Receiver, Tocsin, http_request, scratch, wait_for

SENDERS = 8
KEYS_PER_SENDER = 12


class Sender(threading.Thread):
    """Posts batches to the generic door and remembers, for every alert, the last state that was answered and those tried
    since."""

    def __init__(self, tocsin, number, seed):
        super().__init__(daemon=True)
        self.tocsin, self.number = tocsin, number
        self.random = random.Random(seed)
        self.stopping = threading.Event()
        self.paused = threading.Event()
        self.sending = threading.Lock()
        self.certain = {}     # key -> firing, as last acknowledged
        self.possible = {}    # key -> set of states tried since
        self.acknowledged = 0

    def run(self):
        while not self.stopping.is_set():
            with self.sending:
                if not self.paused.is_set():
                    self.send()
            if self.paused.is_set():
                time.sleep(0.01)

    def pause(self):
        """Nothing of it is on its way afterwards."""
        self.paused.set()
        with self.sending:
            pass

    def send(self):
        batch = {}
        for _ in range(self.random.randint(1, 20)):
            key = f"s{self.number}-k{self.random.randrange(KEYS_PER_SENDER)}"
            batch[key] = self.random.random() < 0.8
        events = [{"status": "firing" if firing else "resolved", "dedup_key": key,
                   "labels": {"alertname": f"Load{self.number}", "instance": key, "service": "web"}}
                  for key, firing in batch.items()]
        for key, firing in batch.items():
            self.possible.setdefault(key, set()).add(firing)
        try:
            status, _, _ = http_request(f"{self.tocsin.url}/v1/integrations/{organisation.GENERIC_KEY}",
                                        json.dumps(events).encode(), {"Content-Type": "application/json"})
        except (OSError, http.client.HTTPException):
            return
        if status != 202:
            return
        for key, firing in batch.items():
            self.certain[key] = firing
            self.possible[key] = set()
        self.acknowledged += len(batch)


def firing_alerts(tocsin):
    """instance -> firing, for every alert that the server holds."""
    found, cursor = {}, ""
    while True:
        page = tocsin.call("AlertService/ListAlerts", pageSize=1000, cursor=cursor)
        for alert in page["alerts"]:
            labels = {label["name"]: label["value"] for label in alert["summary"]["labels"]}
            found[labels.get("instance", "")] = alert["summary"]["firing"]
        cursor = page["nextCursor"]
        if not cursor:
            return found


def check_alerts(tocsin, senders):
    held = firing_alerts(tocsin)
    for sender in senders:
        for key, firing in sender.certain.items():
            allowed = {firing} | sender.possible[key]
            assert held.get(key, False) in allowed, (
                f"{key} was acknowledged as {'firing' if firing else 'resolved'}, the server says {held.get(key)}")


def acknowledge_some(tocsin, acknowledged, randomness):
    try:
        for group in tocsin.call("GroupService/ListGroups")["groups"]:
            if group["state"] == "STATE_OPEN" and randomness.random() < 0.2:
                tocsin.call("GroupService/AcknowledgeGroup", id=group["id"])
                acknowledged.add(int(group["id"]))
    except (OSError, http.client.HTTPException, AssertionError, ValueError):
        pass  # killed in between: no OK was given


def started_while_acknowledged(timeline):
    """The notifications of a group of which an attempt began after somebody had taken it. Attempts that had begun before were on
    their way: when those arrive is for the network to say."""
    taken, started = False, set()
    for entry in timeline:
        kind = entry["kind"].removeprefix("KIND_")
        if kind in ("ACKNOWLEDGED", "UNACKNOWLEDGED", "REOPENED"):
            taken = kind == "ACKNOWLEDGED"
        elif kind == "NOTIFICATION_STARTED" and taken:
            started.add(f"N{entry['notification']}")
    return started


def check_pages(tocsin, receiver, acknowledged):
    """Of the pages that were received no attempt began after an acknowledgement, every attempt is on record, and each open group has
    been paged."""
    pages = collections.defaultdict(list)
    for request in receiver.requests:
        body = json.loads(request["body"])
        if body["purpose"] == "page":
            pages[int(body["subject"].removeprefix("G"))].append(body["id"])
    assert pages, "nobody was paged"
    for group in acknowledged:
        timeline = tocsin.call("GroupService/GetGroup", id=str(group))["timeline"]
        began = collections.Counter(f"N{entry['notification']}" for entry in timeline if entry["kind"].endswith("NOTIFICATION_STARTED"))
        received = collections.Counter(pages[group])
        assert received <= began, f"G{group}: received {received - began} more often than it is recorded as begun"
        late = received.keys() & started_while_acknowledged(timeline)
        assert not late, f"G{group}: an attempt of {late} began after its acknowledgement: {timeline}"
    unpaged = lambda: [group["id"] for group in tocsin.call("GroupService/ListGroups")["groups"] if group["state"] == "STATE_OPEN"
                       and group["firing"] > 0 and not any(request["body"].find(f'"G{group["id"]}"'.encode()) > 0
                                                           for request in receiver.requests)]
    wait_for("a page of each open group", lambda: not unpaged())


def main():
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else int(os.environ.get("TOCSIN_KILLS", "50"))
    seed = int(os.environ.get("TOCSIN_SEED", str(random.randrange(1 << 30))))
    print(f"seed {seed}, {kills} kills", flush=True)
    randomness = random.Random(seed)
    with scratch() as folder, Receiver() as receiver:
        config = folder / "organisation.yaml"
        config.write_text(organisation.yaml(webhook=receiver.url, step_delay="1s", group_wait="0s", group_by="instance"))
        tocsin = Tocsin(folder, config, ["--allow_webhooks_to=127.0.0.0/8"])
        with tocsin.start():
            senders = [Sender(tocsin, number, seed + number) for number in range(SENDERS)]
            for sender in senders:
                sender.start()
            acknowledged = set()
            for kill in range(kills):
                end = time.monotonic() + randomness.uniform(0.05, 1.0)
                while time.monotonic() < end:
                    acknowledge_some(tocsin, acknowledged, randomness)
                    time.sleep(0.05)
                tocsin.kill()
                for sender in senders:
                    sender.pause()
                tocsin.start()
                check_alerts(tocsin, senders)
                for sender in senders:
                    sender.paused.clear()
            for sender in senders:
                sender.stopping.set()
            for sender in senders:
                sender.join()
            wait_for("everything due to be sent", lambda: tocsin.call("StatusService/GetStatus")
                     ["undeliveredNotifications"] == "0")
            check_alerts(tocsin, senders)
            check_pages(tocsin, receiver, acknowledged)
            assert tocsin.metric("tocsin_auditor_findings_total") == 0, "the auditor had to repair something"
            print(f"{kills} kills, {sum(s.acknowledged for s in senders)} events acknowledged, "
                  f"{len(receiver.requests)} pages received, {len(acknowledged)} acknowledgements: nothing lost")
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()

"""The life of groups, on the real binary, by the command line and through kill -9: snoozed and given back, merged and split,
held below a threshold, flapping, opened again, closed without news; and who was told what."""
import json
import os
import subprocess

import organisation
from harness import BINARY, PATIENCE, Receiver, Tocsin, http_request, scratch, wait_for

# What is to be seen before it is over is long; what is waited for leaves time for what comes before it.
ROUTES = """group_interval: 2s, reopen_window: 30m, routes: [
  {matchers: 'alertname="Noise"', threshold: {count: 3, window: 30m}},
  {matchers: 'alertname="Restless"', group_wait: 15s, flapping: {changes: 3, window: 30m, stable_for: 30m}},
  {matchers: 'alertname="Calming"', group_wait: 15s, flapping: {changes: 3, window: 30m, stable_for: 30s}},
  {matchers: 'alertname="Quiet"', group_wait: 0s, auto_close: 10s}]}"""


class World:
    def __init__(self, tocsin, people):
        self.tocsin, self.people = tocsin, people

    def send(self, name, firing=True):
        event = {"status": "firing" if firing else "resolved", "dedup_key": name,
                 "labels": {"alertname": name, "service": "web", "severity": "warning"}}
        status, body, _ = http_request(f"{self.tocsin.url}/v1/integrations/{organisation.GENERIC_KEY}",
                                       json.dumps([event]).encode(), {"Content-Type": "application/json"})
        assert status == 202, body

    def told(self, name):
        """The titles of what Ann was told about an alert, in order."""
        titles = [json.loads(request["body"])["title"] for request in self.people.requests if request["path"] == "/ann"]
        return [title for title in titles if f"] {name} " in title]

    def wait_told(self, name, times):
        wait_for(f"{name} to be told {times} times", lambda: len(self.told(name)) >= times)
        assert len(self.told(name)) == times, self.told(name)
        return self.told(name)[-1]

    def group(self, name, state=None):
        """The newest group of this alert, when it is in this state."""
        groups = self.tocsin.call("GroupService/ListGroups", includeResolved=True)["groups"]
        for group in groups:
            if {"name": "alertname", "value": name} in group["labels"]:
                return group if state in (None, group["state"]) else None
        return None

    def wait_group(self, name, state):
        return wait_for(f"{name} to be {state}", lambda: self.group(name, state))

    def name_of(self, name):
        return f"G{self.group(name)['id']}"

    def crash(self):
        self.tocsin.kill()
        self.tocsin.start()


def snooze_and_give_back(world):
    world.send("Disk")
    world.wait_told("Disk", 1)
    group = world.name_of("Disk")
    assert "snoozed until" in world.tocsin.cli("snooze", group, "--for", "1h")
    world.crash()
    assert world.group("Disk")["snoozed"]
    assert "snoozed" in world.tocsin.cli("groups")
    world.tocsin.cli("snooze", group, "--for", "4s")
    world.crash()
    world.wait_told("Disk", 2)
    assert "nobody has acknowledged it" in refused(world, "unack", group)
    world.tocsin.cli("ack", group)
    world.tocsin.cli("unack", group)
    world.wait_told("Disk", 3)
    facts = world.tocsin.cli("explain", group)
    for part in ("snoozed by user:admin for 4s", "the snooze is over", "given back by user:admin"):
        assert part in facts, facts


def refused(world, *arguments):
    """What is said by a command that fails."""
    done = subprocess.run([str(BINARY), *arguments], capture_output=True, text=True, timeout=PATIENCE,
                          env={**os.environ, "TOCSIN_SERVER": world.tocsin.grpc, "TOCSIN_TOKEN": world.tocsin.token()})
    assert done.returncode == 1, done
    return done.stderr


def merge_and_split(world):
    world.send("Second")
    world.wait_told("Second", 1)
    disk, second = world.name_of("Disk"), world.name_of("Second")
    world.tocsin.cli("merge", second, "--into", disk)
    world.crash()
    assert world.group("Second")["state"] == "STATE_MERGED"
    assert "split" in refused(world, "resolve", second)
    world.tocsin.cli("ack", disk)
    world.tocsin.cli("split", second)
    world.wait_told("Second", 2)
    assert world.group("Disk")["state"] == "STATE_ACKNOWLEDGED"
    world.tocsin.cli("ack", second)


def reopened(world):
    world.send("Disk", firing=False)
    assert "RESOLVED" in world.wait_told("Disk", 4)
    before = world.name_of("Disk")
    assert "resolved" in world.tocsin.cli("groups", "--all")
    world.send("Disk")
    world.wait_told("Disk", 5)
    assert world.name_of("Disk") == before and world.group("Disk")["episode"] == 2
    told = world.tocsin.cli("groups", before)
    assert "TOLD" in told and "webhook" in told and "accepted" in told, told
    assert "episode 2: it was resolved" in told, told
    world.tocsin.cli("ack", before)


def below_the_threshold(world):
    world.send("Noise")
    world.wait_group("Noise", "STATE_OPEN")
    world.send("Noise")
    wait_for("two events", lambda: "2 of 3 events" in world.group("Noise")["quietReason"])
    world.crash()
    assert world.group("Noise").get("belowThreshold") and not world.told("Noise")
    world.send("Noise")
    world.wait_told("Noise", 1)
    assert "3 of 3 events within 30m" in world.tocsin.cli("explain", world.name_of("Noise"))
    world.tocsin.cli("ack", world.name_of("Noise"))


def change(world, name, *states):
    """Each is seen before the next comes."""
    for firing in states:
        world.send(name, firing)
        wait_for("the change", lambda: (world.group(name) or {}).get("firing") == (1 if firing else 0))


def begin_to_flap(world):
    """Within group_wait: the first that is told is that they do."""
    change(world, "Restless", True, False, True)
    change(world, "Calming", True, False, True, False)


def flapping(world):
    assert "flapping: 3 changes" in world.wait_told("Restless", 1)
    assert "flapping" in world.tocsin.cli("groups")
    change(world, "Restless", False, True, False)
    world.crash()
    assert world.group("Restless")["state"] == "STATE_OPEN", "held while nothing fires"
    assert len(world.told("Restless")) == 1, "further changes page nobody"
    world.wait_group("Calming", "STATE_RESOLVED")
    assert "RESOLVED" in world.wait_told("Calming", 2)
    assert "flapping: 4 changes" in world.told("Calming")[0]
    assert "stable for 30s" in world.tocsin.cli("explain", world.name_of("Calming"))


def without_news(world):
    world.send("Quiet")
    wait_for("Quiet to be told", lambda: world.told("Quiet"))
    group = world.wait_group("Quiet", "STATE_RESOLVED")
    assert "no news for 10s" in group["resolvedBy"], group
    assert "no news" in world.tocsin.cli("alerts", "--all", 'alertname="Quiet"', "-o", "json")
    assert "Quiet" not in world.tocsin.cli("alerts")


def main():
    with scratch() as folder, Receiver() as people:
        config = folder / "organisation.yaml"
        text = organisation.yaml(webhook=people.url, step_delay="30m")
        assert "group_interval: 2s}" in text
        config.write_text(text.replace("group_interval: 2s}", ROUTES))
        with Tocsin(folder, config, flags=["--allow_webhooks_to=127.0.0.0/8"]).start() as tocsin:
            world = World(tocsin, people)
            begin_to_flap(world)
            without_news(world)  # first: after a start leases stand still for a while
            snooze_and_give_back(world)
            merge_and_split(world)
            reopened(world)
            below_the_threshold(world)
            flapping(world)
            assert tocsin.stop() == 0


main()

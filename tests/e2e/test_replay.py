"""Replay on the real binary: real traffic, acknowledgements, a silence and kill -9; then the recorded time through its own
configuration, of which nothing comes out different, through changed ones, and with a silence that somebody thinks of."""
import json
import os
import subprocess
import time

import organisation
from harness import BINARY, PATIENCE, Tocsin, http_request, scratch, wait_for


def send(tocsin, service, name, firing=True):
    event = {"status": "firing" if firing else "resolved", "dedup_key": f"{service}-{name}",
             "labels": {"alertname": name, "service": service, "severity": "high"}}
    status, body, _ = http_request(f"{tocsin.url}/v1/integrations/{organisation.GENERIC_KEY}",
                                   json.dumps([event]).encode(), {"Content-Type": "application/json"})
    assert status == 202, body


def groups(tocsin):
    return tocsin.call("GroupService/ListGroups", includeResolved=True)["groups"]


def group_of(tocsin, name):
    for group in groups(tocsin):
        if {"name": "alertname", "value": name} in group["labels"]:
            return group
    return None


def explained(tocsin, name):
    group = group_of(tocsin, name)
    return tocsin.cli("explain", f"G{group['id']}") if group else ""


def wait_paged(tocsin, name):
    return wait_for(f"{name} to page", lambda: "ann is paged" in explained(tocsin, name))


def traffic(tocsin):
    """Eight groups, two with an acknowledgement, one silenced; a kill in the middle; three recover."""
    for name in ("Disk", "Cpu", "Memory", "Queue"):
        send(tocsin, "web", name)
        send(tocsin, "db", name)
    tocsin.cli("silence", "add", 'alertname="Quiet"', "--for", "1h", "-c", "known")
    send(tocsin, "web", "Quiet")
    for name in ("Disk", "Cpu", "Memory", "Queue"):
        wait_paged(tocsin, name)
    tocsin.cli("ack", f"G{group_of(tocsin, 'Disk')['id']}")
    wait_for("the second step", lambda: "bob is paged" in explained(tocsin, "Cpu"))
    tocsin.kill()
    time.sleep(1)
    tocsin.start()
    for service in ("web", "db"):
        send(tocsin, service, "Memory", firing=False)
    for name in ("Late", "Later"):
        send(tocsin, "web", name)
        wait_paged(tocsin, name)
    tocsin.cli("ack", f"G{group_of(tocsin, 'Later')['id']}")
    wait_for("Memory to recover", lambda: group_of(tocsin, "Memory")["state"] == "STATE_RESOLVED")
    # Nothing is due any more, so that what is recorded and what is replayed end with the same.
    for name in ("Cpu", "Queue", "Late"):
        wait_for(f"the last step of {name}", lambda: "bob is paged" in explained(tocsin, name))


def replay(tocsin, *arguments):
    return json.loads(tocsin.cli("diff", "--replay", "1h", *arguments, "-o", "json"))["result"]


def number(count, side):
    return int(count.get(side, 0))


def differences(result):
    return {kind: int(result.get(kind, {}).get("count", 0)) for kind in ("gained", "lost", "changed", "regrouped")}


NONE = {"gained": 0, "lost": 0, "changed": 0, "regrouped": 0}


def with_its_own_configuration(tocsin, config):
    for files in ([], [str(config)]):
        result = replay(tocsin, *files)
        assert differences(result) == NONE, result
        assert number(result["pages"], "then") == number(result["pages"], "now") >= 6, result
        assert int(result["same"]) == number(result["paged"], "then") >= 6, result
        assert "actionsLeftOut" not in result or not result["actionsLeftOut"], result
    text = tocsin.cli("diff", "--replay", "1h")
    assert "nothing would have been different" in text, text
    assert "the server was started 1 time in this time" in text and "is recorded from" in text, text


def with_another_person(tocsin, folder, text):
    changed = folder / "bob.yaml"
    changed.write_text(text.replace("targets: [{schedule: primary}]", "targets: [{user: bob}]"))
    result = replay(tocsin, str(changed))
    people = {person["user"]: person["pages"] for person in result["people"]}
    assert number(people["ann"], "then") > 0 and number(people["ann"], "now") == 0, people
    assert differences(result)["changed"] == number(result["paged"], "then"), result
    shown = tocsin.cli("diff", "--replay", "1h", str(changed))
    assert "policies[default]" in shown and "ann -> bob" in shown, shown


def with_a_route_that_pages_nobody(tocsin, folder, text):
    changed = folder / "quiet.yaml"
    changed.write_text(text.replace(
        "group_interval: 2s}",
        "group_interval: 2s, routes: [{id: screen, matchers: ['alertname=\"Cpu\"'], policy: '', receiver: screen}]}\n"
        "receivers: [{id: screen, targets: [{kind: terminal, address: screen}]}]"))
    result = replay(tocsin, str(changed))
    assert differences(result) == {**NONE, "lost": 1}, result
    lost = result["lost"]["rows"][0]
    assert "Cpu" in lost["title"] and "screen" in lost["reason"], lost
    assert "paged then and would not now: 1" in tocsin.cli("diff", "--replay", "1h", str(changed))


def preview(tocsin):
    answer = json.loads(tocsin.cli("silence", "preview", 'alertname=~"Cpu|Late"', "-o", "json"))
    assert int(answer["matches"]["alerts"]) == 3 and int(answer["matches"]["groups"]) == 2, answer["matches"]
    result = answer["result"]
    assert int(result["matched"]) == 3 and differences(result) == {**NONE, "lost": 2}, result
    assert "silence" in result["lost"]["rows"][0]["reason"], result["lost"]
    text = tocsin.cli("silence", "preview", 'alertname=~"Cpu|Late"')
    assert "matches now: 3 alerts" in text and "it would have stopped" in text, text
    window = json.loads(tocsin.cli("silence", "preview", "--service", "web", "-o", "json"))
    assert differences(window["result"])["lost"] > 0, window


def refusals(tocsin, folder, text):
    def refused(*arguments, token=None):
        done = subprocess.run([str(BINARY), *arguments], capture_output=True, text=True, timeout=PATIENCE,
                              env={**os.environ, "TOCSIN_SERVER": tocsin.grpc, "TOCSIN_TOKEN": token or tocsin.token()})
        assert done.returncode != 0, done.stdout
        return done.stderr

    broken = folder / "broken.yaml"
    broken.write_text(text.replace("policy: default,", "policy: nobody,"))
    assert "nothing was replayed" in refused("diff", "--replay", "1h", str(broken))
    assert "which alerts?" in refused("silence", "preview")
    viewer = tocsin.cli("token", "create", "--name", "screen", "--role", "viewer").split()
    token = max(viewer, key=len)
    assert "needs the role manager" in refused("diff", "--replay", "1h", token=token)


def main():
    with scratch() as folder:
        config = folder / "organisation.yaml"
        text = organisation.yaml(step_delay="3s")
        config.write_text(text)
        with Tocsin(folder, config).start() as tocsin:
            traffic(tocsin)
            with_its_own_configuration(tocsin, config)
            with_another_person(tocsin, folder, text)
            with_a_route_that_pages_nobody(tocsin, folder, text)
            preview(tocsin)
            refusals(tocsin, folder, text)
            assert tocsin.stop() == 0


main()

"""./dev golden: makes the golden folder of the present format, tests/upgrade/formats/N: a store that the real binary has written by the
workload below, killed in the middle (data.tar.xz), what it remembers (state.txt), rows of every table with every field set (samples.txt),
and what the format is made of (schema.txt). A format that has been released has a file FROZEN beside them and is not made anew.

  --binary PATH   of an older program, for its own format (its folder is read by today's `golden`)
  --data FOLDER   a folder that the workload has left, when what came after it has failed
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests/e2e"))

OPSGENIE_KEY = "00000000-1111-2222-3333-444444444444"
CHECKPOINT_SECONDS = 310  # the server's interval, and a little


def organisation_yaml(people):
    import organisation
    text = organisation.yaml(webhook=people, extra_users=f"  - {{id: carl, name: Carl, contact_methods: [{{kind: webhook, "
                             f"address: '{people}/carl', limits: [{{messages: 2, window: 1h}}]}}]}}")
    text = text.replace("integrations:\n", f"integrations:\n  - {{id: opsgenie, source: opsgenie, key: {OPSGENIE_KEY}}}\n")
    text = text.replace("policies:\n", """policies:
  - id: turns
    team: ops
    steps:
      - {delay: 1s, strategy: round_robin, targets: [{user: ann}, {user: bob}, {user: carl}]}
      - {delay: 2h, targets: [{user: carl}]}
""")
    return text.replace("group_interval: 2s}", "group_interval: 2s, routes: [{matchers: 'team=\"turns\"', policy: turns}]}") + """
heartbeats:
  - {id: backup, interval: 30m, grace: 10m, labels: {service: web}, summary: the backup is missing}
"""


def make_alerts(tocsin, harness, organisation):
    """Firing, resolved, by four doors; the critical ones make an incident, those of team=turns go round."""
    def generic(name, status="firing", **labels):
        body = json.dumps({"status": status, "labels": {"alertname": name, **labels}, "annotations": {"summary": f"{name} it is"},
                           "severity": labels.get("severity", "warning")}).encode()
        answer = harness.http_request(f"{tocsin.url}/v1/integrations/{organisation.GENERIC_KEY}", body,
                                      {"Content-Type": "application/json"}, "POST")
        assert answer[0] in (200, 202), answer
    for name in ("Open", "Acknowledged", "Snoozed", "Resolved", "Over"):
        for instance in range(3):
            generic(name, instance=f"i{instance}", region="eu")
    for number in range(5):
        generic(f"Turn{number}", team="turns")
    generic("Critical", service="web", severity="critical")
    generic("Silenced", service="db")
    tocsin.cli("send", f"--server={tocsin.grpc}", f"--key={organisation.STREAM_KEY}", "alertname=Streamed", "service=web")
    resending = [{"labels": {"alertname": "Resent", "instance": "a"}, "generatorURL": "http://prometheus.example/graph"}]
    answer = harness.http_request(f"{tocsin.url}/api/v2/alerts", json.dumps(resending).encode(), {"Content-Type": "application/json"})
    assert answer[0] == 200, answer
    answer = harness.http_request(f"{tocsin.url}/v2/alerts", json.dumps({"message": "disk", "alias": "disk", "priority": "P1"}).encode(),
                                  {"Authorization": f"GenieKey {OPSGENIE_KEY}"})
    assert answer[0] == 202, answer
    harness.wait_for("the groups to be handed on", lambda: len([g for g in groups(tocsin) if g.get("flushed")]) >= 13)
    for instance in range(3):
        generic("Over", "resolved", instance=f"i{instance}", region="eu")


def groups(tocsin):
    return tocsin.call("GroupService/ListGroups", includeResolved=True)["groups"]


def group_of(tocsin, harness, name):
    def find():
        for group in groups(tocsin):
            if any(label == {"name": "alertname", "value": name} for label in group["labels"]):
                return group["id"]
        return None
    return harness.wait_for(f"the group of {name}", find)


def act(tocsin, harness, folder):
    """What people do."""
    tocsin.call("GroupService/AcknowledgeGroup", id=group_of(tocsin, harness, "Acknowledged"), requestId="golden-1")
    tocsin.cli("snooze", f"G{group_of(tocsin, harness, 'Snoozed')}", "--for", "2h")
    tocsin.call("GroupService/ResolveGroup", id=group_of(tocsin, harness, "Resolved"), requestId="golden-2")
    tocsin.cli("silence", "add", "alertname=Silenced", "--for", "1000d", "--comment", "golden")
    tocsin.cli("maintenance", "add", "--service", "web", "--for", "1h", "--comment", "patching")
    tocsin.cli("schedule", "override", "primary", "--assign", "carl", "--for", "2h", "-m", "training")
    tocsin.cli("schedule", "swap", "request", "primary", "--user", "ann", "--from",
               time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3 * 86400)), "--for", "1h", "--of", "bob")
    tocsin.cli("token", "create", "--user", "ann", "--role", "responder", "--team", "ops")
    tocsin.cli("user", "invite", "ann")
    tocsin.cli("changes", "record", "web 1.4.2 is out", "env=prod", "--service", "web")
    import organisation
    assert harness.http_request(f"{tocsin.url}/v1/heartbeats/backup?key={organisation.GENERIC_KEY}")[0] == 202
    edited = folder / "edited.yaml"
    edited.write_text(tocsin.config.read_text().replace("group_wait: 1s", "group_wait: 2s").replace(
        "participants: [[{user: ann}]]", "participants: [[{user: ann}], [{user: bob}]]"))
    tocsin.cli("apply", str(edited), "-m", "slower")


def make_data(harness, folder):
    import organisation
    with harness.Receiver() as people:
        config = folder / "organisation.yaml"
        config.write_text(organisation_yaml(people.url))
        with harness.Tocsin(folder, config, ["--allow_webhooks_to=127.0.0.0/8", "--shards=2", "--low_water_mib=0"]).start() as tocsin:
            started = time.monotonic()
            make_alerts(tocsin, harness, organisation)
            act(tocsin, harness, folder)
            harness.wait_for("pages", lambda: len(people.requests) > 5)
            print(f"golden: waiting for a checkpoint of the alert table, {CHECKPOINT_SECONDS} s")
            time.sleep(max(0, CHECKPOINT_SECONDS - (time.monotonic() - started)))
            # Behind the checkpoint, so that the journal has something to tell too.
            tocsin.cli("send", f"--server={tocsin.grpc}", f"--key={organisation.STREAM_KEY}", "alertname=Late", "service=late")
            group_of(tocsin, harness, "Late")
            tocsin.kill()
        said = subprocess.run([str(harness.BINARY), "verify", f"--data={tocsin.data}"], capture_output=True, text=True, check=True).stdout
        assert "checkpoint at entry 0," not in said, said
        print("golden: " + said.replace("\n", "\n        "))
        (tocsin.data / "LOCK").unlink(missing_ok=True)
        (tocsin.data / "ballast").unlink(missing_ok=True)
        (tocsin.data / "journal/spare").unlink(missing_ok=True)
        for log in (tocsin.data / "views").glob("LOG*"):
            log.unlink()
        return tocsin.data


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=os.environ.get("TOCSIN_BINARY", str(ROOT / "build/release/tocsin")))
    parser.add_argument("--golden", default=str(ROOT / "build/release/tests/golden"))
    parser.add_argument("--data")
    options = parser.parse_args()
    os.environ["TOCSIN_BINARY"] = options.binary
    import harness

    def golden(*arguments):
        return subprocess.run([options.golden, *map(str, arguments)], capture_output=True, text=True, check=True).stdout
    with harness.scratch() as folder:
        data = pathlib.Path(options.data) if options.data else make_data(harness, folder)
        number = [line.split()[1] for line in (data / "FORMAT").read_text().splitlines() if line.startswith("format ")][0]
        into = HERE / "formats" / number
        if (into / "FROZEN").exists():
            sys.exit(f"format {number} is frozen: folders of it are out there. Raise kStoreFormatVersion in storage/format_file.h first")
        into.mkdir(parents=True, exist_ok=True)
        subprocess.run(["tar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "-cJf", str(into / "data.tar.xz"), "data"],
                       cwd=data.parent, check=True)
        shutil.copytree(data, folder / "copy")
        (into / "state.txt").write_text(golden("state", folder / "copy"))
        (into / "samples.txt").write_text(golden("samples"))
        (into / "schema.txt").write_text(golden("schema"))
    state = (into / "state.txt").read_text()
    without = [line for line in golden("tables").splitlines() if f"\nrow {int(line.split()[0]):02}/" not in state]
    for table in without:
        print(f"golden: no row of table {table} in the folder (samples.txt has some); a workload that makes one would be better")
    sizes = ", ".join(f"{file.name} {file.stat().st_size // 1024} KiB" for file in sorted(into.iterdir()))
    print(f"golden: {into.relative_to(ROOT)}: {sizes}. Commit it; ./dev test upgrade looks at it")


if __name__ == "__main__":
    main()

"""What a person finds out by --help and the README alone: why nobody was paged, for each reason that the README's table lists.
And the tools beside it: --why-not, a person explained, top, events --follow, what was forgotten, completion in a real bash."""
import json
import os
import pathlib
import re
import subprocess

import organisation
from harness import BINARY, PATIENCE, Child, Tocsin, http_request, scratch, wait_for

ROUTES = """group_interval: 2s, routes: [
  {id: muted, matchers: ['alertname="Muted"'], mute_time_intervals: [always]},
  {id: told, matchers: ['alertname="Told"'], policy: '', receiver: mailbox},
  {id: few, matchers: ['alertname=~"Few.*"'], policy: few},
  {id: many, matchers: ['alertname="Many"'], group_by: [alertname, number], mute_time_intervals: [always]},
  {id: rare, matchers: ['alertname="Rare"'], threshold: {count: 3, window: 10m}},
  {id: later, matchers: ['alertname="Later"'], policy: later},
  {id: doubted, matchers: ['alertname=~"Doubted.*"'], policy: doubted},
  {id: quiet, matchers: ['alertname="Quiet"'], urgency: low},
  {id: unmanned, matchers: ['alertname="Unmanned"'], policy: unmanned}]}"""

MORE = """
receivers:
  - {id: mailbox, targets: [{kind: terminal, address: mailbox}]}
inhibition_rules:
  - {id: cluster-down, source_matchers: ['alertname="ClusterDown"'], target_matchers: ['alertname="Slow"'], equal: [cluster]}
time_intervals:
  - {id: always, time_intervals: [{times: ['00:00-24:00']}]}
  - {id: long-ago, time_intervals: [{years: ['1990']}]}
self_tests: {at_creation: false}
"""


def organisation_yaml():
    text = organisation.yaml(group_wait="0s", step_delay="10m", extra_users="""
  - {id: carl, contact_methods: [{kind: terminal, address: carl, limits: [{messages: 2, window: 1h}]}]}
  - {id: dora, contact_methods: [{kind: webhook, address: 'http://10.255.255.1/'}]}""")
    text = text.replace("policies:\n", """  - id: nights
    team: ops
    time_zone: UTC
    layers:
      - {id: gone, rotation: {type: weekly, start: '2020-01-06 09:00'}, participants: [[{user: ann}]], effective_until: '2020-02-03 09:00'}
policies:
  - id: unmanned
    team: ops
    steps:
      - {delay: 10m, targets: [{schedule: nights}]}
      - {delay: 10m, targets: [{user: bob}]}
  - {id: doubted, steps: [{delay: 10m, targets: [{user: dora}]}, {delay: 10m, targets: [{user: bob}]}]}
  - {id: few, steps: [{delay: 10m, targets: [{user: carl}]}]}
  - {id: later, steps: [{only_during: [long-ago], outside: wait, targets: [{user: bob}]}]}
""")
    assert "group_interval: 2s}" in text
    return text.replace("group_interval: 2s}", ROUTES) + MORE


def readme_table():
    """What the README says that `tocsin explain` says: the code in the first column of the section's table."""
    text = (pathlib.Path(__file__).resolve().parents[2] / "README.md").read_text()
    section = text.split("## Why did nobody get paged?")[1].split("\n## ")[0]
    return re.findall(r"^\| `([^`]+)`", section, re.M)


def send(tocsin, name, **labels):
    body = json.dumps({"status": "firing", "labels": {"alertname": name, **labels}, "severity": "critical"}).encode()
    status, answer, _ = http_request(f"{tocsin.url}/v1/integrations/{organisation.GENERIC_KEY}", body,
                                     {"Content-Type": "application/json"}, "POST")
    assert status in (200, 202), (status, answer)


def run(tocsin, *arguments, **env):
    return subprocess.run([str(BINARY), *arguments], capture_output=True, text=True, timeout=PATIENCE,
                          env={**os.environ, "TOCSIN_SERVER": tocsin.grpc, "TOCSIN_TOKEN": tocsin.token(), **env})


def explained(tocsin, name, part):
    def look():
        told = tocsin.cli("explain", f'alertname="{name}"', check=False)
        return told if part in told else ""
    return wait_for(f"`tocsin explain` of {name} to say {part!r}", look)


def group_of(tocsin, name):
    def look():
        for group in tocsin.call("GroupService/ListGroups", includeResolved=True)["groups"]:
            if {"name": "alertname", "value": name} in group["labels"]:
                return f"G{group['id']}"
        return None
    return wait_for(f"the group of {name}", look)


def why_nobody_was_paged(tocsin):
    """Each row of the README's table happens, and explain says it in those words."""
    happens = {
        "silenced by": "Silenced", "inhibited by rule": "Slow", "in maintenance": "Patched",
        "inside of time interval": "Muted", "it only tells receiver": "Told", "below the threshold": "Rare",
        "acknowledged by": "Taken", "snoozed by": "Napped", "nobody is behind": "Unmanned", "held back by the limits": "Few2",
        "low urgency": "Quiet", "waits for": "Later", "may not be reached": "Doubted2",
        "no alert in memory matches": "",
    }
    assert set(readme_table()) == set(happens), readme_table()
    tocsin.cli("silence", "add", "alertname=Silenced", "--for", "1h", "--comment", "deploying")
    tocsin.cli("maintenance", "add", "--service", "web", "--for", "1h", "--comment", "patching")
    send(tocsin, "ClusterDown", cluster="a")
    send(tocsin, "Slow", cluster="a")
    send(tocsin, "Patched", service="web")
    for name in ("Silenced", "Muted", "Told", "Rare", "Taken", "Napped", "Unmanned", "Quiet", "Later", "Few1"):
        send(tocsin, name)
    explained(tocsin, "Few1", "carl")
    send(tocsin, "Few2")
    send(tocsin, "Doubted1")
    wait_for("what goes to dora to fail", lambda: "failing" in tocsin.cli("contacts", "dora"))
    send(tocsin, "Doubted2")
    tocsin.cli("ack", group_of(tocsin, "Taken"))
    tocsin.cli("snooze", group_of(tocsin, "Napped"), "--for", "1h")
    for part, name in happens.items():
        if name:
            explained(tocsin, name, part)
    # Whether anybody follows is said in the first line, and of those whom a later step would have paged.
    explained(tocsin, "Quiet", "asked so far: ann, and nobody follows as long as they can be reached: it is of low urgency")
    later = tocsin.cli("explain", group_of(tocsin, "Quiet"), "--why-not", "bob")
    assert "it does not come to step 2, which would page them: what follows is nobody else" in later, later
    nothing = run(tocsin, "explain", 'alertname="NeverSent"')
    assert nothing.returncode == 1 and "no alert in memory matches" in nothing.stderr, nothing
    # It was sent, but it was no alert: counted, shown, and told to whoever looks for it.
    http_request(f"{tocsin.url}/v1/integrations/no-such-key", b"{}", {"Content-Type": "application/json"}, "POST")
    assert "unknown keys" in tocsin.cli("status"), tocsin.cli("status")
    nothing = run(tocsin, "explain", 'alertname="Silenced",host="db9"').stdout
    for part in ("http: unknown keys: 1", "http: a key that no integration has, from 127.0.0.1",
                 '1 of them match alertname="Silenced" alone', '0 of them match host="db9" alone',
                 "tocsin search 'label:alertname=Silenced label:host=db9'", "tocsin parse"):
        assert part in nothing, (part, nothing)
    assert "no-such-key" not in nothing
    again = run(tocsin, "explain", 'alertname="NeverSent"', "-o", "json")
    assert again.returncode == 1 and json.loads(again.stdout)["nothingMatches"], again


def what_holds_it_back(tocsin):
    """By whom, why it fits, until when, and who is paged then."""
    silenced = tocsin.cli("explain", 'alertname="Silenced"')
    for part in (", until 20", 'was made by user:admin ("deploying")', 'alertname="Silenced" fits "Silenced"',
                 "if it still fires then, route root opens a group for it: step 1 of policy default pages ann (schedule primary",
                 "`tocsin silence expire S"):
        assert part in silenced, (part, silenced)
    inhibited = tocsin.cli("explain", 'alertname="Slow"')
    for part in ('both have cluster="a"', 'its source {alertname="ClusterDown", cluster="a"} fires; it is part of group G',
                 "people are being paged", "once none of its sources fires any more: if it still fires then"):
        assert part in inhibited, (part, inhibited)
    patched = tocsin.cli("explain", 'alertname="Patched"')
    for part in ('was made by user:admin ("patching"): it holds until', "maintenance of its service is over",
                 "`tocsin maintenance end M"):
        assert part in patched, (part, patched)
    held = tocsin.cli("explain", 'alertname="Few2"')
    assert re.search(r"until somebody acknowledges; held back by the limits: 1 of the messages\n", held), held
    group = group_of(tocsin, "Few2")
    assert "no message has come through" in tocsin.cli("explain", group, "--why-not", "carl")
    assert re.search(r"in maintenance M\d+ of service web: patching, until 20", patched), patched
    muted = tocsin.cli("explain", 'alertname="Muted"')
    assert "inside of time interval always, with no end in sight" in muted, muted
    assert "route muted is muted inside of time interval always, with no end in sight" in muted, muted
    status = tocsin.cli("status")
    for part in (r"alerts held back +2: 1 inhibited, 1 silenced", r"groups held back +\d: 1 in maintenance, (1 inhibited, )?1 muted"):
        assert re.search(part, status), (part, status)
    assert "silenced" not in status.replace("1 silenced", ""), status
    assert re.search(r"below threshold", tocsin.cli("groups")), tocsin.cli("groups")


def explained_at_once(tocsin):
    """A sender who asks is told where each alert went and what holds it back."""
    body = json.dumps([{"status": "firing", "labels": {"alertname": name}, "severity": "critical"}
                       for name in ("Silenced", "Taken", "Brand new")]).encode()
    url = f"{tocsin.url}/v1/integrations/{organisation.GENERIC_KEY}"
    _, answer, _ = http_request(url + "?explain=1", body, {"Content-Type": "application/json"}, "POST")
    silenced, taken, fresh = json.loads(answer)["explained"]
    assert silenced["held_by"].startswith("silenced by S") and "nobody is paged" in silenced["text"], silenced
    assert taken["groups"] == [group_of(tocsin, "Taken")] and "acknowledged by" in taken["text"], taken
    assert fresh["firing"] and fresh["routes"] == ["root"] and fresh["key"] in tocsin.cli("alerts"), fresh
    _, answer, _ = http_request(url, body, {"Content-Type": "application/json"}, "POST")
    assert "explained" not in json.loads(answer), answer
    # Alertmanager's door answers its clients as ever, and whoever asks.
    alerts = f"{tocsin.url}/api/v2/alerts"
    body = json.dumps([{"labels": {"alertname": "Silenced"}}, {"labels": {"alertname": "Few1"}}]).encode()
    code, answer, _ = http_request(alerts, body, {"Content-Type": "application/json"}, "POST")
    assert code == 200 and answer == b"", answer
    code, answer, _ = http_request(alerts + "?explain=1", body, {"Content-Type": "application/json"}, "POST")
    told = json.loads(answer)["explained"]
    assert code == 200 and "silenced by S" in told[0]["text"] and told[1]["routes"] == ["few"], answer
    many = json.dumps([{"status": "firing", "labels": {"alertname": "Rare", "number": str(i)}} for i in range(150)])
    _, answer, _ = http_request(url + "?explain=1", many.encode(), {"Content-Type": "application/json"}, "POST")
    answer = json.loads(answer)
    assert answer["accepted"] == 150 and len(answer["explained"]) == 100, "bounded"


def too_many_groups(folder, config):
    """A route that tears a storm into a group for each alert: one group stands for what is too many, and says so."""
    folder.mkdir()
    with Tocsin(folder, config, ["--shards=1"]).start() as tocsin:
        url = f"{tocsin.url}/v1/integrations/{organisation.GENERIC_KEY}"
        for first in range(0, 10_400, 2_600):
            body = json.dumps([{"status": "firing", "labels": {"alertname": "Many", "number": str(i)}}
                               for i in range(first, first + 2_600)]).encode()
            status, answer, _ = http_request(url, body, {"Content-Type": "application/json"}, "POST")
            assert status == 202, (status, answer)
        told = wait_for("the group that stands for the rest", lambda: next(
            (told for told in [tocsin.cli("explain", 'alertname="Many",number="10399"', check=False)]
             if "it stands for all alerts of route many" in told), None))
        group = re.search(r'group (G\d+) \{alertname="TocsinTooManyGroups", route="many"\}', told).group(1)
        assert "fewer labels in `group_by` of route many" in told and f"part of group {group}, which is open" in told, told
        own = tocsin.cli("explain", 'alertname="Many",number="7"')
        assert 'number="7"}, route many' in own and "TooMany" not in own, own
        assert re.search(r"groups held back +100\d\d: 100\d\d muted", tocsin.cli("status")), tocsin.cli("status")
        tocsin.kill()


def why_not_this_person(tocsin):
    taken, unmanned, told = (group_of(tocsin, name) for name in ("Taken", "Unmanned", "Told"))
    assert "was paged" in tocsin.cli("explain", taken, "--why-not", "ann")
    bob = tocsin.cli("explain", taken, "--why-not", "bob")
    assert "it never came to step 2" in bob and "acknowledged by user:admin" in bob, bob
    ann = tocsin.cli("explain", unmanned, "--why-not", "ann")
    assert "no step of policy unmanned means them" in ann and "is not on call there" in ann, ann
    assert "has no policy" in tocsin.cli("explain", told, "--why-not", "ann")
    assert 'no user "carol"' in tocsin.cli("explain", taken, "--why-not", "carol")
    person = tocsin.cli("explain", "user", "ann")
    for part in ("on call now", "schedule primary", "step 1 of policy default", "can be reached by"):
        assert part in person, person
    page = re.search(r"page (P\d+)", tocsin.cli("explain", taken, "--why-not", "ann")).group(1)
    assert f"page {page} to ann for group {taken}" in tocsin.cli("explain", page)
    message = re.search(r"\b(N\d+) by", tocsin.cli("explain", page)).group(1)
    assert f"notification {message}: a page for ann" in tocsin.cli("explain", message)
    assert run(tocsin, "explain", "user", "nobody").returncode == 1
    assert run(tocsin, "explain", "what is this").returncode == 2


def follow(tocsin, folder):
    """Entries come as they happen, filtered, each once, over a kill -9 of the server."""
    log = folder / "events.log"
    with Child([BINARY, "events", "--follow", "--kind", "note", "-o", "json"], log,
               env={"TOCSIN_SERVER": tocsin.grpc, "TOCSIN_TOKEN": tocsin.token()}) as child:
        group = group_of(tocsin, "Taken")
        for word in ("one", "two"):
            tocsin.cli("note", group, f"note {word}")
        wait_for("two notes", lambda: child.text().count('"note ') >= 2)
        tocsin.kill()
        wait_for("the follower to notice", lambda: "no server answers" in child.text())
        tocsin.start()
        tocsin.cli("note", group, "note three")
        wait_for("the third note", lambda: "note three" in child.text())
        text = child.text()
        assert "started again" in text and [text.count(f"note {word}") for word in ("one", "two", "three")] == [1, 1, 1]
    assert "note three" in tocsin.cli("events", group)
    assert "note three" not in tocsin.cli("events", "--kind", "paged")
    first = json.loads(tocsin.cli("events", "--limit", "1", "-o", "json"))
    tocsin.cli("note", group, "note four")
    since = json.loads(tocsin.cli("events", "--cursor", first["nextCursor"], "-o", "json"))
    assert [entry["entry"]["text"] for entry in since["entries"]] == ["note four"], since


def figures(tocsin):
    load = json.loads(tocsin.cli("top", "--once", "-o", "json"))
    assert int(load["alertsFiring"]) > 0 and int(load["diskFreeBytes"]) > 0, load
    assert any(count["name"] == "acknowledged" for count in load["groups"]), load
    shown = tocsin.cli("top", "--once")
    assert "pages can go out" in shown and "open groups by severity" in shown, shown
    wait_for("a silence to be older than a second, of which the status says so", lambda: re.search(
        r"forgotten\?(.|\n)*S\d+ .*in effect for", tocsin.cli("status", "--silences-older", "1s", "--acks-older", "1s")))
    assert "forgotten?" not in tocsin.cli("status")


def manners(tocsin):
    assert "\x1b" not in tocsin.cli("groups"), "no colours into a pipe"
    assert "\x1b[" in run(tocsin, "groups", "--color=always", NO_COLOR="1").stdout
    wait_for("a group older than a second, of which the list says so", lambda: "ago" in tocsin.cli("groups"))
    assert "ago" not in tocsin.cli("groups", "--absolute")
    wrong = run(tocsin, "gruops")
    assert wrong.returncode == 2 and "did you mean `tocsin groups`?" in wrong.stderr, wrong
    assert "did you mean --service?" in run(tocsin, "groups", "--servce", "web").stderr
    away = run(tocsin, "groups", TOCSIN_SERVER="127.0.0.1:1")
    assert away.returncode == 1 and "127.0.0.1:1 ($TOCSIN_SERVER says so)" in away.stderr, away
    overview = run(tocsin, "--help").stdout
    assert "Why was I paged, or nobody?" in overview and overview.index("explain") < overview.index("backup")
    for name in re.findall(r"^  ([a-z-]+) ", overview, re.M):
        shown = run(tocsin, name, "--help")
        assert shown.returncode == 0 and shown.stdout, name
    assert "--why-not alice" in run(tocsin, "explain", "--help").stdout


def offered(tocsin, *words):
    """What a real bash would offer for the last word."""
    quoted = " ".join(f"'{word}'" for word in ("tocsin", *words))
    script = (f"PATH={BINARY.parent}:$PATH; source <(tocsin completion bash); complete -p tocsin >&2 || exit 1; "
              f"COMP_WORDS=({quoted}); COMP_CWORD={len(words)}; _tocsin; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=PATIENCE,
                          env={**os.environ, "TOCSIN_SERVER": tocsin.grpc, "TOCSIN_TOKEN": tocsin.token()})
    assert done.returncode == 0 and "_tocsin tocsin" in done.stderr, done
    return done.stdout.split()


def asked_for(tocsin, *words):
    """The same where the server has to be asked: a shell does not wait for it for long, and people press the key again."""
    return wait_for(f"something to be offered for {words}", lambda: offered(tocsin, *words))


def completion(tocsin):
    assert offered(tocsin, "expl") == ["explain"]
    assert "groups" in offered(tocsin, "")
    assert group_of(tocsin, "Taken") in asked_for(tocsin, "ack", "G")
    assert asked_for(tocsin, "explain", "user", "") == ["ann", "bob", "carl", "dora"]
    assert asked_for(tocsin, "groups", "--service", "") == ["web"]
    assert offered(tocsin, "groups", "--ser") == ["--service", "--server"]
    assert offered(tocsin, "silence", "") == ["add", "preview", "list", "expire"]
    assert offered(tocsin, "alerts", "-o", "") == ["table", "json"]
    assert offered(tocsin, "token", "list", "") == []


def main():
    with scratch() as folder:
        config = folder / "organisation.yaml"
        config.write_text(organisation_yaml())
        with Tocsin(folder, config, ["--shards=2"]).start() as tocsin:
            why_nobody_was_paged(tocsin)
            what_holds_it_back(tocsin)
            explained_at_once(tocsin)
            why_not_this_person(tocsin)
            manners(tocsin)
            completion(tocsin)
            figures(tocsin)
            follow(tocsin, folder)
            assert tocsin.stop() == 0
        too_many_groups(folder / "many", config)
    print("ok")


if __name__ == "__main__":
    main()

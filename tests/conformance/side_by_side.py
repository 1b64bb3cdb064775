"""The same alertmanager.yml and the same script of alerts, given to Debian's Alertmanager and, through `tocsin import alertmanager`,
to tocsin. Both post to one webhook; what they post is compared one by one: for each receiver and group key the order, the count,
the time, the status, the alerts, and each member of the body.

The script is made of stories, each about alerts of its own, begun again and again while the run lasts. Where the two differ on
purpose a story says so (EXPLAINED), and it is checked that they differ in that way and in no other; docs/compatibility.md has
the reasons."""
import collections
import concurrent.futures
import datetime
import json
import subprocess
import sys
import time

from harness import BINARY, PROGRAMS, Child, Receiver, Tocsin, free_port, http_request, wait_for

ALERTMANAGER = PROGRAMS / "usr/bin/prometheus-alertmanager"
TOLERANCE = 1.2  # seconds; both are on one machine, which may be busy
JSON = {"Content-Type": "application/json"}
GROUP_WAIT, GROUP_INTERVAL = 2, 5  # of the root, below; lines of the script keep half a second away from flushes
STORY_SECONDS = 55  # a multiple of GROUP_INTERVAL; of the longest, with what is told after its last line
EXTERNAL_URL = "http://alerts.example.com"

CONFIGURATION = """
route:
  receiver: all
  group_by: [alertname, run]
  group_wait: 2s
  group_interval: 5s
  repeat_interval: 17s
  routes:
    - matchers: [ 'team="db"', 'severity=~"crit.*|warn.*"' ]
      receiver: db
      group_by: ['...']
      continue: true
      routes:
        - matchers: [ 'severity="critical"' ]
          receiver: db-critical
          group_by: [cluster, run]
          group_wait: 1s
          repeat_interval: 11s
    - match: { team: web }
      match_re: { severity: 'crit.*|warn.*' }
      receiver: firing-only
      group_by: [alertname, cluster, run]
    - matchers: [ 'team="day"' ]
      receiver: muted
      mute_time_intervals: [window]
    - matchers: [ 'team="night"' ]
      receiver: muted
      group_by: [run]
      active_time_intervals: [outside]
inhibit_rules:
  - source_matchers: [ 'severity="critical"' ]
    target_matchers: [ 'severity="warning"' ]
    equal: [ cluster, run, dc ]
time_intervals:
  - name: window
    time_intervals:
      - times: [ MUTED ]
  - name: outside
    time_intervals:
      - times: [ ACTIVE ]
receivers:
  - { name: all,         webhook_configs: [ { url: 'URL/all' } ] }
  - { name: db,          webhook_configs: [ { url: 'URL/db' } ] }
  - { name: db-critical, webhook_configs: [ { url: 'URL/db-critical' }, { url: 'URL/db-critical-too' } ] }
  - { name: firing-only, webhook_configs: [ { url: 'URL/firing-only', send_resolved: false } ] }
  - { name: muted,       webhook_configs: [ { url: 'URL/muted' } ] }
"""

# What differs on purpose, by story.
EXPLAINED = {"born-silenced": "told as soon as the silence ends, not at the flush after it",
             "recovery-is-sent-again": "a recovery that is sent again is not listed again"}

# Each line: second, what, alerts. An alert is its labels; `name` is its story, `run` which time it is told.
CRITICAL = {"severity": "critical"}
WARNING = {"severity": "warning"}


def grouped(count, **labels):
    return [{"instance": f"host{n}:9100", "job": "node", **labels} for n in range(count)]


STORIES = {
    "comes-and-goes": [(0, "fire", grouped(1)), (3.5, "resolve", grouped(1))],
    "grows": [(0, "fire", grouped(1)), (1, "fire", grouped(2)), (4, "fire", grouped(4)), (13, "fire", grouped(5)),
              (33, "resolve", grouped(5))],
    "shrinks": [(0, "fire", grouped(6)), (4, "resolve", grouped(2)), (13.5, "resolve", grouped(4)),
                (24, "resolve", grouped(6))],
    "repeats": [(0, "fire", grouped(2)), (46, "resolve", grouped(2))],
    "is-sent-again": [(second, "fire", grouped(3)) for second in range(0, 24, 2)] + [(25, "resolve", grouped(3))],
    "fires-again-before-the-flush": [(0, "fire", grouped(2)), (3.2, "resolve", grouped(1)), (5, "fire", grouped(1)),
                                     (21, "resolve", grouped(2))],
    "all-fires-again-before-the-flush": [(0, "fire", grouped(1)), (3.2, "resolve", grouped(1)), (5, "fire", grouped(1)),
                                         (16, "resolve", grouped(1))],
    "over-before-the-first-flush": [(0, "fire", grouped(2)), (0.8, "resolve", grouped(2))],
    "began-long-ago": [(0, "fire-old", grouped(3)), (13, "resolve", grouped(3))],
    "ended-by-itself": [(0, "fire-short", grouped(2)), (4, "fire-short", grouped(1))],
    "db-many-groups": [(0, "fire", grouped(5, team="db", severity="warning")),
                       (14, "resolve", grouped(5, team="db", severity="warning"))],
    "db-critical": [(0, "fire", grouped(3, team="db", cluster="a", **CRITICAL)),
                    (2, "fire", grouped(2, team="db", cluster="b", **CRITICAL)),
                    (33, "resolve", grouped(3, team="db", cluster="a", **CRITICAL)),
                    (34, "resolve", grouped(2, team="db", cluster="b", **CRITICAL))],
    "web-firing-only": [(0, "fire", grouped(3, team="web", cluster="a", **WARNING)),
                        (4, "resolve", grouped(1, team="web", cluster="a", **WARNING)),
                        (28, "resolve", grouped(3, team="web", cluster="a", **WARNING))],
    "day": [(0, "fire", grouped(2, team="day")), (30, "fire", grouped(3, team="day")), (48, "resolve", grouped(3, team="day"))],
    "night": [(0, "fire", grouped(2, team="night")), (20, "fire", grouped(3, team="night")),
              (48, "resolve", grouped(3, team="night"))],
    "inhibited": [(0, "fire", grouped(2, cluster="i", **WARNING)),
                  (8.5, "fire", [{"cluster": "i", "alertname": "source", **CRITICAL}]),
                  (15, "fire", grouped(4, cluster="i", **WARNING)),
                  (23.5, "resolve", [{"cluster": "i", "alertname": "source", **CRITICAL}]),
                  (41, "resolve", grouped(4, cluster="i", **WARNING))],
    "not-inhibited": [(0, "fire", [{"cluster": "j", "dc": "1", "alertname": "other", **CRITICAL}]),
                      (0.1, "fire", grouped(2, cluster="j", dc="2", **WARNING)),
                      (9, "resolve", grouped(2, cluster="j", dc="2", **WARNING)),
                      (9, "resolve", [{"cluster": "j", "dc": "1", "alertname": "other", **CRITICAL}])],
    "silenced-for-a-while": [(0, "fire", grouped(2)), (4, "silence", []), (6, "fire", grouped(4)), (19, "unsilence", []),
                             (35, "resolve", grouped(4))],
    "resolved-while-silenced": [(0, "fire", grouped(2)), (4, "silence", []), (6, "resolve", grouped(2)),
                                (17, "unsilence", [])],
    "partly-silenced": [(0, "fire", grouped(3)), (4, "silence", [{"instance": "host1:9100"}]), (9, "fire", grouped(4)),
                        (14, "resolve", grouped(1)), (26, "unsilence", []), (39, "resolve", grouped(4))],
    "recovery-is-sent-again": [(0, "fire", grouped(3)), (3.5, "resolve", grouped(1)), (9, "resolve-again", grouped(1)),
                               (10, "fire", grouped(5)[3:]), (23, "resolve", grouped(5)[1:])],
    "born-silenced": [(0, "silence", []), (1, "fire", grouped(1)), (9.6, "unsilence", []), (31, "resolve", grouped(1))],
    "says-something-else": [(0, "fire", grouped(1)), (3, "fire-changed", grouped(1)), (20, "fire-changed", grouped(2)),
                            (33, "resolve", grouped(2))],
    "without-groups": [(0, "fire", [{"alertname": "", "job": "only"}]), (11, "resolve", [{"alertname": "", "job": "only"}])],
}


def rfc3339(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Side:
    """One of the two: where alerts are posted, how it is told of silences, and what it was."""

    def __init__(self, name, url, silence, unsilence):
        self.name, self.url, self.silence, self.unsilence = name, url, silence, unsilence
        self.silences = {}

    def post(self, alerts):
        status, body, _ = http_request(f"{self.url}/api/v2/alerts", json.dumps(alerts).encode(), JSON)
        assert status == 200, (self.name, status, body)

    def play(self, what, key, alerts, matchers):
        if what == "silence":
            self.silences[key] = self.silence(matchers)
        elif what == "unsilence":
            self.unsilence(self.silences.pop(key))
        else:
            self.post(alerts)


class Script:
    """What is posted when. Each side gets the same bytes at the same time."""

    def __init__(self, seconds):
        self.lines = []
        self.started, self.ended = {}, {}  # since when each fires; with which words it ended
        runs = max(1, int((seconds - STORY_SECONDS) // STORY_SECONDS) + 1)
        for run in range(runs):
            for number, (story, lines) in enumerate(sorted(STORIES.items())):
                offset = 1 + run * STORY_SECONDS + 0.17 * number
                for second, what, alerts in lines:
                    self.lines.append((offset + second, what, story, f"r{run}", alerts))
        self.lines.sort(key=lambda line: line[0])

    def alerts(self, what, story, run, labelled, now):
        made = []
        for own in labelled:
            labels = {"alertname": story, "run": run, "story": story, **own}
            key = json.dumps(labels, sort_keys=True)
            if what == "resolve" and key not in self.started:
                continue
            begun = self.started.setdefault(key, now - (3600 if what == "fire-old" else 0))
            alert = {"labels": labels, "annotations": {"summary": f"{story} <{run}> & more", "empty": ""},
                     "startsAt": rfc3339(begun), "generatorURL": "http://prometheus.example.com/graph?g0.expr=up&g0.tab=1"}
            if what == "resolve":
                alert["endsAt"] = rfc3339(now)
                self.ended[key] = alert
                del self.started[key]
            elif what == "resolve-again":
                del self.started[key]
                alert = self.ended[key]
            elif what == "fire-short":
                alert["endsAt"] = rfc3339(now + 9)
            else:
                alert["endsAt"] = rfc3339(now + 240)
            if what == "fire-changed":
                alert["annotations"] = {"summary": "changed", "runbook_url": "http://runbooks.example.com/1"}
            made.append(alert)
        return made

    def run(self, sides):
        """Begins so that no flush of a muted route falls on the end of a minute, which both would have to see the same way."""
        muted = 1 + 0.17 * sorted(STORIES).index("day") + GROUP_WAIT
        begun = time.time() + (2 - time.time() - muted) % GROUP_INTERVAL
        with concurrent.futures.ThreadPoolExecutor(2) as both:
            for second, what, story, run, labelled in self.lines:
                time.sleep(max(0.0, begun + second - time.time()))
                alerts = self.alerts(what, story, run, labelled, time.time()) if what.startswith(("fire", "resolve")) else []
                matchers = {"story": story, "run": run, **(labelled[0] if labelled else {})}
                for done in [both.submit(side.play, what, (story, run), alerts, matchers) for side in sides]:
                    done.result()
        time.sleep(max(0.0, begun + self.lines[-1][0] + 12 - time.time()))


def why_no_alertmanager():
    """Empty when Debian's Alertmanager can be run here."""
    if not ALERTMANAGER.exists():
        return "prometheus-alertmanager is not under build/programs"
    probe = subprocess.run(["unshare", "--mount", "--map-root-user", "true"], capture_output=True, text=True)
    return f"Alertmanager needs a mount namespace: {probe.stderr.strip()}" if probe.returncode else ""


def unpacked_alertmanager():
    """The command of Debian's Alertmanager, which looks for its templates where the package would have been installed: in a
    mount namespace of its own they are there."""
    share = PROGRAMS / "usr/share/prometheus"
    mounted = f"mount -t tmpfs none /mnt && cp -r '{share}' /mnt/ && mount --bind /mnt /usr/share && exec \"$@\""
    return ["unshare", "--mount", "--map-root-user", "sh", "-c", mounted, "sh", ALERTMANAGER]


def start_alertmanager(folder, url, configuration):
    (folder / "alertmanager.yml").write_text(configuration.replace("URL", f"{url}/alertmanager"))
    address = f"127.0.0.1:{free_port()}"
    child = Child([*unpacked_alertmanager(), f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/alertmanager",
                   f"--web.listen-address={address}", "--cluster.listen-address=", f"--web.external-url={EXTERNAL_URL}",
                   "--web.route-prefix=/"], folder / "alertmanager.log")
    at = f"http://{address}"

    def ready():
        try:
            return http_request(f"{at}/-/ready", timeout=2)[0] == 200
        except OSError:
            return False

    wait_for("Alertmanager to be ready", ready)

    def silence(matchers):
        now = time.time()
        body = {"matchers": [{"name": name, "value": value, "isRegex": False} for name, value in matchers.items()],
                "startsAt": rfc3339(now), "endsAt": rfc3339(now + 600), "createdBy": "conformance", "comment": "a while"}
        status, answer, _ = http_request(f"{at}/api/v2/silences", json.dumps(body).encode(), JSON)
        assert status == 200, answer
        return json.loads(answer)["silenceID"]

    def unsilence(key):
        assert http_request(f"{at}/api/v2/silence/{key}", method="DELETE")[0] == 200

    return child, Side("Alertmanager", at, silence, unsilence)


def start_tocsin(folder, url, configuration):
    (folder / "for-tocsin.yml").write_text(configuration.replace("URL", f"{url}/tocsin"))
    senders, organisation = folder / "senders.yaml", folder / "organisation.yaml"
    senders.write_text(f"public_url: '{EXTERNAL_URL}'\nintegrations: [{{id: default, source: prometheus}}]\n")
    done = subprocess.run([str(BINARY), "import", "alertmanager", str(folder / "for-tocsin.yml"), "--with", str(senders),
                           "--out", str(organisation)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done
    tocsin = Tocsin(folder, organisation, ["--allow_webhooks_to=127.0.0.0/8"])
    tocsin.data.mkdir(exist_ok=True)
    tocsin.start()
    tocsin.cli("apply", str(organisation), str(senders))

    def silence(matchers):
        return tocsin.cli("silence", "add", *(f'{name}="{value}"' for name, value in matchers.items()),
                          "--for", "10m", "--comment", "a while").split()[0]

    return tocsin, Side("tocsin", tocsin.url, silence, lambda key: tocsin.cli("silence", "expire", key))


def instant(text):
    """Milliseconds are what both keep."""
    if text.startswith("0001"):
        return None
    head, _, fraction = text.rstrip("Z").partition(".")
    at = datetime.datetime.fromisoformat(head + "+00:00").timestamp()
    return round(at + float(f"0.{fraction or 0}"), 3)


def told(receiver, side):
    """What a side posted, in order, by target and group key."""
    groups = collections.defaultdict(list)
    for request in list(receiver.requests):
        _, of, target = request["path"].split("/", 2)
        if of == side:
            body = json.loads(request["body"])
            groups[target, body["groupKey"]].append((request["arrived"], body))
    return groups


def alert_difference(mine, theirs):
    for member in sorted(set(mine) | set(theirs)):
        a, b = mine.get(member), theirs.get(member)
        if member in ("startsAt", "endsAt") and a and b:
            a, b = instant(a), instant(b)
            if a is not None and b is not None and abs(a - b) <= (TOLERANCE if member == "endsAt" else 0.002):
                continue
        if a != b:
            return f"{member}: tocsin {a!r}, Alertmanager {b!r}"
    return ""


def body_difference(mine, theirs):
    """The first member that differs; empty when none does."""
    names = [sorted((alert["fingerprint"], alert["status"]) for alert in body["alerts"]) for body in (mine, theirs)]
    if names[0] != names[1]:
        return f"alerts: tocsin {names[0]}, Alertmanager {names[1]}"
    for a, b in zip(mine["alerts"], theirs["alerts"]):
        if difference := alert_difference(a, b):
            return f"alert {a['labels']}: {difference}"
    for member in sorted(set(mine) | set(theirs)):
        if member != "alerts" and mine.get(member) != theirs.get(member):
            return f"{member}: tocsin {mine.get(member)!r}, Alertmanager {theirs.get(member)!r}"
    return ""


def group_difference(mine, theirs, begun):
    def outline(side):
        return [f"{at - begun:.1f}s {body['status']} {len(body['alerts'])}" for at, body in side]

    for (mine_at, a), (theirs_at, b) in zip(mine, theirs):
        if difference := body_difference(a, b):
            return f"at {mine_at - begun:.1f}s {difference}"
        if abs(mine_at - theirs_at) > TOLERANCE:
            return f"told at {mine_at - begun:.1f}s, by Alertmanager at {theirs_at - begun:.1f}s"
    if len(mine) != len(theirs):
        return f"tocsin told {outline(mine)}, Alertmanager {outline(theirs)}"
    return ""


def is_as_explained(mine, theirs):
    """The same news in the same order, tocsin's no later; what was only repeated may have been so at other times, and what had
    been told to have recovered may have been listed again."""
    def news(side):
        order, ended = [], set()
        for _, body in side:
            names = {(alert["fingerprint"], alert["status"]) for alert in body["alerts"]} - ended
            ended |= {name for name in names if name[1] == "resolved"}
            if not order or (body["status"], names) != order[-1]:
                order.append((body["status"], names))
        return order
    return news(mine) == news(theirs) and mine[0][0] <= theirs[0][0] + TOLERANCE


def compare(receiver, begun):
    """(notifications, groups, differences, explained): the last two as lines."""
    mine, theirs = told(receiver, "tocsin"), told(receiver, "alertmanager")
    differences, explained = [], []
    for key in sorted(set(mine) | set(theirs)):
        difference = group_difference(mine.get(key, []), theirs.get(key, []), begun)
        if not difference:
            continue
        story = next((name for name in EXPLAINED if f'alertname="{name}"' in key[1]), None)
        if story and key in mine and key in theirs and is_as_explained(mine[key], theirs[key]):
            explained.append(f"{key[0]} {key[1]}: {EXPLAINED[story]}")
        else:
            differences.append(f"{key[0]} {key[1]}: {difference}")
    return sum(map(len, theirs.values())), len(set(mine) | set(theirs)), differences, explained


def muted_minutes(seconds):
    """Minutes of the day in which a route is muted: one that begins or ends in the first minute of the run, and every third
    after it. As (from, until) in minutes; a run over midnight is muted no more after it, one that begins there in the first minute."""
    start = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=10)
    first = start.hour * 60 + start.minute + (1 if start.second > 30 else 0)
    return [(at, at + 1) for at in range(first, min(first + int(seconds // 60) + 1, 1439), 3)] or [(0, 1)]


def with_intervals(configuration, windows):
    def entries(ranges):
        return ", ".join(f"{{ start_time: '{a // 60:02}:{a % 60:02}', end_time: '{b // 60:02}:{b % 60:02}' }}"
                         for a, b in ranges if a < b)
    edges = [0] + [minute for window in windows for minute in window] + [1440]
    outside = list(zip(edges[::2], edges[1::2]))
    return configuration.replace("MUTED", entries(windows)).replace("ACTIVE", entries(outside))


def side_by_side(folder, seconds):
    """Runs it and returns what compare does."""
    configuration = with_intervals(CONFIGURATION, muted_minutes(seconds))
    with Receiver() as receiver:
        alertmanager, theirs = start_alertmanager(folder, receiver.url, configuration)
        with alertmanager:
            tocsin, mine = start_tocsin(folder, receiver.url, configuration)
            with tocsin:
                begun = time.time()
                Script(seconds).run([mine, theirs])
                assert tocsin.metric("tocsin_auditor_findings_total") == 0
                (folder / "requests.json").write_text(json.dumps(
                    [{**request, "body": request["body"].decode()} for request in receiver.requests]))
                return compare(receiver, begun)


def report(result, out=sys.stdout):
    notifications, groups, differences, explained = result
    for line in differences:
        print(f"  differs: {line}", file=out)
    for line in explained:
        print(f"  differs on purpose: {line}", file=out)
    print(f"  {notifications} notifications of Alertmanager in {groups} groups: {len(differences)} groups differ, "
          f"{len(explained)} on purpose", file=out)

"""The real amtool against the real server: every command exits and prints as it does against Alertmanager; with the sample as it is,
and by an access token."""
import datetime
import json
import re
import subprocess
import threading
import time

from harness import PATIENCE, PROGRAMS, Tocsin, http_request, scratch, skip, wait_for

AMTOOL = PROGRAMS / "usr/bin/amtool"

ORGANISATION = """
name: amtool
fallback_user: ann
users: [{id: ann, contact_methods: [{id: desk, kind: terminal, address: ann}]}]
policies: [{id: people, steps: [{delay: 10m, targets: [{user: ann}]}]}]
integrations: [{id: default, source: prometheus}]
receivers:
  - {id: default, targets: [{kind: terminal, address: default}]}
  - {id: db, targets: [{kind: terminal, address: db}]}
  - {id: db-crit, targets: [{kind: terminal, address: db-crit}]}
  - {id: team-any, targets: [{kind: terminal, address: team-any}]}
route:
  receiver: default
  group_by: [alertname, cluster]
  group_wait: 1s
  routes:
    - id: db
      matchers: ['severity=~"crit.*|warn.*"', 'team="db"']
      receiver: db
      group_by: ['...']
      continue: true
      routes:
        - {id: db-crit, matchers: ['severity="critical"'], receiver: db-crit, mute_time_intervals: [nights]}
    - {id: team-any, matchers: ['severity!~"info"', 'team!=""'], receiver: team-any}
    - {id: people, matchers: ['page="yes"'], policy: people}
inhibition_rules:
  - {id: critical, source_matchers: ['severity="critical"'], target_matchers: ['severity="warning"'], equal: [alertname, dc]}
time_intervals:
  - id: nights
    time_intervals: [{times: [{start_time: '00:00', end_time: '06:00'}], weekdays: ['monday:friday'], location: Europe/Vienna}]
"""
UUID = r"746f6373-696e-8000-8[0-9a-f]{3}-[0-9a-f]{12}"


class Amtool:
    def __init__(self, url):
        self.url = url

    def run(self, *arguments, exit=0):
        """What it prints. It warns of the version before each command, which is left out."""
        done = subprocess.run([str(AMTOOL), f"--alertmanager.url={self.url}", *arguments], capture_output=True, text=True, timeout=PATIENCE)
        complaint = "\n".join(line for line in done.stderr.splitlines() if not line.startswith("Warning: amtool version"))
        assert done.returncode == exit, (arguments, done.returncode, done.stdout, complaint)
        return done.stdout + complaint

    def rows(self, *arguments):
        """The rows of a table, without its head, each as its columns."""
        lines = self.run(*arguments).splitlines()
        return [[column for column in re.split(r"  +", line.strip())] for line in lines[1:]]


def check_alerts(amtool):
    end = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=3)).replace(minute=0, second=0)
    assert amtool.run("alert", "add", "foo", "node=bar", "severity=critical", "--annotation=summary=hello",
                      "--generator-url=http://gen.example/x", f"--end={end:%Y-%m-%dT%H:%M:%SZ}") == ""
    assert amtool.run("alert", "add", "alertname=minimal") == ""
    for labels in ("A team=db severity=critical dc=x", "A team=db severity=warning dc=x", "C team=web severity=info"):
        amtool.run("alert", "add", *labels.split())
    wait_for("the warning to be inhibited", lambda: len(amtool.rows("alert", "query", "-i")) == 1)
    assert sorted(row[0] for row in amtool.rows("alert", "query")) == ["A", "C", "foo", "minimal"]
    head = amtool.run("alert", "query").splitlines()[0]
    assert head.split() == ["Alertname", "Starts", "At", "Summary", "State"], head
    assert [row[0] for row in amtool.rows("alert", "query", 'alertname=~"f.*"', 'severity!=""', "node!=x")] == ["foo"]
    assert [row[0] for row in amtool.rows("alert", "query", "--receiver=def.*")].count("A") == 0
    assert amtool.rows("alert", "query", "-u") == []
    extended = next(row for row in amtool.rows("alert", "query", "-o", "extended") if row[0].startswith('alertname="foo"'))
    assert extended[1] == 'summary="hello"' and extended[3] == f"{end:%Y-%m-%d %H:%M:%S} UTC", extended
    assert extended[4:] == ["http://gen.example/x", "active"], extended
    foo = json.loads(amtool.run("alert", "query", "-o", "json", "alertname=foo"))
    assert foo[0]["fingerprint"] == "1be6f77d9f14fcb7" and foo[0]["receivers"] == [{"name": "default"}], foo


def check_silences(folder, amtool):
    first = amtool.run("silence", "add", "alertname=foo", "node=~b.+", "--comment=maint", "--author=tester", "--duration=2h").strip()
    second = amtool.run("silence", "add", "foo", "-c", "by name", "-d", "1h").strip()
    third = amtool.run("silence", "add", "foo", "--start=2037-12-01T00:00:00Z", "--end=2037-12-02T00:00:00Z", "-c", "future").strip()
    for uuid in (first, second, third):
        assert re.fullmatch(UUID, uuid), uuid
    amtool.run("silence", "add", "foo", "-d", "1h", exit=1)  # a comment is required
    wait_for("foo to be silenced", lambda: [row[0] for row in amtool.rows("alert", "query", "-s")] == ["foo"])
    assert [row[0] for row in amtool.rows("silence", "query")] == [second, first, third]
    assert [row[1] for row in amtool.rows("silence", "query")][1] == 'alertname="foo" node=~"b.+"'
    assert amtool.run("silence", "query", "-q").split() == [second, first, third]
    assert {row[0] for row in amtool.rows("silence", "query", "--within", "3h")} == {first, second}
    updated = amtool.rows("silence", "update", first, "--duration=4h", "--comment=longer")
    assert updated[0][0] == first and updated[0][-1] == "longer", updated
    assert "cannot start after it ends" in amtool.run("silence", "update", first, "--start=2037-01-01T00:00:00Z", exit=1)
    assert amtool.run("silence", "expire", second) == ""
    assert amtool.run("silence", "expire", second) == ""
    bogus = amtool.run("silence", "expire", "11111111-1111-4111-8111-111111111111", exit=1)
    assert bogus.strip() == ("amtool: error: [DELETE /silence/{silenceID}][500] deleteSilenceInternalServerError  silence not found"), bogus
    assert [row[0] for row in amtool.rows("silence", "query", "--expired")] == [second]
    kept = folder / "silences.json"
    kept.write_text(amtool.run("silence", "query", "-o", "json"))
    assert sorted(amtool.run("silence", "import", str(kept)).split()) == sorted([first, third])
    forced = amtool.run("silence", "import", "--force", str(kept)).split()
    assert len(forced) == 2 and not {first, third} & set(forced), forced
    assert len(amtool.rows("silence", "query")) == 4


def check_configuration(amtool):
    assert re.fullmatch(r"Cluster Status:  ready\nNode Name:       [0-9a-f]+\n", amtool.run("cluster", "show"))
    assert "mute_time_intervals:\n      - nights\n" in amtool.run("config", "show")
    tree = """Routing tree:
.
└── default-route  receiver: default
    ├── {severity=~"crit.*|warn.*",team="db"}  continue: true  receiver: db
    │   └── {severity="critical"}  receiver: db-crit
    ├── {severity!~"info",team!=""}  receiver: team-any
    └── {page="yes"}  receiver: default"""
    shown = "\n".join(line.rstrip() for line in amtool.run("config", "routes", "show").replace("\u00a0", " ").splitlines()).strip()
    assert shown == tree, shown
    test = ("config", "routes", "test")
    assert amtool.run(*test, "team=db", "severity=critical") == "db-crit,team-any\n"
    assert amtool.run(*test, "--verify.receivers=db-crit,team-any", "team=db", "severity=critical") == "db-crit,team-any\n"
    wrong = amtool.run(*test, "--verify.receivers=default", "team=db", "severity=critical", exit=1)
    assert wrong.split("\n")[0] == "db-crit,team-any" and "Expected receivers did not match" in wrong, wrong
    assert "db,team-any" in amtool.run(*test, "--tree", "team=db", "severity=warning")
    assert amtool.run(*test, "page=yes") == "default\n", "a route has the receiver of the one above"


def check_tokens(tocsin):
    host = tocsin.http
    assert "status 401" in Amtool(f"http://u:wrong@{host}").run("alert", "query", exit=1)
    assert Amtool(f"http://u:{tocsin.token()}@{host}").rows("alert", "query", "minimal")
    assert "status 404" in Amtool(f"http://{host}/prefix").run("alert", "query", "foo", exit=1)


def check_lists_hold_nobody_up(tocsin):
    """Thirty thousand alerts are listed over and over while more come in: those are answered in the midst of a list, not only when
    one has ended. How long either takes is the machine's affair."""
    post = lambda batch: http_request(f"{tocsin.url}/api/v2/alerts", json.dumps(batch).encode(), {"Content-Type": "application/json"})[0]
    for part in range(30):
        assert post([{"labels": {"alertname": "Many", "instance": f"host-{part}-{i}"}} for i in range(1000)]) == 200
    stop = threading.Event()
    lists, posts = [], []  # when each began and ended

    def list_all():
        while not stop.is_set():
            began = time.monotonic()
            status, body, _ = http_request(f"{tocsin.url}/api/v2/alerts")
            ended = time.monotonic()
            lists.append((began, ended, status, body.count(b'"fingerprint"')))

    def answered_amid_a_list():
        """Well inside of it: at its ends also those are answered that had to wait for it."""
        return [post for post in posts for began, ended, *_ in lists
                if began + (ended - began) / 4 < post[1] < ended - (ended - began) / 4]

    def one_more():
        began = time.monotonic()
        assert post([{"labels": {"alertname": "Late", "instance": str(len(posts))}}]) == 200
        posts.append((began, time.monotonic()))
        return len(lists) >= 3 and len(answered_amid_a_list()) >= 5

    reader = threading.Thread(target=list_all)
    reader.start()
    try:
        wait_for("alerts to be answered amid lists", one_more, every=0.02)
    finally:
        stop.set()
        reader.join()
    assert all(status == 200 and count >= 30_000 for _, _, status, count in lists), [each[2:] for each in lists]
    waits = sorted(ended - began for began, ended in posts)
    print(f"30,000 alerts listed in {min(ended - began for began, ended, *_ in lists):.2f} s; meanwhile {len(waits)} alerts were taken in "
          f"{waits[len(waits) // 2] * 1000:.1f} ms (median), {waits[-1] * 1000:.0f} ms (longest)")


def main():
    if not AMTOOL.exists():
        skip("amtool is not under build/programs; ./dev fetch-programs gets it")
    with scratch() as folder:
        (folder / "sample").mkdir()
        with Tocsin(folder / "sample", flags=["--sample"]).start() as sample:  # out of the box
            amtool = Amtool(sample.url)
            amtool.run("alert", "add", "Disk", "service=database")
            wait_for("the alert", lambda: amtool.rows("alert", "query", "Disk"))
            amtool.run("silence", "add", "Disk", "-c", "new disks")
            receivers = amtool.run("config", "routes", "test", "service=payments").strip().split(",")
            assert "payments" in receivers, "a policy stands for the receiver that its route has not: " + str(receivers)
            assert sample.stop() == 0
        config = folder / "organisation.yaml"
        config.write_text(ORGANISATION)
        with Tocsin(folder, config=config).start() as tocsin:
            amtool = Amtool(tocsin.url)
            check_alerts(amtool)
            check_silences(folder, amtool)
            check_configuration(amtool)
            check_tokens(tocsin)
            config.write_text(ORGANISATION.replace("group_wait: 1s", "group_wait: 7s"))
            assert http_request(f"{tocsin.url}/-/reload", b"")[0] == 403, "nobody reloads without a token"
            assert http_request(f"{tocsin.url}/-/reload", b"", {"Authorization": f"Bearer {tocsin.token()}"})[0] == 200
            wait_for("the new configuration", lambda: "group_wait: 7s" in amtool.run("config", "show"))
            assert tocsin.metric("alertmanager_alerts") > 0
            check_lists_hold_nobody_up(tocsin)
            assert tocsin.stop() == 0
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()

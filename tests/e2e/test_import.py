"""Import on the real binary: an export becomes YAML, the YAML is applied, and the server has the same person on call as the source
said. A dry run writes nothing, --strict refuses, --check compares, and no secret is printed."""
import datetime
import json
import stat
import subprocess

import organisation
from harness import BINARY, PATIENCE, Tocsin, scratch

SENDERS = """
smtp: {url: 'smtp://127.0.0.1:2525', from: 'tocsin@example.com', require_tls: false}
integrations:
  - {id: default, source: prometheus}
"""
SECRET = "0123456789abcdef0123456789abcdef"


def pagerduty(folder):
    """Two people, a week each; who is on call now, and this week rendered as PagerDuty would."""
    turn = 45  # of which three days are over: the next one does not begin while the test runs
    now = datetime.datetime.now(datetime.timezone.utc).replace(minute=0, second=0, microsecond=0)
    start = now - datetime.timedelta(weeks=turn, days=3)
    people = [("PALICE", "alice"), ("PBOB", "bob")]
    week = start + turn * datetime.timedelta(weeks=1)
    rendered = [{"start": (week + datetime.timedelta(weeks=k)).isoformat(),
                 "end": (week + datetime.timedelta(weeks=k + 1)).isoformat(),
                 "user": {"id": people[(turn + k) % 2][0]}} for k in range(4)]
    schedule = {"id": "PS1", "type": "schedule", "name": "Primary", "time_zone": "UTC", "schedule_layers": [
        {"id": "L1", "name": "Weekly", "start": start.isoformat(), "end": None, "rotation_virtual_start": start.isoformat(),
         "rotation_turn_length_seconds": 604800, "users": [{"user": {"id": key}} for key, _ in people], "restrictions": []}]}
    export = folder / "export"
    export.mkdir()
    (export / "users.json").write_text(json.dumps({"users": [
        {"id": key, "type": "user", "name": name.title(), "email": f"{name}@example.com", "time_zone": "UTC"}
        for key, name in people], "limit": 25, "offset": 0, "more": False}))
    (export / "schedule.json").write_text(json.dumps({"schedule": schedule}))
    (export / "policies.json").write_text(json.dumps({"escalation_policies": [
        {"id": "PP1", "name": "Default", "num_loops": 1, "escalation_rules": [
            {"escalation_delay_in_minutes": 10, "targets": [{"id": "PS1", "type": "schedule_reference"}]}]}],
        "services": [{"id": "SV1", "name": "Web", "escalation_policy": {"id": "PP1"},
                      "integrations": [{"id": "I1", "summary": "Door", "integration_key": SECRET}]}]}))
    check = folder / "rendered.json"
    check.write_text(json.dumps({"schedule": {"id": "PS1", "final_schedule": {"rendered_schedule_entries": rendered}}}))
    return export, check, people[turn % 2][1]


def run(*arguments):
    done = subprocess.run([str(BINARY), *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE)
    assert SECRET not in done.stdout + done.stderr, "a secret was printed"
    return done


def the_same_person_is_on_call(tocsin, folder):
    export, check, person = pagerduty(folder)
    senders, out = folder / "senders.yaml", folder / "org.yaml"
    senders.write_text(SENDERS)

    dry = run("import", "pagerduty", export, "--check", check)
    assert dry.returncode == 0 and "nothing was written" in dry.stdout, dry
    assert "2 users, 0 teams, 1 schedules" in dry.stdout and "smtp" in dry.stdout, dry.stdout
    assert not out.exists()

    done = run("import", "pagerduty", export, "--check", check, "--with", senders, "--out", out, "--strict")
    assert done.returncode == 0, done
    agreed = [line for line in done.stdout.splitlines() if "hours agree with final_schedule" in line]
    assert len(agreed) == 1 and "before it can be applied" not in done.stdout, done.stdout
    same, _, hours = agreed[0].split(": ")[1].split()[:3]
    assert same == hours and int(hours) > 24 * 21, agreed
    assert stat.S_IMODE(out.stat().st_mode) == 0o600

    tocsin.cli("apply", str(out), str(senders), "--dry-run")
    tocsin.cli("apply", str(out), str(senders))
    oncall = tocsin.call("OnCallService/WhoIsOnCall")["entries"]
    on_call = {entry["schedule"]: [p["user"] for p in entry.get("people", [])] for entry in oncall}
    assert on_call == {"primary": [person]}, on_call
    assert person in tocsin.cli("oncall", "primary")


def what_differs_is_told_and_strict_refuses(folder):
    check = folder / "rendered.json"
    rendered = json.loads(check.read_text())
    entry = rendered["schedule"]["final_schedule"]["rendered_schedule_entries"][1]
    other = entry["user"]["id"]
    entry["user"]["id"] = "PBOB" if other == "PALICE" else "PALICE"
    check.write_text(json.dumps(rendered))
    out = folder / "refused.yaml"
    told = json.loads(run("import", "pagerduty", folder / "export", "--check", check, "-o", "json").stdout)
    assert told["checks"][0]["hours"] - told["checks"][0]["agreeing"] in (168, 169), told
    assert len(told["checks"][0]["differences"]) == 1, told
    refused = run("import", "pagerduty", folder / "export", "--check", check, "--strict", "--out", out)
    assert refused.returncode == 1 and "1 stretches differ; nothing was written" in refused.stderr, refused
    assert not out.exists()


CALENDAR = """BEGIN:VCALENDAR
X-WR-CALNAME:Database
X-WR-TIMEZONE:Europe/Berlin
BEGIN:VEVENT
UID:1
DTSTART;TZID=Europe/Berlin:20260105T090000
DTEND;TZID=Europe/Berlin:20260112T090000
RRULE:FREQ=WEEKLY;INTERVAL=2
SUMMARY:alice
END:VEVENT
BEGIN:VEVENT
UID:2
DTSTART;TZID=Europe/Berlin:20260112T090000
DTEND;TZID=Europe/Berlin:20260119T090000
RRULE:FREQ=WEEKLY;INTERVAL=2
SUMMARY:bob
END:VEVENT
END:VCALENDAR
"""


def calendars_are_a_source(tocsin, folder):
    """From standard input, as curl gives it; for a year the events, counted out, are what the schedule says; and it can be applied."""
    out = folder / "calendar.yaml"
    done = subprocess.run([str(BINARY), "import", "ical", "-", "--with", str(folder / "senders.yaml"), "--out", str(out)],
                          input=CALENDAR, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done
    assert "8760 of 8760 hours agree with its events" in done.stdout, done.stdout
    tocsin.cli("apply", str(out), str(folder / "senders.yaml"))
    # Beside an organisation that has people and a route already, it is the schedule alone.
    beside, own = folder / "config.yaml", folder / "own.yaml"
    (folder / "own.ics").write_text(CALENDAR.replace("SUMMARY:alice", "SUMMARY:ann"))
    done = run("import", "ical", folder / "own.ics", "--with", beside, "--out", own)
    assert done.returncode == 0 and "before it can be applied" not in done.stdout, done
    assert "route:" not in own.read_text() and "policies:" not in own.read_text(), own.read_text()
    tocsin.cli("apply", str(beside), str(own))
    assert tocsin.cli("oncall", "database").count("ann") + tocsin.cli("oncall", "database").count("bob") >= 1


def hostile_exports_end_soon(folder):
    """Whatever an export is, the importer says what is wrong with it, soon, and does not die."""
    bomb = "BEGIN:VCALENDAR\r\n" + "".join(
        f"BEGIN:VEVENT\r\nUID:{i}\r\nDTSTART:19700101T000000Z\r\nDTEND:19700101T000100Z\r\nRRULE:FREQ=MINUTELY\r\nRDATE:"
        + ",".join(["19700101T000000Z"] * 200) + f"\r\nSUMMARY:p{i}\r\nEND:VEVENT\r\n" for i in range(500)) + "END:VCALENDAR\r\n"
    texts = {"deep": "[" * 1_000_000, "maps": '{"a":' * 200_000, "wrong": '{"users": 5, "schedules": {"a": [1]}, "teams": "x"}',
             "line": '{"users": ["' + "x" * 10_000_000 + '"]}', "empty": "", "zeros": "\0" * 1_000_000, "bomb": bomb,
             "huge": "[" + "1," * (17 << 20) + "1]"}
    for name, text in texts.items():
        path = folder / f"{name}.json"
        path.write_text(text)
        for source in ("pagerduty", "opsgenie", "grafana-oncall", "goalert", "icinga-notifications", "linkedin-oncall",
                       "alertmanager", "ical"):
            done = run("import", source, path)
            assert done.returncode in (0, 1, 2) and (done.returncode == 0 or name in done.stderr), (source, name, done.stderr[-300:])


def errors_say_what_to_do(folder):
    broken = folder / "broken.json"
    broken.write_text('{"users": [\n {]}')
    for command, code, what in (
            (["import"], 2, "a source (pagerduty, opsgenie"), (["import", "pagerdutty", broken], 2, '"pagerdutty" is none of'),
            (["import", "pagerduty", broken], 1, "broken.json: line 2, column 3"),
            (["import", "pagerduty", folder / "nowhere"], 1, "cannot read"),
            (["import", "pagerduty", folder / "export", "--days", "0"], 2, '--days: "0" is no number from 1 to 3650')):
        done = run(*command)
        assert done.returncode == code and what in done.stderr, (command, done)
    assert "pagerduty" in run("__complete", "import", "p").stdout


def main():
    with scratch() as folder:
        config = folder / "config.yaml"
        config.write_text(organisation.yaml())
        with Tocsin(folder, config).start() as tocsin:
            the_same_person_is_on_call(tocsin, folder)
            what_differs_is_told_and_strict_refuses(folder)
            errors_say_what_to_do(folder)
            calendars_are_a_source(tocsin, folder)
            hostile_exports_end_soon(folder)
            assert tocsin.stop() == 0
    print("ok")


if __name__ == "__main__":
    main()

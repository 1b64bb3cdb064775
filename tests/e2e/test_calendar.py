"""Calendars of the real server: addresses that open one feed, read by two iCalendar libraries, against what the API says; the
secret is in no log; and the questions about schedules that the command line answers."""
import datetime
import json
import pathlib
import sys
import tempfile

import organisation
from harness import PROGRAMS, Tocsin, http_request, skip

sys.path.insert(0, str(PROGRAMS / "usr/lib/python3/dist-packages"))
try:
    import icalendar
    import vobject
except ImportError:
    skip("python3-icalendar and python3-vobject are not there; ./dev fetch-programs unpacks them")

NAME = "Дежурный Müller-Lüdenscheidt, Anna; \\ \"Ann\" 漢字 " + "🙂 very long " * 12 + "Jr."


def schedules():
    """Zoe is in no rotation of the first, so that it is news in any week when she stands in."""
    return """
  - id: berlin
    name: 'Datenbank, Berlin; rund um die Uhr'
    team: ops
    time_zone: Europe/Berlin
    layers:
      - {id: weekly, rotation: {type: weekly, start: '2024-01-01 09:00'}, participants: [ann, bob]}
    overrides:
      - {id: o1, start: '%s', end: '%s', users: [{user: zoe}], created_by: ann, reason: 'dentist, again'}
  - id: sydney
    team: ops
    time_zone: Australia/Sydney
    layers:
      - id: nights
        rotation: {type: daily, start: '2024-01-01 22:00'}
        participants: [[ann, zoe], bob]
        restrictions: [{type: daily, start: '22:00', end: '06:00'}]
""" % tuple((datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=d)).strftime("%Y-%m-%d 12:00") for d in (3, 5))


def read_by_icalendar(text):
    return [(int(e["DTSTART"].dt.timestamp()), int(e["DTEND"].dt.timestamp()), str(e["SUMMARY"]))
            for e in icalendar.Calendar.from_ical(text).walk("VEVENT")]


def read_by_vobject(text):
    events = vobject.readOne(text).contents.get("vevent", [])
    return [(int(e.dtstart.value.timestamp()), int(e.dtend.value.timestamp()), e.summary.value) for e in events]


def instant(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def on_one_day(look):
    """What look(today) returns, today in UTC. A feed begins and ends with days: when one ends meanwhile, it is looked at again."""
    today = lambda: datetime.datetime.now(datetime.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    while True:
        day = today()
        found = look(day)
        if today() == day:
            return day, found


def check_feed(server, schedule, name, people, path=None):
    if path is None:
        url = server.cli("schedule", "link", schedule).strip()
        path = url[url.index("/calendar/"):]
    now, (status, body, headers) = on_one_day(lambda _: http_request(server.url + path))
    assert status == 200 and headers["Content-Type"].startswith("text/calendar"), (status, headers)
    text = body.decode()
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    events = read_by_icalendar(text)
    assert events == read_by_vobject(text)
    since, until = now - datetime.timedelta(days=35), now + datetime.timedelta(days=180)
    final = server.call("OnCallService/FinalSchedule", schedule=schedule,
                        since=(since - datetime.timedelta(days=60)).isoformat().replace("+00:00", "Z"),
                        until=(until + datetime.timedelta(days=60)).isoformat().replace("+00:00", "Z"))
    expected = []
    for shift in final["shifts"]:
        start, end = instant(shift["start"]), instant(shift["end"])
        if end <= since.timestamp() or start >= until.timestamp():
            continue
        who = ", ".join(people[user] for user in shift["users"])
        expected.append((start, end, f"{who} on call: {name}" if who else f"NOBODY is on call: {name}"))
    assert events == expected and len(events) > 20, (schedule, len(events), len(expected))
    today, again = on_one_day(lambda _: http_request(server.url + path, headers={"If-None-Match": headers["ETag"]})[0])
    assert again == 304 or today != now, again
    return path, text


def sequences(text):
    """Of all events, by both libraries: how new they are, and since when."""
    one = [(int(e["SEQUENCE"]), e["LAST-MODIFIED"].dt.timestamp()) for e in icalendar.Calendar.from_ical(text).walk("VEVENT")]
    other = [(int(e.sequence.value), e.last_modified.value.timestamp()) for e in vobject.readOne(text).contents["vevent"]]
    assert one == other and len(set(one)) == 1, (one, other)
    return one[0]


def check_override(server, path, name, people):
    """What people change at run time is news to whoever has the calendar: a calendar drops events that are not newer than its own."""
    _, body, headers = http_request(server.url + path)
    before = sequences(body.decode())
    server.cli("schedule", "override", "berlin", "--assign", "zoe", "--for", "3h", "-m", "a test")
    status, body, changed = http_request(server.url + path, headers={"If-None-Match": headers["ETag"]})
    assert status == 200 and changed["ETag"] != headers["ETag"], "the answer is another one"
    after = sequences(body.decode())
    assert after[0] > before[0] and after[1] >= before[1], (before, after)
    check_feed(server, "berlin", name, people, path)
    number = json.loads(server.cli("schedule", "override", "list", "-o", "json"))["entries"][0]["change"]["id"]
    server.cli("schedule", "override", "end", f"O{number}")
    ended = sequences(http_request(server.url + path)[1].decode())
    assert ended[0] > after[0], (after, ended)


def check_answers(server):
    shown = server.cli("schedule", "show", "berlin", "--weeks", "2")
    assert "times of Europe/Berlin" in shown and "Mon " in shown and "12:00 *zoe" in shown, shown
    assert "NOBODY" in server.cli("schedule", "show", "sydney", "--zone", "UTC")
    assert "no layer is on" in server.cli("schedule", "gaps", "sydney", "--weeks", "1")
    assert "no gap" in server.cli("schedule", "gaps", "berlin")
    fairness = server.cli("schedule", "fairness", "berlin")
    assert "balance" in fairness and "covered 100.00%" in fairness, fairness
    assert "berlin" in server.cli("schedule", "next") and "berlin" in server.cli("schedule", "next", "--user", "ann")
    return json.loads(server.cli("schedule", "next", "--user", "bob", "-o", "json"))["entries"]


def check_import(server, folder, feed):
    """A feed of ours, read back and applied, has the same people on call at the same times."""
    (folder / "feed.ics").write_bytes(feed.encode())
    yaml = server.cli("schedule", "from-ical", str(folder / "feed.ics"), "--schedule", "copy", "--zone", "Europe/Berlin")
    (folder / "copy.yaml").write_text(yaml)
    server.cli("apply", str(folder / "organisation.yaml"), str(folder / "copy.yaml"))
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    # From now on: nobody was on call in a schedule before it was declared.
    since, until = (now + datetime.timedelta(hours=1)).isoformat(), (now + datetime.timedelta(days=150)).isoformat()
    shifts = [[(s["start"], s["end"], s["users"]) for s in
               server.call("OnCallService/FinalSchedule", schedule=name, since=since, until=until)["shifts"]]
              for name in ("berlin", "copy")]
    assert shifts[0] == shifts[1] and len(shifts[0]) > 20, shifts


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        config = folder / "organisation.yaml"
        text = organisation.yaml(extra_users="  - {id: zoe, name: '%s', contact_methods: [{kind: terminal, address: zoe}]}"
                                 % NAME.replace("'", "''"))
        text = text.replace("policies:\n", schedules().lstrip("\n") + "policies:\n", 1)
        config.write_text(text)
        people = {"ann": "Ann", "bob": "Bob", "zoe": NAME}
        with Tocsin(folder, config) as server:
            server.start()
            berlin, feed = check_feed(server, "berlin", "Datenbank, Berlin; rund um die Uhr", people)
            assert "dentist" in feed
            check_override(server, berlin, "Datenbank, Berlin; rund um die Uhr", people)
            feed = http_request(server.url + berlin)[1].decode()
            check_feed(server, "sydney", "sydney", people)
            personal = server.cli("schedule", "link", "--user", "zoe", "--expires", "30d").strip()
            own = http_request(server.url + personal[personal.index("/calendar/"):])[1].decode()
            assert read_by_icalendar(own) == read_by_vobject(own) != []
            assert check_answers(server)
            (folder / "new.yaml").write_text(text.replace("'2024-01-01 09:00'}, participants: [ann", "'2024-01-01 10:00'}, participants: [ann"))
            differs = server.cli("schedule", "diff", str(folder / "new.yaml"), "--weeks", "2")
            assert differs.count("berlin") >= 2, differs
            check_import(server, folder, feed)
            server.cli("rollback", "1")
            def over_a_kill(_):
                before = http_request(server.url + berlin)[1].decode()
                server.kill()
                server.start()
                return before, http_request(server.url + berlin)[1].decode()
            _, (before, after) = on_one_day(over_a_kill)
            assert before == after, "an address outlives the server"
            number = next(e["token"]["id"] for e in json.loads(server.cli("token", "list", "-o", "json"))["entries"]
                          if e["token"]["integration"] == "calendar/schedule/berlin")
            server.cli("token", "revoke", f"T{number}")
            assert http_request(server.url + berlin)[0] == 404, "at once"
            server.stop()
            log = server.child.text()
            for path in (berlin, personal):
                assert path.split("/")[-1].removesuffix(".ics") not in log, "a secret was logged"
    print("2 libraries read the same shifts as the evaluator says\n1 passed, 0 failed")


if __name__ == "__main__":
    main()

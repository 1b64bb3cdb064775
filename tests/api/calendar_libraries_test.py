"""Calendar feeds of random schedules, read by two iCalendar libraries that know nothing of each other: both show the shifts that
the evaluator says, with the same people."""
import datetime
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "build/programs/usr/lib/python3/dist-packages"))
try:
    import icalendar
    import vobject
except ImportError:
    print("SKIPPED: python3-icalendar and python3-vobject are not there; ./dev fetch-programs unpacks them")
    sys.exit(77)

FEEDS = 200


def seconds(moment):
    assert moment.tzinfo is not None and moment.utcoffset() == datetime.timedelta(0), moment
    return int(moment.timestamp())


def by_icalendar(text):
    calendar = icalendar.Calendar.from_ical(text)
    assert calendar["VERSION"] == "2.0" and calendar["METHOD"] == "PUBLISH"
    for event in calendar.walk("VEVENT"):
        assert not event.errors, event.errors
        yield str(event["UID"]), seconds(event["DTSTART"].dt), seconds(event["DTEND"].dt), str(event["SUMMARY"])


def by_vobject(text):
    calendar = vobject.readOne(text)
    assert calendar.version.value == "2.0" and calendar.method.value == "PUBLISH"
    for event in calendar.contents.get("vevent", []):
        yield event.uid.value, seconds(event.dtstart.value), seconds(event.dtend.value), event.summary.value


def main(program):
    lines = subprocess.run([program, str(FEEDS)], capture_output=True, check=True).stdout.decode().splitlines()
    assert len(lines) > FEEDS / 2, len(lines)
    shown = gaps = 0
    for line in lines:
        case = json.loads(line)
        text = case["feed"]
        assert all(len(each.encode()) <= 75 for each in text.split("\r\n")), "folded at 75 octets"
        expected = []
        for start, end, names in case["shifts"]:
            people = ", ".join(names)
            summary = f"{people} on call: {case['schedule']}" if names else f"NOBODY is on call: {case['schedule']}"
            expected.append((start, end, summary))
            gaps += not names
        for read in (by_icalendar, by_vobject):
            events = list(read(text))
            assert [event[1:] for event in events] == expected, (read.__name__, case["schedule"])
            assert len({event[0] for event in events}) == len(events), "UIDs are unique"
        shown += len(expected)
    assert shown > 10 * len(lines) and gaps > 100, (shown, gaps)
    print(f"{len(lines)} feeds with {shown} shifts, of which {gaps} gaps, read the same by icalendar and vobject\n"
          "1 passed, 0 failed")


if __name__ == "__main__":
    main(sys.argv[1])

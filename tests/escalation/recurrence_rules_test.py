"""Random recurrence rules, expanded by the project and by python-dateutil: they yield the same."""
import datetime
import pathlib
import random
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "build/programs/usr/lib/python3/dist-packages"))
try:
    from dateutil import rrule
except ImportError:
    print("SKIPPED: python3-dateutil is not there; ./dev fetch-programs unpacks it")
    sys.exit(77)

RULES = 10_000
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


def some(values, most):
    return ",".join(str(v) for v in random.sample(values, random.randint(1, min(most, len(values)))))


def signed(most):
    return [n for n in range(-most, most + 1) if n]


def maybe(one_in):
    return random.randrange(one_in) == 0


def make_rule():
    frequency = random.choice(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"])
    parts = [f"FREQ={frequency}"]
    if maybe(2):
        parts.append(f"INTERVAL={random.randint(1, 5)}")
    if maybe(3):
        parts.append(f"WKST={random.choice(DAYS)}")
    if maybe(4):
        parts.append(f"BYMONTH={some(range(1, 13), 4)}")
    if frequency != "WEEKLY" and maybe(3):
        parts.append(f"BYMONTHDAY={some(signed(31), 5)}")
    weeks = frequency == "YEARLY" and maybe(5)
    if weeks:
        parts.append(f"BYWEEKNO={some(signed(53), 4)}")
    if frequency == "YEARLY" and maybe(5):
        parts.append(f"BYYEARDAY={some(signed(366), 8)}")
    if maybe(2):
        ordinals = frequency in ("MONTHLY", "YEARLY") and not weeks and maybe(2)
        names = [f"{n}{d}" for n in signed(5) for d in DAYS] if ordinals else DAYS
        parts.append(f"BYDAY={some(names, 4)}")
    if maybe(4):
        parts.append(f"BYHOUR={some(range(24), 3)}")
    if maybe(6):
        parts.append(f"BYMINUTE={some(range(60), 2)}")
    # dateutil numbers the first week of a weekly rule from the start on, where the standard means the whole week.
    if frequency != "WEEKLY" and maybe(5) and any(part.startswith("BY") for part in parts):
        parts.append(f"BYSETPOS={some(signed(6), 3)}")
    if maybe(4):
        parts.append(f"COUNT={random.randint(1, 20)}")
    random.shuffle(parts)
    return ";".join(parts)


def main(program):
    random.seed(2026)
    cases = []
    for _ in range(RULES):
        start = datetime.datetime(random.randint(1999, 2030), 1, 1) + datetime.timedelta(minutes=random.randrange(525_600))
        cases.append((start, make_rule(), start + datetime.timedelta(days=random.choice([400, 1500])), random.randint(1, 40)))
    text = "".join(f"{s:%Y-%m-%dT%H:%M} {rule} {last:%Y-%m-%dT%H:%M} {limit}\n" for s, rule, last, limit in cases)
    ours = subprocess.run([program], input=text, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(ours) == len(cases)
    yields = without = 0
    for (start, rule, last, limit), line in zip(cases, ours):
        # dateutil looks for the first yield until the year 9999, which takes it minutes.
        if not line.strip():
            without += 1
            continue
        theirs = []
        for each in rrule.rrulestr(rule, dtstart=start).replace(until=last):
            if len(theirs) == limit:
                break
            theirs.append(f"{each:%Y-%m-%dT%H:%M}")
        assert line.split() == theirs, f"{rule} from {start}:\n  ours    {line}\n  theirs  {' '.join(theirs)}"
        yields += len(theirs)
    assert yields > RULES and without < RULES / 3, (yields, without)
    print(f"{RULES} rules yield the same {yields} occurrences\n1 passed, 0 failed")


if __name__ == "__main__":
    main(sys.argv[1])

"""Schedules while they run, by the real binary: an edit in the middle of a rotation leaves the turn and the past alone, people stand
in and swap, and neither a restart nor kill -9 forgets any of it."""
import datetime
import json
import os
import subprocess

import organisation
from harness import BINARY, PATIENCE, Tocsin, scratch

PEOPLE = """
  - {id: carl, contact_methods: [{kind: terminal, address: carl}]}
  - {id: dora, contact_methods: [{kind: terminal, address: dora}]}"""


def configured(folder, order, now, name="o.yaml"):
    """A daily rotation that hands over at the beginning of the hour that it is `now`, for ten days."""
    start = (now - datetime.timedelta(days=10)).strftime("%Y-%m-%d %H:00")
    text = organisation.yaml(extra_users=PEOPLE)
    people = ", ".join(f"[{{user: {user}}}]" for user in order)
    text = text.replace("    time_zone: Europe/Vienna\n    layers:", "    time_zone: UTC\n    layers:")
    old = "{id: always, rotation: {type: weekly, start: '2024-01-01 09:00'}, participants: [[{user: ann}]]}"
    assert old in text
    path = folder / name
    path.write_text(text.replace(old, f"{{id: daily, rotation: {{type: daily, start: '{start}'}}, participants: [{people}]}}"))
    return path


def at(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def on_call(tocsin, moment=None):
    arguments = {"at": at(moment)} if moment else {}
    entries = tocsin.call("OnCallService/WhoIsOnCall", schedule="primary", **arguments)["entries"]
    return [person["user"] for person in entries[0]["people"]]


def token(tocsin, user):
    answer = tocsin.call("AccessService/CreateToken", role="ROLE_RESPONDER", user=user, name="e2e")
    return answer["token"]


def run(tocsin, secret, *arguments):
    return subprocess.run([str(BINARY), *arguments], capture_output=True, text=True, timeout=PATIENCE,
                          env={**os.environ, "TOCSIN_SERVER": tocsin.grpc, "TOCSIN_TOKEN": secret})


def story(folder):
    now = datetime.datetime.utcnow().replace(microsecond=0)
    hour = datetime.timedelta(hours=1)
    with Tocsin(folder, config=configured(folder, ["ann", "bob", "carl"], now)).start() as tocsin:
        past = [now - hour * n for n in range(2, 230, 7)]
        known = {moment: on_call(tocsin, moment) for moment in past}
        holder = on_call(tocsin)[0]
        others = [user for user in ["ann", "bob", "carl"] if user != holder]

        # An edit in the middle of a turn: somebody more at the front, one fewer behind.
        edited = configured(folder, ["dora", others[0], holder], now, "edited.yaml")
        shown = tocsin.cli("apply", str(edited), "--dry-run")
        assert f"layer daily: new version from now; {holder} stays on until" in shown, shown
        assert not tocsin.call("ScheduleService/ListEditions", schedule="primary")["entries"][0].get("until")
        shown = tocsin.cli("apply", str(edited))
        assert "stays on until" in shown and "is in force" in shown, shown
        assert on_call(tocsin) == [holder]
        assert on_call(tocsin, now + 25 * hour) == ["dora"], on_call(tocsin, now + 25 * hour)
        assert all(on_call(tocsin, moment) == who for moment, who in known.items())
        history = tocsin.cli("schedule", "history", "primary")
        assert "then version 2 of the configuration" in history and "stays on" in history, history

        # An override, seen first and made then.
        made = ["schedule", "override", "primary", "--assign", "carl", "--for", "2h", "-m", "training"]
        seen = tocsin.cli(*made, "--dry-run")
        assert "not done" in seen and "before" in seen and "after" in seen, seen
        assert on_call(tocsin) == [holder]
        seen = tocsin.cli(*made)
        name = seen.split()[0]
        assert name.startswith("O") and on_call(tocsin) == ["carl"], seen
        explained = tocsin.cli("oncall", "primary")
        assert f"override {name}" in explained, explained
        assert name in tocsin.cli("schedule", "override", "list")

        # A swap of the day after tomorrow's shift: asked, offered, accepted; taken by nobody who was not asked.
        day = on_call(tocsin, now + 49 * hour)[0]
        secret = token(tocsin, day)
        asked = run(tocsin, secret, "schedule", "swap", "request", "primary", "--from", at(now + 49 * hour), "--for", "1h", "--of",
                    "bob,ann,carl,dora".replace(day + ",", "").replace("," + day, ""))
        assert asked.returncode == 0, asked.stderr
        swap = asked.stdout.split()[0]
        volunteer = "dora" if day != "dora" else "ann"
        volunteers = token(tocsin, volunteer)
        offered = run(tocsin, volunteers, "schedule", "swap", "offer", swap)
        assert offered.returncode == 0 and volunteer in offered.stdout, offered.stderr + offered.stdout
        assert on_call(tocsin, now + 49 * hour + hour / 2) == [day]
        forbidden = run(tocsin, volunteers, "schedule", "swap", "accept", swap, "--user", volunteer)
        assert forbidden.returncode == 1 and "to decide" in forbidden.stderr, forbidden.stderr
        accepted = run(tocsin, secret, "schedule", "swap", "accept", swap, "--user", volunteer)
        assert accepted.returncode == 0, accepted.stderr
        assert on_call(tocsin, now + 49 * hour + hour / 2) == [volunteer]
        assert "taken" in tocsin.cli("schedule", "swap", "list")
        audit = tocsin.cli("audit", "--object", swap)
        assert "RequestSwap" in audit and "TakeSwap" in audit, audit

        # Neither a restart nor a crash forgets.
        moments = past + [now, now + 25 * hour, now + 49 * hour + hour / 2]
        before = {moment: on_call(tocsin, moment) for moment in moments}
        for stop in (tocsin.stop, tocsin.kill):
            stop()
            tocsin.start()
            assert {moment: on_call(tocsin, moment) for moment in moments} == before
        assert on_call(tocsin) == ["carl"]
        ended = tocsin.cli("schedule", "override", "end", name)
        assert on_call(tocsin) == [holder], ended
        page = json.loads(tocsin.cli("schedule", "history", "primary", "-o", "json"))
        assert len(page["entries"]) == 2
    print("schedules: the past of", len(past), "instants is as it was after an edit, a restart and kill -9")


def main():
    with scratch() as folder:
        story(folder)


if __name__ == "__main__":
    main()

"""Folders of every format that there has been (tests/upgrade/formats), under the real binary: what was open is open, whoever was to be paged
is paged, new alerts page, and the folder is one of today's format from then on. A folder of a newer format is refused in words, and is not
touched."""
import json
import pathlib
import re
import shutil
import subprocess
import sys

from harness import BINARY, PATIENCE, ROOT, Receiver, Tocsin, scratch, wait_for

import organisation

sys.path.insert(0, str(ROOT / "tests/upgrade"))
import make_golden  # noqa: E402

FORMATS = ROOT / "tests/upgrade/formats"
GOLDEN = BINARY.parent / "tests/golden"
FLAGS = ["--allow_webhooks_to=127.0.0.0/8", "--shards=2", "--low_water_mib=0"]


def golden(*arguments):
    return subprocess.run([str(GOLDEN), *map(str, arguments)], capture_output=True, text=True, check=True, timeout=PATIENCE).stdout


def run(*arguments):
    return subprocess.run([str(BINARY), *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE)


def expected(state, table, states):
    """The numbers of the rows of a table that are in one of the states."""
    rows = re.findall(rf"^row {table:02}/(\d+) in memory \w+ {{ id: \d+ .*?state: STATE_(\w+) ", state, re.M)
    return {int(number) for number, name in rows if name in states}


def told(people):
    """The groups and incidents that somebody has been paged for."""
    bodies = [json.loads(request["body"]) for request in people.requests]
    return {body.get("subject", "") for body in bodies if body.get("purpose") == "page"}


def opens(folder, number, newest):
    """A folder of this format under today's binary."""
    state = (FORMATS / number / "state.txt").read_text()
    subprocess.run(["tar", "-xJf", str(FORMATS / number / "data.tar.xz"), "-C", str(folder)], check=True)
    with Receiver() as people:
        config = folder / "organisation.yaml"
        config.write_text(make_golden.organisation_yaml(people.url))
        with Tocsin(folder, config, FLAGS).start() as tocsin:
            there = {int(group["id"]): group["state"] for group in tocsin.call("GroupService/ListGroups")["groups"]}
            unresolved = expected(state, 0, {"OPEN", "ACKNOWLEDGED"})
            assert len(unresolved) >= 10 and unresolved <= set(there), (unresolved, there)
            incidents = {int(one["id"]) for one in tocsin.call("IncidentService/ListIncidents")["incidents"]}
            assert expected(state, 4, {"OPEN", "ACKNOWLEDGED"}) <= incidents, incidents
            # Whose escalation ran when the folder was left goes on: its next step pages, when it is due or at once when somebody asks for it.
            # Not each of them by a message of its own: one of the people has limits, and gets the rest in one that counts them.
            running = re.findall(r"^row 01/\d+ in memory escalation { id: \d+ subject { kind: KIND_GROUP id: (\d+) } .*?state: STATE_RUNNING ",
                                 state, re.M)
            held = re.findall(r"^row 00/(\d+) in memory .* held_by: ", state, re.M) + re.findall(
                r"^row 00/(\d+) in memory .* quiet_reason: ", state, re.M)
            due = {f"G{int(group)}" for group in running} - {f"G{int(group)}" for group in held}
            assert len(due) >= 5, (running, held)
            for group in sorted(due):
                tocsin.cli("escalate", group)
            wait_for(f"a page for one of {sorted(due)}", lambda: due & told(people))
            tocsin.cli("send", f"--server={tocsin.grpc}", f"--key={organisation.STREAM_KEY}", "alertname=AfterUpgrade", "service=new")
            fresh = f"G{make_golden.group_of(tocsin, sys.modules['harness'], 'AfterUpgrade')}"
            wait_for("a page for what is new", lambda: fresh in told(people))
            tocsin.cli("ack", fresh)
            assert tocsin.stop() == 0
            assert f"format {newest}\n" in (tocsin.data / "FORMAT").read_text()
            text = tocsin.child.text()
            assert ("was of an older format" in text) == (number != newest), text[-3000:]
            done = run("verify", f"--data={tocsin.data}")
            assert done.returncode == 0, done.stderr
            tocsin.start()
            assert int(fresh[1:]) in {int(group["id"]) for group in tocsin.call("GroupService/ListGroups")["groups"]}
            assert tocsin.stop() == 0
            print(f"format {number}: {len(unresolved)} groups and {len(incidents)} incidents are there, {len(due)} escalations go on")
            return tocsin.data


def refuses_newer(data, newest):
    """What an older program says to a folder of a newer one: ours, to one of the format after it."""
    golden("newer", data)
    files = {path: path.read_bytes() for path in data.rglob("*") if path.is_file() and path.name not in ("LOCK",)}
    for command in (["serve", f"--data={data}", "--http=127.0.0.1:0", "--grpc=127.0.0.1:0"], ["verify", f"--data={data}"],
                    ["backup", f"--data={data}", f"{data}-copy"]):
        done = run(*command)
        assert done.returncode == 1, (command, done.stdout)
        for part in (f"store format {int(newest) + 1}", "a newer tocsin has written here", "restore the backup"):
            assert part in done.stderr, (command, done.stderr)
    after = {path: path.read_bytes() for path in data.rglob("*") if path.is_file() and path.name not in ("LOCK",)}
    assert after == files, "a refused folder is as it was"
    assert not pathlib.Path(f"{data}-copy").exists()


def main():
    newest = golden("format").strip()
    numbers = sorted((path.name for path in FORMATS.iterdir()), key=int)
    assert newest in numbers, "run ./dev golden"
    with scratch() as folder:
        for number in numbers:
            (folder / number).mkdir()
            data = opens(folder / number, number, newest)
        refuses_newer(data, newest)
        shutil.rmtree(data)
    print(f"{len(numbers) + 1} passed, 0 failed")


if __name__ == "__main__":
    main()

"""Journal entries whose checksums are right and that nobody can apply, in a real store: the server starts with everything else, an incident
each pages the fallback user once, metrics count them, later starts, backups and restores pass over the same entries, and they go only with a
name and a reason in the audit log."""
import json
import shutil
import subprocess

import organisation
from harness import BINARY, PATIENCE, Receiver, Tocsin, http_request, scratch, wait_for

GOLDEN = BINARY.parent / "tests/golden"
FLAGS = ["--allow_webhooks_to=127.0.0.0/8", "--low_water_mib=0"]


def run(*arguments):
    return subprocess.run([str(BINARY), *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE)


def ok(*arguments):
    done = run(*arguments)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


def incidents(tocsin):
    listed = tocsin.call("IncidentService/ListIncidents", includeResolved=True).get("incidents", [])
    return {int(one["id"]): one for one in listed if "was put aside" in one["title"]}


def pages(people, subjects):
    """How often the fallback user was paged for each."""
    bodies = [json.loads(request["body"]) for request in people.requests if request["path"] == "/bob"]
    return {subject: sum(body.get("subject") == subject and body["purpose"] == "page" for body in bodies) for subject in subjects}


def story(folder, people):
    config = folder / "organisation.yaml"
    config.write_text(organisation.yaml(webhook=people.url, step_delay="1h"))
    tocsin = Tocsin(folder, config, FLAGS)
    with tocsin.start():
        tocsin.cli("send", f"--key={organisation.STREAM_KEY}", "alertname=Before", "service=web")
        wait_for("its group", lambda: tocsin.call("GroupService/ListGroups").get("groups"))
        tocsin.kill()
        subprocess.run([str(GOLDEN), "poison", str(tocsin.data)], check=True, timeout=PATIENCE)
        assert "no entry was ever put aside" in ok("dead-letter", "list", f"--data={tocsin.data}")
        tocsin.start()
        assert tocsin.child.text().count("was put aside with its bytes") == 2, tocsin.child.text()[-3000:]
        assert len(tocsin.call("GroupService/ListGroups")["groups"]) == 1, "all else is there"
        opened = wait_for("two incidents", lambda: len(incidents(tocsin)) == 2 and incidents(tocsin))
        subjects = [f"I{number}" for number in opened]
        wait_for("the fallback user to be paged for both", lambda: all(pages(people, subjects).values()))
        assert tocsin.metric("tocsin_dead_letters") == 2
        assert "wait for somebody: 2 (`tocsin dead-letter list`)" in tocsin.cli("status")
        wait_for("the incidents to be noted beside the entries",
                 lambda: all(name in ok("dead-letter", "list", f"--data={tocsin.data}") for name in subjects))

        # Crashes and starts change nothing: the same entries are passed over, nobody is told twice.
        for _ in range(2):
            tocsin.kill()
            tocsin.start()
            tocsin.cli("send", f"--key={organisation.STREAM_KEY}", "alertname=Between", "service=web")
        assert set(incidents(tocsin)) == set(opened) and tocsin.metric("tocsin_dead_letters") == 2
        assert set(pages(people, subjects).values()) == {1}, pages(people, subjects)
        tocsin.cli("backup", str(folder / "backup"))
        settle(tocsin, subjects)
        assert tocsin.stop() == 0
    ok("verify", f"--data={tocsin.data}")
    restored(folder, people, subjects)


def not_sealed_yet(folder, people):
    """A store of a version that kept its secrets as they are, with such entries at its end: sealing it does not keep it from starting."""
    place = folder / "former"
    place.mkdir()
    tocsin = Tocsin(place, folder / "organisation.yaml", FLAGS)
    with tocsin.start():
        tocsin.cli("send", f"--key={organisation.STREAM_KEY}", "alertname=BeforeSealing", "service=web")
        wait_for("its group", lambda: tocsin.call("GroupService/ListGroups").get("groups"))
        tocsin.kill()
        subprocess.run([str(GOLDEN), "poison", str(tocsin.data)], check=True, timeout=PATIENCE)
        for name in ("secrets.keys", "secrets.key", "link.key", "audit.key"):
            (tocsin.data / name).unlink()
        tocsin.start()
        assert "have been encrypted" in tocsin.child.text(), tocsin.child.text()[-3000:]
        opened = wait_for("two incidents", lambda: len(incidents(tocsin)) == 2 and incidents(tocsin))
        assert opened and len(tocsin.call("GroupService/ListGroups")["groups"]) == 1
        # The doors for supervisors say so, and are not refused for it.
        for door in ("/-/healthy", "/-/ready"):
            wait_for("the door to tell", lambda: "wait for somebody: 2" in http_request(tocsin.url + door)[1].decode())
            assert http_request(tocsin.url + door)[0] == 200
        assert tocsin.stop() == 0


def settle(tocsin, subjects):
    listed = ok("dead-letter", "list", f"--data={tocsin.data}")
    entries = [line.split()[0] for line in listed.splitlines() if line[:1].isdigit()]
    assert len(entries) == 2, listed
    shown = ok("dead-letter", "show", entries[1], f"--data={tocsin.data}")
    assert "this is no change".encode().hex() in shown, shown
    refused = run("dead-letter", "drop", entries[0], f"--data={tocsin.data}", f"--server={tocsin.grpc}", f"--token={tocsin.token()}")
    assert refused.returncode == 2 and "REASON" in refused.stderr, refused.stderr
    said = tocsin.cli("dead-letter", "drop", entries[0], "-m", "seen to by hand", f"--data={tocsin.data}")
    assert "is dropped" in said, said
    audit = tocsin.cli("audit", "-o", "json")
    assert f"dead letter {entries[0]} dropped" in audit and "seen to by hand" in audit, audit
    assert tocsin.metric("tocsin_dead_letters") == 1
    twice = tocsin.cli("dead-letter", "drop", entries[0], "-m", "again", f"--data={tocsin.data}", check=False)
    assert twice == "", twice
    states = {f"I{number}": one["state"] for number, one in incidents(tocsin).items()}
    assert sorted(states[name] for name in subjects) == ["STATE_OPEN", "STATE_RESOLVED"], states


def restored(folder, people, subjects):
    """A backup knows what is passed over: its state hash is the live server's, and nobody is told again."""
    said = ok("verify", folder / "backup")
    assert "state hash are what its manifest says" in said, said
    again = Tocsin(folder, flags=FLAGS)
    again.data = folder / "restored"
    ok("restore", folder / "backup", again.data)
    shutil.copy(folder / "data/secrets.key", again.data)  # no backup has it
    with again.start():
        assert again.metric("tocsin_dead_letters") == 2 and len(incidents(again)) == 2
        assert again.stop() == 0
    assert set(pages(people, subjects).values()) == {1}, pages(people, subjects)


def main():
    with scratch() as folder, Receiver() as people:
        story(folder, people)
        not_sealed_yet(folder, people)
    print("2 passed, 0 failed")


if __name__ == "__main__":
    main()

"""The audit log's chain in the real server: heads are told outside; a log that was cut off, written anew or taken from somewhere else
contradicts them; restarts, kill -9, backups and restores do not."""
import json
import re
import shutil
import subprocess

import organisation
from harness import BINARY, PATIENCE, Receiver, Tocsin, scratch, wait_for

CHANGED = 3  # docs/operations.md
NOT_FOUND_OUT = 1


def verify(*arguments, expect=0):
    done = subprocess.run([str(BINARY), "audit", "verify", *map(str, arguments), "-o", "json"], capture_output=True, text=True,
                          timeout=PATIENCE)
    assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return json.loads(done.stdout) if expect in (0, CHANGED) else done.stderr


def kinds(report):
    return [fault["kind"] for fault in report["faults"]]


def live(tocsin, *arguments, expect=0):
    return verify("--server", tocsin.grpc, "--token", tocsin.token(), *arguments, expect=expect)


def act(tocsin, times):
    """Entries of the log."""
    for number in range(times):
        tocsin.cli("silence", "add", f"service=s{number}", "--for", "30m", "--comment", f"number {number}")


def heads_in(path):
    return [line for line in path.read_text().splitlines() if line.startswith("tocsin-audit 1 ")] if path.exists() else []


def posted(receiver):
    return [(request["path"], request["body"].decode()) for request in list(receiver.requests)]


def start(folder, heads, more=()):
    config = folder / "organisation.yaml"
    config.write_text(organisation.yaml())
    return Tocsin(folder, config, [f"--audit_heads={heads}", *more]).start()


def test_a_log_that_was_shortened_or_written_anew_contradicts_its_witness():
    with scratch() as folder:
        heads = folder / "heads.log"
        with start(folder, heads) as tocsin:
            act(tocsin, 5)
            assert tocsin.stop() == 0
        assert re.search(r"head=\"tocsin-audit 1 store=[0-9a-f]{32} entry=\d+ ", tocsin.child.text()), "the log has it, too"
        data = folder / "data"
        report = verify("--data", data, "--heads", heads)
        assert kinds(report) == [] and int(report["entries"]) == 6 and int(report["heads"]) >= 1, report
        early = folder / "early"
        shutil.copytree(data, early)

        tocsin.start()
        act(tocsin, 5)
        report = live(tocsin, "--heads", heads)
        assert kinds(report) == [] and int(report["last"]) == 11, report
        assert tocsin.stop() == 0
        assert kinds(verify("--data", data, "--heads", heads)) == []
        last = heads_in(heads)[-1]
        assert " entry=11 " in last, last

        # What was before is put in the place of what is: everything in it is right, and the witness knows more.
        shutil.move(data, folder / "true")
        shutil.move(early, data)
        assert kinds(verify("--data", data)) == []
        report = verify("--data", data, "--heads", heads, expect=CHANGED)
        assert kinds(report) == ["cut off"] and "after entry 6" in report["faults"][0]["text"], report
        # And then something else happens in it, as often.
        with Tocsin(folder, None, [f"--audit_heads={folder}/other.log"]).start() as other:
            act(other, 6)
            report = live(other, "--heads", heads, expect=CHANGED)
            assert kinds(report) == ["rewritten"], report
            assert other.stop() == 0
        report = verify("--data", data, "--heads", heads, expect=CHANGED)
        assert kinds(report) == ["rewritten"] and "entry 11" in report["faults"][0]["text"], report

        # Heads of somebody else, and one that was changed.
        forged = folder / "forged.log"
        forged.write_text(last.replace(" entry=11 ", " entry=12 ") + "\n")
        report = verify("--data", folder / "true", "--heads", forged, expect=CHANGED)
        assert "signature" in report["faults"][0]["text"], report
        report = verify("--data", folder / "true", "--heads", heads, "--key", "0" * 64, expect=CHANGED)
        assert "not ours" in report["faults"][0]["text"], report
        key = re.search(r" key=([0-9a-f]{64}) ", last).group(1)
        assert verify("--data", folder / "true", "--heads", heads, "--key", key)["notes"] == []
        assert "cannot read" in verify("--data", data, "--heads", folder / "none", expect=1)

        # Whoever may append to the heads copies an early one, so often that later ones are not looked at.
        flooded = folder / "flooded.log"
        early_line = heads_in(heads)[0]
        flooded.write_text(heads.read_text() + (early_line + "\n") * 60_000)
        report = verify("--data", data, "--heads", flooded, expect=CHANGED)
        assert kinds(report) == ["rewritten"], report
        assert kinds(verify("--data", folder / "true", "--heads", flooded)) == []
        assert "more than" in verify("--data", data, "--heads", "/dev/zero", expect=1)
        # Heads of which none is of this store say nothing.
        with scratch() as other:
            with start(other, other / "heads.log") as stranger:
                assert stranger.stop() == 0
            assert "none of the heads" in verify("--data", folder / "true", "--heads", other / "heads.log", expect=NOT_FOUND_OUT)


def test_kill_and_backup_and_restore_leave_the_chain_whole():
    with scratch() as folder:
        heads = folder / "heads.log"
        with start(folder, heads) as tocsin:
            act(tocsin, 4)
            tocsin.kill()
            # The journal has what the views have not.
            report = verify("--data", tocsin.data)
            assert kinds(report) == [] and int(report["last"]) == 5, report
            tocsin.start()
            act(tocsin, 3)
            backup = folder / "backup"
            tocsin.cli("backup", str(backup))
            report = verify("--data", backup, "--heads", heads)
            assert kinds(report) == [] and int(report["last"]) == 8, report
            assert "in use" in verify("--data", tocsin.data, expect=1)
            assert tocsin.stop() == 0
        restored = folder / "elsewhere"
        restored.mkdir()
        done = subprocess.run([str(BINARY), "restore", str(backup), str(restored / "data")], capture_output=True, text=True,
                              timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        shutil.copy(tocsin.data / "secrets.key", restored / "data")  # no backup has it
        with Tocsin(restored, None, [f"--audit_heads={folder}/new.log"]).start() as tocsin:
            former = heads_in(heads)[-1]
            act(tocsin, 1)
            report = live(tocsin, "--heads", heads, expect=CHANGED)
            assert "not ours" in report["faults"][0]["text"], "it signs by a key of its own"
            key = re.search(r" key=([0-9a-f]{64}) ", former).group(1)
            assert kinds(live(tocsin, "--heads", heads, "--key", key)) == []
            assert tocsin.stop() == 0
        assert heads_in(folder / "new.log")


def test_heads_are_posted_and_a_place_that_is_away_is_said():
    with scratch() as folder, Receiver() as receiver:
        with start(folder, f"{receiver.url}/heads,/nowhere/at/all") as tocsin:
            got = wait_for("a head to be posted", lambda: [body for path, body in posted(receiver) if path == "/heads"])
            assert got[0].startswith("tocsin-audit 1 "), got
            wait_for("the server to say so", lambda: "cannot be told outside" in tocsin.child.text())
            assert tocsin.stop() == 0
        inside = subprocess.run([str(BINARY), "serve", f"--data={folder}/data", "--http=127.0.0.1:0", "--grpc=127.0.0.1:0",
                                 f"--audit_heads={folder}/data/heads"], capture_output=True, text=True, timeout=PATIENCE)
        assert inside.returncode != 0 and "is in the store's folder" in inside.stderr, inside.stderr


def main():
    tests = [value for name, value in sorted(globals().items()) if name.startswith("test_")]
    for test in tests:
        test()
        print(f"{test.__name__}: ok")
    print(f"{len(tests)} passed, 0 failed")


if __name__ == "__main__":
    main()

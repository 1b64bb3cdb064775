"""The journal's archive of the real server, and restores to a point in time: under load, with kill -9 of the server in between, the state of
several entries is restored from one backup and is what the live server said of itself at each; a restored server pages, opens secrets
whose key was made after the backup, does not send again what was delivered, and archives beside the former history, not over it. An archive
that is full or gone holds up nobody, and is told of; damage and gaps are refused with the file's name."""
import json
import pathlib
import random
import re
import shutil
import signal
import subprocess
import time

import harness
import organisation
from harness import BINARY, PATIENCE, Receiver, Tocsin, scratch, wait_for
from test_backup import Stream, assert_not_startable, manifest_of, ok, run
from test_kill9 import Sender

FLAGS = ["--allow_webhooks_to=127.0.0.0/8", "--low_water_mib=0"]


def archiving(archive):
    return [*FLAGS, f"--archive={archive}", "--archive_seconds=1"]


def entry_of(tocsin):
    return int(tocsin.call("StatusService/GetStatus")["journalSequence"])


def paged(people, word, since=0):
    return any(word.encode() in request["body"] for request in list(people.requests)[since:])


def lines_of(archive):
    """line number -> (first entry, last entry, state)"""
    found = {}
    for row in run("archive", "list", archive).stdout.splitlines():
        if match := re.match(r"[0-9a-f]{32} +(\d+) +(\d+)-(\d+) .* (whole|damaged)", row):
            found[int(match[1])] = (int(match[2]), int(match[3]), match[4])
    return found


def wait_archived(archive, entry, line=1):
    wait_for(f"entry {entry} in the archive", lambda: lines_of(archive).get(line, (0, 0))[1] >= entry, every=0.3)


def restore(*arguments):
    return json.loads(ok("restore", *arguments, "-o", "json"))


def live_under_load(tocsin, folder, archive, people):
    """A backup, then load with acknowledgements, silences, kills and a new data key. Returns what the server said of itself at some entries."""
    tocsin.cli("send", f"--key={organisation.STREAM_KEY}", "alertname=Delivered", "instance=delivered", "service=web")
    wait_for("its page", lambda: paged(people, "Delivered"))
    delivered = tocsin.call("GroupService/ListGroups")["groups"][0]["id"]
    senders = [Sender(tocsin, number, number) for number in range(3)] + [Stream(tocsin)]
    points = []

    def more(number):
        """Load goes on until something of each sender has come in, then the state is asked for in the middle of it."""
        before = [sender.acknowledged for sender in senders[:3]]
        wait_for("load", lambda: all(s.acknowledged > b for s, b in zip(senders, before)))
        tocsin.cli("silence", "add", f"instance=s1-k{number}", "--for", "1h", "--comment", f"point {number}")
        for group in tocsin.call("GroupService/ListGroups").get("groups", [])[:number]:
            run("ack", f"G{group['id']}", f"--server={tocsin.grpc}", f"--token={tocsin.token()}")
        said = tocsin.call("BackupService/HashState")
        points.append((int(said["sequence"]), f"{int(said['stateHash']):016x}"))

    for sender in senders[:3]:
        sender.start()
    more(0)
    tocsin.cli("backup", str(folder / "backup"))
    tocsin.cli("ack", f"G{delivered}")  # only the archive knows it
    senders[3].start()
    wait_for("the stream", lambda: senders[3].sent > 2)
    senders[3].stopping.set()
    senders[3].join(PATIENCE)
    for number in range(1, 4):
        more(number)
        tocsin.kill()
        if number == 2:
            ok("secrets", "rotate", "--data", tocsin.data)  # sealed by a key from then on that the backup does not have
        tocsin.start()
        more(number + 3)
    for sender in senders[:3]:
        sender.stopping.set()
        sender.join(PATIENCE)
    points.sort()
    wait_archived(archive, points[-1][0])
    print(f"{sum(s.acknowledged for s in senders[:3])} alerts, states known at entries {[entry for entry, _ in points]}")
    return points, delivered


def restores_to_points(folder, archive, points):
    """Each is the state that the live server had, by its own word, from the one backup. Returns where the last one is."""
    backed_up = int(manifest_of(folder / "backup")[0]["sequence"])
    later = [point for point in points if point[0] >= backed_up]
    assert len(later) >= 5, (backed_up, points)
    for entry, state in later:
        into = folder / f"at-{entry}"
        done = restore(folder / "backup", into, "--archive", archive, "--until-entry", entry)
        assert (done["sequence"], done["stateHash"]) == (str(entry), state), (done, entry, state)
        assert f"state: hash {state} after entry {entry}" in ok("verify", f"--data={into}")
        ok("audit", "verify", "--data", into)
        shutil.rmtree(into)
    # By time: all that was decided up to then, and nothing that was decided later.
    entry = later[2][0]
    first = restore(folder / "backup", folder / "by-entry", "--archive", archive, "--until-entry", entry)
    by_time = restore(folder / "backup", folder / "by-time", "--archive", archive, "--until", first["until"])
    assert by_time["until"] == first["until"] and int(by_time["sequence"]) >= entry, (first, by_time)
    # Without the backup, as the archive begins with the first entry; up to its end.
    alone = restore(folder / "alone", "--archive", archive, "--until-entry", later[-1][0])
    assert alone["stateHash"] == later[-1][1], (alone, later[-1])
    assert f"state: hash {later[-1][1]}" in ok("verify", f"--data={folder / 'alone'}")
    said = ok("restore", folder / "backup", folder / "end", "--archive", archive)
    assert "ends with entry" in said and "left out" not in said, said
    for name in ("by-entry", "by-time", "end"):
        shutil.rmtree(folder / name)
    print(f"{len(later)} points restored from one backup, each the live server's state")


def refusals(folder, archive):
    into = folder / "refused"
    backed_up = int(manifest_of(folder / "backup")[0]["sequence"])
    for options, word in ((["--until-entry", backed_up - 1], "take an earlier backup"),
                          (["--until", "2001-01-01 00:00"], "take an earlier backup"),
                          (["--until-entry", 10**12], "is not in it"), (["--line", 7], "line 7")):
        done = run("restore", folder / "backup", into, "--archive", archive, *options)
        assert done.returncode == 1 and word in done.stderr, (options, done.stderr)
        assert_not_startable(into)
    done = run("restore", folder / "backup", into, "--until", "2026-01-01 00:00")
    assert done.returncode == 2 and "--archive" in done.stderr, done.stderr
    # A bit, a missing piece: named, by verify and by the restore that needs it.
    randomness = random.Random(3)
    pieces = sorted(pathlib.Path(archive).glob("*/line-000001/*.piece"))
    needed = [piece for piece in pieces if int(piece.name[21:41]) > backed_up + 1]
    for piece in (needed[0], needed[-1]):
        content = bytearray(piece.read_bytes())
        whole = bytes(content)
        content[randomness.randrange(len(content))] ^= 1 << randomness.randrange(8)
        piece.write_bytes(content)
        for done in (run("verify", "--archive", archive), run("restore", folder / "backup", into, "--archive", archive)):
            assert done.returncode == 1 and piece.name in done.stdout + done.stderr, (done.stdout, done.stderr)
        assert_not_startable(into)
        piece.write_bytes(whole)
    if len(needed) > 1:
        needed[0].rename(folder / "away")
        done = run("restore", folder / "backup", into, "--archive", archive)
        assert done.returncode == 1 and ("missing" in done.stderr or "there is a gap" in done.stderr), done.stderr
        (folder / "away").rename(needed[0])
    said = ok("verify", "--archive", archive)
    assert "every checksum and link is right" in said, said


def kill_restores(folder, archive, point):
    """kill -9 at random moments: refused or whole, and running it again makes it whole."""
    randomness = random.Random(5)
    outcomes = []
    for _ in range(8):
        into = folder / "killed"
        options = ["restore", folder / "backup", into, "--archive", archive, "--until-entry", point[0]]
        child = subprocess.Popen([str(BINARY), *map(str, options)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(randomness.uniform(0.0, 0.4))
        child.send_signal(signal.SIGKILL)
        child.wait()
        whole = (into / "FORMAT").exists()
        outcomes.append(whole)
        if not whole:
            if into.exists():
                assert_not_startable(into)
            ok(*options)
        assert f"hash {point[1]} after" in ok("verify", f"--data={into}")
        shutil.rmtree(into)
    print(f"8 restores killed, {outcomes.count(False)} before they were whole")


def serve_restored(folder, archive, people, point, acknowledged):
    """The disk is lost; what comes after is restored from backup and archive, and goes on."""
    before = lines_of(archive)
    heads = folder / "heads"
    restored = Tocsin(folder, flags=[*archiving(archive), f"--audit_heads={heads}"])
    restored.data = folder / "restored"
    restore(folder / "backup", restored.data, "--archive", archive, "--until-entry", point[0])
    shutil.copy(folder / "data/secrets.key", restored.data)  # no backup and no archive has it
    sent = len(people.requests)
    with restored.start():
        assert "cannot be read" not in restored.child.text()[-20000:], "secrets are opened by the key that came after the backup"
        group = restored.call("GroupService/GetGroup", id=acknowledged)["group"]
        assert group["state"] == "STATE_ACKNOWLEDGED", group
        assert f"G{acknowledged}" in restored.cli("explain", f"G{acknowledged}")
        restored.cli("send", f"--key={organisation.STREAM_KEY}", "alertname=AfterRestore", "instance=after", "service=web")
        wait_for("a page about what came after the restore", lambda: paged(people, "AfterRestore", sent))
        page = next(request for request in people.requests[sent:] if b"AfterRestore" in request["body"])
        assert "Tocsin-Signature" in page["headers"], "its secret is sealed by the key that came after the backup"
        assert not paged(people, "Delivered", sent), "it went out and was acknowledged"
        wait_for("a line of its own", lambda: len(lines_of(archive)) == len(before) + 1, every=0.3)
        assert lines_of(archive)[1] == before[1], "the former history is as it was"
        wait_for("the log to say so", lambda: "the journal's archive has a new line" in restored.child.text())
        assert "it was restored" in restored.child.text()
        restored.cli("audit", "verify")
        assert restored.stop() == 0
    assert "was restored" in ok("audit", "verify", "--data", restored.data)
    # Both histories can be gone on with from the backup; the newest is the default, and the other one is named.
    said = ok("restore", folder / "backup", folder / "newest", "--archive", archive)
    assert "line-000002" in said and "another line goes on from there" in said, said
    other = restore(folder / "backup", folder / "former", "--archive", archive, "--line", 1)
    assert int(other["sequence"]) == before[1][1], (other, before)
    for name in ("newest", "former"):
        shutil.rmtree(folder / name)
    return restored


def prune(folder, archive, tocsin):
    """What a backup makes superfluous goes; from that backup on everything can still be restored."""
    with tocsin.start():
        wait_archived(archive, entry_of(tocsin), line=2)
        tocsin.cli("backup", str(folder / "later"))
        entry = int(manifest_of(folder / "later")[0]["sequence"])
        wait_archived(archive, entry, line=2)
        said = ok("archive", "prune", archive, "--before", folder / "later")
        assert "freed" in said, said
        tocsin.cli("silence", "add", "instance=pruned", "--for", "1h", "--comment", "after pruning")
        last = entry_of(tocsin)
        wait_archived(archive, last, line=2)
        assert tocsin.metric("tocsin_archive_breaks_total") == 0, "pruning is no gap"
        assert tocsin.stop() == 0
    assert int(restore(folder / "later", folder / "pruned", "--archive", archive)["sequence"]) >= last
    shutil.rmtree(folder / "pruned")


def trouble(folder, people):
    """An archive that is not there, then a full one: alerts come in and people are paged, metrics and the log tell, and when it is there
    everything is archived without a gap."""
    config = folder / "organisation.yaml"
    place = folder / "trouble"
    place.mkdir()
    archive = place / "not-mounted"
    tocsin = Tocsin(place, config, archiving(archive))
    with tocsin.start():
        tocsin.cli("send", f"--key={organisation.STREAM_KEY}", "alertname=NoArchive", "instance=a", "service=web")
        wait_for("a page", lambda: paged(people, "NoArchive"))
        wait_for("failures to be counted", lambda: tocsin.metric("tocsin_archive_failures_total") > 0)
        wait_for("the log to say so", lambda: "the journal is not archived" in tocsin.child.text())
        assert "is its disk mounted?" in tocsin.child.text() and not archive.exists()
        assert tocsin.metric("tocsin_archive_lag_entries") > 0
        archive.mkdir()
        wait_for("the log to say that it goes on", lambda: "the journal is archived again" in tocsin.child.text())
        wait_archived(archive, entry_of(tocsin))
        # As if unmounted while it runs: nothing is made anew in its place.
        archive.rename(place / "unmounted")
        archive.mkdir()
        failures = tocsin.metric("tocsin_archive_failures_total")
        tocsin.cli("send", f"--key={organisation.STREAM_KEY}", "alertname=Unmounted", "instance=a", "service=web")
        wait_for("it to be noticed", lambda: tocsin.metric("tocsin_archive_failures_total") > failures)
        tocsin.kill()
        tocsin.start()
        wait_for("a start to notice it, too", lambda: tocsin.metric("tocsin_archive_failures_total") > 0)
        assert not any(archive.iterdir()), "an empty mount point stays empty"
        archive.rmdir()
        (place / "unmounted").rename(archive)
        wait_archived(archive, entry_of(tocsin))
        assert tocsin.stop() == 0
    assert len(lines_of(archive)) == 1
    done = run("serve", f"--data={place}/data", f"--archive={archive}", "--history_days=0")
    assert done.returncode == 2 and "--history_days" in done.stderr, done.stderr
    done = run("serve", f"--data={place}/data", f"--archive={place}/data/archive", "--http=127.0.0.1:0", "--grpc=127.0.0.1:0")
    assert done.returncode == 1 and "in the store's folder" in done.stderr, done.stderr
    # By another name of it: that is seen by whoever may wait for its disk, and the server pages meanwhile.
    (place / "alias").symlink_to(place / "data")
    with Tocsin(place, config, archiving(place / "alias/archive")).start() as tocsin:
        wait_for("the log to say so", lambda: "in the store's folder" in tocsin.child.text())
        assert tocsin.metric("tocsin_archive_failures_total") > 0
        assert tocsin.stop() == 0
    assert not (place / "data/archive").exists()


def full_archive(folder, people):
    """An archive on a disk that is full from the start on, and gets larger."""
    probe = "mount -t tmpfs none /mnt"
    if subprocess.run(["unshare", "--mount", "--map-root-user", "sh", "-c", probe], capture_output=True).returncode != 0:
        print("not run: a full archive, for want of mount namespaces")
        return
    place = folder / "full"
    (place / "archive").mkdir(parents=True)
    tocsin = Tocsin(place, folder / "organisation.yaml", archiving(place / "archive"))
    script = place / "in-namespace"
    script.write_text(f"""#!/bin/sh
exec unshare --mount --map-root-user sh -c 'mount -t tmpfs -o size=32k none "{place}/archive" && exec "{BINARY}" "$@"' sh "$@"
""")
    script.chmod(0o755)
    try:
        harness.BINARY = script
        tocsin.start()
    finally:
        harness.BINARY = BINARY
    with tocsin:
        wait_for("the full disk to be told of", lambda: "the journal is not archived" in tocsin.child.text())
        assert "No space left" in tocsin.child.text() or "bytes are free" in tocsin.child.text(), tocsin.child.text()[-3000:]
        tocsin.cli("send", f"--key={organisation.STREAM_KEY}", "alertname=FullArchive", "instance=f", "service=web")
        wait_for("a page", lambda: paged(people, "FullArchive"))
        enter = ["nsenter", "--user", "--preserve-credentials", "--mount", f"--target={tocsin.child.process.pid}"]
        done = subprocess.run([*enter, "mount", "-o", "remount,size=64m", f"{place}/archive"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        wait_for("the log to say that it goes on", lambda: "the journal is archived again" in tocsin.child.text())
        wait_for("all to be archived", lambda: tocsin.metric("tocsin_archive_lag_entries") == 0, every=0.2)
        assert tocsin.metric("tocsin_archive_breaks_total") == 0
        assert tocsin.stop() == 0
    print("a full archive was told of and caught up when there was room")


def main():
    with scratch() as folder, Receiver() as people:
        config = folder / "organisation.yaml"
        config.write_text(organisation.yaml(webhook=people.url, group_by="instance").replace(
            f"address: '{people.url}/ann'", f"address: '{people.url}/ann', secret: a-secret-of-this-test-0123456789"))
        archive = folder / "archive"
        archive.mkdir()
        with Tocsin(folder, config, archiving(archive)).start() as tocsin:
            points, acknowledged = live_under_load(tocsin, folder, archive, people)
            tocsin.kill()
        restores_to_points(folder, archive, points)
        refusals(folder, archive)
        kill_restores(folder, archive, points[-1])
        restored = serve_restored(folder, archive, people, points[-2], acknowledged)
        prune(folder, archive, restored)
        trouble(folder, people)
        full_archive(folder, people)
    print("7 passed, 0 failed")


if __name__ == "__main__":
    main()

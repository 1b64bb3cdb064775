"""Backups of the real server under load: each restores to the state hash that the live server had at its journal entry, a server
starts on it and explains; a byte changed anywhere in a backup is found and its file named; kill -9 in the middle of a backup or
of a restore, and a full disk, leave nothing half behind."""
import contextlib
import random
import shutil
import signal
import subprocess
import threading
import time

import organisation
from harness import BINARY, PATIENCE, Receiver, Tocsin, scratch, wait_for
from test_kill9 import Sender

BACKUPS = 4


class Stream(threading.Thread):
    """Alerts by gRPC, one after the other, until it is told to stop."""

    def __init__(self, tocsin):
        super().__init__(daemon=True)
        self.tocsin, self.sent, self.stopping = tocsin, 0, threading.Event()

    def run(self):
        while not self.stopping.is_set():
            state = ["--resolve"] if self.sent % 3 == 2 else []
            done = run("send", f"--server={self.tocsin.grpc}", f"--key={organisation.STREAM_KEY}", "alertname=Stream",
                       f"instance=s{self.sent // 3}", "service=web", *state)
            assert done.returncode == 0, done.stderr
            self.sent += 1


def run(*arguments, **more):
    return subprocess.run([str(BINARY), *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE, **more)


def ok(*arguments):
    done = run(*arguments)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


def manifest_of(backup):
    lines = [line.split(" ", 1) for line in (backup / "MANIFEST").read_text().splitlines()]
    return {word: rest for word, rest in lines if word != "file"}, [rest.split(" ") for word, rest in lines if word == "file"]


def take_backups(tocsin, folder):
    """Under load, with commands in between; then compares what the live server says of itself when nothing moves."""
    senders = [Sender(tocsin, number, number) for number in range(4)] + [Stream(tocsin)]
    counted = dict.fromkeys(senders, 0)

    def progress(sender):
        """What it has sent since the last backup."""
        return (sender.sent if isinstance(sender, Stream) else sender.acknowledged) - counted[sender]

    for sender in senders:
        sender.start()
    taken = []
    for number in range(BACKUPS):
        wait_for("load", lambda: all(progress(sender) > 0 for sender in senders))
        tocsin.cli("silence", "add", f"instance=s1-k{number}", "--for", "1h", "--comment", "backup test")
        for group in tocsin.call("GroupService/ListGroups")["groups"][:number]:
            with contextlib.suppress(AssertionError):  # it may have ended meanwhile
                tocsin.call("GroupService/AcknowledgeGroup", id=group["id"])
        before = int(tocsin.call("StatusService/GetStatus")["journalSequence"])
        tocsin.cli("backup", str(folder / f"backup{number}"))
        after = int(tocsin.call("StatusService/GetStatus")["journalSequence"])
        counted.update({sender: counted[sender] + progress(sender) for sender in senders})
        taken.append(folder / f"backup{number}")
        sequence = int(manifest_of(taken[-1])[0]["sequence"])
        assert before <= sequence <= after, (before, sequence, after)
    for sender in senders:
        sender.stopping.set()
    for sender in senders:
        sender.join(PATIENCE)
        assert not sender.is_alive(), "a sender hangs"
    print(f"{sum(s.acknowledged for s in senders[:4])} alerts by HTTP, {senders[4].sent} by gRPC during {BACKUPS} backups")
    # Nothing is sent any more: as soon as timers leave a moment between two entries, a backup is of just what is hashed.
    def same_entry():
        live = tocsin.call("BackupService/HashState")
        shutil.rmtree(folder / "quiet", ignore_errors=True)
        tocsin.cli("backup", str(folder / "quiet"))
        known = manifest_of(folder / "quiet")[0]
        return known["sequence"] == live["sequence"] and (int(live["stateHash"]), int(known["state_hash"], 16))
    live, backed_up = wait_for("a backup of the entry that was hashed", same_entry)
    assert live == backed_up
    return taken + [folder / "quiet"]


def check_restored(folder, backup, webhook_flags):
    """A restored store has the live server's hash, and a server on it pages, explains and leads with another epoch."""
    known, _ = manifest_of(backup)
    restored = Tocsin(folder, flags=webhook_flags)
    restored.data = folder / f"restored-{backup.name}"
    ok("restore", backup, restored.data)
    shutil.copy(folder / "data/secrets.key", restored.data)  # no backup has it
    said = ok("verify", f"--data={restored.data}")
    assert f"state: hash {known['state_hash']} after entry {known['sequence']}" in said, (said, known)
    with restored.start():
        groups = restored.call("GroupService/ListGroups")["groups"]
        assert groups
        assert "what happens next" in restored.cli("explain", f"G{groups[0]['id']}").lower() or \
            f"G{groups[0]['id']}" in restored.cli("explain", f"G{groups[0]['id']}")
        restored.cli("send", f"--key={organisation.STREAM_KEY}", "alertname=AfterRestore", "service=web")
        assert restored.stop() == 0
    said = ok("verify", f"--data={restored.data}")
    epoch = int(said.split("epoch ")[1].split()[0])
    assert epoch > 1_600_000_000, f"the epoch of a restored store begins at the Unix second: {epoch}"


def check_refusals(folder, backup):
    """One bit in any file, a missing file, a file too many: restore and verify refuse and name the file."""
    randomness = random.Random(11)
    names = [name for _, _, name in manifest_of(backup)[1]] + ["MANIFEST"]
    for name in names:
        bad = folder / "bad"
        shutil.copytree(backup, bad)
        content = bytearray((bad / name).read_bytes())
        content[randomness.randrange(len(content))] ^= 1 << randomness.randrange(8)
        (bad / name).write_bytes(content)
        for done in (run("restore", bad, folder / "into"), run("verify", bad)):
            assert done.returncode == 1 and name in done.stderr, (name, done.stdout, done.stderr)
        assert_not_startable(folder / "into")
        shutil.rmtree(bad)
        shutil.rmtree(folder / "into", ignore_errors=True)
    for damage in ("missing", "stranger"):
        bad = folder / "bad"
        shutil.copytree(backup, bad)
        victim = bad / "journal/mark" if damage == "missing" else bad / "views/000001.sst"
        victim.unlink() if damage == "missing" else victim.write_bytes(b"what is this")
        done = run("restore", bad, folder / "into")
        assert done.returncode == 1 and str(victim) in done.stderr, done.stderr
        shutil.rmtree(bad)
        shutil.rmtree(folder / "into", ignore_errors=True)
    print(f"one bit in each of {len(names)} files was found and the file named")
    said = ok("restore", backup, folder / "made/on/the/way")
    assert "secrets.key" in said and "lost for good" in said, said
    ok("backup", "--data", folder / "made/on/the/way", folder / "also/made/backup")
    ok("verify", folder / "also/made/backup")
    shutil.rmtree(folder / "made")
    shutil.rmtree(folder / "also")
    done = run("restore", backup, folder / "data")
    assert done.returncode == 1 and "is not empty" in done.stderr, done.stderr
    done = run("backup", "--data", folder / "data", backup)
    assert done.returncode == 1 and "is there already" in done.stderr, done.stderr
    done = run("serve", f"--data={backup}", "--http=127.0.0.1:0", "--grpc=127.0.0.1:0")
    assert done.returncode == 1 and "is a backup" in done.stderr, done.stderr


def assert_not_startable(data):
    """No half store: without FORMAT there is nothing, and a server does not make a new one over a restore."""
    assert not (data / "FORMAT").exists()
    if (data / "restore.partial").exists():
        done = run("serve", f"--data={data}", "--http=127.0.0.1:0", "--grpc=127.0.0.1:0")
        assert done.returncode == 1 and "restore into this folder was interrupted" in done.stderr, done.stderr


def kill_restores(folder, backup):
    """kill -9 at random moments of a restore: refused, or whole; running it again makes it whole."""
    known, _ = manifest_of(backup)
    randomness = random.Random(5)
    outcomes = []
    for _ in range(12):
        into = folder / "killed"
        child = subprocess.Popen([str(BINARY), "restore", str(backup), str(into)], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        time.sleep(randomness.uniform(0.0, 0.25))
        child.send_signal(signal.SIGKILL)
        child.wait()
        whole = (into / "FORMAT").exists()
        outcomes.append(whole)
        if not whole:
            if into.exists():
                assert_not_startable(into)
            ok("restore", backup, into)
        assert f"hash {known['state_hash']} after" in ok("verify", f"--data={into}")
        shutil.rmtree(into)
    print(f"12 restores killed, {outcomes.count(False)} before they were whole")


def kill_server_during_backup(tocsin):
    begun = tocsin.call("BackupService/BeginBackup")
    try:
        tocsin.call("BackupService/BeginBackup")
        raise AssertionError("two backups at once")
    except AssertionError as refused:
        assert "another backup" in str(refused), refused
    piece = tocsin.call("BackupService/ReadBackup", id=begun["id"], file=0, offset=0)
    assert piece["data"] and (tocsin.data / "backup/views/CURRENT").exists()
    tocsin.kill()
    assert (tocsin.data / "backup").exists(), "what a crash leaves"
    tocsin.start()
    assert not (tocsin.data / "backup").exists(), "the next start sweeps"
    try:
        tocsin.call("BackupService/ReadBackup", id=begun["id"], file=0, offset=0)
        raise AssertionError("a backup outlived its server")
    except AssertionError as refused:
        assert "begin another one" in str(refused), refused
    begun = tocsin.call("BackupService/BeginBackup")
    tocsin.call("BackupService/EndBackup", id=begun["id"])
    assert not (tocsin.data / "backup").exists()


def full_disk(folder, backup):
    """A restore onto a disk that is too small says so and leaves nothing; likewise a backup."""
    probe = "mount -t tmpfs none /mnt"
    if subprocess.run(["unshare", "--mount", "--map-root-user", "sh", "-c", probe], capture_output=True).returncode != 0:
        print("not run: a full disk, for want of mount namespaces")
        return
    small = folder / "small"
    small.mkdir()
    need = sum(int(size) for size, _, _ in manifest_of(backup)[1])
    script = (f"mount -t tmpfs -o size={need // 2 // 4096 * 4096} none '{small}' && "
              f"'{BINARY}' restore '{backup}' '{small}/data'; echo status $?; ls -A '{small}/data'; "
              f"'{BINARY}' backup --data '{folder}/data' '{small}/copy'; echo status $?; ls -A '{small}'")
    done = subprocess.run(["unshare", "--mount", "--map-root-user", "sh", "-c", script], capture_output=True, text=True)
    assert done.stdout.split() == ["status", "1", "LOCK", "status", "1", "data"], (done.stdout, done.stderr)
    assert "nothing was restored" in done.stderr and "No space left" in done.stderr, done.stderr
    print("a full disk: " + done.stderr.strip().splitlines()[0])


def main():
    with scratch() as folder, Receiver() as people:
        config = folder / "organisation.yaml"
        config.write_text(organisation.yaml(webhook=people.url, group_by="instance"))
        flags = ["--allow_webhooks_to=127.0.0.0/8", "--shards=2"]
        with Tocsin(folder, config, flags).start() as tocsin:
            taken = take_backups(tocsin, folder)
            kill_server_during_backup(tocsin)
            assert tocsin.stop() == 0
        for backup in taken:
            said = ok("verify", backup)
            assert "state hash are what its manifest says" in said, said
            check_restored(folder, backup, flags)
        ok("backup", "--data", tocsin.data, folder / "offline")
        check_restored(folder, folder / "offline", flags)
        check_refusals(folder, taken[0])
        kill_restores(folder, taken[0])
        full_disk(folder, taken[0])
    print("7 passed, 0 failed")


if __name__ == "__main__":
    main()

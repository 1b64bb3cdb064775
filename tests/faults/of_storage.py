"""A1 to A7, A11: kills, power cuts, rot and failing system calls. Whatever happens, what was acknowledged is there afterwards and its page
has come."""
import errno
import os
import pathlib
import random
import shutil
import subprocess
import time

import ground
import power
import shim as shims
from ground import BINARY, Load, check, lost, take_some, world
from harness import wait_for

KILLS_A_WORLD = 50  # then a fresh store, so that a night's last kill is as quick as its first


def nothing_lost(tocsin, ledger, when):
    wrong = lost(ledger, ground.alerts_of(tocsin))
    assert not wrong, f"{when}: {len(wrong)} of {len(ledger.certain)} acknowledged alerts are not as acknowledged: {wrong[:5]}"


def under_load(tocsin, ledger, randomness, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end and tocsin.child.process.poll() is None:
        take_some(tocsin, ledger, randomness)
        time.sleep(0.02)


def rounds(options, name, count, strike, shim=False, record=False):
    """Worlds in which `strike` brings the server down again and again under load, and the checker looks each time. `strike` gets
    (tocsin, ledger, randomness) and returns when the server is dead."""
    randomness = options.randomness(name)
    words, done = "", 0
    while done < count:
        with world(shim=shim, step_delay="1s", flags=["--max_groups=100000"]) as (tocsin, provider, ledger):
            tocsin.start()
            if shim:
                tocsin.stop()
                tocsin.shim = shims.Shim(tocsin.folder, tocsin.data, record)
                tocsin.start()
            with Load(tocsin.url, ledger, randomness.randrange(1 << 30)) as load:
                for _ in range(min(count - done, KILLS_A_WORLD)):
                    done += 1
                    strike(tocsin, ledger, randomness)
                    load.pause()
                    tocsin.faults = ()
                    tocsin.start()
                    nothing_lost(tocsin, ledger, f"after strike {done}")
                    load.resume()
            words = check(tocsin, provider, ledger)
    return f"{done} times; the last store: {words}"


# ---- A1 ----

def random_kills(options):
    def strike(tocsin, ledger, randomness):
        under_load(tocsin, ledger, randomness, randomness.uniform(0.02, 0.6))
        tocsin.kill()
    return rounds(options, "A1", options.times(12, 1000), strike)


# ---- A2 ----

def kills_at_system_calls(options):
    """A start and some load make some dozen of each; which of them is the last is drawn. What is not reached in time is killed."""
    reached = []

    def strike(tocsin, ledger, randomness):
        tocsin.kill()
        operation, most = randomness.choice([("sync", 60), ("write", 60), ("rename", 3), ("open", 20), ("allocate", 4), ("unlink", 3)])
        tocsin.faults = [{"operation": operation, "action": randomness.choice([shims.KILL_BEFORE, shims.KILL_AFTER]),
                          "first": randomness.randint(1, most)}]
        tocsin.start(wait=False)
        under_load(tocsin, ledger, randomness, 1.5)
        reached.append(tocsin.shim.read("hits", operation) > 0)
        tocsin.kill()
    words = rounds(options, "A2", options.times(8, 1500), strike, shim=True)
    assert any(reached), "no kill was reached"
    return f"{sum(reached)} of {len(reached)} kills at their system call; {words}"


# ---- A3 ----

def power_cuts(options):
    undone = []

    def strike(tocsin, ledger, randomness):
        under_load(tocsin, ledger, randomness, randomness.uniform(0.02, 0.8))
        tocsin.kill()
        mode = randomness.choice(["nothing", "nothing", "prefix", "torn"])
        undone.append(power.cut(tocsin.shim, mode, randomness))
    words = rounds(options, "A3", options.times(8, 400), strike, shim=True, record=True)
    return f"{sum(undone)} changes were not synced; {words}"


def simulated_power_cuts(options):
    """The simulated world on a disk that loses power ten times in each: tests/sim, with more worlds than in ./dev test."""
    program = ground.BINARY.parent / "tests/sim_test"
    if not program.exists():
        raise ground.Missing("./dev build release sim_test has not been run")
    done = subprocess.run([str(program), "--gtest_filter=WorldTest.Loses*"], capture_output=True, text=True,
                          env={**os.environ, "TOCSIN_SIM_WORLDS": "5000"})
    assert done.returncode == 0, done.stdout[-2000:]
    return next(line for line in done.stdout.splitlines() if "power cuts" in line)


# ---- A4, A5: a store that was made once and is damaged again and again ----

def make_store(folder, seed):
    """A killed server's store with alerts, pages and acknowledgements in it; returns what it served."""
    with world(folder=folder, step_delay="1s") as (tocsin, provider, ledger):
        tocsin.start()
        randomness = random.Random(seed)
        with Load(tocsin.url, ledger, seed) as load:
            for _ in range(2):
                time.sleep(0.4)
                take_some(tocsin, ledger, randomness)
                load.pause()
                tocsin.stop()
                tocsin.start()
                load.resume()
        tocsin.cli("backup", str(folder / "backup"))  # writes the views and a checkpoint out, so that there are files of all kinds
        with Load(tocsin.url, ledger, seed + 100, senders=1):
            time.sleep(0.2)
        ground.settle(tocsin)
        served = serves(tocsin)
        tocsin.kill()
    return served


def serves(tocsin):
    """What people see of a store: alerts, groups with their state and who took them, and what has happened to some of these."""
    groups = ground.groups_of(tocsin)
    stories = {group["id"]: [(entry["kind"], entry["text"]) for entry in tocsin.call("GroupService/GetGroup", id=group["id"])["timeline"]]
               for group in groups[::max(1, len(groups) // 20)]}
    return (ground.alerts_of(tocsin), {group["id"]: (group["state"], group["acknowledgedBy"], group["firing"]) for group in groups}, stories)


def start_on(folder, data):
    """Starts a server on some data. Returns it when it serves, else None and what it said."""
    tocsin = ground.Shimmed(folder, flags=[ground.LOOPBACK])
    tocsin.data, tocsin.starts = data, 1
    tocsin.start(wait=False)
    try:
        wait_for("the server to be ready", tocsin.ready, 60)
        return tocsin, ""
    except AssertionError:
        code, said = tocsin.child.process.poll(), tocsin.child.text()
        assert code == 1, f"the server ended with {code}, not with an error of its own:\n{said[-2000:]}"
        return None, said
    finally:
        (folder / "tocsin.log").unlink(missing_ok=True)


def damaged(folder, store, name, damage, before):
    """What becomes of a store one file of which was damaged: "refused", "the same", or an error that names neither file nor cure."""
    data = folder / "damaged"
    shutil.rmtree(data, ignore_errors=True)
    subprocess.run(["cp", "-a", "--sparse=always", str(store), str(data)], check=True)
    damage(data / name)
    server, said = start_on(folder, data)
    if server is None:
        assert "recover" in said or "restore" in said or str(data) in said or pathlib.Path(name).name in said, \
            f"{name}: refused without saying where: {said[-500:]}"
        return "refused"
    with server:
        try:
            after = serves(server)
        except AssertionError as refused:
            return f"an error when read ({str(refused)[:60]})"
    assert after[0] == before[0], f"{name}: other alerts are served in silence: {difference(before[0], after[0])}"
    assert after[1] == before[1], f"{name}: other groups are served in silence: {difference(before[1], after[1])}"
    for group, story in before[2].items():
        assert group not in after[2] or after[2][group][:len(story)] == story, f"{name}: G{group} has another story in silence"
    return "the same"


def difference(before, after):
    return [(key, before.get(key), after.get(key)) for key in sorted(set(before) | set(after)) if before.get(key) != after.get(key)][:3]


def flip(randomness):
    def damage(path):
        content = bytearray(path.read_bytes())
        written = [at for at, byte in enumerate(content[:1 << 22]) if byte]  # not what fills up a block or was only allocated
        content[randomness.choice(written) if written else randomness.randrange(len(content))] ^= 1 << randomness.randrange(8)
        path.write_bytes(content)
    return damage


SECRETS = {"admin.token", "audit.key", "link.key", "secrets.key", "secrets.keys"}  # no state: with another one old links or tokens do not fit, which is a refusal, not a lie


def bit_rot(options):
    """A bit in each kind of file, and each file deleted, at random places."""
    randomness = options.randomness("A5")
    outcomes = {}
    with ground.scratch() as folder:
        before = make_store(folder, randomness.randrange(1 << 30))
        store = folder / "data"
        names = sorted(str(path.relative_to(store)) for path in store.rglob("*")
                       if path.is_file() and path.stat().st_size > 0 and path.name not in SECRETS and not path.name.startswith("LOG"))
        for name in names:
            damages = [("flipped", flip(randomness))] * options.times(1, 200) + [("deleted", pathlib.Path.unlink)]
            for what, damage in damages:
                outcomes.setdefault(f"{name} {what}", []).append(damaged(folder, store, name, damage, before))
    refused = sum(outcome == "refused" for each in outcomes.values() for outcome in each)
    for what, each in sorted(outcomes.items()):
        print(f"  {what}: {', '.join(f'{each.count(o)}x {o}' for o in sorted(set(each)))}")
    return f"{refused} of {sum(map(len, outcomes.values()))} refused, the others served what had been there"


def torn_tails(options):
    """What a torn write may leave behind the journal's last entry."""
    randomness = options.randomness("A4")
    with ground.scratch() as folder:
        before = make_store(folder, randomness.randrange(1 << 30))
        store = folder / "data"
        segment = sorted(path.name for path in (store / "journal").glob("*.journal"))[-1]
        content = (store / "journal" / segment).read_bytes()
        end = len(content.rstrip(b"\0"))

        def leave(bytes_):
            def damage(path):
                with open(path, "r+b") as file:
                    file.seek(end + 8)
                    file.write(bytes_)
            return damage
        tails = {"zeros": b"\0" * 4096, "garbage": randomness.randbytes(4096), "the head of an entry of before": content[:700],
                 "a page of before": content[end // 2:end // 2 + 4096], "one byte": b"\x01"}
        for name, bytes_ in tails.items():
            for _ in range(options.times(1, 20)):
                outcome = damaged(folder, store, f"journal/{segment}", leave(bytes_), before)
                assert outcome in ("the same", "refused"), (name, outcome)
                assert outcome == "the same" or name not in ("zeros", "one byte"), f"{name} behind the end kept the server from starting"
    return f"{len(tails)} kinds of tail"


# ---- A6, A9, A7, A11: system calls that fail ----

def failing_disk(options, name, faults, many):
    """Under load the disk begins to fail; what the server could not be sure of is cut off as by a power cut. Nothing that was acknowledged is
    gone."""
    took = []

    def strike(tocsin, ledger, randomness):
        under_load(tocsin, ledger, randomness, randomness.uniform(0.1, 0.5))
        for operation, code in faults:
            tocsin.shim.arm(operation, shims.FAIL, code, many=many)
        begun = time.monotonic()
        code = tocsin.ended()
        took.append(time.monotonic() - begun)
        assert code != 0, "the disk failed and the server ended as if all were well"
        power.cut(tocsin.shim, "nothing", randomness)
    words = rounds(options, name, options.times(2, 50), strike, shim=True, record=True)
    return f"it ended after {max(took):.2f} s at most; {words}"


def failing_sync(options):
    """Once, and for good: a sync is not tried again, since the kernel may have thrown the pages away."""
    once = failing_disk(options, "A6 once", [("sync", errno.EIO)], 1)
    return f"once: {once}; for good: {failing_disk(options, 'A6', [('sync', errno.EIO)], shims.ALWAYS)}"


def failing_write(options):
    return failing_disk(options, "A6 write", [("write", errno.EIO)], 1)


def read_only(options):
    calls = ("write", "sync", "open", "allocate", "rename", "unlink")
    return failing_disk(options, "A9", [(call, errno.EROFS) for call in calls], shims.ALWAYS)


def failing_reads(options):
    """EIO, or a file that ends too soon, at the N-th open or read of a start: it starts with everything or it says no."""
    randomness = options.randomness("A7")
    outcomes = {"served the same": 0, "refused": 0, "an error when read": 0}
    with ground.scratch() as folder:
        before = make_store(folder, randomness.randrange(1 << 30))
        shim = shims.Shim(folder, folder / "data")

        def begin(faults):
            tocsin = ground.Shimmed(folder, flags=[ground.LOOPBACK])
            tocsin.starts, tocsin.shim, tocsin.faults = 1, shim, faults
            return tocsin
        with begin([]).start() as tocsin:
            totals = {operation: shim.count(operation) for operation in ("open", "read")}
            tocsin.kill()
        for operation, total in totals.items():
            everyone = range(1, total + 1)
            for first in everyone if options.nightly else sorted(randomness.sample(everyone, min(4, total))):
                for action in (shims.FAIL, shims.SHORT) if operation == "read" else (shims.FAIL,):
                    outcomes[one_failing_read(begin, operation, first, action, before)] += 1
        with begin([]).start() as tocsin:
            assert serves(tocsin)[0] == before[0], "a start that failed has changed something"
    return f"of {totals['open']} opens and {totals['read']} reads: " + ", ".join(f"{n} {what}" for what, n in outcomes.items())


def one_failing_read(begin, operation, first, action, before):
    with begin([{"operation": operation, "action": action, "value": errno.EIO, "first": first, "many": 1}]) as tocsin:
        tocsin.start(wait=False)
        try:
            wait_for("the server to be ready", tocsin.ready, 60)
        except AssertionError:
            code = tocsin.child.process.poll()
            assert code == 1, f"{operation} {first}: ended with {code}:\n{tocsin.child.text()[-1500:]}"
            return "refused"
        try:
            after = serves(tocsin)
        except AssertionError:
            return "an error when read"
        assert after[0] == before[0], f"{operation} {first}: other alerts in silence: {difference(before[0], after[0])}"
        return "served the same"


STAND_STILL = "the disk refuses writes to the views"


def failing_compactions(options):
    """EIO at the reads of compactions while the server serves. The views stand still, and the log says so; alerts are taken in and paged
    meanwhile, or the process ends. Afterwards everything is there."""
    words, ends = "", 0
    randomness, count = options.randomness("A7c"), options.times(1, 20)
    for turn in range(count):
        with world(shim=True, step_delay="1s", flags=["--max_groups=100000"]) as (tocsin, provider, ledger):
            tocsin.start().stop()
            tocsin.shim = shims.Shim(tocsin.folder, tocsin.data)
            tocsin.start()
            with Load(tocsin.url, ledger, randomness.randrange(1 << 30)) as load:
                tocsin.shim.arm("compact", shims.FAIL, errno.EIO)
                compact_until_it_shows(tocsin, ledger, randomness)
                if tocsin.child.process.poll() is None:
                    name = f"f6x{turn}x0"
                    ledger.trying({name: True})
                    ledger.answered({name: True}, ground.post(tocsin.url, [ground.event(name, severity="critical")], 30))
                    wait_for("a page while nothing can be compacted", lambda: provider.of("/ann", name), 60)
                    load.pause()
                    tocsin.kill()
                else:
                    ends += 1
                    load.pause()
                tocsin.start()
                nothing_lost(tocsin, ledger, "after reads had failed")
                load.resume()
                time.sleep(0.3)
            words = check(tocsin, provider, ledger)
    return f"{count} times, {ends} ended; the last store: {words}"


def compact_until_it_shows(tocsin, ledger, randomness):
    """Backups begin with a flush, which makes a file more for RocksDB to merge with the others."""
    shows = lambda: tocsin.child.process.poll() is not None or STAND_STILL in tocsin.child.text()
    for number in range(40):
        if shows():
            break
        under_load(tocsin, ledger, randomness, 0.02)
        subprocess.run([str(BINARY), "backup", str(tocsin.folder / f"backup{number}")], capture_output=True, timeout=60,
                       env={**os.environ, "TOCSIN_SERVER": tocsin.grpc, "TOCSIN_TOKEN": tocsin.token()})
    assert tocsin.shim.read("hits", "compact") > 0, "nothing was compacted"
    wait_for("the server to say that its views stand still, or to end", shows, 60)


def failing_memory(options):
    """malloc says no, once, somewhere: the server goes on or dies, and what it had acknowledged is there."""
    survived = []

    def strike(tocsin, ledger, randomness):
        under_load(tocsin, ledger, randomness, 0.1)
        tocsin.shim.arm("malloc", shims.FAIL, errno.ENOMEM, first=tocsin.shim.count("malloc") + randomness.randint(1, 3000), many=1)
        under_load(tocsin, ledger, randomness, 0.7)
        survived.append(tocsin.child.process.poll() is None)
        tocsin.kill()
    words = rounds(options, "A11", options.times(4, 300), strike, shim=True)
    return f"survived {sum(survived)} of {len(survived)}; {words}"


CHECKS = [
    ("A1", "kill -9 at random moments under load", "smoke", random_kills),
    ("A2", "killed at a system call that was drawn", "smoke", kills_at_system_calls),
    ("A3", "power cuts: what no sync covered is gone", "smoke", power_cuts),
    ("A3s", "simulated power cuts", "night", simulated_power_cuts),
    ("A4", "torn tails of the journal", "smoke", torn_tails),
    ("A5", "a flipped bit in each file, and each file deleted", "smoke", bit_rot),
    ("A6", "EIO of a sync, and a power cut after it", "smoke", failing_sync),
    ("A6w", "EIO of a write, and a power cut after it", "smoke", failing_write),
    ("A7", "EIO and short reads at the N-th open and read of a start", "smoke", failing_reads),
    ("A7c", "EIO of the reads of compactions", "smoke", failing_compactions),
    ("A9", "the file system becomes read-only", "smoke", read_only),
    ("A11", "malloc fails", "smoke", failing_memory),
]

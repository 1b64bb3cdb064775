"""`./dev faults [--nightly] [NAME...]`: faults against the real binary over real sockets, as a table of what was tried. Without NAME: all of
the smoke (or of the night); NAME: a section (storage, disk, time, providers, network, abuse, gateway, controls) or a check such as A6. Each section is a
file here with CHECKS; a check raises when a promise is broken, and returns a word about what it has seen. docs/faults.md says what stands
where."""
import argparse
import concurrent.futures
import importlib
import pathlib
import random
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from harness import SKIPPED  # noqa: E402
from ground import Missing  # noqa: E402

SECTIONS = ["controls", "storage", "disk", "time", "providers", "network", "abuse", "gateway"]


class Options:
    def __init__(self, nightly, seed):
        self.nightly, self.seed = nightly, seed

    def randomness(self, name):
        """Another one for each check, the same for the same seed."""
        return random.Random(f"{self.seed}/{name}")

    def times(self, smoke, nightly):
        return nightly if self.nightly else smoke


def attempt(section, number, options):
    """In a process of its own: the verdict on one check."""
    check = next(function for name, _, _, function in importlib.import_module(f"of_{section}").CHECKS if name == number)
    begun = time.monotonic()
    try:
        word = check(options) or ""
        verdict = "passed"
    except Missing as missing:
        verdict, word = "skipped", str(missing)
    except SystemExit as left:
        if left.code != SKIPPED:
            raise
        verdict, word = "skipped", "what it needs is not there"
    except Exception as error:  # whatever it is, the other checks are to be tried
        print(f"{number}: {traceback.format_exc()}", flush=True)
        verdict, word = "FAILED", f"{type(error).__name__}: {error}".splitlines()[0][:300]
    return verdict, word, time.monotonic() - begun


def chosen(names, nightly, parser):
    """(section, id, what) of all that is wanted; a name brings also what only the night does."""
    everything = [(section, *check) for section in SECTIONS for check in importlib.import_module(f"of_{section}").CHECKS]
    known = {name.lower() for section, number, *_ in everything for name in (section, number)}
    if unknown := {name for name in names if name.lower() not in known}:
        parser.error(f"there is no {sorted(unknown)[0]}: one of {', '.join(sorted(known))}")
    wanted = {name.lower() for name in names}
    return [(section, number, what) for section, number, what, when, _ in everything
            if (wanted & {section, number.lower()} if wanted else nightly or when == "smoke")]


FEW = 2
REPEATS = 3


def again(failed, given, counts):
    """One or two checks that failed beside others must pass several times by themselves. They are told as unsteady, with what they said."""
    if not 0 < len(failed) <= FEW:
        return
    for section, number, word in failed:
        verdicts = [attempt(section, number, given)[0] for _ in range(REPEATS)]
        steady = all(verdict == "passed" for verdict in verdicts)
        print(f"{section:<10} {number:<4} {'UNSTEADY' if steady else 'FAILED'} again by itself: {', '.join(verdicts)}; it said: {word}",
              flush=True)
        if steady:
            counts["FAILED"] -= 1
            counts["passed"] += 1


def main():
    parser = argparse.ArgumentParser(prog="./dev faults", description="faults against the real binary")
    parser.add_argument("name", nargs="*", help="a section or a check; none: all")
    parser.add_argument("--nightly", action="store_true", help="what takes a night: more of everything")
    parser.add_argument("--jobs", type=int, default=2, help="checks at a time (2); figures mean something with 1")
    parser.add_argument("--again", action="store_true", help="one or two that failed must pass three times by themselves")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    options = parser.parse_args()
    checks = chosen(options.name, options.nightly, parser)
    print(f"seed {options.seed}", flush=True)
    counts = {"passed": 0, "FAILED": 0, "skipped": 0}
    given = Options(options.nightly, options.seed)
    failed = []
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as workers:
        running = {workers.submit(attempt, section, number, given): (section, number, what) for section, number, what in checks}
        for done in concurrent.futures.as_completed(running):
            verdict, word, seconds = done.result()
            section, number, what = running[done]
            counts[verdict] += 1
            if verdict == "FAILED":
                failed.append((section, number, word))
            print(f"{section:<10} {number:<4} {verdict:<8} {seconds:4.0f}s  {what}{': ' + word if word else ''}", flush=True)
    if options.again:
        again(failed, given, counts)
    print(f"{counts['passed']} passed, {counts['FAILED']} failed, {counts['skipped']} skipped")
    sys.exit(1 if counts["FAILED"] else 0)


if __name__ == "__main__":
    main()

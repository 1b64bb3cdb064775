"""`./dev conformance [NAME] [--minutes M]`: real programs against the real server over real sockets, as a table of what was tried.
Without NAME: all of them. NAME: one program; side-by-side takes --minutes. Each program is a file here with CHECKS, a list of
(what is tried, function); a function raises when it is not so, and returns a word about it or nothing."""
import argparse
import importlib
import pathlib
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from harness import SKIPPED  # noqa: E402
from checks import Missing  # noqa: E402

PROGRAMS = ["prometheus", "vmalert", "alertmanager", "amtool", "nagios", "icinga", "netdata", "opsgenie_sdk", "pagerduty_sdk",
            "side_by_side"]


def attempt(check, options):
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
        traceback.print_exc()
        verdict, word = "FAILED", f"{type(error).__name__}: {error}".splitlines()[0][:160]
    return verdict, word, time.monotonic() - begun


def main():
    parser = argparse.ArgumentParser(prog="./dev conformance", description="real programs against the real server")
    parser.add_argument("name", nargs="?", help=", ".join(name.replace("_", "-") for name in PROGRAMS))
    parser.add_argument("--minutes", type=float, default=1.5, help="how long side-by-side runs (1.5)")
    options = parser.parse_args()
    wanted = [options.name.replace("-", "_")] if options.name else PROGRAMS
    if unknown := set(wanted) - set(PROGRAMS):
        parser.error(f"there is no {unknown.pop()}: one of {', '.join(name.replace('_', '-') for name in PROGRAMS)}")
    rows = []
    for name in wanted:
        for what, check in importlib.import_module(f"of_{name}").CHECKS:
            verdict, word, seconds = attempt(check, options)
            rows.append((name.replace("_", "-"), what, verdict, f"{seconds:.0f}s", word))
            print(f"{rows[-1][0]:<14} {verdict:<8} {rows[-1][3]:>4}  {what}{': ' + word if word else ''}", flush=True)
    counts = {verdict: sum(row[2] == verdict for row in rows) for verdict in ("passed", "FAILED", "skipped")}
    print(f"{counts['passed']} passed, {counts['FAILED']} failed, {counts['skipped']} skipped")
    sys.exit(1 if counts["FAILED"] else 0)


if __name__ == "__main__":
    main()

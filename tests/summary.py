#!/usr/bin/env python3
"""Counts what ctest and GoogleTest have written into a folder of results; the last line is `N passed, N failed, N skipped`.

    summary.py FOLDER      ctest.junit from ctest, NAME.xml from the GoogleTest binary that ctest calls NAME

A binary counts by its tests; one that failed without a failed test (a crash, a timeout, a sanitizer's report) is one more
failure. One that failed and is in FOLDER/again, where all its runs passed, is told as unsteady and counts as it did there. Exit
status 1 when anything failed, or when nothing ran.
"""
import pathlib
import sys
import xml.etree.ElementTree as xml


def counts_of_binary(path):
    passed = failed = skipped = 0
    for case in xml.parse(path).getroot().iter("testcase"):
        if case.find("failure") is not None:
            failed += 1
        elif case.get("status") == "notrun" or case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def counts_of_test(case, folder):
    """`case` is ctest's: it passed when its status is "run", was skipped when it is "notrun" or "disabled"."""
    status = case.get("status")
    binary = folder / f"{case.get('name')}.xml"
    if binary.exists() and binary.stat().st_size:
        passed, failed, skipped = counts_of_binary(binary)
        return passed, failed + (status == "fail" and failed == 0), skipped
    return status == "run", status == "fail", status not in ("run", "fail")


def cases(folder):
    report = folder / "ctest.junit"
    return list(xml.parse(report).getroot().iter("testcase")) if report.exists() else []


def main(folder):
    counts = [0, 0, 0]
    again = {case.get("name"): case for case in cases(folder / "again")}
    for case in cases(folder):
        name, where = case.get("name"), folder
        repeated = again.get(name)
        if case.get("status") == "fail" and repeated is not None and repeated.get("status") == "run":
            print(f"UNSTEADY: {name} failed once, and passed three times when it ran by itself; what it said is above")
            case, where = repeated, folder / "again"
        counts = [a + b for a, b in zip(counts, counts_of_test(case, where))]
        for what in ("fail", "notrun"):
            if case.get("status") == what:
                print(f"{'FAILED' if what == 'fail' else 'skipped'}: {name}")
    print("{} passed, {} failed, {} skipped".format(*counts))
    return counts[1] > 0 or counts[0] == 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))

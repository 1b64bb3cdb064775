#!/usr/bin/env python3
"""What differs between two files of `./dev bench`: for each row the figure, what it is of what stood beside it, and by how much that
changed. Ratios are compared where there are any, since they mean the same on any machine."""
import json
import sys


def read(path):
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file if line.strip()]
    return {row["id"]: row for row in rows}


def figure(row):
    """What is compared, and how it is said."""
    if row["beside"]:
        return row["ratio"], f"{row['value']:.4g} {row['unit']} ({row['ratio']:.3g})"
    return row["value"], f"{row['value']:.4g} {row['unit']}"


def main(arguments):
    if len(arguments) != 2:
        print("usage: ./dev bench compare A B, two files that ./dev bench has written", file=sys.stderr)
        return 2
    before, after = (read(path) for path in arguments)
    print(f"{'':14} {'':46} {'before':>28} {'after':>28} {'change':>8}")
    for name in list(before) + [name for name in after if name not in before]:
        old, new = before.get(name), after.get(name)
        what = (new or old)["what"]
        if old is None or new is None:
            one = figure(new or old)[1]
            print(f"{name:14} {what:46} {'-' if old is None else one:>28} {'-' if new is None else one:>28}")
            continue
        (was, said_before), (is_now, said_after) = figure(old), figure(new)
        change = f"{100 * (is_now / was - 1):+.1f}%" if was else ""
        missed = "" if new["reached"] else "  MISSED" + ("" if not old["reached"] else ", was reached")
        print(f"{name:14} {what:46} {said_before:>28} {said_after:>28} {change:>8}{missed}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

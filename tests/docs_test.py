"""The tests that documents name are there."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
TEST = re.compile(r"TEST(?:_F|_P)?\(\s*\w+,\s*(\w+)\s*\)")
NAMED = re.compile(r"`([A-Z]\w+)`")


def main():
    there = set()
    for file in (ROOT / "tests").rglob("*.cc"):
        there.update(TEST.findall(file.read_text()))
    table = (ROOT / "docs/decisions.md").read_text()
    named = [name for line in table.splitlines() if line.startswith("|") for name in NAMED.findall(line.split("|")[-2])]
    missing = sorted({name for name in named if name not in there and "::" not in name and name != "Rotation"})
    for name in missing:
        print(f"docs/decisions.md names the test {name}, which is not there")
    decisions = re.findall(r"^\| E(\d+) \|", table, re.M)
    if decisions != [str(n) for n in range(1, 26)]:
        print("docs/decisions.md does not list E1 to E25, each once")
        return 1
    numbered = {re.match(r"E(\d+)", name).group(1) for name in there if re.match(r"E\d+[A-Z]", name)}
    without = [n for n in decisions if n not in numbered]
    if without:
        print(f"no test carries the numbers {without}")
    print(f"{len(named)} names of tests, {len(missing)} missing")
    return 1 if missing or without else 0


sys.exit(main())

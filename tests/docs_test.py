"""The tests that documents name are there."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
TEST = re.compile(r"TEST(?:_F|_P)?\(\s*\w+,\s*(\w+)\s*\)")
CHECK = re.compile(r'^    \("(\w+)", "', re.M)
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
    return 1 if missing or without or not faults(there) else 0


def faults(there):
    """docs/faults.md lists each fault of the plan once and names only what is there; each check of tests/faults stands in it."""
    text = (ROOT / "docs/faults.md").read_text()
    checks = {name for file in (ROOT / "tests/faults").glob("of_*.py") for name in CHECK.findall(file.read_text())}
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| ")]
    wrong = []
    for row in rows:
        tests = re.sub(r"\*\*.*", "", row[3]) if len(row) > 3 else ""
        for name in re.findall(r"`(\w+)`", tests):
            if name not in there | checks and name not in ("fine",):
                wrong.append(f"names {name}, which is not there")
    wrong += [f"names {file}, which is not there" for file in re.findall(r"`(tests/[\w/.]+)`", text) if not (ROOT / file).exists()]
    wrong += [f"does not name the check {name}" for name in checks if f"`{name}`" not in text and f"({name})" not in text]
    plan = [f"{letter}{n}" for letter, last in (("A", 15), ("B", 5), ("C", 9), ("D", 12), ("E", 4)) for n in range(1, last + 1)]
    numbers = [number.strip() for row in rows for number in row[1].split(",")]
    wrong += [f"has {numbers.count(number)} rows for {number}" for number in plan if numbers.count(number) != 1]
    for each in wrong:
        print(f"docs/faults.md {each}")
    return not wrong


sys.exit(main())

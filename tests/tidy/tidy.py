#!/usr/bin/env python3
"""The house rules that a machine can check. Prints `path:line: what is wrong` and exits with 1 when there is anything.

    tidy.py            checks every file that git knows or would add
    tidy.py --ratchet  rewrites ratchet.txt, which lists today's exceptions to the length rules; they may only shrink
"""
import pathlib
import re
import subprocess
import sys

import format as formatter

ROOT = pathlib.Path(__file__).resolve().parents[2]
RATCHET = pathlib.Path(__file__).with_name("ratchet.txt")
FILE_LINES, FUNCTION_LINES = 500, 70

# ARCHITECTURE.md, "Layout": which room may include which. Each room may include itself.
EVERYTHING = {"api", "base", "cli", "client", "config", "engine", "escalation", "gateway", "ical", "import", "incident", "ingest", "model", "model/codec", "net",
              "notify", "oidc", "proto", "replay", "server", "storage"}
MAY_INCLUDE = {
    "base": set(),
    "model": {"base"},
    "model/codec": {"base", "model", "proto"},
    "net": {"base"},
    "ical": {"base"},
    "config": {"base", "model", "model/codec", "proto"},
    "escalation": {"base", "model"},
    "import": {"base", "config", "escalation", "ical", "model"},
    "incident": {"base", "model"},
    "engine": {"base", "escalation", "incident", "model"},
    "engine/pipeline": {"base", "engine", "escalation", "gateway", "incident", "model", "model/codec", "storage"},
    "gateway": {"base", "model", "model/codec", "proto"},
    "storage": {"base", "model", "model/codec"},
    "replay": {"base", "engine", "model", "model/codec", "storage"},
    "ingest": {"base", "model", "model/codec", "net", "proto"},
    "notify": {"base", "model", "net"},
    "oidc": {"base", "config", "model", "net"},
    "api": EVERYTHING - {"cli", "client", "gateway", "server"},
    "client": {"base", "model", "model/codec", "proto"},
    "cli": {"base", "client", "config", "engine", "import", "ingest", "model", "model/codec", "net", "proto", "storage"},
    "server": EVERYTHING - {"cli", "client"},
    "server/main": EVERYTHING,
    "bench": EVERYTHING | {"tests"},
    "tests": EVERYTHING | {"bench"},
}
# Rooms whose answers depend on their arguments alone.
PURE = {"escalation", "ical", "incident", "engine"}
IMPURE_HEADERS = re.compile(
    r'[<"](thread|mutex|shared_mutex|condition_variable|atomic|future|chrono|random|fstream|iostream|rocksdb/.*|grpcpp/.*|'
    r'base/(mutex|ring|spsc_ring|wakeup|log|metrics)\.h)[>"]')

# What nobody calls: (pattern, rooms that may, what to do instead). Strings and comments are not searched.
SHELLS = {"base", "bench", "cli", "client", "net", "notify", "server", "tests"}
BANNED = [
    (r"\b(std::)?(rand|srand|random_shuffle)\s*\(|\bstd::(mt19937|default_random_engine)", set(), "base/random.h, with a seed that is passed in"),
    (r"\bstd::random_device\b", {"server", "cli"}, "a seed that is passed in"),
    (r"\b(time|localtime|gmtime|gettimeofday|ctime)\s*\((nullptr|NULL|0|&)", set(), "Now as an argument"),
    (r"\babsl::Now\(|\b(system|steady|high_resolution)_clock::now\b|\bclock_gettime\b", SHELLS, "Now as an argument (base/clock.h)"),
    (r"\b(sprintf|vsprintf|strcpy|strcat|gets|strtok|atoi|atol|atof)\s*\(", set(), "a function with a bound and an error"),
    (r"\b(sleep_for|sleep_until|usleep|nanosleep|absl::SleepFor)\b", {"bench", "cli", "client", "net", "tests"}, "a deadline or base/wakeup.h"),
    (r"\bthrow\b(?!\()", {"tests"}, "absl::Status"),
    (r"\busing namespace (?!std::\w*literals)", set(), "names"),
    (r"\babsl::(Mutex|CondVar)\b|\bstd::(mutex|lock_guard|scoped_lock|unique_lock|condition_variable)\b", {"base"}, "base/mutex.h"),
    (r"\bstd::(cout|cerr|endl)\b", {"bench", "cli", "client", "tests"}, "base/log.h"),
    (r"\babsl::string_view\b", {"base", "bench", "tests"}, "std::string_view and ToAbsl of base/strings.h"),
    (r"\bNULL\b", set(), "nullptr"),
    (r"#ifdef TESTING|\w+ForTest(ing)?\(", set(), "a seam that production uses too"),
    (r"\bDISABLED_", set(), "a test that runs"),
    (r"\bGTEST_SKIP\(\);", set(), 'GTEST_SKIP() << "the reason"'),
    (r"\bTEST(_[FP])?\(\s*(\w*_\w*\s*,|\w+\s*,\s*(?!DISABLED_)\w*_)", set(), "a name without underscores"),
]
# What no text of ours holds. (Spelt so that this file does not hold it.)
BANNED_TEXT = [
    (r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b", "an unfinished thought: do it or open an issue"),
    (r"(?<![\w.])/(wo" r"rk|tm" r"p)/", "a path of one machine"),
]
TEXT = {".cc", ".h", ".proto", ".py", ".sh", ".md", ".txt", ".cmake", ".yaml", ".yml", ".json", ""}


def tracked():
    names = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=True)
    return sorted(name for name in names.stdout.splitlines() if (ROOT / name).is_file())


def room_of(name):
    if name.startswith(("tocsin/v1/", "grpc/")):
        return "proto"
    for room in ("model/codec", "engine/pipeline", "server/main"):
        if re.match(room + r"[./_]", name):
            return room
    return name.split("/")[0] if "/" in name else None


def code_lines(text):
    """The lines with comments and the insides of literals blanked out."""
    blank = lambda m: re.sub(r"[^\n]", " ", m.group()) if m.group()[0] == "/" else m.group()[0] + re.sub(r"[^\n]", " ", m.group()[1:-1]) + m.group()[-1]
    text = re.sub(r'R"(\w*)\(.*?\)\1"', lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)
    return re.sub(r"//[^\n]*|/\*.*?\*/|\"(\\.|[^\"\\\n])*\"|(?<![0-9a-fA-F])'(\\.|[^'\\\n])*'", blank, text, flags=re.S).split("\n")


def check_includes(name, lines):
    room = room_of(name)
    pure = room in PURE and room != "engine/pipeline"
    for number, line in enumerate(lines, 1):
        if not line.startswith("#include"):
            continue
        if pure and IMPURE_HEADERS.search(line):
            yield number, f"{room} is pure: no {line.split()[1]}"
        found = re.match(r'#include "([^"]+)"', line)
        target = room_of(found.group(1)) if found else None
        if target == "engine/pipeline" and room == "engine":
            yield number, "engine does not know its shell, pipeline"
        target = {"engine/pipeline": "engine", "server/main": "server"}.get(target, target)
        if target in MAY_INCLUDE | {"proto": 0} and target != room and target not in MAY_INCLUDE.get(room, EVERYTHING):
            yield number, f"{room} may not include {target}"


def check_calls(name, lines):
    room = (room_of(name) or "").split("/")[0]
    for pattern, allowed, instead in BANNED:
        if room in allowed:
            continue
        for number, line in enumerate(lines, 1):
            if found := re.search(pattern, line):
                yield number, f"no `{found.group().strip()}` here: {instead}"


def functions(lines):
    """(line, name, length) of each function, by the indentation that clang-format gives."""
    inside_until = -1
    for start, line in enumerate(lines):
        found = re.match(r"( {0,2})(?!namespace\b|class\b|struct\b|enum\b|union\b|extern\b|public:|private:)[\w:~<\[].*\(", line)
        if not found or start <= inside_until:
            continue
        signature, last = line, start
        while signature.count("(") > signature.count(")") and last + 1 < len(lines):
            last += 1
            signature += lines[last]
        if not re.search(r"\)[^;=]*\{\s*$", signature):
            continue
        end = next((i for i in range(last, len(lines)) if re.match(found.group(1) + r"\}", lines[i])), last)
        inside_until = end
        yield start + 1, re.search(r"([^\s(]+) *\(", line).group(1), end - start + 1


def check_lengths(name, lines, allowed):
    if len(lines) - 1 > max(FILE_LINES, allowed.get(name, 0)):
        yield 1, f"{len(lines) - 1} lines, at most {FILE_LINES}: is there a second idea in here?", name, len(lines) - 1
    for number, function, length in functions(lines):
        key = f"{name}:{function}"
        if length > max(FUNCTION_LINES, allowed.get(key, 0)):
            yield number, f"{function} has {length} lines, at most {FUNCTION_LINES}", key, length


def check_built(names):
    listed = {}
    for name in names:
        if name.endswith("CMakeLists.txt"):
            folder = name[: -len("CMakeLists.txt")]
            listed.update({folder + word: True for word in re.findall(r"[\w./-]+\.cc\b", (ROOT / name).read_text())})
    return [(name, 1, "in no CMakeLists.txt: it is never compiled") for name in names if name.endswith(".cc") and name not in listed]


def check_names(names):
    """Two headers' types of one name: the linker would take the functions of either for both. Nested namespaces count as part of it."""
    known, found = {}, []
    for name in names:
        if not name.endswith(".h"):
            continue
        space = []
        for number, line in enumerate((ROOT / name).read_text(errors="replace").split("\n"), 1):
            if opened := re.match(r"namespace ([\w:]+) \{", line):
                space.append(opened.group(1))
            elif line.startswith("}  // namespace") and space:
                space.pop()
            elif declared := re.match(r"(?:class|struct|enum class) (?:\[\[\w+\]\] )?([A-Z]\w*)(?: final)?(?: :[^;]*)?(?: \{|$)", line):
                key = "::".join([*space, declared.group(1)])
                if key in known:
                    found.append((name, number, f"{key} is also the name of a type in {known[key]}: linked together, one takes the other's place"))
                known.setdefault(key, name)
    return found


def check_map(names):
    if "README.md" not in names:
        return []
    readme = (ROOT / "README.md").read_text()
    folders = sorted({name.split("/")[0] for name in names if "/" in name and not name.startswith(".")})
    return [("README.md", 1, f"the map of folders lacks {folder}/") for folder in folders if f"{folder}/" not in readme]


def main(arguments):
    names = tracked()
    allowed = {key: int(value) for key, value in (line.rsplit(" ", 1) for line in RATCHET.read_text().splitlines() if line)} if RATCHET.exists() else {}
    found, lengths = [], {}
    for name in names:
        if pathlib.Path(name).suffix not in TEXT or name == "LICENSE":
            continue
        text = (ROOT / name).read_text(errors="replace")
        for pattern, why in BANNED_TEXT:
            found += [(name, text.count("\n", 0, m.start()) + 1, f"{m.group()}: {why}") for m in re.finditer(pattern, text)]
        if not name.endswith((".cc", ".h")):
            continue
        raw, lines = text.split("\n"), code_lines(text)
        found += [(name, *finding) for check, form in ((check_includes, raw), (check_calls, lines)) for finding in check(name, form)]
        if name.endswith(".h") and not (raw[0].startswith("//") and "#pragma once" in raw):
            found.append((name, 1, "a header begins with what it is for, then #pragma once"))
        for number, why, key, length in check_lengths(name, lines, {} if "--ratchet" in arguments else allowed):
            lengths[key] = length
            found.append((name, number, why))
    if "--ratchet" in arguments:
        RATCHET.write_text("".join(f"{key} {length}\n" for key, length in sorted(lengths.items())))
        return 0
    found += check_built(names) + check_map(names) + check_names(names)
    for name, number, why in found:
        print(f"{name}:{number}: {why}")
    unformatted = formatter.main(["--check"]) if formatter.available() else print("clang-format-14 is not here: format not checked")
    print(f"tidy: {len(names)} files, {len(found)} findings")
    return bool(found) or bool(unformatted)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

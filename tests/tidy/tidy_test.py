#!/usr/bin/env python3
"""Plants one breach of each house rule in a repository of its own and expects tidy.py to find it, and nothing else."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
HEADER = "// What it is for.\n#pragma once\n"

# file, content, what is said about it (None: nothing)
CASES = [
    ("base/good.h", HEADER + '#include <vector>\n// Not code: std::rand() throw "/home".\n', None),
    ("base/up.h", HEADER + '#include "model/event.h"\n', "base may not include model"),
    ("model/schema.h", HEADER + '#include "tocsin/v1/event.pb.h"\n', "model may not include proto"),
    ("model/codec/fine.h", HEADER + '#include "tocsin/v1/event.pb.h"\n#include "model/event.h"\n', None),
    ("engine/shell.h", HEADER + '#include "engine/pipeline.h"\n', "engine does not know its shell"),
    ("engine/shell2.h", HEADER + '#include "storage/store.h"\n', "engine may not include storage"),
    ("engine/pipeline_x.h", HEADER + '#include <thread>\n#include "storage/store.h"\n', None),
    ("escalation/lock.h", HEADER + "#include <mutex>\n", "escalation is pure: no <mutex>"),
    ("server/serve.h", HEADER + '#include "cli/cli.h"\n', "server may not include cli"),
    ("server/main.h", HEADER + '#include "cli/cli.h"\n', None),
    ("base/dice.h", HEADER + "inline int Dice() { return std::rand() % 6; }\n", "base/random.h"),
    ("storage/when.h", HEADER + "inline auto When() { return absl::Now(); }\n", "Now as an argument"),
    ("net/when.h", HEADER + "inline auto When() { return absl::Now(); }\n", None),
    ("api/thrown.h", HEADER + "inline void F() { throw 1; }\n", "absl::Status"),
    ("api/digits.h", HEADER + "inline constexpr int kMany = 1'000;\ninline void F() { throw 1; }\n", ":4: no `throw`"),
    ("api/texts.h", HEADER + 'inline const char* kText = "throw NULL \\" throw";\n', None),
    ("tests/a_test.h", HEADER + "TEST(RingTest, Is_Full) {}\n", "a name without underscores"),
    ("tests/b_test.h", HEADER + "TEST(RingTest, DISABLED_IsFull) {}\n", "a test that runs"),
    ("tests/c_test.h", HEADER + "TEST(RingTest, IsFull) { GTEST_SKIP(); }\n", "the reason"),
    ("tests/d_test.h", HEADER + 'TEST(RingTest, IsFull) { GTEST_SKIP() << "no disk"; }\n', None),
    ("cli/naked.h", "#pragma once\n", "a header begins with"),
    ("cli/orphan.cc", "int x;\n", "in no CMakeLists.txt"),
    ("cli/listed.cc", "int y;\n", None),
    ("docs/later.md", "TO" "DO: write this\n", "an unfinished thought"),
    ("docs/mine.md", "see /" "tmp/notes\n", "a path of one machine"),
    ("base/long.h", HEADER + "\n" * 499, "501 lines, at most 500"),
    ("base/function.cc", "int F(\n    int a) {\n" + "  a++;\n" * 68 + "  return a;\n}\n", "F has 72 lines"),
    ("base/function2.cc", "int F(int a) {\n" + "  a++;\n" * 67 + "  return a;\n}\n", None),
    ("web/page.md", "", "the map of folders lacks web/"),
]
OTHERS = {"README.md": "base/ model/ engine/ escalation/ server/ storage/ net/ api/ cli/ docs/ tests/\n",
          "cli/CMakeLists.txt": "add_library(cli listed.cc)\n",
          "base/CMakeLists.txt": "add_library(base function.cc function2.cc)\n"}


def main():
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in [(case[0], case[1]) for case in CASES] + list(OTHERS.items()):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        (root / "tests/tidy").mkdir(parents=True)
        for script in ("tidy.py", "format.py"):
            shutil.copy(HERE / script, root / "tests/tidy")
        (root / ".clang-format").write_text("DisableFormat: true\n")
        subprocess.run(["git", "init", "-q", root], check=True)
        result = subprocess.run([sys.executable, root / "tests/tidy/tidy.py"], capture_output=True, text=True)
    lines = result.stdout.splitlines()
    for name, _, said in CASES:
        about = [line for line in lines if line.startswith((f"{name}:", "README.md:" if name.startswith("web") else f"{name}:"))]
        if len(about) != (said is not None) or (said and said not in about[0]):
            failures += 1
            print(f"{name}: expected {said!r}, tidy said {about}")
    expected = sum(said is not None for _, _, said in CASES)
    if not re.fullmatch(rf"tidy: \d+ files, {expected} findings", lines[-1]) or result.returncode != 1:
        failures += 1
        print(f"expected {expected} findings and exit 1: {lines[-1]}, exit {result.returncode}\n{result.stderr}")
    print(f"{len(CASES)} cases, {failures} failures")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Gives every fuzz target its share of the time: run.py BINARY MINUTES [TARGET...]

Two run at a time. New inputs that reach new code stay in build/fuzz/corpus; an input that breaks a parser is kept in
tests/fuzz/corpus/TARGET/, where every build's fuzz_corpus_test gives it to the parser again: commit it with the repair.
When the minutes are too few for all, a run takes the targets that have waited longest. The last line is the verdict.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEPT = ROOT / "tests/fuzz/corpus"
GROWN = ROOT / "build/fuzz/corpus"
LEAST_SECONDS = 5  # below this a target learns nothing
AT_ONCE = 2


def last_run(target: str) -> float:
    stamp = GROWN / target / ".last"
    return stamp.stat().st_mtime if stamp.exists() else 0.0


def fuzz(binary: str, target: str, seconds: int) -> tuple[str, int, str]:
    grown = GROWN / target
    kept = KEPT / target
    grown.mkdir(parents=True, exist_ok=True)
    kept.mkdir(parents=True, exist_ok=True)
    run = subprocess.run(
        [binary, f"-max_total_time={seconds}", "-max_len=65536", "-timeout=10", "-rss_limit_mb=1024", "-use_value_profile=1",
         f"-artifact_prefix={kept}/", "-print_final_stats=1", str(grown), str(kept)],
        env={**os.environ, "TOCSIN_FUZZ_TARGET": target,
             "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=0:quarantine_size_mb=32"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace", check=False)
    (grown / ".last").touch()
    if not any(kept.iterdir()):
        kept.rmdir()
    return target, run.returncode, run.stdout


def main() -> int:
    binary, minutes, wanted = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
    listed = subprocess.run([binary, "--list"], capture_output=True, text=True, check=True).stdout.split()
    unknown = [name for name in wanted if name not in listed]
    if unknown:
        print(f"fuzz: no target {', '.join(unknown)}; there are: {' '.join(listed)}")
        return 2
    targets = sorted(wanted or listed, key=last_run)
    most = max(1, int(minutes * 60 * AT_ONCE / LEAST_SECONDS))
    targets = targets[:most]
    seconds = max(LEAST_SECONDS, int(minutes * 60 * AT_ONCE / len(targets)))
    subprocess.run([binary, "--seeds", str(GROWN)], check=True)
    print(f"fuzz: {len(targets)} of {len(listed)} targets, {seconds} s each", flush=True)
    broken = []
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for target, code, output in pool.map(lambda name: fuzz(binary, name, seconds), targets):
            runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", output)
            memory = re.search(r"stat::peak_rss_mb:\s*(\d+)", output)
            inputs = sum(1 for each in (GROWN / target).iterdir() if each.name != ".last")
            print(f"  {target}: {runs[1] if runs else '?'} runs, {inputs} inputs, {memory[1] if memory else '?'} MB"
                  f"{'' if code == 0 else '  BROKEN'}", flush=True)
            if code != 0:
                broken.append(target)
                print(output[-4000:])
    print(f"fuzz: {len(targets) - len(broken)} passed, {len(broken)} failed in {time.monotonic() - began:.0f} s"
          + (f": {' '.join(broken)}" if broken else ""))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

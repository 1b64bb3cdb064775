#!/usr/bin/env python3
"""Formats C++ with Debian 12's clang-format 14, or says what is not formatted.

    format.py [--check] [FILE...]      without files: every C++ file that git knows or would add

Version 14 crashes on some tables of structures (AlignArrayOfStructures); such a file is formatted without that option.
"""
import concurrent.futures
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def cpp_files():
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "*.h", "*.cc"],
                            capture_output=True, text=True, check=True).stdout.split("\n")
    return [ROOT / name for name in listed if name and (ROOT / name).exists()]


def formatted(path):
    command = ["clang-format-14", f"--assume-filename={path}"]
    text = path.read_bytes()
    result = subprocess.run(command, input=text, capture_output=True)
    if result.returncode < 0:
        with tempfile.NamedTemporaryFile("w") as style:
            style.write((ROOT / ".clang-format").read_text().replace("OfStructures: Left", "OfStructures: None"))
            style.flush()
            result = subprocess.run([*command, f"--style=file:{style.name}"], input=text, capture_output=True)
    if result.returncode != 0:
        raise RuntimeError(f"{path}: clang-format: {result.stderr.decode()[:500]}")
    return text, result.stdout


def main(arguments):
    check = arguments[:1] == ["--check"]
    files = [pathlib.Path(name).resolve() for name in arguments[check:]] or cpp_files()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        changed = [(path, after) for path, (before, after) in zip(files, pool.map(formatted, files)) if before != after]
    for path, after in changed:
        print(f"{path.relative_to(ROOT)}: {'not formatted, run ./dev format' if check else 'formatted'}")
        if not check:
            path.write_bytes(after)
    return check and bool(changed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

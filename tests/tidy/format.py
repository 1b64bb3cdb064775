#!/usr/bin/env python3
"""Formats C++ with Debian 12's clang-format 14, or says what is not formatted.

    format.py [--check] [FILE...]      without files: every C++ file that git knows or would add

Version 14 crashes on some tables of structures (AlignArrayOfStructures); such a file is formatted without that option.
"""
import concurrent.futures
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def available():
    return shutil.which("clang-format-14") is not None


def cpp_files():
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "*.h", "*.cc"],
                            capture_output=True, text=True, check=True).stdout.split("\n")
    return [ROOT / name for name in listed if name and (ROOT / name).exists()]


def run(path, text, style):
    return subprocess.run(["clang-format-14", f"--assume-filename={path}", f"--style={style}"], input=text, capture_output=True)


def formatted(path):
    """The text as it is and as it should be."""
    text = path.read_bytes()
    aligned = run(path, text, "file")
    if aligned.returncode == 0 and aligned.stdout == text:
        return text, text
    with tempfile.NamedTemporaryFile("w") as style:
        style.write((ROOT / ".clang-format").read_text().replace("OfStructures: Left", "OfStructures: None"))
        style.flush()
        plain = run(path, text, f"file:{style.name}")
    # What a crash left without alignment stays as it is, even where the next run would not crash.
    wanted = plain if aligned.returncode < 0 or plain.stdout == text else aligned
    if wanted.returncode != 0:
        raise RuntimeError(f"{path}: clang-format: {wanted.stderr.decode()[:500]}")
    return text, wanted.stdout


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

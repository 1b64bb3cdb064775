"""What is built and shipped is hardened: the binary's headers say so, and systemd judges the units of deploy/ to be confined. The
server does nothing that its unit forbids, as far as a start, an alert and an end show."""
import json
import re
import shutil
import signal
import subprocess

import organisation
from harness import BINARY, ROOT, Tocsin, http_request, scratch, wait_for

# The worst exposure that `systemd-analyze security` may see, of 100; and of which unit.
EXPOSURE = {"tocsin": 13, "tocsin-gateway": 13, "tocsin-backup": 19, "tocsin-drain": 19}


def readelf(*arguments):
    return subprocess.run(["readelf", "-W", *arguments, BINARY], capture_output=True, text=True, check=True).stdout


def binary():
    assert re.search(r"Type:\s+DYN \(Position-Independent Executable", readelf("-h")), "not a position-independent executable"
    segments, dynamic, symbols = readelf("-l"), readelf("-d"), readelf("--dyn-syms")
    assert "GNU_RELRO" in segments, "no RELRO"
    assert re.search(r"\(FLAGS\).*BIND_NOW|\(FLAGS_1\).*\bNOW\b", dynamic), "not bound at start: RELRO is not full"
    assert re.search(r"GNU_STACK.* RW ", segments), "an executable stack"
    assert not re.search(r"LOAD .* RWE ", segments), "a segment that is both written and executed"
    assert not re.search(r"\((RPATH|RUNPATH)\)", dynamic), "libraries are looked for where others may put them"
    assert not re.search(r"\(TEXTREL\)", dynamic), "text relocations"
    assert "__stack_chk_fail" in symbols, "no stack protector"
    fortified = set(re.findall(r"\b(__\w+_chk)@", symbols)) - {"__stack_chk_fail"}
    assert len(fortified) >= 4, f"FORTIFY_SOURCE: only {sorted(fortified)}"


def unguarded_branches():
    """Our own functions begin with endbr64, so that where the libraries allow it indirect branches are checked."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", "--disassemble=main", BINARY], capture_output=True, text=True).stdout
    first = re.search(r"<main>:\n\s*[0-9a-f]+:\s*(\S+)", text)
    assert first and first[1] == "endbr64", text[:300]


def units():
    for unit, worst in EXPOSURE.items():
        judged = subprocess.run(["systemd-analyze", "security", "--offline=true", f"--threshold={worst}",
                                 ROOT / f"deploy/systemd/{unit}.service"], capture_output=True, text=True)
        assert judged.returncode == 0, f"{unit}: {judged.stdout[-200:]}{judged.stderr}"
    assert "\nLimitCORE=0\n" in (ROOT / "deploy/systemd/tocsin.service").read_text(), "secrets would be in core dumps"


def system_calls_of(filters):
    """The names that SystemCallFilter= lets through, by systemd's own list."""
    def members(group):
        shown = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True).stdout
        names = set()
        for line in shown.splitlines()[1:]:
            word = line.strip().split("#")[0].strip()
            names |= members(word) if word.startswith("@") else {word} - {""}
        return names
    allowed = set()
    for line in filters:
        for group in line.removeprefix("~").split():
            allowed = allowed - members(group) if line.startswith("~") else allowed | members(group)
    return allowed


def system_calls():
    """False: there is no strace here."""
    if not shutil.which("strace"):
        return False
    unit = (ROOT / "deploy/systemd/tocsin.service").read_text()
    allowed = system_calls_of(re.findall(r"^SystemCallFilter=(.*)$", unit, re.MULTILINE))
    with scratch() as folder:
        config = folder / "organisation.yaml"
        config.write_text(organisation.yaml())
        with Tocsin(folder, config) as tocsin:
            tocsin.start()
            tracer = subprocess.Popen(["strace", "-f", "-c", "-o", folder / "calls", "-p", str(tocsin.child.process.pid)],
                                      stderr=subprocess.DEVNULL)
            status, body, _ = http_request(f"{tocsin.url}/v1/integrations/{organisation.GENERIC_KEY}",
                                           json.dumps([{"labels": {"alertname": "Traced"}}]).encode(), {"Content-Type": "application/json"})
            assert status == 202, body
            wait_for("a page", lambda: "Traced" in tocsin.cli("groups"))
            assert tocsin.stop() == 0
            tracer.send_signal(signal.SIGINT)
            tracer.wait()
        called = set(re.findall(r"(\w+)$", (folder / "calls").read_text(), re.MULTILINE)) - {"syscall", "total"}
        called = {name for name in called if not name.startswith("-")}
        assert called and not called - allowed, f"the unit forbids what the server calls: {sorted(called - allowed)}"
    return True


def main():
    done = 2
    binary()
    unguarded_branches()
    if shutil.which("systemd-analyze"):
        units()
        done += 1
        if system_calls():
            done += 1
        else:
            print("not run: the server's system calls against its unit, for want of strace")
    else:
        print("not run: the units, for want of systemd-analyze")
    print(f"{done} passed, 0 failed")


if __name__ == "__main__":
    main()

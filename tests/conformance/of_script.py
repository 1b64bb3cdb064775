"""Checks that are end-to-end tests already."""
import subprocess
import sys

from checks import Missing, ROOT
from harness import SKIPPED


def runs(name):
    def check(_):
        script = ROOT / "tests/e2e" / name
        if not script.exists():
            raise Missing(f"tests/e2e/{name} is not there")
        done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=600)
        if done.returncode == SKIPPED:
            raise Missing(done.stdout.strip().removeprefix("SKIPPED: "))
        if done.returncode != 0:
            print(done.stdout[-2000:] + done.stderr[-4000:])
        assert done.returncode == 0, f"{name} ended with {done.returncode}"
        return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""
    return check

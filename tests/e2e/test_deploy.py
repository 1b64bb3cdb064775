"""What lies in deploy/ fits the real binary: every metric that the rules and the dashboard name is there, Prometheus takes the
rules, and they fire when they should and not else."""
import json
import re
import shutil
import subprocess

from harness import PROGRAMS, ROOT, scratch
from test_tls import Authority, TlsTocsin, put

DEPLOY = ROOT / "deploy"


def named_metrics(text):
    """The families that expressions in `text` name."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\btocsin_[a-z0-9_]+", text)}


def exported_metrics(folder):
    authority = Authority(folder, "authority")
    put(folder, authority.issue("server"))
    (folder / "archive").mkdir()
    with TlsTocsin(folder, authority, [f"--archive={folder}/archive"]).start() as tocsin:  # some are there only with TLS, or an archive
        text = tocsin.get("/metrics")[1]
        assert tocsin.stop() == 0
    return set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))


def main():
    dashboard = json.loads((DEPLOY / "grafana/tocsin.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    assert len(expressions) > 20
    rules = (DEPLOY / "prometheus/rules.yml").read_text()
    with scratch() as folder:
        exported = exported_metrics(folder)
        for what, text in [("rules.yml", "\n".join(re.findall(r"expr: (.*(?:\n {10,}.*)*)", rules))),
                           ("tocsin.json", "\n".join(expressions)),
                           ("operations.md", (ROOT / "docs/operations.md").read_text())]:
            missing = named_metrics(text) - exported
            assert named_metrics(text) and not missing, f"{what} names metrics that do not exist: {sorted(missing)}"
        promtool = PROGRAMS / "usr/bin/promtool"
        done = "1 passed, 0 failed"
        if promtool.exists():
            shutil.copy(DEPLOY / "prometheus/rules.yml", folder)
            shutil.copy(ROOT / "tests/e2e/deploy_rules_test.yml", folder)
            for arguments in (["check", "rules", "rules.yml"], ["test", "rules", "deploy_rules_test.yml"]):
                ran = subprocess.run([str(promtool), *arguments], cwd=folder, capture_output=True, text=True)
                assert ran.returncode == 0, ran.stdout + ran.stderr
            done = "2 passed, 0 failed"
        else:
            print("not run: promtool, which is not under build/programs; ./dev fetch-programs gets it")
        print(done)


if __name__ == "__main__":
    main()

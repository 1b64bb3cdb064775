"""A server that cannot start says why and ends with 1, whatever it had begun: a configuration that is refused, a port that
another server has. The other server goes on undisturbed."""
import json
import pathlib
import re
import subprocess

import organisation
from harness import BINARY, PATIENCE, Tocsin, free_port, http_request, scratch, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]


def refused(folder, http, grpc, config):
    done = subprocess.run([str(BINARY), "serve", f"--data={folder}", f"--http={http}", f"--grpc={grpc}",
                           f"--config={config}"], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1, (done.returncode, done.stderr)
    assert "not started: " in done.stderr, done.stderr
    return done.stderr


def the_smallest_organisation_pages_one_person(folder):
    """deploy/smallest.yaml as it stands there and in the README: an alert without any key pages alice."""
    smallest = ROOT / "deploy/smallest.yaml"
    text = smallest.read_text()
    assert text in (ROOT / "README.md").read_text(), "the README shows it as it is"
    assert len(text.splitlines()) <= 15, text
    with Tocsin(folder, smallest).start() as tocsin:
        alert = json.dumps([{"labels": {"alertname": "Disk", "severity": "critical"}}]).encode()
        assert http_request(f"{tocsin.url}/api/v2/alerts", alert, {"Content-Type": "application/json"})[0] == 200
        sent = lambda: tocsin.call("PageService/ListNotifications").get("notifications")
        page = wait_for("a page to alice", sent)[0]
        assert page["user"] == "alice" and page["method"]["kind"] == "KIND_EMAIL", page
        tocsin.stop()


def the_sample_names_the_ports_that_were_chosen(folder):
    with Tocsin(folder, flags=["--sample"]).start() as tocsin:
        said = wait_for("the greeting", lambda: (text := tocsin.child.text()) and "In a second terminal" in text and text)
        assert f"tocsin groups --server {tocsin.grpc} --token-file {tocsin.data}/admin.token" in said, said
        assert f"./dev demo --http http://{tocsin.http}" in said, said
        told = re.search(r"^public_url: (.*)$", tocsin.cli("export"), re.M).group(1)
        assert told.strip("'\"") == tocsin.url, (told, "links in messages lead to the port that was chosen")
        status, page, _ = http_request(tocsin.url + "/")
        assert status == 200 and b"command line" in page, page
        assert http_request(f"{tocsin.url}/v1/heartbeats/nightly-backup?key=demo-key-for-generic")[0] == 202
        # Forms of --server, and what is said of a wrong one.
        assert "groups open" in tocsin.cli("status", "--server", f"http://{tocsin.grpc}/")
        wrong = subprocess.run([str(BINARY), "status", "--server", tocsin.http, "--token", "x"], capture_output=True, text=True,
                               timeout=PATIENCE)
        assert wrong.returncode == 1 and "no server answers at" in wrong.stderr, wrong
        # One group for an alert, and the chat room is told of it.
        tocsin.cli("send", "alertname=Disk", "service=database", "severity=critical", "--key", "demo-key-for-stream")
        wait_for("its pages", lambda: {n.get("user") or n.get("receiver") for n in tocsin.call("PageService/ListNotifications").get(
            "notifications", [])} >= {"channel"})
        assert len(tocsin.call("GroupService/ListGroups")["groups"]) == 1
        tocsin.stop()


def main():
    with scratch() as folder:
        good = folder / "organisation.yaml"
        good.write_text(organisation.yaml())
        bad = folder / "bad.yaml"
        bad.write_text("nonsense: 1\n")
        free = lambda: f"127.0.0.1:{free_port()}"
        assert "nonsense" in refused(folder / "a", free(), free(), bad)
        assert not (folder / "a").exists(), "a start that fails leaves no half of a store behind"
        several = folder / "several.yaml"
        several.write_text(organisation.yaml().replace("source: nagios", "source: nagos").replace("fallback_user: bob", "fallback_user: bbo"))
        told = refused(folder / "a", free(), free(), several)
        assert re.search(r'several.yaml:\d+:\d+: integrations.*did you mean "nagios"', told), told
        assert re.search(r'several.yaml:\d+:\d+: fallback_user.*did you mean "bob"', told), told
        assert "a folder stands there" in refused(folder / "a", free(), free(), folder)
        assert "localhost is no IP address: say 127.0.0.1:8911" in refused(folder / "a", "localhost:8911", free(), good)
        assert "is not HOST:PORT" in refused(folder / "a", "8911", free(), good)
        assert not (folder / "a").exists()
        with Tocsin(folder, good).start() as tocsin:
            assert "--grpc: cannot listen on " + tocsin.grpc in refused(folder / "b", free(), tocsin.grpc, good)
            told = refused(folder / "c", tocsin.http, free(), good)
            assert "Address already in use" in told and "--http: cannot listen on " + tocsin.http in told and "ss -ltnp" in told, told
            assert not (folder / "b").exists() and not (folder / "c").exists()
            for _ in range(10):
                assert tocsin.cli("groups").startswith("no open groups")
            tocsin.stop()
    for story in (the_smallest_organisation_pages_one_person, the_sample_names_the_ports_that_were_chosen):
        with scratch() as folder:
            story(folder)


if __name__ == "__main__":
    main()

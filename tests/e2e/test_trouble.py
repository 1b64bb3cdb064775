"""What an operator fears: the disk fills up, and nobody watches the watcher. On a small disk of its own the server refuses
alerts honestly while paging goes on, and takes them again by itself when there is room; the dead-man service hears from it
as long as pages go out."""
import json
import os
import pathlib
import subprocess

import organisation
from harness import BINARY, Child, Receiver, Tocsin, http_request, scratch, wait_for

DISK_MIB = 512
LOW_WATER_MIB = 64


def post(tocsin, name):
    """The status of an alert that is sent, and the wait that the answer asks for."""
    body = json.dumps([{"labels": {"alertname": name, "service": "web", "severity": "warning"}}]).encode()
    status, _, headers = http_request(f"{tocsin.url}/api/v2/alerts", body, {"Content-Type": "application/json"})
    return status, headers.get("Retry-After")


class OnSmallDisk(Tocsin):
    """The server in a mount namespace of its own, its data on a small disk in memory. Others see that disk through the
    process's root."""

    def start(self, wait=True):
        self.starts += 1
        self.data.mkdir(exist_ok=True)
        serve = [str(BINARY), "serve", f"--data={self.data}", f"--http={self.http}", f"--grpc={self.grpc}",
                 f"--low_water_mib={LOW_WATER_MIB}", f"--config={self.config}",
                 "--allow_webhooks_to=127.0.0.0/8"]
        mount = f"mount -t tmpfs -o size={DISK_MIB}m none '{self.data}' && exec \"$@\""
        self.child = Child(["unshare", "--mount", "--map-root-user", "sh", "-c", mount, "sh", *serve],
                           self.folder / "tocsin.log")
        if wait:
            wait_for("the server to be ready", self.ready)
        return self

    def disk(self):
        return pathlib.Path(f"/proc/{self.child.process.pid}/root{self.data}")

    def token(self):
        return (self.disk() / "admin.token").read_text().strip()


def namespaces_work():
    probe = "mount -t tmpfs none /mnt"
    return subprocess.run(["unshare", "--mount", "--map-root-user", "sh", "-c", probe], capture_output=True).returncode == 0


def full_disk(folder):
    with Receiver() as people:
        config = folder / "organisation.yaml"
        config.write_text(organisation.yaml(webhook=people.url, group_wait="6s"))
        with OnSmallDisk(folder, config).start() as tocsin:
            assert post(tocsin, "Before")[0] == 200
            filler = tocsin.disk() / "filler"
            free = os.statvfs(tocsin.disk())
            with open(filler, "wb") as file:
                file.write(b"\0" * (free.f_bavail * free.f_frsize - (LOW_WATER_MIB << 20) // 2))
            status, wait = wait_for("a refusal", lambda: (answer := post(tocsin, "Meanwhile"))[0] != 200 and answer)
            assert post(tocsin, "Refused")[0] == 503
            assert status == 503 and int(wait) > 0, (status, wait)
            assert tocsin.metric("tocsin_ingest_refused_batches_total") > 0
            # What was accepted before is paged although the disk is nearly full: its group's wait ends only now.
            wait_for("the page", lambda: any(b"Before" in r["body"] for r in people.requests))
            filler.unlink()
            wait_for("alerts to be taken again", lambda: post(tocsin, "After")[0] == 200)
            wait_for("its page", lambda: any(b"After" in r["body"] for r in people.requests))
            assert not any(b"Refused" in r["body"] for r in people.requests)
            assert tocsin.stop() == 0


def dead_man(folder):
    with Receiver() as service:
        config = folder / "organisation.yaml"
        config.write_text(organisation.yaml() + f"dead_man: {{url: '{service.url}/beat', interval: 1s}}\n")
        with Tocsin(folder, config, ["--allow_webhooks_to=127.0.0.0/8"]).start() as tocsin:
            wait_for("three heartbeats", lambda: len(service.requests) >= 3)
            assert {r["path"] for r in service.requests} == {"/beat"}
            assert tocsin.stop() == 0


def main():
    with scratch() as folder:
        dead_man(folder)
    done = "1 passed, 0 failed"
    if namespaces_work():
        with scratch() as folder:
            full_disk(folder)
        done = "2 passed, 0 failed"
    else:
        print("not run: the full disk, since mount namespaces are not allowed here")
    print(done)


if __name__ == "__main__":
    main()

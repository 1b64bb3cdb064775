"""Files that are not what they should be, and whose they are: pipes and devices without an end where a key or a certificate should stand
keep nobody waiting; a large one arrives; what root writes into a service's store belongs to the service."""
import json
import os
import pathlib
import subprocess

import organisation
from harness import BINARY, PATIENCE, Tocsin, http_request, scratch, wait_for

SERVICE = 65534  # a user who owns nothing here


def run(*arguments, **more):
    return subprocess.run([str(BINARY), *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL,
                          env={**os.environ, **more})


def no_files(folder):
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, "/dev/zero", folder):
        for arguments in (["status", "--server=127.0.0.1:1", f"--token-file={path}"],
                          ["notify-nagios", "--url=http://127.0.0.1:1", f"--spool={folder}/spool", f"--key-file={path}", "host", "h", "DOWN"]):
            done = run(*arguments, TOCSIN_TOKEN="")
            assert done.returncode != 0 and "cannot be read" in done.stderr, (arguments, done)
    config = folder / "organisation.yaml"
    text = organisation.yaml(smtp_port=9).replace("require_tls: false", f"require_tls: true, ca_file: '{pipe}'")
    config.write_text(text)
    with Tocsin(folder, config, [f"--audit_heads={pipe}"]).start() as tocsin:
        alert = json.dumps([{"labels": {"alertname": "Mailed", "severity": "critical"}}]).encode()
        status, body, _ = http_request(f"{tocsin.url}/api/v2/alerts", alert, {"Content-Type": "application/json"})
        assert status == 200, body
        wait_for("the mail to have failed", lambda: "a pipe or a device stands there" in tocsin.cli("explain", "alertname=Mailed", check=False))
        assert tocsin.stop() == 0, "and it ends, although nobody reads the pipe of the heads"


def large(folder):
    """One call is larger than what connections that have shown no token may send."""
    config = folder / "organisation.yaml"
    config.write_text(organisation.yaml())
    wide = folder / "wide.yaml"
    wide.write_text(organisation.yaml().replace("name: end-to-end", "name: wide") + ("# " + "x" * 96 + "\n") * 250_000)
    with Tocsin(folder, config).start() as tocsin:
        tocsin.cli("apply", str(wide), "-m", "wide")
        assert tocsin.call("StatusService/GetStatus")["organisation"] == "wide"
        assert tocsin.stop() == 0


def owners_of(folder):
    return {path.lstat().st_uid for path in [folder, *folder.rglob("*")]}


def whose(folder):
    config = folder / "organisation.yaml"
    config.write_text(organisation.yaml())
    with Tocsin(folder, config).start() as tocsin:
        tocsin.cli("backup", str(folder / "backup"))
        assert tocsin.stop() == 0
    for path in [tocsin.data, *tocsin.data.rglob("*")]:
        os.chown(path, SERVICE, SERVICE)
    outside = folder / "another's"
    outside.write_text("of root")
    os.link(outside, tocsin.data / "second-name")
    (tocsin.data / "link").symlink_to(outside)
    done = run("recover", "--accept-loss", f"--data={tocsin.data}")
    assert done.returncode == 0, done
    assert outside.lstat().st_uid == 0, "what has a name elsewhere stays root's"
    (tocsin.data / "second-name").unlink()
    (tocsin.data / "link").unlink()
    assert owners_of(tocsin.data) == {SERVICE}, [path for path in tocsin.data.rglob("*") if path.lstat().st_uid != SERVICE]

    home = folder / "home"
    home.mkdir()
    os.chown(home, SERVICE, SERVICE)
    done = run("restore", folder / "backup", home / "data")
    assert done.returncode == 0, done
    assert owners_of(home / "data") == {SERVICE}
    done = run("restore", folder / "backup", folder / "roots")
    assert done.returncode == 0 and owners_of(pathlib.Path(folder / "roots")) == {0}, done


def main():
    with scratch() as folder:
        no_files(folder)
    with scratch() as folder:
        large(folder)
    if os.geteuid() == 0:
        with scratch() as folder:
            whose(folder)
    print("1 passed, 0 failed" if os.geteuid() == 0 else "1 passed, 0 failed; whose files are was not looked at: that takes root")


if __name__ == "__main__":
    main()

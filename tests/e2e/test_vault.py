"""Secrets at rest: no file of the data folder, no backup, no core and no environment of the real server has a secret of the configuration or
a key of its own as it is; with the master key a store opens elsewhere, without it the server says what to do; keys are changed."""
import base64
import os
import pathlib
import re
import shutil
import signal
import subprocess

import organisation
from harness import BINARY, PATIENCE, Receiver, Tocsin, http_request, scratch, wait_for
from test_secrets import canary, configured

NAMES = ("webhook", "key", "signing", "smtp", "twilio", "slack")


def found_in(folder, secrets):
    """Which secrets stand in which files, as they are or in base64."""
    found = []
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            found += [f"{name} in {path}" for name, value in secrets.items() for form in (value.encode(), base64.b64encode(value.encode())[:-4])
                      if form in content]
    return found


def open_to_others(folder):
    """What others than its owner may do anything with."""
    return [str(path) for path in [folder, *sorted(folder.rglob("*"))] if path.stat().st_mode & 0o077]


def run(*arguments, env=None):
    return subprocess.run([str(BINARY), *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE, env={**os.environ, **(env or {})})


def page_somebody(tocsin, canaries, attempts):
    before = tocsin.metric("tocsin_attempts_total")
    status, body, _ = http_request(f"{tocsin.url}/v1/integrations/{canaries['key']}", b'[{"labels": {"alertname": "Canary", "severity": "critical"}}]',
                                   {"Content-Type": "application/json"})
    assert status == 202, body
    wait_for("attempts", lambda: tocsin.metric("tocsin_attempts_total") >= before + attempts)


def test_no_secret_is_on_the_disk_as_it_is():
    canaries = {name: canary(name) for name in NAMES}
    with scratch() as folder:
        config = folder / "organisation.yaml"
        config.write_text(configured(canaries))
        store = folder / "store"
        (store / "data").mkdir(parents=True, mode=0o755)
        with Tocsin(store, config).start() as tocsin:
            config.unlink()
            page_somebody(tocsin, canaries, 3)
            # A second version, and what is exported can be applied again without the secrets.
            exported = tocsin.cli("export")
            again = folder / "exported.yaml"
            again.write_text(exported.replace("name: end-to-end", "name: another"))
            assert "(unchanged)" in exported
            tocsin.cli("apply", str(again))
            backup = folder / "backup"
            tocsin.cli("backup", str(backup))
            assert not (backup / "secrets.key").exists() and not (backup / "admin.token").exists()
            process = tocsin.child.process.pid
            environment = pathlib.Path(f"/proc/{process}/environ").read_bytes().decode(errors="replace")
            limits = pathlib.Path(f"/proc/{process}/limits").read_text()
            assert re.search(r"Max core file size +[01] +[01] ", limits), limits
            os.kill(process, signal.SIGABRT)
            tocsin.child.process.wait(PATIENCE)
        assert not [name for name, value in canaries.items() if value in environment]
        assert found_in(folder, canaries) == []
        assert re.search(rb"sealed:1:1:", b"".join(path.read_bytes() for path in (store / "data").rglob("*.journal"))), "they are there, sealed"
        for name in ("link.key", "audit.key"):
            assert (store / "data" / name).read_text().startswith("sealed:1:"), name
        assert (store / "data/secrets.key").stat().st_mode & 0o777 == 0o600
        for tree in (store / "data", backup):  # the former was there before, for everybody
            assert open_to_others(tree) == [], open_to_others(tree)
        # Stopped and started they are still known: a signature is checked by the one that came first.
        with Tocsin(store).start() as tocsin:
            assert "(unchanged)" in tocsin.cli("export")
            assert tocsin.stop() == 0
        assert found_in(folder, canaries) == []


def test_what_is_sealed_is_used():
    secret = canary("hook")
    with scratch() as folder, Receiver() as receiver:
        config = folder / "organisation.yaml"
        config.write_text(organisation.yaml(webhook=receiver.url).replace(
            f"address: '{receiver.url}/ann'", f"address: '{receiver.url}/ann', secret_env: HOOK_SECRET"))
        os.environ["HOOK_SECRET"] = secret
        tocsin = Tocsin(folder, config, ["--allow_webhooks_to=127.0.0.0/8"])
        tocsin.start()
        del os.environ["HOOK_SECRET"]
        with tocsin:
            environment = pathlib.Path(f"/proc/{tocsin.child.process.pid}/environ").read_bytes()
            assert b"HOOK_SECRET=*" in environment and secret.encode() not in environment
            before = versions(tocsin)
            tocsin.cli("page", "--test", "ann")

            def signed():
                return [r for r in list(receiver.requests) if "Tocsin-Signature" in r["headers"]]
            check_signature(wait_for("a signed webhook", signed)[0], secret)
            # The environment is wiped; reading the files once more finds what it was.
            status, body, _ = http_request(f"{tocsin.url}/-/reload", b"", {"Authorization": f"Bearer {tocsin.token()}"}, "POST")
            assert status == 200, body
            assert versions(tocsin) == before, "nothing has changed"
            tocsin.stop()
        config.unlink()
        assert found_in(folder, {"hook": secret}) == []
        with Tocsin(folder, None, ["--allow_webhooks_to=127.0.0.0/8"]).start() as tocsin:
            before = len(receiver.requests)
            tocsin.cli("page", "--test", "ann")
            check_signature(wait_for("another", lambda: [r for r in receiver.requests[before:] if "Tocsin-Signature" in r["headers"]])[0], secret)


def check_signature(request, secret):
    import hashlib
    import hmac
    header = request["headers"]["Tocsin-Signature"]
    fields = dict(part.split("=", 1) for part in header.split(","))
    told = f"{fields['t']}.".encode() + request["body"]
    assert hmac.new(secret.encode(), told, hashlib.sha256).hexdigest() == fields["v1"], header


def test_a_store_goes_elsewhere_with_its_key_and_not_without():
    canaries = {name: canary(name) for name in NAMES}
    with scratch() as folder:
        config = folder / "organisation.yaml"
        config.write_text(configured(canaries))
        master = folder / "master"
        master.write_text(base64.b64encode(os.urandom(32)).decode() + "\n")
        first = folder / "first"
        first.mkdir()
        with Tocsin(first, config, [f"--secrets_key_file={master}"]).start() as tocsin:
            backup = folder / "backup"
            tocsin.cli("backup", str(backup))
            assert tocsin.stop() == 0
        assert not (first / "data/secrets.key").exists()
        second = folder / "second"
        second.mkdir()
        assert run("restore", backup, second / "data").returncode == 0
        refused = run("serve", f"--data={second}/data", "--http=127.0.0.1:0", "--grpc=127.0.0.1:0")
        assert refused.returncode != 0 and "--secrets_key_file" in refused.stderr, refused.stderr
        other = folder / "other"
        other.write_text("another master key that is long enough\n")
        refused = run("serve", f"--data={second}/data", "--http=127.0.0.1:0", "--grpc=127.0.0.1:0", f"--secrets_key_file={other}")
        assert refused.returncode != 0 and "holds another master key" in refused.stderr, refused.stderr
        with Tocsin(second, None, [f"--secrets_key_file={master}"]).start() as tocsin:
            page_somebody(tocsin, canaries, 3)
            assert "cannot be read" not in tocsin.child.text()
            assert tocsin.stop() == 0
        # Lost for good: what the refusal says to do.
        (second / "data/secrets.keys").unlink()
        (second / "data/link.key").unlink()
        (second / "data/audit.key").unlink()
        with Tocsin(second).start() as tocsin:
            wait_for("it to say which", lambda: "a secret of the configuration cannot be read" in tocsin.child.text())
            tocsin.cli("apply", str(config))
            page_somebody(tocsin, canaries, 3)
            assert tocsin.stop() == 0
        config.unlink()
        assert found_in(second, canaries) == []


def versions(tocsin):
    return len(tocsin.cli("versions").strip().splitlines())


def test_keys_are_changed():
    canaries = {name: canary(name) for name in NAMES}
    with scratch() as folder:
        config = folder / "organisation.yaml"
        config.write_text(configured(canaries))
        with Tocsin(folder, config).start() as tocsin:
            applied = versions(tocsin)
            assert tocsin.stop() == 0
            data = tocsin.data
            old = folder / "old.key"
            shutil.copy(data / "secrets.key", old)
            assert run("secrets", "rotate", "--data", data).returncode == 0
            tocsin.start()
            assert versions(tocsin) == applied + 1, "all secrets are sealed anew"
            assert "encrypted by key 2" in tocsin.cli("versions")
            assert "sealed" not in tocsin.cli("versions", "2"), "nothing else is another"
            tocsin.cli("rollback", "1")
            page_somebody(tocsin, canaries, 3)
            assert tocsin.stop() == 0
            tocsin.start()
            assert tocsin.stop() == 0
            done = run("secrets", "rotate", "--master", "--data", data)
            assert done.returncode == 0, done.stderr
            refused = run("serve", f"--data={data}", "--http=127.0.0.1:0", "--grpc=127.0.0.1:0", f"--secrets_key_file={old}")
            assert refused.returncode != 0 and "holds another master key" in refused.stderr, refused.stderr
            away = folder / "away.key"
            away.write_text("WqWmC4m2Vq0XwYk8b1yTtq3n0e6bJw2Zr8uQf5sHc7A=")
            assert run("secrets", "rotate", "--master", "--new-key-file", away, "--data", data).returncode == 0
            (data / "secrets.key").unlink()
            credentials = folder / "credentials"
            credentials.mkdir()
            away.rename(credentials / "secrets.key")
            os.environ["CREDENTIALS_DIRECTORY"] = str(credentials)
            try:
                tocsin.start()
            finally:
                del os.environ["CREDENTIALS_DIRECTORY"]
            page_somebody(tocsin, canaries, 1)
            assert tocsin.stop() == 0
        config.unlink()
        assert found_in(folder, canaries) == []


def main():
    tests = [value for name, value in sorted(globals().items()) if name.startswith("test_")]
    for test in tests:
        test()
        print(f"{test.__name__}: ok")
    print(f"{len(tests)} passed, 0 failed")


if __name__ == "__main__":
    main()

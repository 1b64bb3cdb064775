"""Tokens, versions of the configuration and the audit log of the real server: what was answered survives kill -9, and a token
that was revoked opens nothing afterwards."""
import json
import os
import pathlib
import subprocess
import tempfile

import organisation
from harness import BINARY, PATIENCE, Tocsin, http_request


def cli(server, token, *arguments):
    return subprocess.run([str(BINARY), *arguments], capture_output=True, text=True, timeout=PATIENCE,
                          env={**os.environ, "TOCSIN_SERVER": server.grpc, "TOCSIN_TOKEN": token})


def status(server, token):
    return http_request(f"{server.url}/tocsin.v1.AccessService/WhoAmI", b"{}",
                        {"Content-Type": "application/json", "Authorization": f"Bearer {token}"})[0]


def reloads(folder):
    """POST /-/reload changes what whoever calls could apply, and is written down in their name."""
    config = folder / "organisation.yaml"
    first = organisation.yaml(extra_users="  - {id: mia, role: admin}")
    config.write_text(first)
    with Tocsin(folder, config) as server:
        server.start()
        of_team = server.cli("token", "create", "--user", "ann", "--role", "manager", "--team", "ops").strip()
        of_all = server.cli("token", "create", "--user", "bob", "--role", "manager").strip()

        def reload(token):
            return http_request(f"{server.url}/-/reload", b"", {"Authorization": f"Bearer {token}"} if token else {})[:2]

        (folder / "applied.yaml").write_text(first.replace("{id: mia, role: admin}", "{id: mia}").replace("name: end-to-end", "name: new"))
        server.cli("apply", str(folder / "applied.yaml"), "-m", "mia is no admin any more")
        assert reload("")[0] == 403, "nobody without a token, on this machine neither"
        for token, words in ((of_team, b"belongs to none of the teams"), (of_all, b"users[mia].role")):
            code, body = reload(token)
            assert code == 403 and words in body, (code, body)
        assert "name: new" in server.cli("export")
        config.write_text(first.replace("{id: mia, role: admin}", "{id: mia}"))
        code, body = reload(of_all)
        assert code == 200 and "name: end-to-end" in server.cli("export"), (code, body)
        config.write_text("of_the_servers_files_only: 1\n")
        code, body = reload(of_all)
        assert code >= 400 and b"of_the_servers" not in body and b"log says what" in body, (code, body)
        assert "of_the_servers_files_only: unknown field" in server.child.text()
        entry = json.loads(server.cli("audit", "-o", "json"))["entries"][0]
        assert (entry["action"], entry["actor"]) == ("ApplyOrganisation", "user:bob") and entry["token"] != "0", entry
        server.stop()


def main():
    with tempfile.TemporaryDirectory() as folder:
        reloads(pathlib.Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        config = folder / "organisation.yaml"
        config.write_text(organisation.yaml())
        with Tocsin(folder, config) as server:
            server.start()
            kept = server.cli("token", "create", "--user", "ann", "--role", "responder", "--team", "ops").strip()
            gone = server.cli("token", "create", "--user", "bob", "--role", "manager").strip()
            door = server.cli("token", "create", "--role", "integration", "--integration", "generic").strip()
            made = json.loads(server.cli("token", "list", "-o", "json"))["entries"]
            number = next(entry["token"]["id"] for entry in made if entry["token"]["user"] == "bob")
            assert status(server, gone) == 200
            export = server.cli("export")
            config.write_text(organisation.yaml(step_delay="7s"))
            server.cli("apply", str(config), "-m", "slower")
            assert "7s" in server.cli("export")

            server.kill()
            server.start()
            assert status(server, kept) == 200 and status(server, gone) == 200
            server.cli("token", "revoke", f"T{number}")
            assert status(server, gone) == 401, "at once"
            server.cli("rollback", "1", "-m", "too slow")

            server.kill()
            server.start()
            assert status(server, kept) == 200
            assert status(server, gone) == 401, "a revocation that was answered is not forgotten"
            assert server.cli("export") == export, "the former configuration exactly"
            entries = json.loads(server.cli("versions", "-o", "json"))["entries"]
            assert [e["version"]["id"] for e in entries] == ["3", "2", "1"], entries
            assert entries[0]["hash"] == entries[2]["hash"] != entries[1]["hash"]
            (folder / "export.yaml").write_text(export)
            assert "nothing differs" in server.cli("apply", str(folder / "export.yaml"))

            # The integration's token is a key of its door, and opens nothing else.
            body = json.dumps({"status": "firing", "labels": {"alertname": "Disk", "service": "web"}}).encode()
            answer = http_request(f"{server.url}/v1/integrations/{door}", body, {"Content-Type": "application/json"})
            assert answer[0] in (200, 202), answer
            assert status(server, door) == 403
            refused = cli(server, kept, "apply", str(config))
            assert refused.returncode == 1 and "role manager" in refused.stderr, refused.stderr

            audit = json.loads(server.cli("audit", "-o", "json"))["entries"]
            actions = [entry["action"] for entry in audit]
            assert actions == ["RollBack", "RevokeToken", "ApplyOrganisation", "CreateToken", "CreateToken", "CreateToken",
                               "ApplyOrganisation"], actions
            text = json.dumps(audit)
            assert not any(secret in text for secret in (kept, gone, door)), "nothing in it is secret"
            server.stop()
    print("access: tokens, versions and the audit log survive kill -9; a reload is its caller's")


if __name__ == "__main__":
    main()

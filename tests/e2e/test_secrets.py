"""No secret is in anything that the server shows: canaries stand in its configuration and in what senders and callers send; the log at
every level, metrics, audit log, exports, answers, errors, environment and command line are searched for them. The data folder is not:
docs/security.md says why."""
import json
import pathlib
import re
import secrets as random

import organisation
from harness import Tocsin, free_port, http_request, scratch, wait_for

LEVELS = ["debug", "info", "warning", "error"]


def canary(name):
    return f"canary-{name}-{random.token_hex(12)}"


def configured(canaries):
    """Every kind of secret that a configuration has, of providers that are not there: what fails is told of the most."""
    text = organisation.yaml(extra_users=f"""
  - id: eve
    name: Eve
    time_zone: UTC
    contact_methods:
      - {{kind: webhook, address: 'http://127.0.0.1:{free_port()}/hook', secret: {canaries['webhook']}}}
      - {{kind: email, address: eve@example.com}}
      - {{kind: sms, address: '+15005550111'}}
      - {{kind: slack, address: U0123456789}}
""").replace("fallback_user: bob", "fallback_user: eve")
    text = text.replace("[{user: bob}]", "[{user: eve}]").replace("{user: bob}", "{user: eve}")
    text = text.replace(f"key: {organisation.GENERIC_KEY}", f"key: {canaries['key']}")
    text = text.replace("integrations:", f"integrations:\n  - {{id: signed, source: github, signing_secret: {canaries['signing']}}}", 1)
    return text + f"""
smtp: {{url: 'smtp://127.0.0.1:{free_port()}', from: 'tocsin@example.com', require_tls: false, username: u, password: {canaries['smtp']}}}
twilio: {{url: 'http://127.0.0.1:{free_port()}', account_sid: 'AC{'0' * 32}', auth_token: {canaries['twilio']}, from: '+15005550006'}}
slack: {{url: 'http://127.0.0.1:{free_port()}', token: {canaries['slack']}}}
"""


def strangers(tocsin, canaries):
    """What comes in with secrets that are wrong, in every place where one stands. Yields the answers."""
    body = json.dumps([{"labels": {"alertname": "Canary"}}]).encode()
    headers = {"Content-Type": "application/json"}
    bearer = {**headers, "Authorization": f"Bearer {canaries['bearer']}", "Cookie": f"session={canaries['cookie']}"}
    for method, path, given in [("POST", f"/v1/integrations/{canaries['url']}", headers),
                                ("POST", "/v1/integrations/generic", bearer),
                                ("POST", "/api/v2/alerts", bearer),
                                ("POST", f"/v1/heartbeats/none?key={canaries['query']}", headers),
                                ("POST", "/tocsin.v1.StatusService/GetStatus", bearer),
                                ("GET", f"/ack/{canaries['link']}", {})]:
        yield http_request(f"{tocsin.url}{path}", body if method == "POST" else None, given, method)
    yield http_request(f"{tocsin.url}/v1/integrations/{canaries['key']}", b"{broken", headers)


def told_at(folder, level, canaries):
    """All that a server with this level of the log tells."""
    config = folder / "organisation.yaml"
    config.write_text(configured(canaries))
    told = {}
    with Tocsin(folder, config, [f"--log_level={level}", "--allow_webhooks_to=127.0.0.0/8"]).start() as tocsin:
        alert = json.dumps([{"labels": {"alertname": "Canary", "severity": "critical"}}]).encode()
        status, body, _ = http_request(f"{tocsin.url}/v1/integrations/{canaries['key']}", alert, {"Content-Type": "application/json"})
        assert status == 202, body
        told["answers of doors"] = str(body) + str(list(strangers(tocsin, canaries)))
        wait_for("providers to have failed", lambda: tocsin.metric("tocsin_attempts_total") >= 3, 60)
        token = json.loads(tocsin.cli("token", "create", "--name", "canary", "--role", "viewer", "-o", "json"))
        canaries["token"] = next(value for value in token.values() if isinstance(value, str) and len(value) > 30)
        broken = folder / "broken.yaml"
        broken.write_text(configured(canaries).replace("fallback_user: eve", "fallback_user: nobody"))
        for command in (["audit", "-o", "json"], ["export"], ["export", "-o", "json"], ["versions", "-o", "json"], ["status", "-o", "json"],
                        ["groups", "-o", "json"], ["explain", "alertname=Canary"], ["events"], ["integrations"], ["token", "list", "-o", "json"],
                        ["diff", str(broken)], ["apply", str(broken)]):
            told[f"tocsin {' '.join(command)}"] = tocsin.cli(*command, check=False)
        assert "Canary" in told["tocsin groups -o json"] and "eve" in told["tocsin export"]
        told["metrics"] = http_request(f"{tocsin.url}/metrics")[1].decode()
        process = pathlib.Path(f"/proc/{tocsin.child.process.pid}")
        told["command line"] = (process / "cmdline").read_bytes().decode()
        told["environment"] = (process / "environ").read_bytes().decode(errors="replace")
        canaries["admin"] = tocsin.token()
        assert tocsin.stop() == 0
        told["log"] = tocsin.child.text()
    return told


def main():
    for level in LEVELS:
        canaries = {name: canary(name) for name in ("webhook", "key", "signing", "smtp", "twilio", "slack", "bearer", "cookie", "url",
                                                    "query", "link")}
        with scratch() as folder:
            told = told_at(folder, level, canaries)
            if level == "debug":
                assert re.search("Canary|attempt|provider", told["log"]), "the log says something"
            found = [f"{name} in {where}" for where, text in told.items() for name, value in canaries.items() if value in text]
            assert not found, found
    print(f"{len(LEVELS)} passed, 0 failed")


if __name__ == "__main__":
    main()

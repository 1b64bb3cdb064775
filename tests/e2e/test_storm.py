"""A storm with real parts: Grafana's webhook brings forty alerts; the person's Slack channel gets the first page at once and
the others in one message that counts them, again when Slack refuses it; one press acknowledges all that it names, and the messages
at Slack say so."""
import http.server
import json
import re
import threading
import time

from harness import QuietServer, Tocsin, http_request, scratch, wait_for

TOKEN = "xoxb-e2e-token"
KEY = "e2e-grafana-key-0123456789"
ALERTS = 40
BUNDLE_WINDOW = 10  # seconds: in these all forty groups have been made, on any machine


class FakeSlack:
    """chat.postMessage and chat.update: a bearer token, JSON bodies, {"ok":...} with status 200, 429 with Retry-After."""

    def __init__(self):
        self.attempts, self.messages, self.updates = [], [], []
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    return self.answer({"ok": False, "error": "invalid_auth"})
                fake.attempts.append(body)
                if len(fake.attempts) == 2:
                    return self.answer({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": "1"})
                if self.path == "/api/chat.postMessage":
                    ts = f"1700000000.{len(fake.messages):06d}"
                    fake.messages.append({**body, "ts": ts, "arrived": time.time()})
                elif self.path == "/api/chat.update":
                    ts = body["ts"]
                    if not any(each["ts"] == ts for each in fake.messages):
                        return self.answer({"ok": False, "error": "message_not_found"})
                    fake.updates.append(body)
                else:
                    return self.answer({"ok": False, "error": "unknown_method"})
                self.answer({"ok": True, "channel": "C0123ABCD", "ts": ts})

            def answer(self, body, status=200, headers=None):
                data = json.dumps(body).encode()
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = QuietServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/api"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def yaml(slack, public_url):
    return f"""
name: storm
public_url: '{public_url}'
fallback_user: ann
slack: {{url: '{slack.url}', token: {TOKEN}}}
limits: {{bundle_window: {BUNDLE_WINDOW}s}}
users: [{{id: ann, contact_methods: [{{kind: slack, address: '#alerts'}}]}}]
policies: [{{id: default, steps: [{{delay: 1h, targets: [{{user: ann}}]}}]}}]
integrations: [{{id: grafana, source: grafana, key: {KEY}}}]
route: {{policy: default, group_by: [alertname], group_wait: 0s}}
"""


def grafana(status):
    """What Grafana's unified alerting posts."""
    alerts = [{"status": status, "fingerprint": f"{i:016x}", "startsAt": "2026-01-01T00:00:00Z",
               "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else "2026-01-01T01:00:00Z",
               "labels": {"alertname": f"Storm{i:02d}", "severity": "high"}, "annotations": {"summary": "hit"},
               "generatorURL": "https://grafana.example.com/alerting/x", "valueString": "[ value=1 ]"}
              for i in range(ALERTS)]
    return json.dumps({"receiver": "tocsin", "status": status, "state": "alerting", "version": "1", "alerts": alerts,
                       "truncatedAlerts": 0, "externalURL": "https://grafana.example.com/"}).encode()


def link_in(message):
    return re.search(r'"url": "(http[^"]+/ack/[^"]+)"', json.dumps(message)).group(1)


def main():
    with scratch() as folder:
        slack = FakeSlack()
        config = folder / "tocsin.yaml"
        with Tocsin(folder, config, ["--allow_webhooks_to=127.0.0.0/8"]) as tocsin:
            config.write_text(yaml(slack, tocsin.url))
            tocsin.start()
            began = time.time()
            status, body, _ = http_request(f"{tocsin.url}/v1/integrations/{KEY}", grafana("firing"),
                                           {"Content-Type": "application/json"})
            assert status // 100 == 2, (status, body)

            wait_for("the first page", lambda: slack.messages)
            wait_for("the bundle", lambda: len(slack.messages) == 2)
            first, bundle = slack.messages
            assert re.search(r"Storm\d\d \(1 alert\)", first["text"]), first["text"]
            assert f"+{ALERTS - 2} more" in bundle["text"], bundle["text"]
            listed = len(re.findall(r"Storm\d\d", json.dumps(bundle["attachments"])))
            assert 20 <= listed < ALERTS, listed
            assert slack.attempts[1]["text"] == bundle["text"], "it came again after Slack had said 429"
            print(f"the first page after {first['arrived'] - began:.2f} s, the bundle after {bundle['arrived'] - began:.2f} s")

            # What is being held is explained, and so is the one message that told of it.
            row = next(each for each in tocsin.call("PageService/ListNotifications", page_size=100)["notifications"]
                       if each.get("members"))
            told = tocsin.cli("explain", f"B{row['id']}")
            assert len(re.findall(r"tells of N\d+, about group G\d+", told)) == ALERTS - 1, told
            member = row["members"][0]
            assert f"told by message B{row['id']}, together with others" in \
                tocsin.cli("explain", f"N{member['notification']}")

            states = lambda: [each["state"] for each in tocsin.call("GroupService/ListGroups", page_size=100)["groups"]]
            assert states().count("STATE_OPEN") == ALERTS
            status, page, _ = http_request(link_in(bundle))
            assert status == 200 and f"names {ALERTS - 1} things".encode() in page, page
            assert states().count("STATE_OPEN") == ALERTS, "looking changes nothing"
            status, page, _ = http_request(link_in(bundle), b"")
            assert status == 200 and b"is yours, ann" in page, page
            assert states().count("STATE_ACKNOWLEDGED") == ALERTS - 1, states()

            # The message about the one that has its own follows it.
            group = next(each["id"] for each in tocsin.call("GroupService/ListGroups", page_size=100)["groups"]
                         if each["state"] == "STATE_OPEN")
            tocsin.cli("ack", f"G{group}")
            wait_for("the message to say who has it", lambda: any(
                "ACKNOWLEDGED" in each["text"] and each["ts"] == first["ts"] for each in slack.updates))
            explained = tocsin.cli("explain", f"G{group}")
            assert "slack to ann" in explained, explained

            status, body, _ = http_request(f"{tocsin.url}/v1/integrations/{KEY}", grafana("resolved"),
                                           {"Content-Type": "application/json"})
            assert status // 100 == 2, (status, body)
            wait_for("the message to say that it is over",
                     lambda: any("RESOLVED" in each["text"] and each["ts"] == first["ts"] for each in slack.updates))
            wait_for("the recoveries of the others", lambda: len(slack.messages) >= 3)
            assert any("resolved meanwhile" in json.dumps(each) or "RESOLVED" in each["text"]
                       for each in slack.messages[2:])
            assert len(slack.messages) <= 6, [each["text"] for each in slack.messages]
            tocsin.stop()


if __name__ == "__main__":
    main()

"""The main job with real parts: Prometheus fires a rule; the person on call gets an e-mail through a real SMTP server; nobody
acknowledges, so the next one gets an SMS; a link acknowledges; the rule recovers; group and incident are closed."""
import contextlib
import datetime
import http.server
import json
import re
import threading
import time

import organisation
from harness import PROGRAMS, Child, FakeTwilio, Smtp, Tocsin, free_port, http_request, scratch, skip, wait_for

PROMETHEUS = PROGRAMS / "usr/bin/prometheus"
STEP_DELAY = datetime.timedelta(seconds=5)


class Exporter:
    """One metric, for Prometheus to scrape; the test sets its value."""

    def __init__(self):
        self.value = 0
        exporter = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = f"shop_down {exporter.value}\n".encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@contextlib.contextmanager
def prometheus_running(folder, exporter, tocsin):
    """As soon as it has found whom to scrape and whom to tell."""
    (folder / "rules.yml").write_text("""
groups:
  - name: shop
    rules:
      - alert: ShopDown
        expr: shop_down > 0
        labels: {severity: critical, service: web}
        annotations: {summary: 'The shop does not answer'}
""")
    (folder / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ['{folder}/rules.yml']
scrape_configs:
  - job_name: shop
    static_configs: [{{targets: ['127.0.0.1:{exporter.port}']}}]
alerting:
  alertmanagers:
    - static_configs: [{{targets: ['{tocsin.http}']}}]
""")
    address = f"127.0.0.1:{free_port()}"

    def has_found_both():
        with contextlib.suppress(OSError, ValueError):  # while it starts it says 503 in words
            target, alertmanager = (json.loads(http_request(f"http://{address}/api/v1/{what}")[1]).get("data", {})
                                    for what in ("targets", "alertmanagers"))
            return (alertmanager.get("activeAlertmanagers")
                    and any(each["health"] == "up" for each in target.get("activeTargets", [])))
        return False

    with Child([PROMETHEUS, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
                f"--web.listen-address={address}", "--rules.alert.resend-delay=5s"], folder / "prometheus.log"):
        wait_for("Prometheus to have found the exporter and tocsin", has_found_both)
        yield


def instants(tocsin, group, kind):
    """When each entry of a kind was made, by the server's own clock."""
    timeline = tocsin.call("GroupService/GetGroup", id=group)["timeline"]
    return [datetime.datetime.fromisoformat(re.sub(r"(\.\d{1,6})\d*Z$|Z$", r"\1", entry["at"])) for entry in timeline
            if entry["kind"] == kind]


def acknowledge_by_link(tocsin, mail):
    text = mail.get_payload(decode=True).decode()
    link = re.search(r"http://\S+/ack/\S+", text).group(0).rstrip(".,)")
    group = tocsin.call("GroupService/ListGroups")["groups"][0]
    assert group["state"] == "STATE_OPEN", group
    for method in ("GET", "HEAD"):  # mail scanners follow links: nothing may happen
        status, _, _ = http_request(link, method=method)
        assert status == 200, status
    assert tocsin.call("GroupService/ListGroups")["groups"][0]["state"] == "STATE_OPEN", "a GET acknowledged"
    status, body, _ = http_request(link, body=b"")
    assert status == 200 and b"Acknowledged" in body, (status, body)
    forged = link[:-2] + ("AA" if not link.endswith("AA") else "BB")
    assert http_request(forged, body=b"")[0] in (400, 403), "a forged link was taken"
    return group["id"]


def main():
    if not PROMETHEUS.exists():
        skip("prometheus is not under build/programs; ./dev fetch-programs gets it")
    with scratch() as folder, Smtp(folder) as smtp, FakeTwilio() as twilio:
        tocsin = Tocsin(folder, flags=["--allow_webhooks_to=127.0.0.0/8"])
        config = folder / "organisation.yaml"
        config.write_text(organisation.yaml(smtp_port=smtp.port, twilio=twilio, public_url=tocsin.url, step_delay=f"{STEP_DELAY.seconds}s"))
        tocsin.config = config
        exporter = Exporter()
        with tocsin.start(), prometheus_running(folder, exporter, tocsin):
            exporter.value = 1
            mail = wait_for("the mail to Ann", lambda: smtp.to("ann@example.com"))[0]
            assert "ShopDown" in mail["Subject"], mail["Subject"]
            sms = wait_for("the SMS to Bob", lambda: twilio.messages)[0]
            first, second = instants(tocsin, tocsin.call("GroupService/ListGroups")["groups"][0]["id"], "KIND_PAGED")
            assert second - first >= STEP_DELAY, f"the second step came {second - first} after the first"
            assert sms["To"] == "+15005550100" and "ShopDown" in sms["Body"], sms

            group = acknowledge_by_link(tocsin, mail)
            wait_for("what is on its way to arrive", lambda: tocsin.call("StatusService/GetStatus")["undeliveredNotifications"] == "0")
            sent = (len(smtp.mails()), len(twilio.messages))
            time.sleep(STEP_DELAY.total_seconds() + 2)
            assert (len(smtp.mails()), len(twilio.messages)) == sent, "somebody was paged after the acknowledgement"

            incidents = tocsin.call("IncidentService/ListIncidents")["incidents"]
            assert len(incidents) == 1 and "critical" in incidents[0]["openedReason"], incidents

            exporter.value = 0
            wait_for("the group to resolve", lambda: tocsin.call("GroupService/GetGroup", id=group)["group"]["state"] ==
                     "STATE_RESOLVED")
            incident = tocsin.call("IncidentService/GetIncident", id=incidents[0]["id"])
            assert incident["incident"]["groups"] == [group], incident
            kinds = [entry["kind"] for entry in incident["timeline"]]
            assert any("INCIDENT_OPENED" in kind for kind in kinds), kinds
            timeline = [entry["kind"] for entry in tocsin.call("GroupService/GetGroup", id=group)["timeline"]]
            for expected in ("OPENED", "PAGED", "NOTIFICATION_ACCEPTED", "ACKNOWLEDGED", "RESOLVED"):
                assert any(kind.endswith(expected) for kind in timeline), (expected, timeline)
            explained = tocsin.cli("explain", f"G{group}")
            assert "ann" in explained and "bob" in explained, explained
            assert tocsin.metric("tocsin_auditor_findings_total") == 0
            assert tocsin.stop() == 0
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()

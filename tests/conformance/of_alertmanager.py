"""Debian's Alertmanager as a sender: webhook, PagerDuty (v2), Opsgenie, e-mail. The doors are probed first."""
import json
import time

from checks import JSON, Missing, answers, free_port, http_request, server
from harness import Child, wait_for
from side_by_side import rfc3339, unpacked_alertmanager, why_no_alertmanager

PAGERDUTY_KEY = "R0000000000000000000000000000000"
OPSGENIE_KEY = "00000000-1111-2222-3333-444444444444"
MAIL_KEY = "mail-key-0123456789"
WEBHOOK_KEY = "alertmanager-webhook-key-0123456789"
LABELS = {"alertname": "DiskFull", "instance": "db-1", "severity": "critical"}


class Sender:
    """Alertmanager with one receiver, posted to as Prometheus would."""

    def __init__(self, folder, receiver):
        if why := why_no_alertmanager():
            raise Missing(why)
        (folder / "alertmanager.yml").write_text(
            "route: {receiver: tocsin, group_by: [alertname], group_wait: 1s, group_interval: 2s, repeat_interval: 1h}\n"
            f"receivers: [{{name: tocsin, {receiver}}}]\n")
        address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{address}"
        self.begun = time.time()
        self.child = Child([*unpacked_alertmanager(), f"--config.file={folder}/alertmanager.yml",
                            f"--storage.path={folder}/alertmanager", f"--web.listen-address={address}",
                            "--cluster.listen-address="], folder / "alertmanager.log")

    def __enter__(self):
        wait_for("Alertmanager to be ready", self.ready)
        return self

    def __exit__(self, *_):
        self.child.__exit__()

    def ready(self):
        try:
            return http_request(f"{self.url}/-/ready", timeout=2)[0] == 200
        except OSError:
            return False

    def says(self, *instances, resolved=False):
        now = time.time()
        alerts = [{"labels": {**LABELS, "instance": instance}, "annotations": {"summary": f"{instance} is full"},
                   "startsAt": rfc3339(self.begun), "endsAt": rfc3339(now if resolved else now + 300)}
                  for instance in instances]
        status, body, _ = http_request(f"{self.url}/api/v2/alerts", json.dumps(alerts).encode(), JSON)
        assert status == 200, body


def webhook(_):
    """Each alert of the group is an alert here; one recovers before the other."""
    with server(f"  - {{id: webhook, source: alertmanager, key: {WEBHOOK_KEY}}}") as tocsin:
        url = f"{tocsin.url}/v1/integrations/{WEBHOOK_KEY}"
        with Sender(tocsin.folder, f"webhook_configs: [{{url: '{url}'}}]") as sender:
            sender.says("db-1", "db-2")
            first, second = (tocsin.one(alertname="DiskFull", instance=name) for name in ("db-1", "db-2"))
            assert first["severity"] == "SEVERITY_CRITICAL", first
            tocsin.paged("DiskFull")
            sender.says("db-1", resolved=True)
            tocsin.recovers(first, alertname="DiskFull", instance="db-1")
            assert tocsin.one(alertname="DiskFull", instance="db-2")["key"] == second["key"]
            sender.says("db-2", resolved=True)
            tocsin.recovers(second, alertname="DiskFull", instance="db-2")
            tocsin.paged("DiskFull", purpose="resolved")


def group_is_one_alert(tocsin, sender):
    """PagerDuty and Opsgenie know of the group only."""
    sender.says("db-1")
    alert = wait_for("an alert for the group", lambda: [found for found in tocsin.alerts() if found["firing"]])[0]
    tocsin.paged("DiskFull")
    sender.says("db-1", "db-2")
    time.sleep(4)
    assert [found["key"] for found in tocsin.alerts()] == [alert["key"]], tocsin.alerts()
    sender.says("db-1", "db-2", resolved=True)
    wait_for("the group's alert to recover", lambda: not tocsin.alerts()[0]["firing"])
    assert [found["key"] for found in tocsin.alerts()] == [alert["key"]], tocsin.alerts()


def pagerduty(_):
    with server(f"  - {{id: pagerduty, source: pagerduty, key: {PAGERDUTY_KEY}}}") as tocsin:
        if not answers(f"{tocsin.url}/v2/enqueue", body=b"{}", headers=JSON):
            raise Missing("the door is not there")
        receiver = f"pagerduty_configs: [{{routing_key: {PAGERDUTY_KEY}, url: '{tocsin.url}/v2/enqueue'}}]"
        with Sender(tocsin.folder, receiver) as sender:
            group_is_one_alert(tocsin, sender)


def opsgenie(_):
    with server(f"  - {{id: opsgenie, source: opsgenie, key: '{OPSGENIE_KEY}'}}") as tocsin:
        if not answers(f"{tocsin.url}/v2/alerts", body=b"{}", headers=JSON):
            raise Missing("the door is not there")
        receiver = f"opsgenie_configs: [{{api_key: '{OPSGENIE_KEY}', api_url: '{tocsin.url}/', update_alerts: true}}]"
        with Sender(tocsin.folder, receiver) as sender:
            group_is_one_alert(tocsin, sender)


def email(_):
    """The mail that it fires and the mail that it has recovered meet on one alert."""
    port = free_port()
    try:
        with server(f"  - {{id: mail, source: generic, key: {MAIL_KEY}}}", [f"--smtp=127.0.0.1:{port}"]) as tocsin:
            receiver = (f"email_configs: [{{to: '{MAIL_KEY}@tocsin.example.com', from: 'am@example.org', hello: example.org, "
                        f"smarthost: '127.0.0.1:{port}', require_tls: false, send_resolved: true}}]")
            with Sender(tocsin.folder, receiver) as sender:
                sender.says("db-1")
                alert = wait_for("an alert from the mail", lambda: [found for found in tocsin.alerts() if found["firing"]])[0]
                assert "DiskFull" in json.dumps(alert), alert
                sender.says("db-1", resolved=True)
                wait_for("the alert to recover", lambda: not tocsin.alerts()[0]["firing"])
                assert [found["key"] for found in tocsin.alerts()] == [alert["key"]], tocsin.alerts()
    except AssertionError as error:
        if "Unknown command line flag" in str(error):
            raise Missing("the door is not there") from error
        raise


CHECKS = [("webhook, version 4: alert by alert", webhook), ("PagerDuty, version 2", pagerduty), ("Opsgenie", opsgenie),
          ("e-mail", email)]

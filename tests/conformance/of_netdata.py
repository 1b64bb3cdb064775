"""Netdata's alarm-notify.sh, as the agent runs it: to PagerDuty's paths over TLS (versions 1 and 2) and to its Opsgenie webhook."""
import os
import subprocess

from checks import JSON, UNPACKED, Missing, answers, need, server, tls_before, wait_for
from harness import http_request

SCRIPT = UNPACKED / "usr/lib/netdata/plugins.d/alarm-notify.sh"
PAGERDUTY_KEY = "R0000000000000000000000000000000"
OPSGENIE_KEY = "00000000-1111-2222-3333-444444444444"


def notify(folder, configuration, status, before, number):
    """As Netdata 1.37 gives it, `family` included."""
    (folder / "health_alarm_notify.conf").write_text(configuration)
    arguments = ["sysadmin", "nd1", f"10000{number}", "77", str(number), str(1700000000 + number), "disk_space", "disk.var", "var",
                 status, before, "95", "10", "10@health.d/disks.conf", "60", "120", "%", "disk is full", "95%", "10%", "", "", "0", "1"]
    environment = {**os.environ, "NETDATA_USER_CONFIG_DIR": str(folder), "NETDATA_STOCK_CONFIG_DIR": str(folder),
                   "NETDATA_CACHE_DIR": str(folder), "NETDATA_HOSTNAME": "nd1"}
    done = subprocess.run(["bash", str(SCRIPT), *arguments], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr[-1500:]


def fires_and_clears(tocsin, configuration):
    need(SCRIPT, "netdata-plugins-bash")
    notify(tocsin.folder, configuration, "WARNING", "CLEAR", 1)
    alert = wait_for("an alert", lambda: [found for found in tocsin.alerts() if found["firing"]])[0]
    notify(tocsin.folder, configuration, "CRITICAL", "WARNING", 2)
    wait_for("one alert, as bad as it is", lambda: [found["severity"] for found in tocsin.alerts() if found["firing"]] == ["SEVERITY_CRITICAL"])
    assert len(tocsin.alerts()) == 1, tocsin.alerts()
    notify(tocsin.folder, configuration, "CLEAR", "CRITICAL", 3)
    wait_for("the alert to recover", lambda: not tocsin.alerts()[0]["firing"])
    assert [found["key"] for found in tocsin.alerts()] == [alert["key"]], tocsin.alerts()


def pagerduty(version):
    def check(_):
        with server(f"  - {{id: pagerduty, source: pagerduty, key: {PAGERDUTY_KEY}}}") as plain:
            if not answers(f"{plain.url}/v2/enqueue", body=b"{}", headers=JSON):
                raise Missing("the door is not there")
            with tls_before(plain) as port:
                fires_and_clears(plain, f"""
SEND_EMAIL="NO"
SEND_SYSLOG="NO"
curl_options="--connect-timeout 5 -k --connect-to events.pagerduty.com:443:127.0.0.1:{port}"
SEND_PD="YES"
USE_PD_VERSION="{version}"
DEFAULT_RECIPIENT_PD="{PAGERDUTY_KEY}"
role_recipients_pd[sysadmin]="{PAGERDUTY_KEY}"
""")
    return check


def opsgenie(_):
    with server(f"  - {{id: opsgenie, source: opsgenie, key: '{OPSGENIE_KEY}'}}") as tocsin:
        if http_request(f"{tocsin.url}/v1/json/integrations/webhooks/netdata?apiKey={OPSGENIE_KEY}", b"{}", JSON)[0] in (404, 405):
            raise Missing("the door is not there")
        fires_and_clears(tocsin, f"""
SEND_EMAIL="NO"
SEND_SYSLOG="NO"
curl_options="--connect-timeout 5"
SEND_OPSGENIE="YES"
OPSGENIE_API_KEY="{OPSGENIE_KEY}"
OPSGENIE_API_URL="{tocsin.url}"
""")


CHECKS = [("PagerDuty, version 1", pagerduty(1)), ("PagerDuty, version 2", pagerduty(2)), ("Opsgenie's webhook for Netdata", opsgenie)]

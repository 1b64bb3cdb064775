"""Prometheus: API v2, and v1 below a path prefix. A rule fires, is sent again and recovers; the alert is one and the same."""
import contextlib
import http.server
import json
import threading

from checks import JSON, Missing, answers, free_port, http_request, need, server, wait_for
from harness import PROGRAMS, Child, QuietServer

PROMETHEUS = PROGRAMS / "usr/bin/prometheus"
RULES = """
groups:
  - name: shop
    rules:
      - alert: ShopDown
        expr: shop_down > 0
        labels: {severity: critical, service: web, empty: ''}
        annotations: {summary: 'down: <{{ $value }}> & more', unicode: 'ünïcödé'}
"""


@contextlib.contextmanager
def exporter():
    """A metric to be scraped; .value sets it."""
    class Handler(http.server.BaseHTTPRequestHandler):
        value = 0

        def do_GET(self):
            body = f"shop_down {Handler.value}\n".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    peer = QuietServer(("127.0.0.1", 0), Handler)
    Handler.port = peer.server_address[1]
    threading.Thread(target=peer.serve_forever, daemon=True).start()
    try:
        yield Handler
    finally:
        peer.shutdown()
        peer.server_close()


def has_found(url, what):
    """Whether Prometheus scrapes somebody ("targets"), or knows whom to tell ("alertmanagers"): before that it tells nobody."""
    try:
        data = json.loads(http_request(f"{url}/api/v1/{what}")[1]).get("data", {})
    except (OSError, ValueError):
        return False
    return data.get("activeAlertmanagers") or [each for each in data.get("activeTargets", []) if each["health"] == "up"]


def start(folder, metric, alerting="", rules=RULES):
    """Returns the child and its URL."""
    (folder / "rules.yml").write_text(rules)
    (folder / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s, external_labels: {{cluster: lab}}}}
rule_files: ['{folder}/rules.yml']
scrape_configs: [{{job_name: shop, static_configs: [{{targets: ['127.0.0.1:{metric.port}']}}]}}]
{alerting}
""")
    address = f"127.0.0.1:{free_port()}"
    child = Child([need(PROMETHEUS, "prometheus"), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
                   f"--web.listen-address={address}", "--rules.alert.resend-delay=2s"], folder / "prometheus.log")
    return child, f"http://{address}"


def fires_and_recovers(extra, integrations=""):
    with server(integrations) as tocsin, exporter() as metric:
        alerting = ("alerting: {alertmanagers: [{static_configs: [{targets: ['" + tocsin.http + "']}]" + extra + "}]}")
        child, url = start(tocsin.folder, metric, alerting)
        with child:
            wait_for("Prometheus to have found both", lambda: has_found(url, "targets") and has_found(url, "alertmanagers"))
            metric.value = 1
            alert = tocsin.one(alertname="ShopDown", cluster="lab")
            assert alert["severity"] == "SEVERITY_CRITICAL" and "empty" not in alert["labels"], alert
            texts = {text["name"]: text["value"] for text in alert["annotations"]}
            assert texts == {"summary": "down: <1> & more", "unicode": "ünïcödé"}, texts
            assert "/graph?g0.expr=" in alert["link"], alert
            tocsin.paged("ShopDown")
            wait_for("it to be sent again", lambda: tocsin.one(alertname="ShopDown")["received"] >= 3)
            assert tocsin.one(alertname="ShopDown")["startsAt"] == alert["startsAt"]
            metric.value = 0
            tocsin.recovers(alert, alertname="ShopDown")
            tocsin.paged("ShopDown", purpose="resolved")


def v2(_):
    fires_and_recovers("")


def below_a_prefix(_):
    key = "prometheus-door-key-0123456789"
    fires_and_recovers(f", path_prefix: /v1/integrations/{key}", f"  - {{id: door, source: prometheus, key: {key}}}")


def v1(_):
    with server() as tocsin:
        if not answers(f"{tocsin.url}/api/v1/alerts", body=b"[]", headers=JSON):
            raise Missing("the door is not there")
    fires_and_recovers(", api_version: v1")


CHECKS = [("API v2: fires, is sent again, recovers", v2), ("API v2 below a path prefix", below_a_prefix), ("API v1", v1)]

"""vmalert of VictoriaMetrics, with Prometheus as what it asks: names twice in one object, empty labels, unsorted members."""
from checks import UNPACKED, free_port, need, server, wait_for
from harness import Child
from of_prometheus import exporter, has_found, start

RULES = """
groups:
  - name: shop
    rules:
      - alert: ShopDown
        expr: shop_down > 0
        labels: {severity: warning, service: web, empty: ''}
        annotations: {summary: 'down: <{{ $value }}>'}
"""


def fires_and_recovers(_):
    vmalert = need(UNPACKED / "usr/bin/vmalert", "victoria-metrics")
    with server() as tocsin, exporter() as metric:
        rules = tocsin.folder / "vmalert.yml"
        rules.write_text(RULES)
        prometheus, url = start(tocsin.folder, metric, rules="groups: []")
        with prometheus, Child([vmalert, f"-rule={rules}", f"-datasource.url={url}", f"-notifier.url={tocsin.url}",
                                "-evaluationInterval=1s", f"-httpListenAddr=127.0.0.1:{free_port()}"],
                               tocsin.folder / "vmalert.log"):
            wait_for("Prometheus to have found the metric", lambda: has_found(url, "targets"))
            metric.value = 1
            alert = tocsin.one(alertname="ShopDown")
            assert alert["severity"] == "SEVERITY_WARNING" and "empty" not in alert["labels"], alert
            assert {"name": "summary", "value": "down: <1>"} in alert["annotations"], alert
            tocsin.paged("ShopDown")
            wait_for("it to be sent again", lambda: tocsin.one(alertname="ShopDown")["received"] >= 2)
            metric.value = 0
            tocsin.recovers(alert, alertname="ShopDown")


CHECKS = [("fires with each evaluation, recovers", fires_and_recovers)]

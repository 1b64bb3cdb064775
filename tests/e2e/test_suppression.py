"""What keeps quiet, by the real binary: inhibition over a kill, a maintenance window from the command line, a dependency.
Each is a reason that `tocsin explain` tells, and when it ends what still fires is paged."""
import json
import re
import time

import organisation
from harness import Tocsin, http_request, scratch, wait_for

MORE = """
inhibition_rules:
  - {id: cluster-down, source_matchers: ['alertname="ClusterDown"'], target_matchers: ['severity="warning"'], equal: [cluster]}
time_intervals:
  - {id: always, time_intervals: [{times: ['00:00-24:00']}]}
"""


def organisation_yaml():
    text = organisation.yaml(group_wait="0s", step_delay="10m")
    text = text.replace("services:\n", "services:\n"
                        "  - {id: database, matchers: ['service=\"database\"']}\n"
                        "  - {id: shop, matchers: ['service=\"shop\"'], depends_on: [database], hold_back: true}\n")
    text = text.replace("group_interval: 2s}", "group_interval: 2s, routes: ["
                        "{id: quiet, matchers: ['service=\"batch\"'], mute_time_intervals: [always]}]}")
    return text + MORE


def send(tocsin, status="firing", **labels):
    body = json.dumps({"status": status, "labels": labels, "severity": labels.get("severity", "critical")}).encode()
    code, answer, _ = http_request(f"{tocsin.url}/v1/integrations/{organisation.GENERIC_KEY}", body,
                                   {"Content-Type": "application/json"}, "POST")
    assert code in (200, 202), (code, answer)


def explained(tocsin, alertname, part):
    def look():
        told = tocsin.cli("explain", f'alertname="{alertname}"', check=False)
        return told if part in told else ""
    return wait_for(f"`tocsin explain {alertname}` to say {part!r}", look)


def inhibition(tocsin):
    send(tocsin, alertname="ClusterDown", cluster="a")
    for number in range(8):  # in several shards
        send(tocsin, alertname=f"Slow{number}", cluster="a", severity="warning")
    send(tocsin, alertname="SlowElsewhere", cluster="b", severity="warning")
    for number in range(8):
        explained(tocsin, f"Slow{number}", 'inhibited by rule cluster-down: {alertname="ClusterDown", cluster="a"')
    explained(tocsin, "SlowElsewhere", "people are being paged")
    tocsin.kill()
    tocsin.start()
    for number in range(8):
        explained(tocsin, f"Slow{number}", 'inhibited by rule cluster-down: {alertname="ClusterDown", cluster="a"')
    assert "inhibited" in tocsin.cli("alerts")
    send(tocsin, status="resolved", alertname="ClusterDown", cluster="a")
    for number in range(8):
        explained(tocsin, f"Slow{number}", "people are being paged")


def daily(begin, end):
    """The times of a window from hour to hour, over midnight or not, and when it ends."""
    times = [(begin, end)] if begin < end else [(begin, 24), (0, end)]
    return ",".join(f"{a:02}:00-{b:02}:00" for a, b in times if a < b), f"{end:02}:00"


def maintenance(tocsin):
    made = tocsin.cli("maintenance", "add", "--service", "web", "--for", "1h", "--comment", "patching").split()[0]
    send(tocsin, alertname="WebSlow", service="web")
    explained(tocsin, "WebSlow", f"in maintenance {made} of service web: patching")
    assert made in tocsin.cli("maintenance", "list")
    assert "in maintenance" in tocsin.cli("groups")
    tocsin.cli("maintenance", "end", made)
    explained(tocsin, "WebSlow", "people are being paged")
    weekly = tocsin.cli("maintenance", "add", "cluster=c", "--weekdays", "saturday", "--times",
                     "22:00-24:00,00:00-02:00", "--zone", "Europe/Berlin").split()[0]
    assert "saturday 22:00-24:00,00:00-02:00 Europe/Berlin" in tocsin.cli("maintenance")
    # One that comes round: until when this time, and that it will be back.
    hour = time.gmtime().tm_hour  # hours before and after now are in it, whatever the time is
    times, until = daily((hour - 6) % 24, (hour + 6) % 24)
    nightly = tocsin.cli("maintenance", "add", "cluster=d", "--times", times, "--comment", "nightly").split()[0]
    send(tocsin, alertname="Nightly", cluster="d")
    told = explained(tocsin, "Nightly", f"in maintenance {nightly}")
    assert re.search(rf"in maintenance {nightly}, until 20\d\d-\d\d-\d\d {until}:00 UTC", told), told
    assert "and comes round again" in told and f"maintenance window {nightly} ends; if it still fires then" in told
    tocsin.cli("maintenance", "end", nightly)
    tocsin.cli("maintenance", "end", weekly)


def intervals_and_dependencies(tocsin):
    send(tocsin, alertname="BatchLate", service="batch")
    explained(tocsin, "BatchLate", "muted by route quiet inside of time interval always")
    send(tocsin, alertname="DatabaseDown", service="database")
    explained(tocsin, "DatabaseDown", "people are being paged")
    send(tocsin, alertname="ShopDown", service="shop")
    told = explained(tocsin, "ShopDown", "service shop depends on database, which is broken (G")
    for part in ("service database is broken: group G", "is critical; it is open, and people are being paged",
                 "once no service that it depends on is broken: what still fires then: group G", "pages ann"):
        assert part in told, (part, told)
    send(tocsin, status="resolved", alertname="DatabaseDown", service="database")
    explained(tocsin, "ShopDown", "people are being paged")


def main():
    with scratch() as folder:
        config = folder / "organisation.yaml"
        config.write_text(organisation_yaml())
        tocsin = Tocsin(folder, config, ["--shards=2"]).start()
        try:
            inhibition(tocsin)
            maintenance(tocsin)
            intervals_and_dependencies(tocsin)
        finally:
            tocsin.stop()
    print("ok")


if __name__ == "__main__":
    main()

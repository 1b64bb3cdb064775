"""PagerDuty's Events API on the real binary: what is answered yes survives a kill, a trigger and its resolve meet, versions 1 and 2
share one key, what is not an event is refused in PagerDuty's words, and what was dropped is told of."""
import concurrent.futures
import json

import organisation
from harness import Tocsin, http_request, scratch, wait_for

KEY = "R0000000000000000000000000000000"


def post(tocsin, path, body, content_type="application/json"):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    status, answer, headers = http_request(f"{tocsin.url}{path}", raw, {"Content-Type": content_type})
    return status, json.loads(answer), headers


def v2(tocsin, action, key=None, **payload):
    event = {"routing_key": KEY, "event_action": action}
    if key is not None:
        event["dedup_key"] = key
    if action == "trigger":
        event["payload"] = {"summary": "disk is full", "source": "web-3", "severity": "critical", **payload}
    return post(tocsin, "/v2/enqueue", event)


def v1(tocsin, kind, key, **more):
    return post(tocsin, "/generic/2010-04-15/create_event.json/",
                {"service_key": KEY, "event_type": kind, "incident_key": key, "description": "disk is full", "payload": None, **more},
                "application/x-www-form-urlencoded")


def alerts(tocsin, state="STATE_ACTIVE"):
    return tocsin.call("AlertService/ListAlerts", state=state, page_size=1000).get("alerts", [])


def main():
    with scratch() as folder:
        run(folder)
    print("1 passed, 0 failed")


def run(folder):
    config = folder / "organisation.yaml"
    config.write_text(organisation.yaml().replace(
        "integrations:\n", f"integrations:\n  - {{id: pagerduty, source: pagerduty, key: {KEY}}}\n"))
    with Tocsin(folder, config) as tocsin:
        tocsin.start()
        status, answer, _ = v2(tocsin, "trigger", "disk", **{"class": "DiskFull", "custom_details": {"free": "1%"}})
        assert (status, answer) == (202, {"status": "success", "message": "Event processed", "dedup_key": "disk"}), answer
        group = wait_for("its group", lambda: tocsin.call("GroupService/ListGroups").get("groups"))[0]
        assert "DiskFull" in json.dumps(group), group

        # Again: the same alert. Acknowledged at its source; then resolved by the other version of the API.
        assert v2(tocsin, "trigger", "disk", **{"class": "DiskFull"})[0] == 202
        assert len(alerts(tocsin)) == 1
        assert v2(tocsin, "acknowledge", "disk")[0] == 202
        wait_for("the acknowledgement", lambda: "ACKNOWLEDGED" in json.dumps(tocsin.call("GroupService/ListGroups")["groups"][0]))
        status, answer, _ = v1(tocsin, "resolve", "disk")
        assert (status, answer["incident_key"]) == (200, "disk"), answer
        assert alerts(tocsin) == []

        # After that the same key is a new alert; without a key each trigger is one.
        assert v2(tocsin, "trigger", "disk")[0] == 202
        keys = {v2(tocsin, "trigger")[1]["dedup_key"] for _ in range(3)}
        assert len(keys) == 3 and len(alerts(tocsin)) == 4, keys

        # What was answered yes is there after a kill.
        tocsin.kill()
        tocsin.start()
        assert len(wait_for("the alerts", lambda: alerts(tocsin))) == 4
        for key in keys:
            assert v2(tocsin, "resolve", key)[0] == 202
        assert v1(tocsin, "resolve", "disk")[0] == 200
        assert alerts(tocsin) == []

        # A trigger and its resolve in each of many hands: the last word of each key stands.
        def flap(key):
            for action in ("trigger", "resolve", "trigger", "resolve"):
                assert v2(tocsin, action, key)[0] == 202
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(flap, [f"flap{i}" for i in range(40)]))
        assert alerts(tocsin) == []

        # Changes are kept, and nobody is told of them.
        status, answer, _ = post(tocsin, "/v2/change/enqueue", {"routing_key": KEY, "payload": {"summary": "web 1.2 is live", "source": "ci"}})
        assert (status, answer) == (202, {"status": "success", "message": "Change event processed"}), answer
        assert alerts(tocsin) == []

        # What is dropped and what is refused.
        assert v2(tocsin, "acknowledge", "nothing")[0] == 202
        told = tocsin.cli("explain", "alertname=Nothing", check=False)
        assert 'integration pagerduty: acknowledge of "nothing", which is not open' in told, told
        status, answer, _ = post(tocsin, "/v2/enqueue", b"{\"routing_key\": ")
        assert (status, answer["status"], answer["errors"]) == (400, "Unrecognized object", ["JSON parse error"]), answer
        status, answer, _ = post(tocsin, "/v2/enqueue", {"routing_key": "x" * 32, "event_action": "trigger",
                                                         "payload": {"summary": "s", "source": "s", "severity": "info"}})
        assert (status, answer["errors"]) == (400, ["Invalid routing key"]), answer
        assert http_request(f"{tocsin.url}/v2/enqueue")[0] == 405


if __name__ == "__main__":
    main()

"""Opsgenie's API on the real binary: alerts are made, found, acknowledged and closed by their aliases, what became of a request is known
before its 202, order is kept, a kill loses nothing, people are paged, and acknowledging here shows there."""
import concurrent.futures
import json
import urllib.parse

import organisation
from harness import Tocsin, http_request, scratch, wait_for

KEY = "00000000-1111-2222-3333-444444444444"


def ask(tocsin, method, target, body=None, key=KEY):
    raw = json.dumps(body).encode() if body is not None else None
    status, answer, headers = http_request(f"{tocsin.url}{target}", raw, {"Authorization": f"GenieKey {key}"}, method)
    return status, json.loads(answer), {name.lower(): value for name, value in headers.items()}


def do(tocsin, method, target, body=None):
    """A 202; returns what became of the request, asked for at once."""
    status, answer, headers = ask(tocsin, method, target, body)
    assert status == 202 and headers["x-request-id"] == answer["requestId"], (status, answer, headers)
    status, told, _ = ask(tocsin, "GET", f"/v2/alerts/requests/{answer['requestId']}")
    assert status == 200, told
    return told["data"]


def get(tocsin, alias):
    status, answer, _ = ask(tocsin, "GET", f"/v2/alerts/{urllib.parse.quote(alias)}?identifierType=alias")
    assert status == 200, answer
    return answer["data"]


def count(tocsin, query):
    return ask(tocsin, "GET", "/v2/alerts/count?query=" + urllib.parse.quote(query))[1]["data"]["count"]


def firing(tocsin):
    return len(tocsin.call("AlertService/ListAlerts", state="STATE_ACTIVE", page_size=1000).get("alerts", []))


def life(tocsin):
    made = do(tocsin, "POST", "/v2/alerts/", {"message": "disk is full", "alias": "my/alias x", "priority": "P1", "details": {"rack": 12}})
    assert made["success"] and made["status"] == "Created alert" and made["alertId"], made
    group = wait_for("its group", lambda: [g for g in tocsin.call("GroupService/ListGroups").get("groups", []) if g.get("flushed")])[0]
    tocsin.cli("ack", f"G{group['id']}")
    wait_for("the acknowledgement to show there", lambda: get(tocsin, "my/alias x")["acknowledged"])
    assert do(tocsin, "POST", "/v2/alerts", {"message": "again", "alias": "my/alias x"})["success"]
    alert = get(tocsin, "my/alias x")
    assert alert["count"] == 2 and alert["message"] == "disk is full" and alert["details"] == {"rack": "12"}, alert
    assert do(tocsin, "POST", "/v2/alerts/my/alias%20x/notes/?identifierType=alias", {"note": "n"})["success"]
    assert do(tocsin, "POST", "/v2/alerts/my/alias%20x/close/?identifierType=alias", {})["status"] == "Closed alert"
    assert firing(tocsin) == 0
    assert not do(tocsin, "POST", "/v2/alerts/unknown/close?identifierType=alias")["success"]


def main():
    with scratch() as folder:
        config = folder / "organisation.yaml"
        config.write_text(organisation.yaml().replace(
            "integrations:\n", f"integrations:\n  - {{id: opsgenie, source: opsgenie, key: {KEY}}}\n"))
        with Tocsin(folder, config) as tocsin:
            tocsin.start()
            life(tocsin)

            # Created and closed within a moment, in many hands: all are closed at the end, and nothing fires.
            def flap(name):
                do(tocsin, "POST", "/v2/alerts", {"message": name, "alias": name, "tags": ["flap"]})
                do(tocsin, "POST", f"/v2/alerts/{name}/close?identifierType=alias")
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                list(pool.map(flap, [f"flap{i}" for i in range(40)]))
            assert count(tocsin, "tag: flap AND status: closed") == 40 and count(tocsin, "status: open") == 0
            assert firing(tocsin) == 0

            # A kill loses nothing that was answered.
            for i in range(5):
                do(tocsin, "POST", "/v2/alerts", {"message": f"kept {i}", "alias": f"kept{i}", "priority": f"P{i + 1}"})
            tocsin.kill()
            tocsin.start()
            wait_for("the alerts", lambda: firing(tocsin) == 5)
            assert count(tocsin, "status: open AND priority: (P1 OR P2)") == 2
            page = ask(tocsin, "GET", "/v2/alerts?limit=2&sort=tinyId&order=asc&query=" + urllib.parse.quote("message: kept"))[1]
            assert [a["message"] for a in page["data"]] == ["kept 0", "kept 1"], page
            follow = page["paging"]["next"].removeprefix(tocsin.url)
            assert [a["message"] for a in ask(tocsin, "GET", follow)[1]["data"]] == ["kept 2", "kept 3"], page["paging"]

            # Heartbeats, who is on call, Netdata's own path, and a key that is none.
            assert ask(tocsin, "POST", "/v2/heartbeats", {"name": "backup", "interval": 1, "intervalUnit": "days"})[0] == 201
            assert ask(tocsin, "GET", "/v2/heartbeats/backup/ping")[1]["result"] == "PONG - Heartbeat received"
            assert ask(tocsin, "GET", "/v2/schedules/primary/on-calls?flat=true")[1]["data"]["onCallRecipients"] == ["ann"]
            netdata = f"{tocsin.url}/v1/json/integrations/webhooks/netdata?apiKey={KEY}"
            pasted = b'{"host":"nd1","alarmId":77,"name":"disk","status":"CRITICAL","value":95,"info":"disk "full" <x>"}'
            assert http_request(netdata, pasted)[0] == 200
            assert firing(tocsin) == 6
            assert http_request(netdata, pasted.replace(b"CRITICAL", b"CLEAR"))[0] == 200
            assert firing(tocsin) == 5
            assert ask(tocsin, "POST", "/v2/alerts", {"message": "m"}, key="wrong")[0] == 401
            assert tocsin.stop() == 0
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()

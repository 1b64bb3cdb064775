"""@pagerduty/pdjs, PagerDuty's own JavaScript client: trigger, acknowledge, resolve, a change event. It speaks https only."""
import json
import os
import subprocess

from checks import JSON, NODE, Missing, answers, need, server, tls_before

KEY = "R0000000000000000000000000000000"
SCRIPT = """
const { event, change } = require('@pagerduty/pdjs');
const [server, key, what] = process.argv.slice(2);
const payload = { summary: 'disk is full', source: 'web-3', severity: 'critical', custom_details: { free: '1%', list: [1, null] } };
const data = { routing_key: key, event_action: what, dedup_key: 'disk/web-3' };
const call = what === 'change' ? change({ server, data: { routing_key: key, payload: { summary: 'deployed' } } })
                               : event({ server, data: what === 'trigger' ? { ...data, payload } : data });
call.then(({ data, response }) => console.log(JSON.stringify({ status: response.status, data })))
    .catch((error) => { console.error(error); process.exit(1); });
"""


def call(folder, port, what):
    need(NODE / "node_modules/@pagerduty/pdjs", "@pagerduty/pdjs")
    script = folder / "client.js"
    script.write_text(SCRIPT)
    done = subprocess.run(["node", str(script), f"127.0.0.1:{port}", KEY, what], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "NODE_PATH": str(NODE / "node_modules"), "NODE_TLS_REJECT_UNAUTHORIZED": "0"})
    assert done.returncode == 0, done.stderr[-800:]
    return json.loads(done.stdout)


def life_of_an_event(_):
    with server(f"  - {{id: pagerduty, source: pagerduty, key: {KEY}}}") as tocsin:
        if not answers(f"{tocsin.url}/v2/enqueue", body=b"{}", headers=JSON):
            raise Missing("the door is not there")
        with tls_before(tocsin) as port:
            answer = call(tocsin.folder, port, "trigger")
            assert answer["status"] == 202 and answer["data"]["dedup_key"] == "disk/web-3", answer
            alert = tocsin.one(source="web-3")
            assert alert["severity"] == "SEVERITY_CRITICAL", alert
            tocsin.paged("disk is full")
            assert call(tocsin.folder, port, "acknowledge")["status"] == 202
            assert call(tocsin.folder, port, "trigger")["status"] == 202
            assert call(tocsin.folder, port, "resolve")["status"] == 202
            tocsin.recovers(alert, source="web-3")


def change_event(_):
    with server(f"  - {{id: pagerduty, source: pagerduty, key: {KEY}}}") as tocsin:
        if not answers(f"{tocsin.url}/v2/change/enqueue", body=b"{}", headers=JSON):
            raise Missing("the door is not there")
        with tls_before(tocsin) as port:
            answer = call(tocsin.folder, port, "change")
            assert answer["status"] == 202 and answer["data"]["status"] == "success", answer
            assert not [alert for alert in tocsin.alerts() if alert["firing"]], "a change is no alert"


CHECKS = [("trigger, acknowledge, resolve", life_of_an_event), ("a change event", change_event)]

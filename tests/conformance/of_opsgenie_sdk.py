"""opsgenie-sdk, Opsgenie's own client for Node: create, get by alias, acknowledge, note, close, list."""
import json
import os
import subprocess

from checks import JSON, NODE, Missing, answers, need, server

KEY = "00000000-1111-2222-3333-444444444444"
SCRIPT = """
const opsgenie = require('opsgenie-sdk');
const [host, key] = process.argv.slice(2);
opsgenie.configure({ api_key: key, host, maxAttempts: 1 });
const alias = 'my/alias x';
const by = { identifier: alias, identifierType: 'alias' };
const step = (name, ...args) => new Promise((resolve, reject) =>
  opsgenie.alertV2[name](...args, (error, answer) => error ? reject(new Error(name + ': ' + JSON.stringify(error))) : resolve(answer)));
(async () => {
  const told = {};
  told.create = await step('create', { message: 'disk is full', alias, tags: ['t'], details: { k: 'v' }, priority: 'P1' });
  told.get = await step('get', by);
  told.acknowledge = await step('acknowledge', by, { note: 'mine' });
  told.note = await step('addNote', by, { note: 'looking' });
  told.list = await step('list', { query: 'status:open', apiKey: process.argv[3] });  // of itself it sends no key here
  told.close = await step('close', by, { note: 'done' });
  console.log(JSON.stringify(told));
})().catch((error) => { console.error(error); process.exit(1); });
"""


def life_of_an_alert(_):
    with server(f"  - {{id: opsgenie, source: opsgenie, key: '{KEY}'}}") as tocsin:
        if not answers(f"{tocsin.url}/v2/alerts", body=b"{}", headers=JSON):
            raise Missing("the door is not there")
        need(NODE / "node_modules/opsgenie-sdk", "opsgenie-sdk")
        script = tocsin.folder / "client.js"
        script.write_text(SCRIPT)
        done = subprocess.run(["node", str(script), tocsin.url, KEY], capture_output=True, text=True, timeout=60,
                              env={**os.environ, "NODE_PATH": str(NODE / "node_modules")})
        assert done.returncode == 0, done.stderr[-800:]
        told = json.loads(done.stdout)
        assert told["get"]["data"]["alias"] == "my/alias x" and told["get"]["data"]["priority"] == "P1", told["get"]
        assert any(alert["alias"] == "my/alias x" for alert in told["list"]["data"]), told["list"]
        ended = [alert for alert in tocsin.alerts() if not alert["firing"]]
        assert len(ended) == 1 and len(tocsin.alerts()) == 1, tocsin.alerts()
        tocsin.paged("disk is full")


CHECKS = [("create, get, acknowledge, note, list, close", life_of_an_alert)]

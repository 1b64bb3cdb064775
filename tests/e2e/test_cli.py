"""The command line itself, on the real binary: every command that prints data prints it as JSON when asked, and whatever goes
wrong is answered with what to do."""
import json
import os
import re
import subprocess

import organisation
from harness import BINARY, PATIENCE, Tocsin, http_request, scratch, wait_for


def run(tocsin, *arguments, **env):
    return subprocess.run([str(BINARY), *arguments], capture_output=True, text=True, timeout=PATIENCE,
                          env={**os.environ, "TOCSIN_SERVER": tocsin.grpc, "TOCSIN_TOKEN": tocsin.token(), **env})


def as_json(tocsin, *arguments, **env):
    done = run(tocsin, *arguments, "-o", "json", **env)
    assert done.returncode == 0, (arguments, done)
    return json.loads(done.stdout)


def groups_of(tocsin, *names):
    for name in names:
        body = json.dumps({"status": "firing", "labels": {"alertname": name}, "severity": "critical"}).encode()
        http_request(f"{tocsin.url}/v1/integrations/{organisation.GENERIC_KEY}", body,
                     {"Content-Type": "application/json"}, "POST")
    def look():
        found = {label["value"]: f"G{group['id']}" for group in as_json(tocsin, "groups")["groups"]
                 for label in group["labels"]}
        return [found[name] for name in names] if set(names) <= set(found) else None
    return wait_for("the groups", look)


def every_command_speaks_json(tocsin, folder, config):
    a, b, c = groups_of(tocsin, "Aa", "Bb", "Cc")
    payload = folder / "payload.json"
    payload.write_text('{"status": "firing", "labels": {"alertname": "x"}}')
    changed = folder / "changed.yaml"
    changed.write_text(config.read_text().replace("name: end-to-end", "name: changed"))
    backup, restored = folder / "backup", folder / "restored"
    for command in (
            ["apply", changed, "--dry-run"], ["apply", changed, "--reason", "x"], ["export"], ["diff", config],
            ["versions"], ["versions", "1"], ["versions", "1", "2"], ["rollback", "1"], ["audit"], ["token", "list"],
            ["token", "show"], ["status"], ["alerts"], ["groups"], ["groups", a], ["search", "alertname"], ["explain", a],
            ["explain", "user", "ann"], ["events"], ["top", "--once"], ["snooze", a, "--for", "1h"], ["unack", a],
            ["ack", a], ["merge", b, "--into", c], ["split", b], ["reroute", c], ["escalate", c], ["note", c, "hello"],
            ["reassign", c, "ann"], ["ask", c, "ann", "--note", "help"], ["policy", "simulate", "default", "--for", "2h"],
            ["resolve", c], ["silence", "list"], ["maintenance", "list"], ["oncall"], ["oncall", "primary", "--days", "3"],
            ["incident", "list"], ["page", "--test", "ann"], ["page", "ann", "--title", "no orders"], ["parse", "--source", "generic", payload],
            ["backup", backup], ["verify", backup], ["restore", backup, restored], ["verify", "--data", restored],
            ["recover", "--accept-loss", "--data", restored]):
        assert as_json(tocsin, *map(str, command)) is not None, command
    assert as_json(tocsin, "verify", str(restored))["kind"] == "store"

    silence = as_json(tocsin, "silence", "add", "a=b", "--for", "1h")["id"]
    assert int(as_json(tocsin, "silence", "expire", f"S{silence}")["sequence"]) > 0
    window = as_json(tocsin, "maintenance", "add", "--service", "web", "--for", "1h")["id"]
    assert int(as_json(tocsin, "maintenance", "end", f"M{window}")["sequence"]) > 0
    incident = as_json(tocsin, "incident", "open", "T")["id"]
    assert as_json(tocsin, "incident", "show", f"I{incident}")["incident"]["title"] == "T"
    token = as_json(tocsin, "token", "create", "--name", "x", "--role", "viewer")["id"]
    as_json(tocsin, "token", "revoke", f"T{token}")


def orders_to_terminals(folder):
    """What a payload or an argument says is printed as text, whatever a terminal would do with it."""
    payload = folder / "hostile.json"
    payload.write_text('[{"labels": {"alertname": "a\\u009b31mRED\\u202etxt", "severity": "critical"}}]')
    parsed = subprocess.run([str(BINARY), "parse", "--source", "generic", str(payload)], capture_output=True, check=True)
    assert not re.search(rb"\xc2\x9b|\xe2\x80\xae", parsed.stdout), parsed.stdout
    assert json.loads(parsed.stdout)["labels"]["alertname"] == "a\u009b31mRED\u202etxt", parsed.stdout
    refused = subprocess.run([str(BINARY), "verify", "--data", "/nowhere\x1b[31mRED"], capture_output=True)
    assert refused.returncode != 0 and b"nowhere" in refused.stderr and b"\x1b" not in refused.stderr, refused.stderr


def sending(tocsin):
    key = organisation.STREAM_KEY
    sent = as_json(tocsin, "send", "alertname=Sent", "severity=critical", "--key", key, "--explain")
    assert sent["outcomes"] == ["OUTCOME_NEW"] and sent["explanations"][0]["routes"] == ["root"], sent
    assert "explanations" not in as_json(tocsin, "send", "alertname=Sent", "--key", key) or \
        not as_json(tocsin, "send", "alertname=Sent", "--key", key)["explanations"]
    wait_for("its group", lambda: "part of group G" in tocsin.cli("send", "alertname=Sent", "--key", key, "--explain"))
    tocsin.cli("silence", "add", "alertname=Hushed", "--for", "1h")
    told = tocsin.cli("send", "alertname=Hushed", "--key", key, "--explain")
    assert re.search(r"silenced, durable as journal entry \d+\nnobody is paged for it: it is silenced by S\d+, until 20", told)
    shown = re.search(r"`tocsin (explain [0-9a-f]{32})` tells the rest", told).group(1)
    assert "silenced by S" in tocsin.cli(*shown.split())


# Command, exit code, what it says, all of it.
WRONG = [
    (["groups", "G99"], 1, "group G99 does not exist", "`tocsin groups --all` lists"),
    (["groups", "X1"], 2, '"X1" is not G followed by a number', "such as G17"),
    (["ack", "G99"], 1, "group G99 is not known", "`tocsin groups --all` lists"),
    (["ack"], 2, "which one?", "for example G17"),
    (["explain", "N99"], 1, "notification N99 does not exist", "`tocsin explain P9`"),
    (["explain", "user", "zed"], 1, 'user "zed" does not exist', "`tocsin export`"),
    (["incident", "show", "I99"], 1, "incident I99 does not exist", "`tocsin incident list --all`"),
    (["incident", "open", "T", "--severity", "9"], 2, '--severity: "9" is no number from 1 to 5', ""),
    (["alerts", "--limit", "many"], 2, '--limit: "many" is no number from 1 to 1000', ""),
    (["silence", "expire", "S99"], 1, "silence S99 is not known", "`tocsin silence list --all`"),
    (["silence", "add", "a=b", "--for", "x"], 2, '"x" is not a duration', "such as 30m"),
    (["maintenance", "end", "M99"], 1, "maintenance window M99 is not known", "`tocsin maintenance list --all`"),
    (["oncall", "nope"], 1, 'schedule "nope" does not exist', "`tocsin oncall` lists"),
    (["oncall", "nope", "--days", "3"], 1, 'schedule "nope"', "`tocsin oncall` lists"),
    (["page", "ann"], 2, "say what it is about", "--title"),
    (["page", "pet:ann", "--title", "x"], 2, '"pet:ann": people are named', "team:db"),
    (["reassign", "G17"], 2, "say whom", "schedule:primary"),
    (["ask", "I99", "ann"], 1, "I99 is not known", ""),
    (["policy", "simulate"], 2, "say which policy", "tocsin policy simulate NAME"),
    (["policy", "simulate", "nope"], 1, 'policy "nope" does not exist', ""),
    (["page", "--test", "nope"], 1, 'user "nope" does not exist', "`tocsin export`"),
    (["token", "revoke", "T99"], 1, "token T99 is not known", "`tocsin token list`"),
    (["rollback", "99"], 1, "version 99 of the configuration is not kept", "`tocsin versions`"),
    (["send", "a=b", "--key", "wrong"], 1, "has no integration with this key", "`tocsin export`"),
    (["send", "a=b"], 2, "--key KEY is missing", "source: stream"),
    (["parse", "--source", "generic", "x", "-o", "table"], 2, '--output: "table" is not json', ""),
    (["groups", "-o", "xml"], 2, "--output: xml is neither table nor json", ""),
    (["verify", "-o", "xml"], 2, "--output: xml is neither table nor json", ""),
    (["status", "--silences-older", "x"], 2, '"x" is not a duration', "such as 30m"),
    (["audit", "--object", "zz"], 2, '--object: "zz" is neither', "G17"),
    (["audit", "--action", "Bogus"], 2, '--action: there is no "Bogus"', "AcknowledgeGroup"),
    (["send", "a=b", "--severity", "bogus", "--key", "k"], 2, '--severity: "bogus" is none of critical', ""),
    (["diff"], 2, "which YAML files?", "- is standard input"),
    (["gruops"], 2, "there is no command gruops", "did you mean `tocsin groups`?"),
]


def errors_say_what_to_do(tocsin, folder):
    for command, code, what, advice in WRONG:
        done = run(tocsin, *command)
        assert done.returncode == code and what in done.stderr and advice in done.stderr, (command, done)
    for command in (["groups"], ["ack", "G1"], ["backup", str(folder / "no")], ["top", "--once"]):
        done = run(tocsin, *command, TOCSIN_TOKEN="tocsin_wrong")
        assert done.returncode == 1 and "does not let the token of $TOCSIN_TOKEN in" in done.stderr, (command, done)
        assert "`tocsin token create`" in done.stderr, (command, done)
    viewer = as_json(tocsin, "token", "create", "--name", "v", "--role", "viewer")["token"]
    done = run(tocsin, "ack", "G1", TOCSIN_TOKEN=viewer)
    assert "needs the role responder" in done.stderr and "`tocsin token show`" in done.stderr, done
    for command in (["groups"], ["ack", "G1"], ["send", "a=b", "--key", "k"], ["backup", str(folder / "no")], ["events"],
                    ["demo"]):
        done = run(tocsin, *command, TOCSIN_SERVER="127.0.0.1:1")
        assert done.returncode == 1 and "no server answers at 127.0.0.1:1 ($TOCSIN_SERVER says so)" in done.stderr, \
            (command, done)
    nowhere = folder / "nowhere"
    done = run(tocsin, "recover", "--accept-loss", "--data", str(nowhere))
    assert done.returncode == 1 and "there is no store" in done.stderr and not nowhere.exists(), done


def from_standard_input(tocsin):
    exported = tocsin.cli("export")
    def diff(text):
        done = subprocess.run([str(BINARY), "diff", "-"], input=text, capture_output=True, text=True, timeout=PATIENCE,
                              env={**os.environ, "TOCSIN_SERVER": tocsin.grpc, "TOCSIN_TOKEN": tocsin.token()})
        assert done.returncode == 0, done
        return done.stdout
    assert "nothing differs" in diff(exported)
    assert "+ teams[new].name: New" in diff(exported.replace("teams:\n", "teams:\n  - id: new\n    name: New\n", 1))


def main():
    with scratch() as folder:
        config = folder / "organisation.yaml"
        config.write_text(organisation.yaml(group_wait="0s", step_delay="10m"))
        with Tocsin(folder, config, ["--shards=2"]).start() as tocsin:
            every_command_speaks_json(tocsin, folder, config)
            sending(tocsin)
            from_standard_input(tocsin)
            errors_say_what_to_do(tocsin, folder)
            orders_to_terminals(folder)
            assert tocsin.stop() == 0
    print("ok")


if __name__ == "__main__":
    main()

"""Whether people can be reached, by the real binary: self-tests go out and their links confirm them, the roster names whoever may not be
reached, a step pages somebody besides such a person, and kill -9 forgets none of it."""
import datetime
import json
import re

import organisation
from harness import Receiver, Tocsin, http_request, scratch, wait_for


def early_afternoon():
    """A zone in which it is one o'clock now, whenever this runs: tests are sent in people's daytime."""
    offset = (13 - datetime.datetime.now(datetime.timezone.utc).hour + 12) % 24 - 12
    return f"Etc/GMT{-offset:+d}" if offset else "Etc/GMT"


def configured(folder, people):
    zone = early_afternoon()
    # Nothing may be sent into the network that cleo's webhook is in.
    cleo = f"  - {{id: cleo, time_zone: {zone}, contact_methods: [{{kind: webhook, address: 'http://10.255.255.1/cleo'}}]}}"
    text = organisation.yaml(webhook=people.url, group_wait="0s", step_delay="30m", extra_users=cleo)
    for old in ("Europe/Vienna, contact", "America/New_York, contact"):
        assert old in text
        text = text.replace(old, f"{zone}, contact")
    assert "participants: [[{user: ann}]]" in text
    text = text.replace("participants: [[{user: ann}]]", "participants: [cleo]") + "self_tests: {interval: 30d}\n"
    path = folder / "o.yaml"
    path.write_text(text)
    return path


def told(people, user, purpose):
    messages = [json.loads(request["body"]) for request in people.requests if request["path"] == f"/{user}"]
    return [message for message in messages if message["purpose"] == purpose]


def contacts(tocsin):
    entries = tocsin.call("ReachService/ListContactMethods")["entries"]
    return {entry["user"]: entry for entry in entries}


def has(tocsin, user, state):
    return lambda: contacts(tocsin)[user]["state"] == f"STATE_{state}"


def press(tocsin, message):
    path = "/ack/" + message["acknowledge_url"].rsplit("/", 1)[1]
    status, page, _ = http_request(tocsin.url + path)
    assert status == 200 and b"Did it reach you?" in page, page
    status, page, _ = http_request(tocsin.url + path, b"", method="POST")
    assert status == 200 and b"Confirmed" in page, page


def self_tests(tocsin, people):
    """Everybody is asked once; who answers is verified."""
    tests = {user: wait_for(f"a self-test of {user}", lambda user=user: told(people, user, "test")) for user in ("ann", "bob")}
    for user, (test,) in tests.items():
        assert f"does webhook reach {user}?" in test["title"] and "Nothing is wrong" in test["body"], test
    for user in tests:
        wait_for(f"{user}'s test to be taken", lambda user=user: contacts(tocsin)[user].get("acceptedAt"))
        assert has(tocsin, user, "UNVERIFIED")(), "who has only looked has not answered"
    wait_for("cleo's to fail", has(tocsin, "cleo", "FAILING"))
    tocsin.kill()
    tocsin.start()
    press(tocsin, tests["bob"][0])
    assert has(tocsin, "bob", "VERIFIED")()
    tocsin.kill()
    tocsin.start()
    states = {user: entry["state"] for user, entry in contacts(tocsin).items()}
    assert states == {"ann": "STATE_UNVERIFIED", "bob": "STATE_VERIFIED", "cleo": "STATE_FAILING"}, states
    for state in ("unverified", "verified", "failing"):
        assert tocsin.metric(f'tocsin_contact_methods{{state="{state}"}}') == 1, state


def roster(tocsin):
    assert re.search(r"cleo may not be reached by webhook: what was sent last, at .* has failed", tocsin.cli("oncall"))
    listed = tocsin.cli("contacts", "--doubtful")
    assert re.search(r"cleo +webhook +failing +primary", listed) and "bob" not in listed, listed
    assert "1 verified, 1 unverified, 1 failing; self-tests are sent" in listed, listed
    assert "ann" not in tocsin.cli("contacts", "--on-call") and "confirmed at" in tocsin.cli("contacts", "bob")
    assert "has failed" in tocsin.cli("explain", "user", "cleo")


def widened(tocsin, people):
    """Cleo is on call and may not be reached: bob, of the next step, is paged with her."""
    alerts = [{"labels": {"alertname": "DiskFull", "severity": "critical"}}]
    assert http_request(f"{tocsin.url}/api/v2/alerts", json.dumps(alerts).encode(), {"Content-Type": "application/json"})[0] == 200
    page, = wait_for("bob to be paged", lambda: told(people, "bob", "page"))
    assert "since cleo may not be reached" in page["body"], page
    explained = tocsin.cli("explain", 'alertname="DiskFull"')
    assert "pages besides bob (named directly), since cleo may not be reached (cleo: webhook: what was sent last has failed" in explained
    # The link of a page confirms where it went, too.
    before = contacts(tocsin)["bob"]["confirmedAt"]
    status, answer, _ = http_request(tocsin.url + "/ack/" + page["acknowledge_url"].rsplit("/", 1)[1], b"", method="POST")
    assert status == 200 and b"It is yours, bob" in answer, answer
    assert contacts(tocsin)["bob"]["confirmedAt"] != before


def main():
    with scratch() as folder, Receiver() as people:
        with Tocsin(folder, config=configured(folder, people), flags=["--allow_webhooks_to=127.0.0.0/8"]).start() as tocsin:
            self_tests(tocsin, people)
            roster(tocsin)
            widened(tocsin, people)
            for user in ("ann", "bob"):
                assert len(told(people, user, "test")) == 1, "once, whatever was killed"
            # Another address is another contact method, of which nothing is known.
            text = (folder / "o.yaml").read_text()
            (folder / "o.yaml").write_text(text.replace("10.255.255.1/cleo", "10.255.255.1/elsewhere").replace("30d}", "30d, enabled: false}"))
            tocsin.cli("apply", str(folder / "o.yaml"))
            assert has(tocsin, "cleo", "UNVERIFIED")() and has(tocsin, "bob", "VERIFIED")(), contacts(tocsin)
            assert "self-tests are not sent" in tocsin.cli("contacts")
    print("ok")


if __name__ == "__main__":
    main()

"""C3: a provider that accepts and never delivers, and C1p: two of a kind. They speak Twilio's protocol, answer 201, and report what they have
delivered, signed, at the address that they were given; or they report nothing, and nothing arrives. Nobody could tell the two apart by their answers."""
import base64
import hashlib
import hmac
import json
import threading
import time
import urllib.parse

from ground import Provider, event, groups_of, http_request, post, reply, settle, wait_for, world

PATIENCE = 10  # twilio.receipt_timeout; 45 s where nothing is said


class Telephone(Provider):
    """Twilio's Messages resource. `delivers`: a report follows each message, and the handset has it."""

    def __init__(self, sid="AC" + "0" * 32, token="secret-token"):
        super().__init__()
        self.sid, self.token = sid, token
        self.delivers = True
        self.trouble = None  # what is done instead of taking a message: a function of a connection and a request
        self.asked = []      # when, and what for
        self.accepted, self.reports = [], []  # (text, sid, StatusCallback); statuses of answers to reports
        self.rule("/", self.take)

    def take(self, connection, request):
        expected = "Basic " + base64.b64encode(f"{self.sid}:{self.token}".encode()).decode()
        if request["headers"].get("authorization") != expected:
            return reply(401, b'{"code": 20003}')(connection, request)
        form = dict(urllib.parse.parse_qsl(request["body"].decode(), strict_parsing=True))
        self.asked.append((time.monotonic(), form["Body"]))
        if self.trouble:
            return self.trouble(connection, request)
        message = f"SM{len(self.accepted):032x}"
        self.accepted.append((form["Body"], message, form.get("StatusCallback", "")))
        reply(201, json.dumps({"sid": message, "status": "queued"}).encode())(connection, request)
        if self.delivers:
            threading.Thread(target=self.report, args=self.accepted[-1][1:], daemon=True).start()
        return None

    def sign(self, url, form):
        text = url + "".join(name + form[name] for name in sorted(form))
        return base64.b64encode(hmac.new(self.token.encode(), text.encode(), hashlib.sha1).digest()).decode()

    def report(self, message, url, status="delivered", signature=None):
        form = {"AccountSid": self.sid, "MessageSid": message, "MessageStatus": status}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature or self.sign(url, form)}
        answer = http_request(url, urllib.parse.urlencode(form).encode(), headers, "POST")[0]
        self.reports.append(answer)
        return answer

    def about(self, name):
        return [each for each in self.accepted if name in each[0]]


def by_telephone(telephone, next_methods, more=""):
    """An edit of the organisation: ann has an SMS first, and a webhook that no rule names."""
    def edit(text):
        first = text.index("contact_methods: [", text.index("{id: ann"))
        end = text.index("]", first)
        methods = (f"contact_methods: [{{kind: sms, id: first, address: '+15005550101'}}, {{kind: webhook, id: second, address: '{next_methods}/ann-next'}}], "
                   "notification_rules: [{method: first}]")
        text = text[:first] + methods + text[end + 1:]
        return text.replace("steps:\n      - {delay: 0s,", "steps:\n      - {delay: 1h,") + more + (
            f"twilio: {{url: '{telephone.url}', account_sid: '{telephone.sid}', auth_token: '{telephone.token}', from: '+15005550006', "
            f"receipts: true, receipt_timeout: {PATIENCE}s}}\n")
    return edit


def with_second(second):
    return (f"second_twilio: {{url: '{second.url}', account_sid: '{second.sid}', auth_token: '{second.token}', from: '+15005550007', "
            f"receipts: true, receipt_timeout: {PATIENCE}s}}\n")


def row_about(tocsin, name):
    """The SMS about an alert; None as long as there is none."""
    group = next((g for g in groups_of(tocsin) if g["labels"] == [{"name": "alertname", "value": name}]), None)
    rows = tocsin.call("GroupService/GetGroup", id=group["id"])["notifications"] if group else []
    return next((row for row in rows if row["method"]["id"] == "first"), None)


def timeline_of(tocsin, name):
    group = next(g for g in groups_of(tocsin) if g["labels"] == [{"name": "alertname", "value": name}])
    return [entry["text"] for entry in tocsin.call("GroupService/GetGroup", id=group["id"])["timeline"]]


def sms_of(tocsin):
    return next(c for c in tocsin.call("ChannelService/ListChannels")["channels"] if c["kind"] == "KIND_SMS")


def fire(tocsin, name):
    assert post(tocsin.url, [event(name, severity="critical")]) == 202


def accepts_and_delivers_nothing(options):
    with Telephone() as telephone, Provider() as honest:
        with world(provider=honest, edit=by_telephone(telephone, honest.url)) as (tocsin, _, _):
            tocsin.config.write_text(tocsin.config.read_text().replace("http://127.0.0.1:8911", tocsin.url))
            tocsin.start()
            next_of = lambda name: honest.of("/ann-next", f'\\"{name}\\"')
            fire(tocsin, "Before")
            wait_for("a receipt", lambda: (row_about(tocsin, "Before") or {}).get("state") == "STATE_DELIVERED")
            assert telephone.reports == [204], telephone.reports
            assert telephone.report("SM1", telephone.accepted[0][2], signature="AAAA") == 403, "an unsigned report was taken"

            telephone.delivers = False
            fire(tocsin, "Lies")
            wait_for("an SMS", lambda: telephone.about("Lies"))
            accepted = time.monotonic()
            assert not next_of("Lies")
            wait_for("the next method of whom nothing reached", lambda: next_of("Lies"), PATIENCE + 20)
            took = time.monotonic() - accepted
            assert took >= PATIENCE - 2, f"after {took:.1f} s already"
            assert any("has not said since" in text and "next contact method" in text for text in timeline_of(tocsin, "Lies"))

            # Whoever has it is not asked once more; a server that is killed meanwhile has not forgotten to ask.
            fire(tocsin, "Taken")
            wait_for("an SMS", lambda: telephone.about("Taken"))
            group = next(g for g in groups_of(tocsin) if g["labels"] == [{"name": "alertname", "value": "Taken"}])
            tocsin.call("GroupService/AcknowledgeGroup", id=group["id"])
            fire(tocsin, "Killed")
            wait_for("an accepted SMS", lambda: (row_about(tocsin, "Killed") or {}).get("state") == "STATE_ACCEPTED")
            tocsin.kill()
            tocsin.start()
            wait_for("the next method after a restart", lambda: next_of("Killed"), PATIENCE + 20)
            wait_for("the score to fall", lambda: sms_of(tocsin)["failing"] and int(sms_of(tocsin)["score"]["lost"]) >= 2)
            assert "takes messages and delivers none" in tocsin.cli("status")
            assert tocsin.metric("tocsin_channel_undelivered_seconds") > 0
            assert tocsin.metric("tocsin_channel_failing_seconds") > 0

            telephone.delivers = True
            fire(tocsin, "After")
            wait_for("a receipt", lambda: (row_about(tocsin, "After") or {}).get("state") == "STATE_DELIVERED")
            late = telephone.about("Lies")[0]
            assert telephone.report(*late[1:]) == 204, "a late report"
            assert not sms_of(tocsin)["failing"]
            assert tocsin.metric("tocsin_channel_undelivered_seconds") == 0
            settle(tocsin)
            time.sleep(PATIENCE + 2)
            for name, times in (("Before", 0), ("Lies", 1), ("Taken", 0), ("Killed", 1), ("After", 0)):
                assert len(next_of(name)) == times, f"{name} went on by the next method {len(next_of(name))} times"
                assert len(telephone.about(name)) == 1, f"{name} was sent {len(telephone.about(name))} times"
            assert tocsin.metric("tocsin_auditor_findings_total") == 0
    return f"the next method {took:.1f} s after the provider's yes, with {PATIENCE} s to wait for"



def hang(connection, _):
    while connection.recv(65536):
        pass
    return False


def two_providers(options):
    """The first refuses, hangs, or takes everything and delivers nothing: the second has the page, at once or within half a minute. The first is
    asked again by itself when it works."""
    with Telephone() as first, Telephone("AC" + "1" * 32, "other-token") as second, Provider() as honest:
        with world(provider=honest, edit=by_telephone(first, honest.url, with_second(second))) as (tocsin, _, _):
            tocsin.config.write_text(tocsin.config.read_text().replace("http://127.0.0.1:8911", tocsin.url))
            tocsin.start()

            def delivered(name):
                return (row_about(tocsin, name) or {}).get("state") == "STATE_DELIVERED"

            def failed_over(name):
                """Seconds from the first's attempt to the second's."""
                wait_for(f"{name} by the second", lambda: second.about(name), 40)
                asked = {provider: next(at for at, text in provider.asked if name in text) for provider in (first, second)}
                wait_for("its receipt", lambda: delivered(name))
                return asked[second] - asked[first]
            fire(tocsin, "Fine")
            wait_for("a receipt by the first", lambda: delivered("Fine"))
            assert not second.asked

            first.trouble = hang
            fire(tocsin, "Hangs")
            hung = failed_over("Hangs")
            assert hung <= 30, f"{hung:.1f} s from a provider that hangs to the second"
            fire(tocsin, "Behind")
            wait_for("the next one by the second", lambda: delivered("Behind"))
            assert not any("Behind" in text for _, text in first.asked), "the first was asked again although it hangs"
            assert sms_of(tocsin)["score"]["fails"] and not sms_of(tocsin)["second"]["fails"] and not sms_of(tocsin)["failing"]
            assert "the second provider" in tocsin.cli("status")
        with world(provider=honest, edit=by_telephone(first, honest.url, with_second(second))) as (tocsin, _, _):
            tocsin.config.write_text(tocsin.config.read_text().replace("http://127.0.0.1:8911", tocsin.url))
            tocsin.start()
            first.trouble = reply(503, b'{"code": 20503, "message": "out of service"}')
            fire(tocsin, "Refuses")
            refused = failed_over("Refuses")
            assert refused < 5, f"{refused:.1f} s from a refusal to the second"
            assert len(second.about("Refuses")) == 1 and "(repeat)" not in second.about("Refuses")[0][0]
            tocsin.kill()
            tocsin.start()
            fire(tocsin, "Later")
            wait_for("the next one by the second, after a restart too", lambda: delivered("Later"))
            assert not any("Later" in text for _, text in first.asked)
            settle(tocsin)
            assert tocsin.metric("tocsin_auditor_findings_total") == 0
    return f"{hung:.1f} s from a provider that hangs to the second, {refused:.2f} s from one that refuses"

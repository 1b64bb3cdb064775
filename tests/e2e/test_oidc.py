"""People who log in by a provider of OpenID Connect, against the real server and a provider on a real socket: the flow, at a browser and
at a terminal; who is let in as whom, and with which roles; what forged tokens, other browsers, other providers and providers that are
down, slow or hostile come to; and no secret in the store, the log or any answer."""
import html
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import threading
import time
import urllib.parse

import organisation
from harness import BINARY, PATIENCE, Tocsin, free_port, http_request, wait_for
from oidc_provider import Browser, Key, Provider

PASSWORD = "correct horse battery"
ANN = {"sub": "subject-of-ann", "email": "ann@example.com", "email_verified": True, "preferred_username": "ann", "sid": "session-1"}


def people(text):
    return text.replace("  - {id: bob,", "  - {id: eve, contact_methods: [{kind: email, address: 'eve@example.com'}]}\n  - {id: bob,", 1)


class World:
    def __init__(self, folder, server, provider, config):
        self.folder, self.server, self.provider, self.config = folder, server, provider, config
        self.start = f"{server.url}/login/oidc/company/start"
        self.file = folder / "sign_in.yaml"

    def write(self, more="", other=""):
        self.file.write_text(f"""
providers:
  - name: company
    label: Company <account>
    issuer: {self.provider.issuer}
    client_id: {self.provider.client_id}
    client_secret_file: {self.folder / "client.secret"}
    roles: [{{group: sre, role: manager}}, {{group: web, role: responder, team: ops}}]
{more}
{other}
""")

    def reload(self):
        """Reads the file again, and waits until that is done: the log says so."""
        count = self.log().count("people may log in by providers")
        self.server.child.process.send_signal(signal.SIGHUP)
        wait_for("the file to be read", lambda: self.log().count("people may log in by providers") > count)

    def log(self):
        return (self.folder / "tocsin.log").read_text(errors="replace")

    def in_as(self, browser):
        """Whose session the browser has; None: nobody's."""
        status, text, _ = browser.ask(self.server.url + "/session")
        return json.loads(text)["user"] if status == 200 else None

    def me(self, browser):
        csrf = json.loads(browser.ask(self.server.url + "/session")[1])["csrf"]
        status, text, _ = browser.ask(f"{self.server.url}/tocsin.v1.AccessService/WhoAmI", "{}",
                                      {"Content-Type": "application/json", "X-Tocsin-Csrf": csrf})
        assert status == 200, text
        return json.loads(text)

    def logs_in(self, user, **claims):
        self.provider.person = {**ANN, **claims}
        browser = Browser()
        status, text, headers = browser.log_in(self.start)
        assert status == 200 and f"You are {user}." in text, (status, text)
        assert self.in_as(browser) == user
        return browser

    def is_refused(self, words, status=None, **claims):
        self.provider.person = {**ANN, **claims}
        browser = Browser()
        code, text, _ = browser.log_in(self.start)
        assert code >= 400 and words in html.unescape(text), (words, code, text)
        assert status in (None, code), (status, code)
        assert self.in_as(browser) is None and "tocsin-session" not in str(browser.cookies), browser.cookies


def provider_is_down(world, port):
    """The server is ready, passwords work, the page shows the button; who presses it is told what is wrong."""
    status, text, headers = Browser().ask(world.server.url + "/login")
    assert status == 200 and "Log in by Company &lt;account&gt;" in text and "<script" not in text, text
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    status, text, _ = Browser().ask(world.start)
    assert status == 502 and "its discovery document cannot be had" in html.unescape(text), (status, text)
    code = world.server.cli("user", "invite", "bob").strip()
    assert world.server.call("SignInService/AcceptInvitation", invitation=code, password=PASSWORD)["user"] == "bob"
    assert world.server.call("SignInService/SignIn", user="bob", password=PASSWORD)["token"]


def first_logins(world):
    browser = world.logs_in("ann")
    jar = str(browser.cookies)
    assert "tocsin-login" not in jar and "tocsin-session" in jar, jar
    status, text, _ = browser.ask(world.server.url + "/login")
    assert status == 200 and "You are ann." in text, text
    assert "of ann: browser, by company" in world.server.cli("audit", "-o", "json")
    # The identity is ann's by now: the address may change, and whoever has it later is not ann.
    world.logs_in("ann", email="ann.married@example.com")
    world.is_refused("another identity of this provider", sub="somebody-new", email="ann@example.com")
    world.is_refused("no verified e-mail address", sub="eves", email="eve@example.com", email_verified=False)
    world.is_refused("to nobody here", sub="zoes", email="zoe@example.com")
    world.logs_in("eve", sub="eves", email="EVE@example.com")
    world.server.kill()
    world.server.start()
    assert world.in_as(browser) == "ann", "what was answered survives kill -9"
    world.logs_in("ann", email="ann.again@example.com")
    return browser


def roles(world):
    assert world.me(world.logs_in("ann"))["role"] == "ROLE_VIEWER"
    me = world.me(world.logs_in("ann", groups=["sre", "others"]))
    assert me["role"] == "ROLE_MANAGER", me
    me = world.me(world.logs_in("eve", sub="eves", groups="web"))
    assert me["role"] == "ROLE_VIEWER" and me["teamRoles"] == [{"team": "ops", "role": "ROLE_RESPONDER"}], me
    # Groups that stand in the userinfo alone; and one of somebody else is not believed.
    world.provider.more = {"groups": ["sre"]}
    assert world.me(world.logs_in("ann"))["role"] == "ROLE_MANAGER"
    world.provider.more = {"groups": ["sre"], "sub": "somebody-else"}
    world.is_refused("its userinfo is of another sub")
    world.provider.more = {}


def rotation(world):
    """A key that is not known is asked for, at once; and one that is nowhere is not asked for again and again."""
    provider = world.provider
    new = Key(world.folder / "keys", "second")
    provider.keys, provider.signing = [new, provider.keys[1]], new
    world.logs_in("ann")
    provider.signing = Key(world.folder / "keys", "third")
    asked = provider.asked.count("/jwks")
    for _ in range(3):
        world.is_refused("publishes no key")
    assert provider.asked.count("/jwks") <= asked + 1, provider.asked
    provider.signing = new


def forged(world):
    provider, now = world.provider, int(time.time())
    for words, claims in {"iss: the token is of": {"iss": "https://evil.example"}, "aud: the token is for another": {"aud": "other"},
                          "azp: is missing": {"aud": ["tocsin", "other"]}, "azp: the token was made": {"azp": "other"},
                          "nonce: the token answers": {"nonce": "x" * 43}, "exp: the token ran out": {"exp": now - 3600},
                          "exp: is missing": {"exp": None}, "iat: the token was made": {"iat": now + 3600},
                          "nbf: the token is good from": {"nbf": now + 3600}, "sub: is missing": {"sub": None},
                          "at_hash: the access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}}.items():
        provider.claims = claims
        world.is_refused(words)
    provider.be_good()
    for words, header, signer in (("signed by \"none\"", {}, "none"), ("signed by \"HS256\"", {}, "hs256"),
                                  ("signature is wrong", {}, "foreign"), ("publishes no key", {"alg": "ES256"}, "key"),
                                  ("extensions that are not", {"crit": ["exp"]}, "key"), ("no ID token", {"typ": "at+jwt"}, "key")):
        provider.header, provider.signer = header, signer
        world.is_refused(words)
        provider.be_good()
    # A key that the token brings along is not looked at.
    provider.header, provider.signer = {"jwk": provider.foreign.jwk(), "jku": provider.issuer + "/jwks"}, "foreign"
    world.is_refused("signature is wrong")
    provider.be_good()
    provider.signing = provider.keys[1]
    world.logs_in("ann")
    provider.signing = provider.keys[0]


def confused_browsers(world, other):
    """Login CSRF, replay, mix-up."""
    world.provider.person = ANN
    mine, attackers = Browser(), Browser()
    lead = attackers.back(world.start)
    for browser in (mine, Browser()):
        status, text, _ = browser.ask(lead)
        assert status == 400 and world.in_as(browser) is None, text
        browser.to_provider(world.start)  # and with a login of one's own under way
        status, text, _ = browser.ask(lead)
        assert status == 400 and "another login" in text and world.in_as(browser) is None, text
    assert attackers.ask(lead)[0] == 200
    # The same answer again, also with the cookie that it came with.
    browser = Browser()
    lead = browser.back(world.start)
    kept = json.loads(json.dumps(browser.cookies))
    assert browser.ask(lead)[0] == 200
    again = Browser()
    again.cookies = kept
    status, text, _ = again.ask(lead)
    assert status == 400 and "was here already" in text and world.in_as(again) is None, text
    # An answer of one provider at the door of another, and one that says it is of another.
    browser = Browser()
    lead = browser.back(world.start)
    status, text, _ = browser.ask(lead.replace("/company/", "/other/"))
    assert status == 400 and "another provider" in text and world.in_as(browser) is None, text
    for change in (lambda url: url.replace(urllib.parse.quote(world.provider.issuer, safe=""), "https%3A%2F%2Fevil.example"),
                   lambda url: re.sub("&iss=[^&]*", "", url), lambda url: url + "&state=x", lambda url: url + "&code=x"):
        browser = Browser()
        status, text, _ = browser.ask(change(browser.back(world.start)))
        assert status == 400 and world.in_as(browser) is None, text
    # A code with another login's verifier: the provider refuses it, and its words are shown as text.
    one, two = Browser(), Browser()
    lead, foreign = one.back(world.start), two.back(world.start)
    code = re.search("code=([^&]*)", foreign).group(1)
    status, text, _ = one.ask(re.sub("code=[^&]*", "code=" + code, lead))
    assert status == 502 and "&lt;b&gt;not good" in text and "<b>" not in text, text
    world.provider.error = {"error": "access_denied", "error_description": "<script>alert(1)</script>" + "x" * 5000}
    browser = Browser()
    status, text, _ = browser.log_in(world.start)
    assert status == 403 and "access_denied" in text and "<script" not in text and len(text) < 2000, text
    world.provider.error = None
    # Nobody is led elsewhere: whatever a request says, the answer is the provider's endpoint or a page.
    browser = Browser()
    lead = browser.to_provider(world.start + "?redirect_uri=https://evil.example&next=//evil.example&return_to=https://evil.example")
    assert lead.startswith(world.provider.issuer + "/authorize?") and "evil" not in lead, lead
    assert not world.provider.problems, world.provider.problems


class Terminal:
    """`tocsin login --oidc`, waiting for its code."""

    def __init__(self, world, home, *arguments):
        env = {k: v for k, v in os.environ.items() if k != "TOCSIN_TOKEN"} | {"TOCSIN_SERVER": world.server.grpc, "HOME": str(home)}
        self.env, self.home = env, home
        self.process = subprocess.Popen([str(BINARY), "login", "--oidc", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=env, cwd=home)
        self.url = None
        while not self.url:
            line = self.process.stderr.readline()
            assert line, "the terminal ended"
            found = re.search(r"http\S+", line)
            self.url = found and found.group(0)

    def give(self, code):
        out, error = self.process.communicate(code + "\n", timeout=PATIENCE)
        return self.process.returncode, out + error


def at_a_terminal(world, home):
    world.provider.person = ANN
    named = ("--provider", "company")  # there is another one, so that it has to be said
    terminal = Terminal(world, home, *named)
    assert "127.0.0.1" in terminal.url
    browser = Browser()
    status, text, _ = browser.log_in(terminal.url)
    code = re.search("<strong>([^<]*)</strong>", text).group(1)
    assert status == 200 and world.in_as(browser) is None, "the browser itself has no session"
    # The code is worth nothing to another terminal, and gone when it has tried.
    thief = Terminal(world, home, *named)
    assert thief.give(code)[0] == 1
    assert terminal.give(code)[0] == 1
    terminal = Terminal(world, home, *named, "--name", "laptop")
    code = re.search("<strong>([^<]*)</strong>", Browser().log_in(terminal.url)[1]).group(1)
    status, shown = terminal.give(" " + code.replace("-", " ") + " ")
    assert status == 0 and "ann is logged in until" in shown, shown
    done = subprocess.run([str(BINARY), "token", "show"], env=terminal.env, cwd=home, capture_output=True, text=True, timeout=PATIENCE)
    assert "user:ann" in done.stdout, (done.stdout, done.stderr)
    status, body, _ = http_request(f"{world.server.url}/tocsin.v1.SignInService/FinishSignIn",
                                   json.dumps({"code": code, "verifier": "x"}).encode(), {"Content-Type": "application/json"})
    assert status == 403, body


def endings(world):
    """Logout here, logout there, a lock, and a person who has gone."""
    browser, other = world.logs_in("ann", sid="one"), world.logs_in("ann", sid="two")
    page = browser.ask(world.server.url + "/login")[1]
    csrf = re.search('name="csrf" value="([^"]*)"', page).group(1)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert browser.ask(world.server.url + "/logout", "csrf=wrong", form)[0] == 403
    assert browser.ask(world.server.url + "/logout", "csrf=" + csrf, {**form, "Origin": "https://evil.example"})[0] == 403
    status, text, _ = browser.ask(world.server.url + "/logout", "csrf=" + csrf, {**form, "Origin": world.server.url})
    assert status == 200 and world.provider.issuer + "/logout?client_id=tocsin" in text, text
    assert world.in_as(browser) is None and world.in_as(other) == "ann"

    door = f"{world.server.url}/login/oidc/company/logout"

    def tell(token):
        return Browser().ask(door, urllib.parse.urlencode({"logout_token": token}), form)[0]

    third = world.logs_in("ann", sid="three")
    assert tell(world.provider.logout_token(sid="two")) == 200
    assert world.in_as(other) is None and world.in_as(third) == "ann"
    for bad in (world.provider.logout_token(), world.provider.logout_token(sub=ANN["sub"], nonce="n"),
                world.provider.logout_token(sub=ANN["sub"], events={}), world.provider.logout_token(sub=ANN["sub"], aud="other"),
                world.provider.logout_token(sub=ANN["sub"], iat=int(time.time()) - 3600), "nonsense"):
        assert tell(bad) == 400, bad
    assert world.in_as(third) == "ann"
    eves = world.logs_in("eve", sub="eves")
    assert tell(world.provider.logout_token(sub=ANN["sub"])) == 200
    assert world.in_as(third) is None and world.in_as(eves) == "eve"

    world.server.cli("user", "lock", "eve")
    assert world.in_as(eves) is None
    world.is_refused("nobody may log in here by your name", sub="eves")
    world.server.cli("user", "unlock", "eve")
    eves = world.logs_in("eve", sub="eves")
    text = world.config.read_text()
    gone = world.folder / "gone.yaml"
    gone.write_text(re.sub(r"  - \{id: eve.*\n", "", text))
    world.server.cli("apply", str(gone), "-m", "eve leaves")
    assert world.in_as(eves) is None
    world.is_refused("to nobody here", sub="eves", email="eve@example.com")
    world.server.cli("apply", str(world.config), "-m", "eve is back")


def settings(world):
    """Who may come in, whom the provider may add, and whose password is no longer taken."""
    signed_in = world.server.call("SignInService/SignIn", user="bob", password=PASSWORD)
    assert signed_in["token"]
    world.write("    allowed_domains: [example.com]\n    allowed_groups: [staff]")
    world.reload()
    world.is_refused("allowed_domains", email="ann@example.org")
    world.is_refused("allowed_groups", groups=["others"])
    world.logs_in("ann", groups=["others", "staff"])

    world.write("    match: username\n    create_people: true\n    passwords: false\n    people: [{subject: bobs, user: bob}]")
    world.reload()
    browser = world.logs_in("nina", sub="ninas", email="nina@example.com", preferred_username="nina", name="Nina <b>")
    assert world.me(browser)["role"] == "ROLE_VIEWER"
    export = world.server.cli("export")
    assert "id: nina" in export and "nina@example.com" in export, export
    assert "provider:company" in world.server.cli("audit", "-o", "json")
    world.is_refused("another identity", sub="not-nina", preferred_username="nina")
    world.is_refused("no name for a person", sub="odd", preferred_username="a b/c", email="x@example.com")
    world.logs_in("bob", sub="bobs", email="b@example.com", preferred_username="whatever")
    status, body, _ = http_request(f"{world.server.url}/tocsin.v1.SignInService/SignIn",
                                   json.dumps({"user": "bob", "password": PASSWORD}).encode(), {"Content-Type": "application/json"})
    assert status == 403 and b"logs in by Company" in body, body
    world.write("    passwords: false", "break_glass: [bob]")
    world.reload()
    assert world.server.call("SignInService/SignIn", user="bob", password=PASSWORD)["token"]
    # A file that cannot be taken changes nothing, and the log says what is wrong with it.
    world.file.write_text("providers: [{name: 'a b', issuer: 'http://sso.example.com', client_id: x, unknown: 1}]\n")
    world.server.child.process.send_signal(signal.SIGHUP)
    wait_for("a word about the file", lambda: "must be https" in world.log() and "client_secret" in world.log())
    world.logs_in("ann")
    world.write()
    world.reload()


def trouble(world):
    """Providers that answer too much, elsewhere, nonsense, late or not at all. Each from a fresh start: the server knows nothing."""
    provider = world.provider
    document = "/.well-known/openid-configuration"
    huge = json.dumps({**provider.metadata(), "more": "x" * 1_000_000}).encode()
    lead_away = [("Location", provider.issuer + "/elsewhere")]
    inside = json.dumps({**provider.metadata(), "token_endpoint": "https://10.255.255.1/token"}).encode()
    plain = json.dumps({**provider.metadata(), "jwks_uri": "http://sso.example.com/jwks"}).encode()
    of_another = json.dumps({**provider.metadata(), "issuer": "https://evil.example"}).encode()
    number = 0
    for words, path, answer in (
            ("more than 262144 bytes", document, lambda h: h.raw(200, huge)),
            ("answered with status 302", document, lambda h: h.raw(302, b"", lead_away)),
            ("calls itself", document, lambda h: h.raw(200, of_another)),
            ("must be https", document, lambda h: h.raw(200, plain)),
            ("is no JSON", document, lambda h: h.raw(200, b"<html>" * 10)),
            ("a network that is not allowed", document, lambda h: h.raw(200, inside)),
            ("answered with status 500", "/jwks", lambda h: h.raw(500, b"")),
            ("has a name twice", "/jwks", lambda h: h.raw(200, b'{"keys":[],"keys":[]}')),
            ("answered the code with status 302", "/token", lambda h: h.raw(302, b"", lead_away)),
            ("more than 262144 bytes", "/token", lambda h: h.raw(200, huge))):
        number += 1
        world.write(f"    username_claim: fresh{number}")  # another provider: nothing is known of it
        world.reload()
        provider.be_good()
        provider.answers[path] = answer
        provider.person = ANN
        browser = Browser()
        status, text, headers = browser.ask(world.start)
        if status == 303:
            status, text, _ = browser.ask(browser.ask(headers["Location"])[2]["Location"])
        assert status == 502 and words in html.unescape(text), (words, status, text)
        assert world.in_as(browser) is None
    assert "/elsewhere" not in provider.asked
    provider.be_good()
    # One that hangs: what else the server does goes on, and people are told in the end.
    over = threading.Event()
    world.write("    username_claim: hanging")
    world.reload()
    provider.answers[document] = lambda h: over.wait(PATIENCE)
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(Browser().ask(world.start)))
    waiting.start()
    assert http_request(world.server.url + "/-/ready")[0] == 200
    assert world.server.call("StatusService/GetStatus") is not None
    waiting.join(PATIENCE)
    over.set()
    assert answers and answers[0][0] == 502 and "cannot be had" in answers[0][1], answers
    provider.be_good()
    world.write()
    world.reload()
    world.logs_in("ann")


def secrets_are_nowhere(world):
    secrets = world.provider.issued + [world.provider.client_secret]
    for file in [p for p in world.folder.rglob("*") if p.is_file() and p.name != "client.secret"]:
        content = file.read_bytes()
        for secret in secrets:
            assert secret.encode() not in content, (file, secret[:12])
    shown = world.server.cli("audit", "-o", "json") + world.server.cli("token", "list", "-o", "json") + world.server.cli("export")
    for secret in secrets + [ANN["sub"]]:
        assert secret not in shown, secret[:12]


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        home = folder / "home"
        home.mkdir()
        port = free_port()
        config = folder / "organisation.yaml"
        server = Tocsin(folder, config, flags=[f"--sign_in={folder / 'sign_in.yaml'}"])
        config.write_text(people(organisation.yaml(smtp_port=9, public_url=server.url)))
        keys = folder / "keys"
        keys.mkdir()
        with server:
            provider = Provider(keys)
            provider.redirect_uris = [f"{server.url}/login/oidc/company/callback"]
            (folder / "client.secret").write_text(provider.client_secret + "\n")
            world = World(folder, server, provider, config)
            down = f"http://127.0.0.1:{port}"
            world.write(other=f"""
  - name: other
    issuer: {down}
    client_id: other
    client_authentication: none
""")
            provider.answers["/.well-known/openid-configuration"] = lambda h: h.raw(503, b"")
            server.start()
            status, text, _ = Browser().ask(world.start)
            assert status == 502 and "answered with status 503" in html.unescape(text), (status, text)
            start, world.start = world.start, f"{server.url}/login/oidc/other/start"
            provider_is_down(world, port)
            world.start = start
            provider.be_good()
            wait_for("the provider to be asked again", lambda: Browser().ask(world.start)[0] == 303)
            first_logins(world)
            roles(world)
            rotation(world)
            forged(world)
            confused_browsers(world, down)
            at_a_terminal(world, home)
            endings(world)
            settings(world)
            trouble(world)
            secrets_are_nowhere(world)
            server.stop()
    print("oidc: people log in by a provider, and nobody else does")


if __name__ == "__main__":
    main()

"""People who log in, against the real server: invitations, sessions that survive kill -9, locks, roles that follow the
configuration, the browser's cookie; and no secret in the store, the log, a backup's listing or any answer."""
import json
import os
import pathlib
import pty
import shutil
import stat
import subprocess
import tempfile

import organisation
from harness import BINARY, PATIENCE, Tocsin, http_request, wait_for

PASSWORD = "correct horse battery"
SECOND = "another long password"


def cli(server, home, *arguments, typed="", token=None):
    """As somebody with a home of their own and, unless `token` is given, whatever their login left there."""
    env = {key: value for key, value in os.environ.items() if key not in ("TOCSIN_TOKEN", "USER")}
    env |= {"TOCSIN_SERVER": server.grpc, "HOME": str(home)}
    if token:
        env["TOCSIN_TOKEN"] = token
    return subprocess.run([str(BINARY), *arguments], input=typed, capture_output=True, text=True, timeout=PATIENCE, env=env,
                          cwd=home)


def good(done):
    assert done.returncode == 0, (done.args, done.stdout, done.stderr)
    return done.stdout


def refused(done, words):
    assert done.returncode == 1 and words in done.stderr, (done.args, done.stdout, done.stderr)


def call(server, method, token, **request):
    status, body, _ = http_request(f"{server.url}/tocsin.v1.{method}", json.dumps(request).encode(),
                                   {"Content-Type": "application/json", "Authorization": f"Bearer {token}"})
    return status, json.loads(body)


def log_in_at_a_terminal(server, home):
    """What is typed at a terminal is not shown on it."""
    try:
        terminal, other = pty.openpty()
    except OSError as error:  # a bare root without /dev/pts
        print(f"no terminal to be had ({error}): the password comes by standard input, what a terminal shows is not looked at")
        assert "is logged in until" in good(cli(server, home, "login", "ann", typed=PASSWORD + "\n"))
        return
    env = {**os.environ, "TOCSIN_SERVER": server.grpc, "HOME": str(home)}
    env.pop("TOCSIN_TOKEN", None)
    child = subprocess.Popen([str(BINARY), "login", "ann"], stdin=other, stdout=other, stderr=other, env=env, cwd=home,
                             start_new_session=True)
    os.close(other)
    shown = b""
    typed = False
    while True:
        try:
            piece = os.read(terminal, 1024)
        except OSError:
            break
        if not piece:
            break
        shown += piece
        if b"password of ann" in shown and not typed:
            typed = True
            # The prompt may be out before the terminal is silent: the echo is what we look for, so wait until it is off.
            import termios
            wait_for("a silent terminal", lambda: not termios.tcgetattr(terminal)[3] & termios.ECHO)
            os.write(terminal, PASSWORD.encode() + b"\n")
    assert child.wait(PATIENCE) == 0, shown
    os.close(terminal)
    assert PASSWORD.encode() not in shown and b"is logged in until" in shown, shown


def browser(server):
    """The cookie and its header, on one side; everything else refused on the other."""
    body = json.dumps({"user": "ann", "password": PASSWORD}).encode()
    as_json = {"Content-Type": "application/json"}
    status, answer, headers = http_request(f"{server.url}/login", body, as_json)
    assert status == 200, answer
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/" in cookie, cookie
    sent = {**as_json, "Cookie": cookie.split(";")[0]}
    csrf = json.loads(answer)["csrf"]
    who = f"{server.url}/tocsin.v1.AccessService/WhoAmI"
    assert http_request(who, b"{}", sent)[0] == 403, "without the header"
    assert http_request(who, b"{}", {**sent, "X-Tocsin-Csrf": csrf, "Origin": "https://evil.example"})[0] == 403
    status, me, _ = http_request(who, b"{}", {**sent, "X-Tocsin-Csrf": csrf})
    assert status == 200 and json.loads(me)["name"] == "user:ann", me
    assert http_request(f"{server.url}/login", body, {"Content-Type": "text/plain"})[0] == 415
    assert http_request(f"{server.url}/login", body, {**as_json, "Origin": "https://evil.example"})[0] == 403
    assert http_request(f"{server.url}/logout", b"", {**sent, "X-Tocsin-Csrf": csrf})[0] == 200
    assert http_request(who, b"{}", {**sent, "X-Tocsin-Csrf": csrf})[0] == 401


def guessing(server):
    """The same words for names that are there and names that are not, until both have to wait."""
    answers = {}
    for user in ("bob", "no-such-person"):
        answers[user] = []
        # The delay doubles: however slow the machine is, some guess comes too early.
        while not answers[user] or answers[user][-1][0] != 429:
            assert len(answers[user]) < 12, answers
            answers[user].append(http_request(f"{server.url}/tocsin.v1.SignInService/SignIn",
                                              json.dumps({"user": user, "password": "a wrong guess"}).encode(),
                                              {"Content-Type": "application/json"}, timeout=PATIENCE))
        assert len(answers[user]) > 5 and {a[0] for a in answers[user][:-1]} == {401}, answers
    assert answers["bob"][0][1] == answers["no-such-person"][0][1]


def secrets_are_nowhere(server, folder, secrets):
    for file in [p for p in folder.rglob("*") if p.is_file() and p.name != "admin.token" and "home" not in p.parts]:
        content = file.read_bytes()
        for secret in secrets:
            assert secret.encode() not in content, (file, secret[:12])
    log = (folder / "tocsin.log").read_text(errors="replace")
    assert "argon2" not in log
    shown = server.cli("audit", "-o", "json") + server.cli("user", "list", "-o", "json") + server.cli("export") + \
        server.cli("token", "list", "-o", "json")
    assert "argon2" not in shown and not any(secret in shown for secret in secrets)


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        home = folder / "home"
        home.mkdir()
        config = folder / "organisation.yaml"
        config.write_text(organisation.yaml())
        with Tocsin(folder, config) as server:
            server.start()
            # An invitation, a password, a login; the token's file is nobody else's to read.
            code = server.cli("user", "invite", "ann").strip()
            refused(cli(server, home, "login", "ann", typed=PASSWORD + "\n"), "the name or the password is wrong")
            assert "ann has a password" in good(cli(server, home, "user", "accept", typed=f"{code}\n{PASSWORD}\n"))
            refused(cli(server, home, "user", "accept", typed=f"{code}\n{PASSWORD}\n"), "was used")
            log_in_at_a_terminal(server, home)
            file = home / ".config/tocsin/token"
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            session = file.read_text().strip()
            assert "user:ann" in good(cli(server, home, "token", "show"))

            # What was answered survives kill -9.
            server.kill()
            server.start()
            assert "user:ann" in good(cli(server, home, "token", "show"))

            # Roles follow the configuration at once.
            refused(cli(server, home, "export"), "needs the role manager")
            text = organisation.yaml()
            assert "{id: ann," in text or "id: ann\n" in text, text
            promoted = text.replace("{id: ann,", "{id: ann, role: manager,", 1).replace("id: ann\n", "id: ann\n    role: manager\n", 1)
            config.write_text(promoted)
            server.cli("apply", str(config), "-m", "ann manages")
            good(cli(server, home, "export"))
            admin = folder / "admin.yaml"
            admin.write_text(promoted.replace("role: manager", "role: admin", 1))
            refused(cli(server, home, "apply", str(admin)), "users[ann].role")
            config.write_text(text)
            server.cli("apply", str(config), "-m", "and does not")
            refused(cli(server, home, "export"), "needs the role manager")

            browser(server)
            guessing(server)

            # A changed password ends other sessions; a lock ends all.
            other = folder / "home2"
            other.mkdir()
            good(cli(server, other, "login", "ann", typed=PASSWORD + "\n"))
            good(cli(server, home, "user", "password", typed=f"{PASSWORD}\n{SECOND}\n"))
            assert "user:ann" in good(cli(server, home, "token", "show"))
            assert cli(server, other, "token", "show").returncode == 1
            server.kill()
            server.start()
            assert cli(server, other, "token", "show").returncode == 1, "what was ended stays so"
            good(cli(server, other, "login", "ann", typed=SECOND + "\n"))
            assert good(cli(server, other, "logout")) == "logged out\n"
            assert not (other / ".config/tocsin/token").exists()
            secrets_are_nowhere(server, folder, [PASSWORD, SECOND, code, session])
            server.cli("user", "lock", "ann")
            assert call(server, "AccessService/WhoAmI", session)[0] == 401
            refused(cli(server, home, "login", "ann", typed=SECOND + "\n"), "the name or the password is wrong")

            # A backup has the accounts: whoever could log in can, on the restored store.
            server.cli("user", "unlock", "ann")
            server.cli("backup", str(folder / "backup"))
            server.stop()
        restored = folder / "restored"
        restored.mkdir()
        done = subprocess.run([str(BINARY), "restore", str(folder / "backup"), str(restored / "data")], capture_output=True,
                              text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        shutil.copy(folder / "data/secrets.key", restored / "data")  # no backup has it
        with Tocsin(restored) as server:
            server.start()
            good(cli(server, home, "login", "ann", typed=SECOND + "\n"))
            server.stop()
    print("identity: people log in, and out; what they may follows the configuration")


if __name__ == "__main__":
    main()

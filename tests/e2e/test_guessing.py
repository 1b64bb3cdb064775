"""Who guesses passwords keeps nobody else out: strangers at addresses of their own, with a name that they know and with names that nobody
has, many at once; also after a restart."""
import contextlib
import http.client
import json
import threading

import organisation
from harness import PATIENCE, Tocsin, scratch, wait_for

PASSWORD = "correct horse battery"
STRANGER = "127.0.0.66"


class Client:
    """Asks for a login from an address of its own, on one connection."""

    def __init__(self, server, source):
        host, port = server.http.split(":")
        self.connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE, source_address=(source, 0))

    def ask(self, method, **said):
        for last in (False, True):
            try:
                self.connection.request("POST", f"/tocsin.v1.SignInService/{method}", json.dumps(said), {"Content-Type": "application/json"})
                answer = self.connection.getresponse()
                return answer.status, answer.read().decode()
            except (http.client.HTTPException, OSError):  # an idle connection may have been closed
                self.connection.close()
                if last:
                    raise

    def log_in(self, user, password=PASSWORD):
        return self.ask("SignIn", user=user, password=password)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()


def join(server, user):
    code = server.call("SignInService/InviteUser", user=user)["invitation"]
    with Client(server, "127.0.0.5") as client:
        assert client.ask("AcceptInvitation", invitation=code, password=PASSWORD)[0] == 200


def until_refused(client, user):
    for _ in range(200):
        status, answer = client.log_in(user, "a wrong password")
        if status == 429:
            return
        assert status == 401, answer
    raise AssertionError(f"{user}: a stranger guesses on")


@contextlib.contextmanager
def flood(server, source, threads):
    """Guesses at one name and at names that nobody has, by many connections of one address, as quickly as they are answered."""
    stopping, answers = threading.Event(), []

    def guess(number):
        with Client(server, source) as client:
            while not stopping.is_set():
                with contextlib.suppress(http.client.HTTPException, OSError):
                    answers.append(client.log_in("bob" if number % 2 else f"nobody{len(answers)}", "a wrong password")[0])
    runners = [threading.Thread(target=guess, args=(number,)) for number in range(threads)]
    for runner in runners:
        runner.start()
    try:
        wait_for("the flood to be refused", lambda: answers.count(429) >= threads)
        yield
    finally:
        stopping.set()
        for runner in runners:
            runner.join()


def main():
    with scratch() as folder:
        config = folder / "organisation.yaml"
        config.write_text(organisation.yaml())
        with Tocsin(folder, config).start() as server:
            join(server, "ann")
            join(server, "bob")
            with Client(server, STRANGER) as stranger:
                until_refused(stranger, "bob")
                for _ in range(3):
                    until_refused(stranger, "bob")  # who asks too early is not heard
                with Client(server, "127.0.0.7") as bob:
                    status, answer = bob.log_in("bob")
                    assert status == 200, f"the person is kept out from where they never were: {answer}"
            with flood(server, STRANGER, 24):
                with Client(server, "127.0.0.7") as bob, Client(server, "127.0.0.8") as ann:
                    for _ in range(3):
                        status, answer = bob.log_in("bob")
                        assert status == 200, f"by a network that is known for the name: {answer}"
                    status, answer = ann.log_in("ann")
                    assert status == 200, f"by one that is not: {answer}"
            # The person's own address, from which somebody guesses at other names until it is closed; a restart forgets no one.
            assert server.stop() == 0
            server.start()
            with Client(server, "127.0.0.7") as neighbour:
                for number in range(100):
                    status, answer = neighbour.log_in(f"nobody{number}", "a wrong password")
                    if status == 429:
                        break
                assert status == 429, answer
                assert neighbour.log_in("ann")[0] == 429, "ann has never been there"
                status, answer = neighbour.log_in("bob")
                assert status == 200, f"bob has: {answer}"
            assert server.stop() == 0
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()

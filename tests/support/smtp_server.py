"""A real mail server for tests: Debian's aiosmtpd. Prints "PORT <n>" once it listens, then a JSON line for each message it
takes: {"from", "to", "raw" (base64), "tls", "user"}. What it does to a recipient is in the recipient's name:

  greylisted@... 451 at RCPT      nobody@...  550 at RCPT       full@...   452 at the end of the message
  spam@...       554 at the end   vanish@...  takes the message, then drops the connection without a word
  slow@...       takes the message, then says nothing for a long time
"""
import argparse
import asyncio
import base64
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

AT_RCPT = {"greylisted": "451 4.7.1 try again later", "nobody": "550 5.1.1 no such user"}
AT_END = {"full": "452 4.2.2 mailbox full", "spam": "554 5.7.1 we do not want this"}


class Handler:
    def __init__(self, slow_quit):
        self.slow_quit = slow_quit

    async def handle_QUIT(self, server, session, envelope):
        if self.slow_quit:
            await asyncio.sleep(3600)
        return "221 2.0.0 bye"

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = AT_RCPT.get(address.split("@")[0])
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        name = envelope.rcpt_tos[0].split("@")[0]
        if name in AT_END:
            return AT_END[name]
        print(json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None,
                          "raw": base64.b64encode(envelope.original_content).decode(),
                          "user": session.auth_data.login.decode() if session.auth_data else ""}), flush=True)
        if name == "vanish":
            server.transport.abort()
        if name == "slow":
            await asyncio.sleep(3600)
        return "250 2.0.0 queued as 4711"


def authenticate(server, session, envelope, mechanism, data):
    good = data.login == b"tocsin" and data.password == b"hunter2"
    return AuthResult(success=good, auth_data=data, handled=good)


async def main():
    options = argparse.ArgumentParser()
    options.add_argument("--certificate")
    options.add_argument("--key")
    options.add_argument("--authenticate", action="store_true")
    options.add_argument("--slow-quit", action="store_true")
    arguments = options.parse_args()
    settings = {"hostname": "mail.test", "enable_SMTPUTF8": True}
    if arguments.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(arguments.certificate, arguments.key)
        settings |= {"tls_context": context}
    if arguments.authenticate:
        settings |= {"auth_required": True, "authenticator": authenticate}
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(Handler(arguments.slow_quit), **settings), "127.0.0.1", 0)
    print("PORT", server.sockets[0].getsockname()[1], flush=True)
    # Ends with whoever started it: then standard input ends.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())

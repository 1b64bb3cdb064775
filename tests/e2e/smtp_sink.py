"""Runs aiosmtpd on a loopback port and writes each accepted mail to a folder, renamed into place when it is whole."""
import asyncio
import itertools
import pathlib
import sys

from aiosmtpd.controller import Controller


class Sink:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.numbers = itertools.count(1)

    async def handle_DATA(self, server, session, envelope):
        name = self.folder / f"{next(self.numbers):06d}.eml"
        part = name.with_suffix(".part")
        recipients = ", ".join(envelope.rcpt_tos)
        part.write_bytes(f"X-Rcpt: {recipients}\r\n".encode() + envelope.content)
        part.rename(name)
        return "250 2.0.0 stored"


if __name__ == "__main__":
    controller = Controller(Sink(sys.argv[2]), hostname="127.0.0.1", port=int(sys.argv[1]))
    controller.start()
    asyncio.new_event_loop().run_forever()

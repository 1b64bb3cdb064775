"""Packets by hand, over a device of which the other end is ours (tun): peers of TCP that take what they like of what they are sent, and
openings of connections from everywhere. In a namespace of networks of one's own."""
import itertools
import os
import random
import re
import socket
import struct
import threading

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
OURS = 1000  # our first sequence number


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def packet(source, target, flags, sequence, acknowledged=0, payload=b""):
    """An IPv4 packet with a segment of TCP; `source`, `target`: (address, port)."""
    addresses = socket.inet_aton(source[0]) + socket.inet_aton(target[0])
    head = struct.pack(">HHIIBBHHH", source[1], target[1], sequence % (1 << 32), acknowledged % (1 << 32), 5 << 4, flags, 65535, 0, 0)
    whole = checksum(addresses + struct.pack(">BBH", 0, 6, len(head) + len(payload)) + head + payload)
    head = head[:16] + struct.pack(">H", whole) + head[18:]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(head) + len(payload), 0, 0, 64, 6, 0) + addresses
    return ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:] + head + payload


class Peers(threading.Thread):
    """Answers at every address of the device's network. `takes`: by address, a function of the length of a segment with data: whether it
    arrives. What does not arrive has vanished, and nobody says so. A whole request of HTTP is answered by 200."""

    def __init__(self, tun, takes):
        super().__init__(daemon=True)
        self.tun, self.takes = tun, takes
        self.connections = {}  # by both ends: what has arrived, and where it is to go on
        self.opened, self.vanished = {address: 0 for address in takes}, {address: 0 for address in takes}

    def run(self):
        while True:
            data = os.read(self.tun, 65536)
            if len(data) < 40 or data[0] >> 4 != 4 or data[9] != 6:
                continue
            begin = (data[0] & 15) * 4
            here, there = socket.inet_ntoa(data[16:20]), socket.inet_ntoa(data[12:16])
            source, target, sequence, acknowledged, offset, flags = struct.unpack_from(">HHIIBB", data, begin)
            if here in self.takes:
                self.answer((here, target), (there, source), sequence, acknowledged, flags, data[begin + (offset >> 4) * 4:])

    def say(self, here, there, *segment):
        os.write(self.tun, packet(here, there, *segment))

    def answer(self, here, there, sequence, acknowledged, flags, payload):
        key = here, there
        if flags & RST:
            self.connections.pop(key, None)
        elif flags & SYN:
            self.opened[here[0]] += key not in self.connections
            self.connections[key] = [b"", sequence + 1]
            self.say(here, there, SYN | ACK, OURS, sequence + 1)
        elif key in self.connections and payload and not self.takes[here[0]](len(payload)):
            self.vanished[here[0]] += 1
        elif key in self.connections and (payload or flags & FIN):
            self.take(key, sequence, acknowledged, flags, payload)

    def take(self, key, sequence, acknowledged, flags, payload):
        (here, there), connection = key, self.connections[key]
        if sequence == connection[1] % (1 << 32):
            connection[0] += payload
            connection[1] += len(payload) + (flags & FIN)
        self.say(here, there, ACK, acknowledged, connection[1])
        head, found, body = connection[0].partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if found and length and len(body) >= int(length.group(1)):
            connection[0] = b""
            self.say(here, there, PSH | ACK | FIN, acknowledged, connection[1], b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def openings(tun, target, network):
    """Openings of connections to `target` that nobody goes on with, from ports and addresses of `network` ("10.99.0."); without end."""
    for sent in itertools.count(1):
        source = network + str(random.randrange(20, 250)), random.randrange(1024, 65536)
        os.write(tun, packet(source, target, SYN, random.randrange(1 << 32)))
        yield sent

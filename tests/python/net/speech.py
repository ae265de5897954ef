# SPDX-License-Identifier: Apache-2.0
"""Speaks to a hub as a worker does, or as none would: frames and messages written from docs/security.md and docs/protocol.md,
not with the program's code. Blocking sockets; every wait has a deadline."""

import contextlib
import pathlib
import socket
import ssl
import struct

DEADLINE_S = 120
FRAME_HEAD = struct.Struct("<BI")  # kind, bytes of the payload
PREFACE, CHARTER, REFUSAL, MESSAGE, PING, PONG = range(1, 7)
MAGIC, PROTOCOL = 0x59575343, 1
# Kinds of messages, as they are numbered on the wire.
HELLO, OFFER_READY, CHUNK, GET, ASK, PROGRESS, LEAVE, WELCOME = range(1, 9)

_CRC_TABLE = []
for _byte in range(256):
    for _ in range(8):
        _byte = _byte >> 1 ^ (0x82F63B78 if _byte & 1 else 0)
    _CRC_TABLE.append(_byte)


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<I", len(data)) + data


def digest(high: int = 0, low: int = 0) -> bytes:
    return struct.pack("<QQ", high, low)


def frame(kind: int, payload: bytes = b"", claimed: int | None = None) -> bytes:
    """`claimed`: another length than the payload's."""
    return FRAME_HEAD.pack(kind, len(payload) if claimed is None else claimed) + payload


def preface(worker: int, version: str | bytes, token: str = "", protocol: int = PROTOCOL, magic: int = MAGIC,
            store: str = "") -> bytes:  # fmt: skip
    return frame(PREFACE, struct.pack("<IBi", magic, protocol, worker) + text(version) + text(token) + text(store))


def message(kind: int, body: bytes, *, run: int = 0, epoch: int = 0, worker: int = 0) -> bytes:
    data = struct.pack("<BQqiB", PROTOCOL, run, epoch, worker, kind) + body
    return frame(MESSAGE, data + struct.pack("<I", crc32c(data)))


class Charter:
    """What a hub tells who was let in."""

    def __init__(self, payload: bytes):
        (self.run,), at = struct.unpack_from("<Q", payload), 8
        parts = []
        for _ in range(3):
            (size,) = struct.unpack_from("<I", payload, at)
            parts.append(payload[at + 4 : at + 4 + size])
            at += 4 + size
        self.site, self.recipe, self.tokenizer = parts
        self.plan, self.layout, self.genesis, self.weights = (payload[at + 16 * i : at + 16 * i + 16] for i in range(4))
        (size,) = struct.unpack_from("<I", payload, at + 64)
        self.store = payload[at + 68 : at + 68 + size]
        assert len(payload) == at + 68 + size


def context_of(certificate: pathlib.Path | None, authority: pathlib.Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority)
    if certificate:
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    return context


class Peer:
    """One connection. `context`: with TLS. `source`: the address that it comes from, such as 127.0.0.2."""

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext | None = None, source: str = "127.0.0.1",
                 timeout_s: float = DEADLINE_S):  # fmt: skip
        plain = socket.create_connection(address, timeout=timeout_s, source_address=(source, 0))
        try:
            self.socket = context.wrap_socket(plain, server_hostname="127.0.0.1") if context else plain
        except BaseException:
            plain.close()
            raise

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()

    def send(self, data: bytes) -> bool:
        """False if the hub has ended it."""
        try:
            self.socket.sendall(data)
            return True
        except (ssl.SSLError, ConnectionError):
            return False

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise ConnectionError("the hub has ended it")
            data += part
        return data

    def receive(self) -> tuple[int, bytes]:
        """The next frame. ConnectionError if there is none any more."""
        kind, size = FRAME_HEAD.unpack(self._exactly(FRAME_HEAD.size))
        return kind, self._exactly(size)

    def come_in(self, worker: int, version: str, token: str = "") -> Charter:
        assert self.send(preface(worker, version, token))
        kind, payload = self.receive()
        assert kind == CHARTER, payload
        return Charter(payload)

    def ended(self) -> bool:
        """Reads until the hub has ended it; False if it has not in time."""
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            try:
                while self.socket.recv(65536):
                    pass
            except TimeoutError:
                return False
        return True

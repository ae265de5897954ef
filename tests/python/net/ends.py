# SPDX-License-Identifier: Apache-2.0
"""Both ends of connections through a link of the relay, for its tests."""

import random
import socket
import threading
import time

WAIT_S = 30


def connected(address) -> socket.socket:
    return socket.create_connection(address, timeout=WAIT_S)


class Target:
    """A listening socket, and the link of a relay that leads to it."""

    def __init__(self, relay, name="a"):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(WAIT_S)
        self.link = relay.link(name, self.listener.getsockname())

    def connect(self) -> tuple[socket.socket, socket.socket]:
        """Both ends of a new connection through the link."""
        here = connected(self.link.address)
        there, _ = self.listener.accept()
        there.settimeout(WAIT_S)
        return here, there


def send_all(sock, data: bytes) -> threading.Thread:
    """Sends in a thread, then ends that direction."""

    def send():
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


def read_all(sock) -> bytes:
    return b"".join(iter(lambda: sock.recv(1 << 20), b""))


def read_exactly(sock, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        part = sock.recv(min(count - len(data), 1 << 20))
        assert part, f"the connection ended after {len(data)} of {count} bytes"
        data += part
    return bytes(data)


def is_silent(sock, for_s=0.3) -> bool:
    sock.settimeout(for_s)
    try:
        sock.recv(1)
        return False
    except TimeoutError:
        return True
    finally:
        sock.settimeout(WAIT_S)


def wait_until(condition) -> None:
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def noise(count: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(count)

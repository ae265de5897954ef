#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a link gives a plain TCP socket: so many bytes up, then as many down.

plain_socket.py hub HOST BYTES          prints {"port": N}, then {"mbit": of what it received}
plain_socket.py site HOST:PORT BYTES    prints {"mbit": of what it received}
"""

import json
import socket
import sys
import time

PIECE_BYTES = 1 << 18


def receive(link: socket.socket, count: int) -> float:
    """Mbit/s from the first bytes on, which are not counted."""
    buffer = bytearray(PIECE_BYTES)
    first = got = link.recv_into(buffer)
    began = time.monotonic()
    while got < count:
        more = link.recv_into(buffer)
        if not more:
            raise SystemExit(f"plain_socket.py: {got} bytes of {count}")
        got += more
    return (count - first) * 8e-6 / (time.monotonic() - began)


def send(link: socket.socket, count: int) -> None:
    piece = memoryview(bytes(PIECE_BYTES))
    while count > 0:
        count -= link.send(piece[: min(count, PIECE_BYTES)])


def main() -> None:
    role, where, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if role == "hub":
        with socket.create_server((where, 0)) as server:
            print(json.dumps({"port": server.getsockname()[1]}), flush=True)
            link = server.accept()[0]
        with link:
            print(json.dumps({"mbit": receive(link, count)}), flush=True)
            send(link, count)
            link.shutdown(socket.SHUT_WR)
            link.recv(1)  # Until the other end has all.
    else:
        host, _, port = where.rpartition(":")
        with socket.create_connection((host, int(port))) as link:
            send(link, count)
            print(json.dumps({"mbit": receive(link, count)}), flush=True)


if __name__ == "__main__":
    main()

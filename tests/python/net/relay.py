#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A TCP relay in user space: links that are slow, distant, stuck, cut, or that flip bits, as a test says while it runs.

    with Relay() as relay:
        link = relay.link("worker 0", target=("127.0.0.1", hub_port))
        ...                                 # The worker connects to link.address.
        link.up.rate_mbit = 100             # Each way by itself, at any time, from any thread.
        link.down.delay_s = 0.05
        link.cut(for_s=2)

A way is a line: bytes leave at its rate, then travel for its delay. So a delay costs no bandwidth, as long as what is on
the way has room; there is room for what the rate and the delay ask for. All connections of a link share its line.

A relay ends TCP on both sides, so it cannot lose or double a packet: to either end its link is a slow or broken one. What
a sender's own kernel has taken is not on the line yet.

As a program it relays until its input ends. Each line of input is a change, each answer has the counters:

    relay.py --link a=127.0.0.1:7000 --link b=127.0.0.1:7000
    {"link": "a", "port": 34567}
    {"link": "a", "up": {"rate_mbit": 100, "delay_s": 0.05}, "down": {"blocked": true}, "cut_s": 2}
"""

import argparse
import asyncio
import json
import pathlib
import socket
import struct
import sys
import threading

if not __package__:  # Called as a program, by its path.
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from net.line import Line, Way, carry_in, carry_out

SOCKET_BYTES = 256 << 10  # Small, so that a slow line is felt at its sender.
CALL_S = 10.0


def close_with_reset(sock: socket.socket) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass
    sock.close()


class Link:
    """A listening port, and what becomes of connections between it and the target. Any thread may call."""

    def __init__(self, relay: "Relay", name: str, target: tuple[str, int], seed: int):
        self.name = name
        self.target = target  # May be changed: counts for new connections.
        self.up = Way(2 * seed)  # From who connects to the target.
        self.down = Way(2 * seed + 1)
        self.connections_made = 0
        self._relay = relay
        self._tasks: set[asyncio.Task] = set()
        self._listening: asyncio.Task | None = None
        self._opening: asyncio.Task | None = None
        # Holds the port, and does not listen: a cut link refuses, and nobody else can take its place.
        self._holder = self._socket((relay.host, 0))
        self.address: tuple[str, int] = self._holder.getsockname()

    @property
    def port(self) -> int:
        return self.address[1]

    @property
    def connections(self) -> int:
        return len(self._tasks)

    def block(self, up: bool = True, down: bool = True) -> None:
        """A partition: nothing passes, nobody is told. One way only if the other is False."""
        self.up.blocked, self.down.blocked = up, down

    def cut(self, for_s: float | None = None) -> None:
        """Resets all connections, then refuses new ones: for so long, or until `heal`."""
        self._relay.call(self._cut(for_s))

    def heal(self) -> None:
        """Takes all faults away."""
        self.up.reset()
        self.down.reset()
        self._relay.call(self._open())

    def counters(self) -> dict:
        """All of one moment: what an end has read is counted."""
        return self._relay.call(self._counters())

    # What follows runs in the relay's thread.

    async def _counters(self) -> dict:
        return {"connections": self.connections, "connections_made": self.connections_made,
                "up": self.up.counters(), "down": self.down.counters()}  # fmt: skip

    def _socket(self, address) -> socket.socket:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BYTES)
        sock.setblocking(False)
        sock.bind(address)
        return sock

    async def _open(self, after_s: float = 0) -> None:
        await asyncio.sleep(after_s)
        if self._listening is None:
            listener = self._socket(self.address)
            listener.listen(1024)
            self._listening = asyncio.ensure_future(self._accept(listener))

    async def _cut(self, for_s: float | None) -> None:
        tasks = [task for task in (self._opening, self._listening, *self._tasks) if task]
        self._opening = self._listening = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if for_s is not None:
            self._opening = asyncio.ensure_future(self._open(for_s))

    async def _accept(self, listener: socket.socket) -> None:
        with listener:
            while True:
                client, _ = await asyncio.get_running_loop().sock_accept(listener)
                self.connections_made += 1
                task = asyncio.ensure_future(self._serve(client))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _serve(self, client: socket.socket) -> None:
        server = socket.socket()
        server.setblocking(False)
        # Before connecting: the window is agreed on then.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BYTES)
        try:
            for sock in (client, server):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self.up.opened()
            await self.down.opened()
            await asyncio.sleep(self.up.travel_s() + self.down.travel_s())  # A handshake goes once round.
            await asyncio.get_running_loop().sock_connect(server, self.target)
            await self._carry(client, server)
            client.close()
            server.close()
        except OSError:
            pass
        finally:
            close_with_reset(client)
            close_with_reset(server)

    async def _carry(self, client: socket.socket, server: socket.socket) -> None:
        up, down = Line(self.up), Line(self.down)
        ins = [asyncio.ensure_future(carry_in(client, up)), asyncio.ensure_future(carry_in(server, down))]
        outs = [asyncio.ensure_future(carry_out(server, up)), asyncio.ensure_future(carry_out(client, down))]
        try:
            await asyncio.gather(*outs)
        finally:
            for task in ins + outs:
                task.cancel()
            await asyncio.gather(*ins, *outs, return_exceptions=True)


class Relay:
    """Links in a thread of their own. Use as a context manager; then all connections are gone and ports are free."""

    def __init__(self, host: str = "127.0.0.1", seed: int = 1):
        self.host = host
        self.links: dict[str, Link] = {}
        self._seed = seed
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)

    def __enter__(self) -> "Relay":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        for link in self.links.values():
            link.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_S)
        self._loop.close()
        for link in self.links.values():
            link._holder.close()

    def link(self, name: str, target: tuple[str, int]) -> Link:
        """A new link, which listens when this returns."""
        link = Link(self, name, target, self._seed + len(self.links))
        self.links[name] = link
        self.call(link._open())
        return link

    def call(self, coroutine):
        """Runs it in the relay's thread, and waits for what it returns."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(CALL_S)


def change(link: Link, line: dict) -> None:
    for name in ("up", "down"):
        way = getattr(link, name)
        for field, value in line.get(name, {}).items():
            if field == "flip_at":
                way.flip_at(value)
            elif field in ("rate_mbit", "delay_s", "jitter_s", "blocked", "flip_rate"):
                setattr(way, field, value)
            else:
                raise ValueError(f"a way has no {field}")
    if line.get("heal"):
        link.heal()
    if "cut_s" in line:
        link.cut(line["cut_s"])


def main() -> None:
    parser = argparse.ArgumentParser(description="Relays TCP over links that can be disturbed; see the source's head.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at")
    parser.add_argument("--link", action="append", required=True, metavar="NAME=HOST:PORT")
    options = parser.parse_args()
    with Relay(options.host) as relay:
        for text in options.link:
            name, _, target = text.partition("=")
            host, _, port = target.rpartition(":")
            print(json.dumps({"link": name, "port": relay.link(name, (host, int(port))).port}), flush=True)
        for text in sys.stdin:
            try:
                line = json.loads(text)
                link = relay.links[line["link"]]
                change(link, line)
                answer = {"link": link.name, **link.counters()}
            except (ValueError, KeyError, TypeError) as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

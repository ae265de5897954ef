# SPDX-License-Identifier: Apache-2.0
"""What the relay's links are made of: the bytes of one direction on their way, with rate, delay and faults."""

import asyncio
import collections
import math
import random
import socket
import time

CHUNK_BYTES_MAX = 256 << 10
CHUNK_BYTES_MIN = 64
CHUNK_S = 0.002  # Of a limited line: a chunk takes so long.
BURST_S = 0.005  # What an idle line has saved up.
LATE_S_MAX = 0.5  # A line that is never idle makes up for what a busy machine cost it, up to this.
LOOK_S = 0.02  # How often a waiting way looks whether its settings have changed.
ROOM_BYTES = 1 << 20
ROOM_MBIT = 4000.0  # For which the room is made, on a line without a limit.

END, RESET = b"", None  # What a line carries besides bytes.


class Way:
    """One direction of a link. All fields may be set by any thread at any time; counters only grow."""

    def __init__(self, seed: int):
        self.rate_mbit: float | None = None  # None: as fast as it goes.
        self.delay_s = 0.0
        self.jitter_s = 0.0  # Up to so much is added to the delay; the order stays.
        self.blocked = False  # Connections stay, new ones are taken, nothing passes.
        self.flip_rate = 0.0  # Part of the bytes in which a bit is flipped.
        self.bytes_in = 0  # Put on the line.
        self.bytes_out = 0  # Handed to the other end.
        self.bytes_flipped = 0
        self.idle_s = 0.0  # Of a limited line, since it was first used: nobody had anything to send.
        self._random = random.Random(seed)
        self._flips_at: list[int] = []
        self._flip_gap: tuple[float, int] | None = None  # The rate it was drawn for; bytes until then.
        self._free_at = 0.0  # When the line has sent what it was given.
        self._free_rate: float | None = None  # That this was reckoned with.
        self._senders = 0

    def flip_at(self, offset: int) -> None:
        """Flips one bit of the byte `offset` bytes after those that came in so far."""
        self._flips_at.append(self.bytes_in + offset)

    def reset(self) -> None:
        """A line without faults. Counters stay."""
        self.rate_mbit, self.delay_s, self.jitter_s, self.blocked, self.flip_rate = None, 0.0, 0.0, False, 0.0
        self._flips_at.clear()

    def chunk_bytes(self) -> int:
        rate = self.rate_mbit
        if rate is None:
            return CHUNK_BYTES_MAX
        return max(CHUNK_BYTES_MIN, min(CHUNK_BYTES_MAX, int(rate * 125_000 * CHUNK_S)))

    def room_bytes(self) -> int:
        """How much may be on the way of one connection: more than the line holds, so that it stays full."""
        rate = self.rate_mbit or ROOM_MBIT
        return ROOM_BYTES + int(rate * 125_000 * (self.delay_s + self.jitter_s))

    def travel_s(self) -> float:
        return self.delay_s + (self._random.uniform(0, self.jitter_s) if self.jitter_s else 0)

    async def opened(self) -> bool:
        """Returns when the way is not blocked, and whether it was."""
        was_blocked = self.blocked
        while self.blocked:
            await asyncio.sleep(LOOK_S)
        return was_blocked

    async def transmit(self, count: int, was_idle: bool) -> None:
        """Returns when the line has sent `count` bytes. `was_idle`: these had not been waiting to be sent."""
        now = time.monotonic()
        # Only an idle line loses what it does not send. A busy one that is late was held up by this machine.
        if was_idle and not self._senders and self._free_at < now - BURST_S:
            self.idle_s += now - BURST_S - self._free_at if self._free_rate else 0
            self._free_at = now - BURST_S
        self._free_at = max(self._free_at, now - LATE_S_MAX)
        self._senders += 1
        try:
            while (rate := self.rate_mbit) is not None:
                if rate != self._free_rate:
                    self._free_at, self._free_rate = time.monotonic(), rate
                self._free_at += count / (rate * 125_000)
                if await self._waited(self._free_at, rate):
                    return
        finally:
            self._senders -= 1
        self._free_rate = None

    async def _waited(self, until: float, rate: float) -> bool:
        """False if another rate was set meanwhile."""
        while self.rate_mbit == rate:
            left_s = until - time.monotonic()
            if left_s <= 0:
                return True
            await asyncio.sleep(min(left_s, LOOK_S))
        return False

    def took(self, data: bytes) -> bytes:
        """Counts what came in, and flips its bits."""
        due = [at for at in list(self._flips_at) if at < self.bytes_in + len(data)]
        for at in due:
            self._flips_at.remove(at)  # In place: another thread may append.
        places = [at - self.bytes_in for at in due]
        if self.flip_rate > 0:
            places += self._drawn_places(len(data))
        self.bytes_in += len(data)
        if not places:
            return data
        changed = bytearray(data)
        for place in places:
            changed[place] ^= 1 << self._random.randrange(8)
        self.bytes_flipped += len(places)
        return bytes(changed)

    def _drawn_places(self, count: int) -> list[int]:
        rate, places = self.flip_rate, []
        if self._flip_gap is None or self._flip_gap[0] != rate:
            self._flip_gap = (rate, self._drawn_gap(rate))
        at = self._flip_gap[1]
        while at < count:
            places.append(at)
            at += 1 + self._drawn_gap(rate)
        self._flip_gap = (rate, at - count)
        return places

    def _drawn_gap(self, rate: float) -> int:
        return 0 if rate >= 1 else int(math.log(1 - self._random.random()) / math.log1p(-rate))

    def counters(self) -> dict:
        return {"bytes_in": self.bytes_in, "bytes_out": self.bytes_out, "bytes_flipped": self.bytes_flipped,
                "idle_s": self.idle_s}  # fmt: skip


class Line:
    """What one connection has on the way, in order: bytes, their end, or a reset."""

    def __init__(self, way: Way):
        self.way = way
        self._parcels = collections.deque()
        self._bytes = 0
        self._came, self._left = asyncio.Event(), asyncio.Event()

    def put(self, data) -> None:
        self._parcels.append((time.monotonic() + self.way.travel_s(), data))
        self._bytes += len(data or b"")
        self._came.set()

    async def room(self) -> bool:
        """Returns when more may be put, and whether that took time."""
        was_full = self._bytes > self.way.room_bytes()
        while self._bytes > self.way.room_bytes():
            self._left.clear()
            await self._left.wait()
        return was_full

    async def next(self):
        while not self._parcels:
            self._came.clear()
            await self._came.wait()
        due, data = self._parcels.popleft()
        if (left_s := due - time.monotonic()) > 0:
            await asyncio.sleep(left_s)
        return data

    def arrived(self, data: bytes) -> None:
        self.way.bytes_out += len(data)
        self._bytes -= len(data)
        self._left.set()


async def receive(sock: socket.socket, count: int) -> tuple[bytes, bool]:
    """Up to `count` bytes, and whether there were none at first."""
    try:
        return sock.recv(count), False
    except (BlockingIOError, InterruptedError):
        return await asyncio.get_running_loop().sock_recv(sock, count), True


async def carry_in(source: socket.socket, line: Line) -> None:
    way, is_new = line.way, True
    while True:
        try:
            data, was_idle = await receive(source, way.chunk_bytes())
        except OSError:
            data, was_idle = RESET, True
        # Nobody hears through a blocked way that the other end is gone.
        was_idle |= await way.opened() or is_new
        is_new = False
        if not data:
            line.put(data)
            return
        while data:
            # The rate may have fallen since these were read.
            part, data = data[: way.chunk_bytes()], data[way.chunk_bytes() :]
            was_idle |= await line.room()
            await way.transmit(len(part), was_idle)
            line.put(way.took(part))
            was_idle = False


async def carry_out(target: socket.socket, line: Line) -> None:
    loop = asyncio.get_running_loop()
    while True:
        data = await line.next()
        await line.way.opened()
        if data is RESET:
            raise ConnectionResetError
        try:
            if data == END:
                target.shutdown(socket.SHUT_WR)
                return
            await loop.sock_sendall(target, data)
        except OSError:
            return  # It is gone. Who reads from it finds out, and tells the other end through the way back.
        line.arrived(data)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for `causeway` where the harness is tested: the same command lines, files and exit codes, a toy inside.

The "model" is a number: a worker's offer in a round is a digest of the last result, the result one of the members' offers.
Its hub keeps a log as the real one does, takes offers piece by piece, and goes on after kill -9; its workers, too. There is
no TLS; who may come is compared by the certificates' text.
"""

import argparse
import asyncio
import base64
import fcntl
import hashlib
import json
import pathlib
import re
import signal
import struct
import sys
import time
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from net.decisions import ENTRY_HEAD, FILE_HEAD, FILE_MARK, RECORDS, Decisions

OFFER_BYTES, STEP_S, LOOK_S, LINE_BYTES_MAX = 100_000, 0.001, 0.01, 1 << 20
KINDS = [kind for kind, _ in RECORDS]
GENESIS = "0" * 32


def digest(*parts) -> str:
    return hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()[:32]


def offer_bytes(state: str, worker: int, round: int) -> bytes:
    return hashlib.shake_256(f"{state} {worker} {round}".encode()).digest(OFFER_BYTES)


def result_of(state: str, offers: dict[int, bytes]) -> str:
    return digest(state, *(f"{worker}:{hashlib.sha256(offers[worker]).hexdigest()}" for worker in sorted(offers)))


def read_recipe(path) -> tuple[int, int]:
    """Rounds and workers."""
    text = pathlib.Path(path).read_text()
    numbers = {name: int(re.search(rf"^{name} = (\d+)", text, re.M)[1]) for name in ("steps", "period", "workers")}
    return numbers["steps"] // numbers["period"], numbers["workers"]


def identity(options) -> list[str]:
    """Authority, name, and all of the certificate."""
    return ["", "", ""] if options.insecure else [*options.cert.read_text().split()[:2], options.cert.read_text()]


async def say(writer, **message) -> None:
    text = json.dumps(message)
    writer.write(f"{zlib.crc32(text.encode())} {text}\n".encode())
    await writer.drain()


async def hear(reader) -> dict | None:
    """None when the other end is gone, or said something that is damaged."""
    try:
        check, _, text = (await reader.readline()).partition(b" ")
        return json.loads(text) if text and int(check) == zlib.crc32(text.rstrip(b"\n")) else None
    except (OSError, ValueError):
        return None


class Hub:
    def __init__(self, options):
        self.rounds, self.count = read_recipe(options.recipe)
        self.settings = {"deadline_ms_max": 1000, "lease_ms": 1000, "start_members": self.count, "chunk_bytes": 16384,
                         "quorum_count": 1}
        for name, value in (text.split("=") for text in options.set):
            self.settings[name.removeprefix("exchange.hub.")] = float(value)
        self.identity, self.certs = identity(options), options.cert and options.cert.parent
        self.folder = options.out / "hub"
        self.spool = self.folder / "spool"
        self.spool.mkdir(parents=True, exist_ok=True)
        self.lock = open(self.folder / "lock", "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sys.exit(f"{self.folder} is in use by another hub")
        self.log = self.folder / "log"
        if not self.log.exists():
            self.log.write_bytes(FILE_HEAD.pack(FILE_MARK, 0, 0))
        self.decisions = Decisions.read(self.folder)
        self.members: dict[int, int] = {}  # worker: epoch
        for record in self.decisions.records:
            if record.kind == "admitted":
                self.members[record.worker] = record.epoch
            elif record.kind == "removed":
                del self.members[record.worker]
        self.heard = dict.fromkeys(self.members, time.monotonic())
        self.writers: dict[int, object] = {}
        self.offer_from = {worker: 1 for worker in self.members}
        self.opened_at = time.monotonic()
        self.states = [GENESIS]
        for number in self.decisions.committed:
            self.states.append(self.result(number))
        self.changed = asyncio.Event()
        self.offered: dict[int, int] = {}  # worker: round, in its current epoch
        self.told: set[int] = set()

    def result(self, number: int) -> str:
        offers = {worker: self.blob(number, worker).read_bytes() for worker in self.decisions.members(number)}
        return result_of(self.states[number - 1], offers)

    def blob(self, number: int, worker: int) -> pathlib.Path:
        return self.spool / f"{number}-{worker}"

    def record(self, kind: str, *fields: tuple[str, object]) -> None:
        body = struct.pack("<BB", 1, KINDS.index(kind) + 1)
        for format, value in fields:
            if format == "text":
                body += struct.pack("<I", len(value)) + value.encode()
            elif format == "list":
                body += struct.pack("<I", len(value)) + b"".join(value)
            else:
                body += struct.pack("<" + format, value)
        size = self.log.stat().st_size
        with open(self.log, "ab") as file:
            try:
                file.write(ENTRY_HEAD.pack(len(body), 0, len(self.decisions.records) + 1) + body)
                file.flush()
            except OSError:
                file.truncate(size)
                raise
        self.decisions = Decisions.read(self.folder)

    def remove(self, worker: int, reason: str) -> None:
        self.record("removed", ("i", worker), ("q", self.members.pop(worker)), ("text", reason), ("B", 0))
        if worker in self.writers:
            self.writers.pop(worker).close()

    def decide(self) -> None:
        for worker in [one for one in self.members if time.monotonic() - self.heard[one] > self.settings["lease_ms"] / 1e3]:
            self.remove(worker, f"no word for {self.settings['lease_ms'] / 1e3} s")
        number = self.decisions.decided + 1
        if number > self.rounds:
            return
        if self.decisions.opened < number:
            if number > 1 or len(self.members) >= self.settings["start_members"]:
                self.record("opened", ("q", number))
                self.opened_at = time.monotonic()
            return
        if not self.decisions.of("closed", round=number):
            self.hold(number)
            self.close(number)
        elif number not in self.decisions.committed:
            self.states.append(self.result(number))
            self.record("committed", ("q", number), *[("Q", 0), ("Q", 0), ("q", 0)] * 2)
            self.changed.set()

    def hold(self, number: int) -> None:
        for worker, epoch in self.members.items():
            blob = self.blob(number, worker)
            if self.offered.get(worker) == number and blob.exists() and blob.stat().st_size == OFFER_BYTES and not any(
                    one.epoch == epoch for one in self.decisions.of("held", round=number, worker=worker)):  # fmt: skip
                self.record("held", ("q", number), ("i", 0), ("i", worker), ("q", epoch), ("list", []), ("text", ""))

    def close(self, number: int) -> None:
        held = {one.worker: one.epoch for one in self.decisions.of("held", round=number)}
        counting = {worker: epoch for worker, epoch in held.items() if self.members.get(worker) == epoch}
        expected = {worker for worker in self.members if self.offer_from[worker] <= number}
        late = time.monotonic() - self.opened_at > self.settings["deadline_ms_max"] / 1e3
        if len(counting) < self.settings["quorum_count"] or (not late and set(counting) != expected):
            return
        members = [struct.pack("<iqI", worker, counting[worker], 0) for worker in sorted(counting)]
        absent = []
        for worker in sorted(set(range(self.count)) - set(counting)):
            gone = self.decisions.removals(worker)[-1:] if worker not in self.members else []
            reason = (gone or ["deadline passed"])[0].encode()
            absent.append(struct.pack("<iI", worker, len(reason)) + reason)
        self.record("closed", ("q", number), ("i", 0), ("list", members), ("list", absent))

    async def run(self) -> None:
        trouble, last = "", time.monotonic()
        while self.decisions.decided < self.rounds or set(self.members) - self.told:
            if (stood_s := time.monotonic() - last) > 0.5:  # It was stopped: that is nobody's fault.
                self.opened_at += stood_s
                self.heard = {worker: heard + stood_s for worker, heard in self.heard.items()}
            last = time.monotonic()
            try:
                self.decide()
                trouble = ""
            except OSError as error:
                if str(error) != trouble:
                    print(f"the log cannot be written: {error}", file=sys.stderr, flush=True)
                trouble = str(error)
            await asyncio.sleep(LOOK_S)

    def why_refused(self, hello: dict) -> str:
        authority, name, whole = hello["identity"]
        revoked = self.certs / "revoked.txt" if self.certs else None
        if authority != self.identity[0]:
            return "the certificate is of another authority"
        if self.certs and name != f"site{hello['hello']}":
            return f"the certificate is of {name}"
        if revoked and revoked.exists() and digest(whole) in revoked.read_text():
            return "the certificate is revoked"
        return ""

    async def serve(self, reader, writer) -> None:
        hello = await hear(reader)
        if hello is None:
            return writer.close()
        if reason := self.why_refused(hello):
            await say(writer, refused=reason)
            return writer.close()
        worker = hello["hello"]
        if worker in self.members:
            self.remove(worker, "came anew")
        epoch = len(self.decisions.of("admitted")) + 1
        open_round = self.decisions.decided + 1
        self.record("admitted", ("i", worker), ("q", epoch), ("Q", 0), ("q", open_round))
        self.members[worker], self.heard[worker], self.writers[worker] = epoch, time.monotonic(), writer
        self.offer_from[worker] = open_round
        self.offered.pop(worker, None)
        teller = asyncio.ensure_future(self.tell(writer, worker, epoch, hello["applied"]))
        while (message := await hear(reader)) and self.members.get(worker) == epoch:
            self.heard[worker] = time.monotonic()
            await self.take(writer, worker, epoch, message)
        teller.cancel()
        writer.close()

    async def tell(self, writer, worker: int, epoch: int, applied: int) -> None:
        await say(writer, welcome=epoch, rounds=self.rounds, lease_ms=self.settings["lease_ms"],
                  chunk_bytes=int(self.settings["chunk_bytes"]))
        try:
            while True:
                while applied < self.decisions.decided:
                    applied += 1
                    await say(writer, decided=applied, state=self.states[applied])
                if applied == self.rounds:
                    self.told.add(worker)
                self.changed.clear()
                await self.changed.wait()
        except OSError:
            writer.close()

    async def take(self, writer, worker: int, epoch: int, message: dict) -> None:
        if "leave" in message:
            return self.remove(worker, f"left: {message['leave']}")
        number = message.get("offer")
        if number is None or number != self.decisions.decided + 1:
            return
        self.offered[worker] = number
        blob = self.blob(number, worker)
        size = blob.stat().st_size if blob.exists() else 0
        try:
            if "data" in message and message["at"] == size:
                with open(blob, "ab") as file:
                    file.write(base64.b64decode(message["data"]))
        except OSError as error:
            print(f"{blob}: {error}", file=sys.stderr, flush=True)
        size = blob.stat().st_size if blob.exists() else 0
        await say(writer, at=size, offer=number)


async def hub(options) -> int:
    hub = Hub(options)
    host, _, port = options.listen.rpartition(":")
    server = await asyncio.start_server(hub.serve, host, int(port), limit=LINE_BYTES_MAX, reuse_port=True)
    page = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    print("listening on %s:%d" % server.sockets[0].getsockname(), flush=True)
    print("page on http://%s:%d/" % page.sockets[0].getsockname(), flush=True)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: sys.exit(75))
    await hub.run()
    await asyncio.sleep(0.2)  # What was said is on its way.
    print(f"weights xxh3:{hub.states[-1]}", flush=True)
    return 0


class Worker:
    def __init__(self, options):
        self.number, self.options = options.worker, options
        self.file = options.folder / "state.json"
        options.folder.mkdir(parents=True, exist_ok=True)
        saved = json.loads(self.file.read_text()) if self.file.exists() else {"applied": 0, "state": GENESIS}
        self.applied, self.state = saved["applied"], saved["state"]
        self.rounds, self.chunk_bytes, self.leaving = None, 0, False

    def save(self) -> None:
        try:
            aside = self.file.with_suffix(".new")
            aside.write_text(json.dumps({"applied": self.applied, "state": self.state}))
            aside.rename(self.file)
        except OSError as error:
            print(f"no checkpoint: {error}", file=sys.stderr, flush=True)

    async def session(self, reader, writer) -> int | None:
        """An exit code, or None to connect again."""
        await say(writer, hello=self.number, applied=self.applied, identity=identity(self.options))
        beat = None
        try:
            while message := await hear(reader):
                if "refused" in message:
                    print(f"refused: {message['refused']}", file=sys.stderr)
                    return 3
                if "welcome" in message:
                    self.rounds, self.chunk_bytes = message["rounds"], message["chunk_bytes"]
                    beat = asyncio.ensure_future(self.beat(writer, message["lease_ms"] / 4e3))
                await self.go_on(writer, message)
                if self.applied == self.rounds:
                    return 0
                if self.leaving and message.get("at") in (OFFER_BYTES, None):
                    await say(writer, leave="preempted")
                    return 75
        finally:
            if beat:
                beat.cancel()
        return None

    async def go_on(self, writer, message: dict) -> None:
        if message.get("decided") == self.applied + 1:
            self.applied, self.state = message["decided"], message["state"]
            self.save()
        if "welcome" in message or "decided" in message:
            await asyncio.sleep(STEP_S)
            await say(writer, offer=self.applied + 1)
        if "at" in message and message["offer"] == self.applied + 1 and message["at"] < OFFER_BYTES:
            data = offer_bytes(self.state, self.number, self.applied + 1)[message["at"] : message["at"] + self.chunk_bytes]
            await say(writer, offer=self.applied + 1, at=message["at"], data=base64.b64encode(data).decode())

    async def beat(self, writer, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            await say(writer, offer=self.applied + 1)

    async def run(self) -> int:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: setattr(self, "leaving", True))
        host, _, port = self.options.hub.rpartition(":")
        while True:
            try:
                reader, writer = await asyncio.open_connection(host, int(port), limit=LINE_BYTES_MAX)
                code = await self.session(reader, writer)
                writer.close()
                if code is not None:
                    if code == 0:
                        print(f"weights xxh3:{self.state}", flush=True)
                    return code
            except OSError:
                pass
            await asyncio.sleep(0.1)


def train(options) -> int:
    rounds, workers = read_recipe(options.recipe)
    state = GENESIS
    for number in range(1, rounds + 1):
        state = result_of(state, {worker: offer_bytes(state, worker, number) for worker in range(workers)})
    print(f"weights xxh3:{state}")
    return 0


def cert(options) -> int:
    authority = options.folder / "authority.crt"
    if options.kind == "authority":
        options.folder.mkdir(parents=True, exist_ok=True)
        authority.write_text(digest(options.folder, time.time_ns()))
    elif options.kind == "revoke":
        with open(options.folder / "revoked.txt", "a") as file:
            file.write(digest(pathlib.Path(options.name).read_text()) + "\n")
    else:
        (options.folder / f"{options.name}.crt").write_text(f"{authority.read_text()} {options.name}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    words = parser.add_subparsers(dest="word", required=True)
    arguments = {
        "hub": ["recipe", "--out", "--cert", "--insecure", "--set", "--listen", "--http"],
        "worker": ["--cert", "--insecure", "--folder", "--hub", "--worker", "--sites"],
        "train": ["recipe", "--out"],
        "cert": ["kind", "name", "--host", "--folder"],
    }
    special = {"--insecure": {"action": "store_true"}, "--set": {"action": "append", "default": []},
               "--host": {"action": "append"}, "--worker": {"type": int}, "name": {"nargs": "?"},
               **{name: {"type": pathlib.Path} for name in ("--out", "--cert", "--folder")}}  # fmt: skip
    for word, names in arguments.items():
        command = words.add_parser(word)
        for name in names:
            command.add_argument(name, **special.get(name, {}))
    options = parser.parse_args()
    if options.word == "hub":
        return asyncio.run(hub(options))
    if options.word == "worker":
        return asyncio.run(Worker(options).run())
    return {"train": train, "cert": cert}[options.word](options)


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""Starts the processes of a site's group, and knows what they must answer."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import threading
import time
import uuid

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CAUSEWAY_BUILD", ROOT / "build" / "release"))
LAUNCHERS = ("RANK", "WORLD_SIZE", "LOCAL_", "MASTER_", "TORCHELASTIC", "GROUP_", "OMPI_", "PMIX_", "SLURM_", "CAUSEWAY_")
PEER_LOST, CORRUPT, REFUSED, BAD_INPUT, IO = 2, 3, 5, 6, 7
# Long enough for a loaded machine. A test that waits for it has found a mistake.
PATIENCE_S = 120


def free_port() -> int:
    """One with free ports behind it, for the group takes one of those."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return min(probe.getsockname()[1], 65000)


def plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(LAUNCHERS)}


class Process:
    """One rank. Its lines are read as they come."""

    def __init__(self, words, environment, program, before=()):
        self.popen = subprocess.Popen([*before, program, *map(str, words)], env=plain_environment() | environment,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
        self.lines: list[dict] = []
        self.errors = ""
        self.arrived = threading.Condition()
        self.readers = [threading.Thread(target=self.read), threading.Thread(target=self.read_errors)]
        for reader in self.readers:
            reader.start()

    def read(self):
        for line in self.popen.stdout:
            with self.arrived:
                self.lines.append(json.loads(line))
                self.arrived.notify_all()

    def read_errors(self):
        self.errors = self.popen.stderr.read()

    def wait_for_lines(self, count: int):
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.lines) >= count, PATIENCE_S), self.lines

    def end(self) -> dict:
        """The last line, once the process has ended by itself: never by a signal."""
        code = self.popen.wait(PATIENCE_S)
        for reader in self.readers:
            reader.join()
        assert code in (0, 3), (code, self.errors, self.lines[-2:])
        last = self.lines[-1] if self.lines else {}
        assert ("fault" in last) == (code == 3), (code, last)
        return last

    def signal(self, number):
        self.popen.send_signal(number)


class Start:
    """One start of a group on this machine, as torchrun would give it."""

    def __init__(self, size, stack, program="group_example"):
        self.size, self.stack, self.program = size, stack, BUILD / program
        self.port = free_port()
        self.environment = {"WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1",
                            "MASTER_PORT": str(self.port), "TORCHELASTIC_RUN_ID": uuid.uuid4().hex}  # fmt: skip

    def one(self, rank: int, *words, timeout_ms=60_000, before=(), **changes) -> Process:
        environment = self.environment | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        environment |= {name: str(value) for name, value in changes.items()}
        process = Process([timeout_ms, *words], environment, self.program, before)
        self.stack.callback(process.popen.wait)
        self.stack.callback(process.popen.kill)
        return process

    def all(self, *words, **options) -> list[Process]:
        return [self.one(rank, *words, **options) for rank in range(self.size)]


@contextlib.contextmanager
def starting():
    """Gives a maker of starts, and ends their processes."""
    with contextlib.ExitStack() as stack:
        yield lambda size, **options: Start(size, stack, **options)


def ends(processes) -> list[dict]:
    return [process.end() for process in processes]


def values_of(rank: int, count: int) -> numpy.ndarray:
    """As value_at of src/site/group_example.cpp."""
    mixed = (numpy.arange(count, dtype=numpy.int64) * 2654435761 + (rank + 1) * 40503) & 0xFFFFFFFF
    whole = ((mixed >> 8) - (1 << 23)).astype(numpy.float32)
    return whole / (1 << (23 + mixed % 8)).astype(numpy.float32)


def sum_in_ring(size: int, count: int) -> numpy.ndarray:
    """Part p starts with rank p's values; each further rank around the ring adds its own."""
    ranks = [values_of(rank, count) for rank in range(size)]
    total = numpy.empty(count, numpy.float32)
    for part in range(size):
        piece = slice(count * part // size, count * (part + 1) // size)
        value = ranks[part][piece].copy()
        for step in range(1, size):
            value = ranks[(part + step) % size][piece] + value
        total[piece] = value
    return total


def connect(port: int) -> socket.socket:
    give_up = time.monotonic() + PATIENCE_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 10)
        except OSError:
            assert time.monotonic() < give_up
            time.sleep(0.02)

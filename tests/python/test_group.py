# SPDX-License-Identifier: Apache-2.0
"""A site's processes as a group: real ones, which are killed, stopped, late, missing and mistaken."""

import contextlib
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import uuid

import numpy
import pytest

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


@pytest.fixture
def start():
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


COUNTS = (0, 1, 2, 3, 5, 1_000, 524_287, 524_288, 524_289, 1_048_577, 10_000_000)


@pytest.mark.parametrize("size", [2, 3])
def test_sums_have_the_same_bits_everywhere_and_those_of_one_order(start, tmp_path, size):
    words = [f"sum:{count}:{tmp_path / str(count)}" for count in COUNTS]
    processes = start(size).all(*words)
    ends(processes)
    for index, count in enumerate(COUNTS):
        wanted = sum_in_ring(size, count).tobytes()
        for rank, process in enumerate(processes):
            line = process.lines[1 + index]
            assert line["bytes"] == 4 * count
            assert (tmp_path / f"{count}.{rank}").read_bytes() == wanted, (count, rank)
        assert len({process.lines[1 + index]["digest"] for process in processes}) == 1


def test_a_group_of_five(start, tmp_path):
    ends(start(5).all(f"sum:100003:{tmp_path / 'sum'}"))
    assert {(tmp_path / f"sum.{rank}").read_bytes() for rank in range(5)} == {sum_in_ring(5, 100_003).tobytes()}


@pytest.mark.parametrize("size", [2, 3])
def test_a_broadcast_gives_the_leaders_bytes_to_all(start, size):
    sizes = (0, 1, 7, 4096, 1_048_576, 1_048_577, 5_000_001)
    processes = start(size).all(*(f"broadcast:{count}" for count in sizes))
    ends(processes)
    alone = Process([1000, *(f"broadcast:{count}" for count in sizes)], {}, BUILD / "group_example")
    alone.end()
    assert alone.lines[0]["size"] == 1
    wanted = [(line["bytes"], line["digest"]) for line in alone.lines[1:]]
    for process in processes:
        assert [(line["bytes"], line["digest"]) for line in process.lines[1:]] == wanted


def test_who_is_early_waits_and_who_has_done_may_go(start):
    group = start(3)
    first = group.one(2, "sum:10", "broadcast:10")
    first_leads = group.one(0, "pause:700", "sum:10", "broadcast:10")
    late = group.one(1, "sum:10", "pause:300", "broadcast:10")
    assert all("fault" not in last for last in ends([first, first_leads, late]))


def test_processes_that_do_not_do_the_same_are_told(start):
    for size in (2, 3):
        processes = start(size).all("sum:5", "sum-if:1:10")
        faults = [last["fault"] for last in ends(processes)]
        assert set(faults) <= {CORRUPT, PEER_LOST} and CORRUPT in faults
        for process in processes:
            assert not process.lines[-1]["serves"]
        # Who sees it first ends the group; the others may learn no more than that.
        told = " ".join(process.lines[-1]["message"] for process in processes)
        assert "rank 0 called all_reduce of 11" in told or "rank 1 called all_reduce of 10" in told


# The time limit is far away: who is left notices at once.
@pytest.mark.parametrize("count", [1, 100_000, 3_000_000])
@pytest.mark.parametrize("victim", [0, 1, 2])
def test_a_killed_process_is_noticed_at_once(start, victim, count):
    processes = start(3).all(f"loop:{count}", timeout_ms=600_000)
    for process in processes:
        process.wait_for_lines(3)
    processes[victim].signal(signal.SIGKILL)
    killed = time.monotonic()
    survivors = [process for rank, process in enumerate(processes) if rank != victim]
    for last in ends(survivors):
        assert last["fault"] == PEER_LOST and not last["serves"], last
    assert time.monotonic() - killed < 60


@pytest.mark.parametrize("size, victim", [(2, 0), (2, 1), (3, 0), (3, 2)])
def test_a_stopped_process_is_lost_when_the_time_is_over(start, size, victim):
    processes = start(size).all("loop:200000", timeout_ms=2_000)
    for process in processes:
        process.wait_for_lines(2)
    processes[victim].signal(signal.SIGSTOP)
    survivors = [process for rank, process in enumerate(processes) if rank != victim]
    for last in ends(survivors):
        assert last["fault"] == PEER_LOST and not last["serves"], last
        assert "2" in last["message"]
    processes[victim].signal(signal.SIGCONT)
    last = processes[victim].end()
    assert last["fault"] == PEER_LOST and not last["serves"], last


def test_a_process_that_never_comes_is_named(start):
    group = start(4)
    processes = [group.one(rank, "sum:1", timeout_ms=1_500) for rank in (0, 2)]
    for last in ends(processes):
        assert last["fault"] == PEER_LOST
        assert "ranks 1, 3 of 4" in last["message"] or "no leader" in last["message"], last


def test_without_a_leader_the_time_ends(start):
    last = start(2).one(1, "sum:1", timeout_ms=1_000).end()
    assert last["fault"] == PEER_LOST and "no leader" in last["message"]
    assert last["seconds"] >= 1


def test_a_process_that_died_while_it_waited_may_come_again(start):
    group = start(3)
    leader = group.one(0, "sum:3")
    early = group.one(1, "sum:3")
    time.sleep(0.5)  # most likely on the roll by now; the test holds if not
    early.signal(signal.SIGKILL)
    again, last = group.one(1, "sum:3"), group.one(2, "sum:3")
    assert all("fault" not in line for line in ends([leader, again, last]))


def test_a_process_of_another_size_is_refused_at_once(start):
    group = start(2)
    leader = group.one(0, "sum:3")
    wrong = group.one(1, "sum:3", WORLD_SIZE=3, LOCAL_WORLD_SIZE=3).end()
    assert wrong["fault"] == REFUSED and "a group of 3, the leader of 2" in wrong["message"]
    assert "fault" not in group.one(1, "sum:3").end()
    assert "fault" not in leader.end()


def test_an_environment_that_makes_no_sense(start):
    last = start(2).one(2, "sum:3").end()
    assert last["fault"] == BAD_INPUT and "RANK is '2'" in last["message"]


def connect(port: int) -> socket.socket:
    give_up = time.monotonic() + PATIENCE_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 10)
        except OSError:
            assert time.monotonic() < give_up
            time.sleep(0.02)


def frame(body: bytes) -> bytes:
    return b"CWWG" + struct.pack("<I", len(body)) + body


def hello(version=1, run=(0, 0), size=2, rank=1) -> bytes:
    return frame(b"H" + struct.pack("<IQQii", version, *run, size, rank))


def test_strangers_at_the_leaders_port_do_no_harm(start):
    group = start(2)
    group.environment["CAUSEWAY_GROUP_PORT"] = str(port := free_port())
    leader = group.one(0, "sum:1000", timeout_ms=PATIENCE_S * 1000)
    garbage = [b"", b"\0", b"GET / HTTP/1.1\r\n\r\n", os.urandom(5000), b"CWWG", b"CWWG\xff\xff\xff\xff", frame(b""),
               frame(b"x" * 64), frame(b"x" * 65), hello()[:-1], hello(), hello(version=99), hello(rank=-1),
               frame(b"R" + hello()[9:])]  # fmt: skip
    with contextlib.ExitStack() as stack:
        # Idle ones stay; there are more of them than the leader keeps.
        idle = [stack.enter_context(connect(port)) for _ in range(200)]
        for turn in range(300):
            with contextlib.suppress(OSError), connect(port) as stranger:
                stranger.sendall(garbage[turn % len(garbage)])
        with connect(port) as stranger:
            stranger.sendall(hello())
            stranger.settimeout(PATIENCE_S)
            assert b"another group" in stranger.recv(1000)
        # The first that came had to make room.
        assert select.select([idle[0]], [], [], PATIENCE_S)[0]
        late = group.one(1, "sum:1000")
        assert ends([leader, late])[0]["digest"] == late.lines[-1]["digest"]


def test_who_says_nothing_is_sent_away(start):
    group = start(2)
    group.environment["CAUSEWAY_GROUP_PORT"] = str(port := free_port())
    leader = group.one(0, "sum:1")
    with connect(port) as stranger:
        stranger.settimeout(PATIENCE_S)
        assert stranger.recv(1) == b""
    assert "fault" not in group.one(1, "sum:1").end()
    leader.end()


def listening_addresses(port: int) -> list[str]:
    rows = [line.split() for name in ("tcp", "tcp6") for line in pathlib.Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return [row[1].split(":")[0] for row in rows if row[3] == "0A" and int(row[1].split(":")[1], 16) == port]


def test_on_one_machine_only_the_loopback_is_used(start):
    group = start(2)
    group.environment |= {"CAUSEWAY_GROUP_PORT": str(port := free_port()), "MASTER_ADDR": socket.gethostname()}
    leader = group.one(0, "sum:1")
    connect(port).close()
    assert listening_addresses(port) == ["0100007F"]
    assert "fault" not in group.one(1, "sum:1").end()
    leader.end()


def test_a_port_that_another_program_has_is_passed_over(start):
    group = start(2)
    with socket.socket() as other:
        other.bind(("127.0.0.1", group.port + 1))
        other.listen()
        threading.Thread(target=lambda: other.accept()[0].sendall(b"220 ready\r\n"), daemon=True).start()
        lines = ends(group.all("sum:11"))
    assert lines[0]["digest"] == lines[1]["digest"]


def test_where_no_port_is_free_that_is_said(start):
    group = start(2)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        last = group.one(0, "sum:1", CAUSEWAY_GROUP_PORT=other.getsockname()[1]).end()
    assert last["fault"] == IO and "CAUSEWAY_GROUP_PORT" in last["message"]


def test_two_starts_at_the_same_ports_do_not_mix(start):
    one, other = start(2), start(2)
    other.environment["MASTER_PORT"] = one.environment["MASTER_PORT"]
    late = [one.one(0, "pause:300", "sum:5"), other.one(0, "pause:300", "sum:6"), other.one(1, "sum:6"), one.one(1, "sum:5")]
    assert [last["bytes"] for last in ends(late)] == [20, 24, 24, 20]


def test_beside_libtorch(start):
    """LibTorch has a Gloo of its own inside, of another version."""
    if not (BUILD / "group_torch_example").is_file():
        pytest.skip("built without LibTorch")
    plain = [line["digest"] for line in ends(start(2).all("sum:100000"))]
    beside = [line["digest"] for line in ends(start(2, program="group_torch_example").all("sum:100000"))]
    assert plain == beside


def torchrun(*options) -> list[str]:
    return [sys.executable, "-m", "torch.distributed.run", "--no-python", "--nproc-per-node", "2", *map(str, options)]


@pytest.mark.parametrize("way", ["static", "standalone"])
def test_torchrun_starts_a_group(way, tmp_path):
    options = ["--standalone"] if way == "standalone" else ["--master-port", free_port()]
    done = subprocess.run([*torchrun(*options), BUILD / "group_example", "60000", f"sum:4097:{tmp_path / 'sum'}"],
                          env=plain_environment(), capture_output=True, text=True, timeout=PATIENCE_S)  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert sorted((line["rank"], line["size"], line["local_rank"]) for line in lines if line["word"] == "join") == [
        (0, 2, 0), (1, 2, 1)]  # fmt: skip
    wanted = sum_in_ring(2, 4097).tobytes()
    assert [(tmp_path / f"sum.{rank}").read_bytes() for rank in (0, 1)] == [wanted, wanted]


def test_torchrun_starts_the_whole_group_anew_when_one_dies(tmp_path):
    """--max-restarts: the processes of the first start end, and those of the second do not meet them."""
    script = tmp_path / "worker.sh"
    script.write_text('#!/bin/sh\nif [ "$TORCHELASTIC_RESTART_COUNT" = 0 ]; then\n'
                      '  if [ "$RANK" = 1 ]; then sleep 1; exit 9; fi\n  exec "$1" 60000 loop:1000\nfi\n'
                      'exec "$1" 60000 sum:77\n')  # fmt: skip
    script.chmod(0o755)
    command = [*torchrun("--standalone", "--max-restarts", 1, "--monitor-interval", 0.1), script, BUILD / "group_example"]
    done = subprocess.run(command, env=plain_environment(), capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    sums = [json.loads(line) for line in done.stdout.splitlines() if '"sum"' in line]
    assert len(sums) == 2 and sums[0]["digest"] == sums[1]["digest"]


@pytest.fixture
def two_machines():
    """Two network namespaces with a link between them: addresses, and the words that run a program in each."""
    names = [f"cw{os.getpid()}{letter}" for letter in "ab"]

    def ip(*words):
        return subprocess.run(["ip", *words], capture_output=True, text=True)

    if not shutil.which("ip") or ip("netns", "add", names[0]).returncode != 0:
        pytest.skip("no network namespaces here")
    try:
        ip("netns", "add", names[1])
        made = ip("-n", names[0], "link", "add", "link0", "type", "veth", "peer", "name", "link0", "netns", names[1])
        if made.returncode != 0:
            pytest.skip(f"no links between network namespaces here: {made.stderr}")
        for index, name in enumerate(names):
            ip("-n", name, "addr", "add", f"10.99.0.{index + 1}/24", "dev", "link0")
            ip("-n", name, "link", "set", "link0", "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield [["ip", "netns", "exec", name] for name in names]
    finally:
        for name in names:
            ip("netns", "del", name)


def test_several_machines(start, two_machines):
    """Two processes on the leader's machine, one of which reaches it over the loopback, and two on another."""
    group = start(4)
    group.environment |= {"LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "10.99.0.1"}
    here, there = two_machines
    processes = [group.one(0, "sum:300000", before=here), group.one(1, "sum:300000", before=there, LOCAL_RANK=0),
                 group.one(2, "sum:300000", before=here, LOCAL_RANK=1), group.one(3, "sum:300000", before=there)]  # fmt: skip
    assert len({last["digest"] for last in ends(processes)}) == 1

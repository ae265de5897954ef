# SPDX-License-Identifier: Apache-2.0
"""How a site's processes meet: late ones, missing ones, strangers, other machines, and the launchers."""

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

import groups
import pytest
from groups import (BAD_INPUT, BUILD, IO, PATIENCE_S, PEER_LOST, REFUSED, connect, ends, free_port, plain_environment,
                    sum_in_ring)  # fmt: skip


@pytest.fixture
def start():
    with groups.starting() as starts:
        yield starts


def test_a_process_that_never_comes_is_named(start):
    group = start(4)
    # The leader's time ends first, so that the other hears from it who is missing.
    processes = [group.one(rank, "sum:1", timeout_ms=timeout_ms) for rank, timeout_ms in ((0, 8_000), (2, 20_000))]
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
        time.sleep(0.5)
        assert len(os.listdir(f"/proc/{leader.popen.pid}/fd")) < 150
        for turn in range(300):
            with contextlib.suppress(OSError), connect(port) as stranger:
                stranger.sendall(garbage[turn % len(garbage)])
        with connect(port) as stranger:
            stranger.sendall(hello())
            stranger.settimeout(PATIENCE_S)
            assert b"another group" in stranger.recv(1000)
        # The first that came had to make room, or has been silent for too long.
        assert select.select([idle[0]], [], [], PATIENCE_S)[0]
        late = group.one(1, "sum:1000")
        assert ends([leader, late])[0]["digest"] == late.lines[-1]["digest"]


def receive_frame(link: socket.socket) -> bytes:
    size = struct.unpack("<4sI", link.recv(8, socket.MSG_WAITALL))[1]
    return link.recv(size, socket.MSG_WAITALL)


def test_a_process_that_dies_while_links_are_made_is_noticed_at_once(start):
    """This test is rank 1 of 2, until the leader waits for it to call: Gloo alone would wait for the whole limit."""
    group = start(2)
    group.environment["CAUSEWAY_GROUP_PORT"] = str(port := free_port())
    leader = group.one(0, "sum:1", timeout_ms=600_000)
    with socket.create_server(("127.0.0.1", 0)) as spy:
        real = group.one(1, "sum:1", CAUSEWAY_GROUP_PORT=spy.getsockname()[1])
        heard = receive_frame(spy.accept()[0])
        real.signal(signal.SIGKILL)
    with connect(port) as link:
        link.settimeout(PATIENCE_S)
        link.sendall(frame(heard))
        assert receive_frame(link) == b"R\x01" + struct.pack("<I", 0)
        assert receive_frame(link) == b"R\x02" + struct.pack("<I", 9) + b"127.0.0.1"
        # A link's name is Gloo's: a sockaddr_storage and a number. Who has the lower address waits for the other.
        name = struct.pack("<H", socket.AF_INET) + b"\xff\xff\x7f\0\0\1" + bytes(120) + struct.pack("<q", -1)
        link.sendall(frame(b"E" + 2 * (struct.pack("<I", len(name)) + name)))
        assert receive_frame(link)[:1] == b"E"
    last = leader.end()
    assert last["fault"] == PEER_LOST and "rank 1 was lost" in last["message"], last
    assert last["seconds"] < 60


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


@pytest.mark.skipif(not shutil.which("mpirun"), reason="no Open MPI here")
def test_mpirun_starts_a_group(tmp_path):
    done = subprocess.run(["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "2", BUILD / "group_example", "60000",
                           f"sum:4097:{tmp_path / 'sum'}"], env=plain_environment(), capture_output=True, text=True,
                          timeout=PATIENCE_S)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "sum.1").read_bytes() == sum_in_ring(2, 4097).tobytes()


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
            ip("-n", name, "addr", "add", f"198.18.0.{index + 1}/24", "dev", "link0")
            ip("-n", name, "link", "set", "link0", "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield [["ip", "netns", "exec", name] for name in names]
    finally:
        for name in names:
            ip("netns", "del", name)


def test_several_machines(start, two_machines):
    """Two processes on the leader's machine, one of which reaches it over the loopback, and two on another."""
    group = start(4)
    group.environment |= {"LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "198.18.0.1"}
    here, there = two_machines
    processes = [group.one(0, "sum:300000", before=here), group.one(1, "sum:300000", before=there, LOCAL_RANK=0),
                 group.one(2, "sum:300000", before=here, LOCAL_RANK=1, MASTER_ADDR="localhost"),
                 group.one(3, "sum:300000", before=there, LOCAL_RANK=1)]  # fmt: skip
    assert len({last["digest"] for last in ends(processes)}) == 1

# SPDX-License-Identifier: Apache-2.0
"""The relay that the fault tests rely on, with plain sockets: connections through its links, and what ends them."""

import hashlib
import json
import pathlib
import socket
import subprocess
import sys
import threading
import time

import pytest

from net.ends import WAIT_S, Target, connected, is_silent, noise, read_all, read_exactly, send_all, wait_until
from net.relay import Relay


def test_bytes_pass_both_ways_unchanged_and_each_way_ends_by_itself(target):
    here, there = target.connect()
    up, down = noise(3_000_000, 1), noise(2_000_000, 2)
    send_all(here, up)
    assert hashlib.sha256(read_all(there)).digest() == hashlib.sha256(up).digest()
    send_all(there, down)
    assert hashlib.sha256(read_all(here)).digest() == hashlib.sha256(down).digest()
    counters = target.link.counters()
    assert counters["up"] == {"bytes_in": len(up), "bytes_out": len(up), "bytes_flipped": 0, "idle_s": 0}
    assert counters["down"] == {"bytes_in": len(down), "bytes_out": len(down), "bytes_flipped": 0, "idle_s": 0}
    wait_until(lambda: target.link.connections == 0)
    assert target.link.connections_made == 1


def test_a_way_may_be_blocked_while_the_other_passes(target):
    here, there = target.connect()
    target.link.up.blocked = True
    here.sendall(b"lost?")
    there.sendall(b"heard")
    assert read_exactly(here, 5) == b"heard"
    assert is_silent(there)
    assert target.link.up.bytes_in == target.link.up.bytes_out == 0
    target.link.up.blocked = False
    assert read_exactly(there, 5) == b"lost?"


def test_what_is_on_its_way_does_not_pass_a_block(target):
    here, there = target.connect()
    target.link.up.delay_s = 0.2
    here.sendall(b"x")
    wait_until(lambda: target.link.up.bytes_in == 1)
    target.link.block()
    assert is_silent(there, 0.5)
    target.link.heal()
    assert read_exactly(there, 1) == b"x"


def test_nobody_hears_through_a_partition_that_the_other_end_died(target):
    here, there = target.connect()
    target.link.block()
    here.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    here.close()
    assert is_silent(there)
    newcomer = connected(target.link.address)
    newcomer.sendall(b"new")
    target.listener.settimeout(0.3)
    with pytest.raises(TimeoutError):
        target.listener.accept()
    target.link.heal()
    with pytest.raises(ConnectionResetError):
        there.recv(1)
    target.listener.settimeout(WAIT_S)
    assert read_exactly(target.listener.accept()[0], 3) == b"new"


def test_a_death_is_told_to_the_other_end(target):
    for dying, living in [(0, 1), (1, 0)]:
        ends = target.connect()
        ends[dying].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        ends[dying].close()
        with pytest.raises(ConnectionResetError):
            ends[living].recv(1)
    wait_until(lambda: target.link.connections == 0)


def test_a_death_is_told_though_the_other_way_had_ended(target):
    here, there = target.connect()
    there.shutdown(socket.SHUT_WR)
    assert here.recv(1) == b""
    there.close()
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        while True:
            here.sendall(bytes(65536))


def test_a_cut_resets_refuses_and_ends(target):
    ends = target.connect()
    start = time.monotonic()
    target.link.cut(for_s=0.5)
    for end in ends:
        with pytest.raises(ConnectionResetError):
            end.recv(1)
    refused = 0
    while True:
        try:
            here = socket.create_connection(target.link.address, timeout=WAIT_S)
            break
        except ConnectionRefusedError:
            refused += 1
            time.sleep(0.02)
    assert refused > 0
    assert time.monotonic() - start >= 0.5
    here.sendall(b"again")
    assert read_exactly(target.listener.accept()[0], 5) == b"again"


def test_a_cut_without_an_end_lasts_until_it_is_healed(target):
    target.link.cut()
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            connected(target.link.address)
        time.sleep(0.05)
    target.link.heal()
    target.connect()


def test_links_of_a_relay_are_apart(relay):
    first, second = Target(relay, "first"), Target(relay, "second")
    here, there = second.connect()
    first.link.cut()
    first.link.up.rate_mbit = 0.001
    here.sendall(b"untouched")
    assert read_exactly(there, 9) == b"untouched"


def test_a_target_that_is_gone_resets_and_may_be_replaced(relay):
    first, second = Target(relay, "first"), Target(relay, "second")
    first.listener.close()
    with pytest.raises(ConnectionResetError):
        connected(first.link.address).recv(1)
    first.link.target = second.listener.getsockname()
    here = connected(first.link.address)
    here.sendall(b"x")
    assert read_exactly(second.listener.accept()[0], 1) == b"x"


def test_a_relay_leaves_nothing_behind():
    threads = threading.active_count()
    with Relay() as relay:
        target = Target(relay)
        ends = target.connect()
        address = target.link.address
    with pytest.raises(ConnectionResetError):
        ends[0].recv(1)
    with pytest.raises(ConnectionRefusedError):
        connected(address)
    assert threading.active_count() == threads
    socket.create_server(address).close()


def test_the_program_takes_changes_as_lines():
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(WAIT_S)
    program = [sys.executable, str(pathlib.Path(__file__).with_name("relay.py"))]
    relay = subprocess.Popen([*program, "--link", f"a=127.0.0.1:{listener.getsockname()[1]}"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)  # fmt: skip

    def ask(line: dict) -> dict:
        relay.stdin.write(json.dumps(line) + "\n")
        relay.stdin.flush()
        return json.loads(relay.stdout.readline())

    try:
        port = json.loads(relay.stdout.readline())["port"]
        here = connected(("127.0.0.1", port))
        there, _ = listener.accept()
        here.sendall(b"1234")
        assert read_exactly(there, 4) == b"1234"
        assert ask({"link": "a", "up": {"flip_at": 0}, "down": {"delay_s": 0.01}})["up"]["bytes_out"] == 4
        here.sendall(b"5")
        assert read_exactly(there, 1) != b"5"
        assert ask({"link": "a", "cut_s": 60})["connections"] <= 1
        with pytest.raises(ConnectionResetError):
            here.recv(1)
        assert "no speed" in ask({"link": "a", "up": {"speed": 1}})["error"]
        assert "KeyError" in ask({"link": "b"})["error"]
        relay.stdin.close()
        assert relay.wait(WAIT_S) == 0
    finally:
        relay.kill()
        relay.wait()
        relay.stdout.close()

# SPDX-License-Identifier: Apache-2.0
"""The relay that the fault tests rely on, with plain sockets: what it says it does to a link, it does."""

import hashlib
import json
import pathlib
import random
import resource
import socket
import subprocess
import sys
import threading
import time

import pytest

from net.relay import Relay

WAIT_S = 30
TRIES = 4  # Of what a busy machine may spoil. What must never happen is asserted in each.


@pytest.fixture
def relay():
    with Relay() as relay:
        yield relay


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


@pytest.fixture
def target(relay):
    target = Target(relay)
    yield target
    target.listener.close()


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
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        assert part, f"the connection ended after {len(data)} of {count} bytes"
        data += part
    return data


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


def test_bytes_pass_both_ways_unchanged_and_each_way_ends_by_itself(target):
    here, there = target.connect()
    up, down = noise(3_000_000, 1), noise(2_000_000, 2)
    send_all(here, up)
    assert hashlib.sha256(read_all(there)).digest() == hashlib.sha256(up).digest()
    send_all(there, down)
    assert hashlib.sha256(read_all(here)).digest() == hashlib.sha256(down).digest()
    counters = target.link.counters()
    assert counters["up"] == {"bytes_in": len(up), "bytes_out": len(up), "bytes_flipped": 0}
    assert counters["down"] == {"bytes_in": len(down), "bytes_out": len(down), "bytes_flipped": 0}
    wait_until(lambda: target.link.connections == 0)
    assert target.link.connections_made == 1


def seconds_of(target, data: bytes, connections: int = 1) -> tuple[float, float]:
    """To the last byte that arrives: from when it was sent, and from when the first arrived."""
    ends = [target.connect() for _ in range(connections)]
    share = len(data) // connections
    sent = time.perf_counter()
    for number, (here, _) in enumerate(ends):
        send_all(here, data[number * share : (number + 1) * share])
    there = [end for _, end in ends]
    there[0].recv(1, socket.MSG_PEEK)
    arrived = time.perf_counter()
    readers = [threading.Thread(target=read_all, args=(end,), daemon=True) for end in there]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(WAIT_S)
    return time.perf_counter() - sent, time.perf_counter() - arrived


@pytest.mark.parametrize(("delay_s", "connections"), [(0, 1), (0.05, 1), (0.05, 4)])
def test_a_limited_line_keeps_its_rate_whatever_the_delay(target, delay_s, connections):
    target.link.up.rate_mbit, target.link.up.delay_s = 100, delay_s
    data, parts = noise(18_750_000), []
    line_s = len(data) * 8 / 1e6 / 100
    for _ in range(TRIES):
        since_sent, since_arrived = seconds_of(target, data, connections)
        assert since_sent > 0.98 * line_s + delay_s, "faster than it may be"
        parts.append(line_s / since_arrived)
        if parts[-1] > 0.98:
            return
    pytest.fail(f"parts of the rate: {parts}")


def test_an_unlimited_line_passes_2_gbit_a_second_of_one_core(target):
    data, seconds = bytes(256 << 20), []
    for _ in range(TRIES):
        before = resource.getrusage(resource.RUSAGE_SELF)
        seconds_of(target, data)
        after = resource.getrusage(resource.RUSAGE_SELF)
        # Of sender and receiver, too: they are threads of this process. Time of the processor, as others use it too.
        seconds.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    assert min(seconds) < len(data) * 8 / 2e9, seconds


def test_a_rate_may_change_while_bytes_wait_for_it(target):
    here, there = target.connect()
    target.link.up.rate_mbit = 0.008  # 1000 bytes a second
    data = noise(400_000)
    send_all(here, data)
    assert read_exactly(there, 100) == data[:100]
    target.link.up.rate_mbit = None
    assert read_all(there) == data[100:]


def test_a_slow_line_is_felt_by_its_sender(target):
    here, _ = target.connect()
    target.link.up.rate_mbit = 0.008
    here.settimeout(0.5)
    sent = 0
    with pytest.raises(TimeoutError):
        while True:
            sent += here.send(bytes(65536))
    assert sent < 16 << 20


def round_trip_s(here, there) -> float:
    start = time.perf_counter()
    here.sendall(b"x")
    there.sendall(read_exactly(there, 1))
    read_exactly(here, 1)
    return time.perf_counter() - start


def test_a_delay_is_each_ways_own(target):
    here, there = target.connect()
    target.link.up.delay_s, target.link.down.delay_s = 0.08, 0.04
    trips = [round_trip_s(here, there) for _ in range(2 * TRIES)]
    assert min(trips) >= 0.12
    assert min(trips) < 0.15


def test_a_new_connection_waits_a_round_trip(target):
    target.link.up.delay_s = target.link.down.delay_s = 0.1
    start = time.perf_counter()
    target.connect()
    assert time.perf_counter() - start >= 0.2


def test_jitter_keeps_the_order(target):
    here, there = target.connect()
    target.link.up.jitter_s = 0.1
    trips = []
    for _ in range(20):
        trips.append(round_trip_s(here, there))
    assert max(trips) - min(trips) > 0.03
    data = noise(300_000)

    def send():
        for at in range(0, len(data), 10_000):
            here.sendall(data[at : at + 10_000])
            time.sleep(0.001)
        here.shutdown(socket.SHUT_WR)

    threading.Thread(target=send, daemon=True).start()
    assert read_all(there) == data


def test_a_way_may_be_blocked_while_the_other_passes(target):
    here, there = target.connect()
    target.link.up.blocked = True
    here.sendall(b"lost?")
    there.sendall(b"heard")
    assert read_exactly(here, 5) == b"heard"
    assert is_silent(there)
    assert target.link.up.bytes_out == 0
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


def differing_bits(a: bytes, b: bytes) -> list[tuple[int, int]]:
    return [(at, (x ^ y).bit_count()) for at, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]


def test_one_bit_flips_where_it_is_told_to(target):
    data = noise(2_500_000)
    here, there = target.connect()
    here.sendall(b"before")
    assert read_exactly(there, 6) == b"before"
    for offset in (0, 1_000_003, len(data) - 1):
        target.link.up.flip_at(offset)
    send_all(here, data)
    assert differing_bits(data, read_all(there)) == [(0, 1), (1_000_003, 1), (len(data) - 1, 1)]
    assert target.link.up.bytes_flipped == 3
    assert target.link.down.bytes_flipped == 0


def test_bits_flip_at_a_rate(target):
    data = noise(1_000_000)
    target.link.up.flip_rate = 1e-3
    here, there = target.connect()
    send_all(here, data)
    flips = differing_bits(data, read_all(there))
    assert len(flips) == target.link.up.bytes_flipped
    assert 850 < len(flips) < 1150  # 1000 with a deviation of 32.
    assert all(bits == 1 for _, bits in flips)
    halves = sum(at < len(data) // 2 for at, _ in flips)
    assert 400 < halves < 600


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

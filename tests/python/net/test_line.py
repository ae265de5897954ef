# SPDX-License-Identifier: Apache-2.0
"""The relay's lines, with plain sockets: rate, delay and damage are what they are said to be, and no more."""

import pathlib
import resource
import socket
import threading
import time

import pytest

from net.ends import WAIT_S, connected, is_silent, noise, read_all, read_exactly, send_all

TRIES = 4  # Of what a busy machine may spoil. What must never happen is asserted in each.


def queued_s() -> float:
    """How long threads of this process were ready to run and did not, as others did: all of them together."""
    tasks = pathlib.Path("/proc/self/task").glob("*/schedstat")
    return sum(int(path.read_text().split()[1]) for path in tasks) / 1e9


def seconds_of(target, data: bytes, connections: int = 1) -> tuple[float, float]:
    """To the last byte that arrives: from when it was sent; and from when the first arrived, but for what a busy machine
    cost: time in which the line waited for its senders, and in which threads waited for a core."""
    ends = [target.connect() for _ in range(connections)]
    share = len(data) // connections
    sent = time.perf_counter()
    for number, (here, _) in enumerate(ends):
        send_all(here, data[number * share : (number + 1) * share])
    there = [end for _, end in ends]
    there[0].recv(1, socket.MSG_PEEK)
    arrived, idle_s, queued_before_s = time.perf_counter(), target.link.up.idle_s, queued_s()
    readers = [threading.Thread(target=read_all, args=(end,), daemon=True) for end in there]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(WAIT_S)
    end = time.perf_counter()
    # Threads that have ended are not counted any more: that errs to the strict side.
    lost_s = target.link.up.idle_s - idle_s + max(0, queued_s() - queued_before_s)
    return end - sent, max(end - arrived - lost_s, 1e-9)


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
        if seconds[-1] < len(data) * 8 / 2e9:
            return
    pytest.fail(f"seconds of a processor: {seconds}")


def test_a_rate_may_change_while_bytes_wait_for_it(target):
    here, there = target.connect()
    target.link.up.rate_mbit = 0.008  # 1000 bytes a second
    data = noise(400_000)
    send_all(here, data)
    assert read_exactly(there, 100) == data[:100]
    target.link.up.rate_mbit = None
    assert read_all(there) == data[100:]


def test_a_rate_that_would_take_forever_may_be_taken_back(target):
    here, there = target.connect()
    target.link.up.rate_mbit = 1e-9
    here.sendall(b"x")
    assert is_silent(there)
    target.link.up.rate_mbit = 100
    assert read_exactly(there, 1) == b"x"


def test_an_idle_line_saves_nothing_up(target):
    target.link.up.rate_mbit, target.link.up.delay_s = 1, 0.1
    for _ in range(3):
        start = time.perf_counter()
        here = connected(target.link.address)
        send_all(here, bytes(50_000))
        there, _ = target.listener.accept()
        assert len(read_all(there)) == 50_000
        # Once over for the handshake, once for the bytes.
        assert time.perf_counter() - start > 0.1 + 0.4 * 0.98 + 0.1
        time.sleep(0.6)
    assert target.link.up.idle_s > 2 * 0.6


def test_a_slow_line_is_felt_by_its_sender(target):
    here, there = target.connect()
    here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    quick = bytes(32 << 20)  # Lets the system's buffers grow, where they may.
    threading.Thread(target=here.sendall, args=(quick,), daemon=True).start()
    read_exactly(there, len(quick))
    target.link.up.rate_mbit = 0.008
    here.settimeout(1)
    sent = 0
    with pytest.raises(TimeoutError):
        while True:
            sent += here.send(bytes(65536))
    assert sent < 2 << 20


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

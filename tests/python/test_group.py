# SPDX-License-Identifier: Apache-2.0
"""A site's processes as a group: what they compute together, and what they see when one is killed, stopped or mistaken."""

import signal
import time

import groups
import pytest
from groups import BUILD, CORRUPT, PEER_LOST, Process, ends, sum_in_ring


@pytest.fixture
def start():
    with groups.starting() as starts:
        yield starts


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

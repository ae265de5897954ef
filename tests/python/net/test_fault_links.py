# SPDX-License-Identifier: Apache-2.0
"""The fault table: links that are slow, cut, blocked, or flip bits; messages twice or late."""

import shutil
import time

import pytest

from net.cluster import BRISK, PATIENT

pytestmark = pytest.mark.faults

DELAY_S = 0.02


def committed_since(run, number: int, more: int = 2) -> None:
    """The run goes on: so many further rounds are committed."""
    run.wait_for(lambda log: sum(one > number for one in log.committed) >= more, f"{more} rounds after {number}")


def test_only_the_worker_on_a_slow_link_is_late(start_run, fault_table):
    run = start_run(settings=BRISK, delay_s=DELAY_S)
    run.start()
    run.wait_round(5)
    run.links[3].up.rate_mbit = 0.02  # 2,500 bytes a second.
    number = run.wait_for(lambda log: max(log.absent(3), default=0), "a round without worker 3")
    committed_since(run, number)
    slow_until = run.decisions().opened
    run.links[3].heal()
    run.links[3].up.delay_s = run.links[3].down.delay_s = DELAY_S
    recovery_s = run.wait_back(3, slow_until)
    log = run.finish().decisions
    assert not log.aborted
    assert all(not log.absent(worker) for worker in (0, 1, 2)), "others were late, too"
    fault_table.add("slow link", done="one worker's way up at 20 kbit/s for several rounds",
                    lost=f"its offers of {len(log.absent(3))} rounds, each with a reason", recovery_s=recovery_s)  # fmt: skip


def test_bytes_go_on_where_they_were_after_a_cut(start_run, small_recipes, fault_table):
    # Some 130,000 parameters, so that an offer takes half a second, in pieces that are acknowledged one by one.
    recipe = small_recipes("wide", run={"steps": 32}, model={"width": 64})
    run = start_run(recipe, settings=PATIENT | {"chunk_bytes": 8192, "window_bytes": 32768})
    link = run.links[1]
    run.start()
    run.wait_for(lambda log: log.decided >= 2, "two rounds")
    first = link.counters()["up"]["bytes_out"]
    run.wait_for(lambda log: log.decided >= 4, "two more rounds")
    offer = (link.counters()["up"]["bytes_out"] - first) / 2
    assert offer > 50_000
    link.up.rate_mbit = offer * 8 / 1e6 / 0.5
    cuts, recoveries = 0, []
    for number in (5, 6, 7):
        run.wait_for(lambda log, at=number: log.opened >= at, f"round {number}")
        before = link.up.bytes_out
        run.wait_for(lambda log, at=before: link.up.bytes_out > at + 0.8 * offer, "most of an offer")
        if 1 in run.decisions().holders(number):
            continue
        link.cut(for_s=0.3)
        cuts += 1
        start = time.monotonic()
        run.wait_for(lambda log, at=number: 1 in log.holders(at), "the rest of the offer")
        recoveries.append(time.monotonic() - start)
    assert cuts >= 2, "the offers were too quick to be cut"
    run.wait_for(lambda log: log.decided >= 7, "the cut rounds")
    spent = link.counters()["up"]["bytes_out"] - first
    outcome = run.finish()
    assert outcome.complete
    # 5 offers; and for each cut what was not acknowledged, and a handshake. Not four fifths of an offer.
    assert spent < 5.3 * offer + cuts * 0.4 * offer, f"{spent / offer:.1f} offers' bytes"
    fault_table.add("slow link", done=f"connections cut {cuts} times when four fifths of an offer had been sent",
                    lost=f"nothing: the bits of the undisturbed run; {spent / offer - 5:.2f} offers were sent again",
                    recovery_s=max(recoveries))  # fmt: skip


@pytest.mark.parametrize("one_way", [False, True], ids=["both ways", "one way"])
def test_two_workers_are_cut_off(start_run, fault_table, one_way):
    run = start_run(settings=BRISK, delay_s=DELAY_S)
    run.start()
    run.wait_round(5)
    run.links[2].block(down=not one_way)
    run.links[3].block(up=not one_way)
    number = run.wait_for(lambda log: max(log.absent(3), default=0) if log.absent(2) else 0, "a round without them")
    committed_since(run, number)
    assert all(run.workers[one].alive for one in (2, 3)), "who is cut off must wait"
    until = run.decisions().opened
    for number in (2, 3):
        run.links[number].block(up=False, down=False)
    start = time.monotonic()
    run.wait_back(2, until)
    run.wait_back(3, until)
    recovery_s = time.monotonic() - start
    log = run.finish().decisions
    assert not log.aborted
    assert all(not log.absent(worker) for worker in (0, 1))
    ways = "one on its way up, one on its way down," if one_way else "both ways"
    fault_table.add("partition", done=f"two of four workers cut off {ways} for several rounds",
                    lost=f"their offers of {max(len(log.absent(2)), len(log.absent(3)))} rounds, each with a reason",
                    recovery_s=recovery_s)  # fmt: skip


def test_without_a_quorum_nothing_is_decided(start_run, fault_table):
    settings = BRISK | {"quorum_count": 3, "deadline_ms_max": 240_000}
    run = start_run(settings=settings, delay_s=DELAY_S)
    run.start()
    run.wait_round(5)
    for number in (2, 3):
        run.links[number].block()
    run.wait_for(lambda log: log.removals(2) and log.removals(3), "their leases to end")
    committed = run.decisions().committed
    time.sleep(2)
    assert run.decisions().committed[len(committed) + 1 :] == [], "a round was committed by two of four"
    for number in (2, 3):
        run.links[number].block(up=False, down=False)
    start = time.monotonic()
    committed_since(run, committed[-1])
    recovery_s = time.monotonic() - start
    log = run.finish().decisions
    assert all(len(log.members(number)) >= 3 for number in log.committed)
    fault_table.add("partition", done="two of four workers cut off, where three are a quorum",
                    lost="time only: no round was committed meanwhile", recovery_s=recovery_s)  # fmt: skip


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_bits_flip_on_the_way(start_run, fault_table, secure):
    run = start_run(settings=PATIENT, delay_s=DELAY_S, secure=secure)
    run.start()
    for number in (4, 6, 8):
        run.wait_round(number)
        # In the midst of an offer and of a result, whatever message or frame that hits.
        for offset in (1_000, 20_000):
            run.links[1].up.flip_at(offset)
            run.links[2].down.flip_at(offset)
    run.wait_for(lambda log: log.opened >= 10, "round 10")
    flips = run.links[1].up.bytes_flipped + run.links[2].down.bytes_flipped
    outcome = run.finish()
    assert flips >= 6
    assert outcome.complete, "damage changed who counted"
    fault_table.add("corrupt payload", done=f"{flips} bits flipped in offers and results, {'TLS' if secure else 'without TLS'}",
                    lost="nothing: found, sent again, the bits of the undisturbed run")  # fmt: skip


def test_messages_are_repeated(start_run, fault_table):
    run = start_run(settings=PATIENT, delay_s=DELAY_S)
    run.start()
    for number in (4, 7, 10):
        run.wait_round(number)
        run.links[2].up.blocked = True  # So that the round stays open.
        run.links[1].down.delay_s = 1.0  # The hub's answers are on the way for so long, and are lost.
        held = run.wait_for(lambda log, at=number: log.opened >= at and 1 in log.holders(log.opened) and log.opened,
                            "an offer of worker 1")  # fmt: skip
        before = run.links[1].connections_made
        run.links[1].cut()
        run.links[1].heal()
        run.links[1].up.delay_s = run.links[1].down.delay_s = DELAY_S
        run.wait_for(lambda log, at=before: run.links[1].connections_made > at, "worker 1 to come back")
        time.sleep(1)  # For saying it again. If that took longer, this would test less, and fail no more.
        run.links[2].up.blocked = False
        run.wait_for(lambda log, at=held: at in log.committed, "its round")
    outcome = run.finish()
    assert outcome.complete
    assert not outcome.decisions.strikes(1)
    fault_table.add("duplicate or late message", done="answers lost and connections cut three times: offers came twice",
                    lost="nothing: each counted once, the bits of the undisturbed run")  # fmt: skip


def test_offers_of_rounds_that_are_over_come_again(start_run, fault_table):
    run = start_run(settings=PATIENT, delay_s=DELAY_S)
    run.start()
    run.wait_round(4)
    run.workers[1].kill()
    old = run.folder / "old-worker-1"
    shutil.copytree(run.worker_folders[1], old)
    run.start_worker(1)
    run.wait_for(lambda log: log.decided >= 8, "round 8 to end")
    before = run.decisions()
    run.workers[1].kill()
    # As if a machine were set back to yesterday: it makes and offers again what has long been decided.
    shutil.rmtree(run.worker_folders[1])
    old.rename(run.worker_folders[1])
    run.start_worker(1)
    recovery_s = run.wait_back(1, before.opened)
    log = run.finish().decisions
    for number in before.committed:
        assert log.members(number) == before.members(number)
    fault_table.add("duplicate or late message", done="a worker set back by four rounds and started: it offers them again",
                    lost="nothing: decided rounds stay as they are", recovery_s=recovery_s)  # fmt: skip

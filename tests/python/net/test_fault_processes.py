# SPDX-License-Identifier: Apache-2.0
"""The fault table: processes that die, stand still, are told to leave, or have a wrong clock."""

import time

import pytest

from net.cluster import BRISK, DONE, LEFT_EARLY, PATIENT
from net.processes import wait_for
from net.skew import SkewedClock

pytestmark = pytest.mark.faults

DELAY_S = 0.02  # Each way: rounds then take a while, and the machine is not busy meanwhile.


def committed_since(run, number: int, more: int = 2) -> None:
    """The run goes on: so many further rounds are committed."""
    run.wait_for(lambda log: sum(one > number for one in log.committed) >= more, f"{more} rounds after {number}")


def test_a_worker_is_killed_mid_round(start_run, fault_table):
    run = start_run(settings=BRISK, delay_s=DELAY_S)
    run.start()
    run.wait_round(4)
    run.links[2].block()  # So that its offer is on the way when it dies.
    number = run.wait_mid_round(4, without={2})
    run.workers[2].kill()
    run.links[2].heal()
    committed_since(run, number - 1)
    run.restart_worker(2)
    recovery_s = run.wait_back(2, number)
    log = run.finish().decisions
    assert log.members(number) == {0, 1, 3}
    assert log.absent(2)[number]
    assert not log.aborted
    assert len(log.admissions(2)) >= 2
    fault_table.add("worker killed mid-round", done="kill -9 while its offer was on the way; started again with its folder",
                    lost=f"its offers of {len(log.absent(2))} rounds, each with a reason", recovery_s=recovery_s)  # fmt: skip


def test_a_killed_worker_that_is_waited_for_changes_no_bit(start_run, fault_table):
    run = start_run(settings=PATIENT, delay_s=DELAY_S)
    run.start()
    recovery_s = 0
    for number in (4, 9, 14):
        run.wait_round(number)
        run.workers[number % 4].kill()
        run.start_worker(number % 4)
        last = run.decisions().decided
        recovery_s = max(recovery_s, run.seconds_until(lambda log, at=last: log.decided > at + 1, "the next rounds"))
    outcome = run.finish()  # Compares the bits if all offers counted.
    assert not outcome.decisions.aborted
    lost = sum(len(outcome.decisions.absent(worker)) for worker in run.workers)
    fault_table.add("worker killed mid-round", done="kill -9 of three workers, started again at once, patient hub",
                    lost="nothing: the bits of the undisturbed run" if outcome.complete else f"{lost} offers, with reasons",
                    recovery_s=recovery_s)  # fmt: skip


def test_a_worker_hangs_and_wakes(start_run, fault_table):
    run = start_run(settings=BRISK, delay_s=DELAY_S)
    run.start()
    run.wait_round(5)
    run.workers[1].stop()
    number = run.wait_for(lambda log: max(log.absent(1), default=0), "a round without worker 1")
    run.wait_for(lambda log: log.removals(1), "its lease to end")
    committed_since(run, number)
    before = run.decisions()
    run.workers[1].resume()
    recovery_s = run.wait_back(1, before.opened)
    log = run.finish().decisions
    assert "no word" in log.removals(1)[0]
    # What it offered when it woke, of an epoch that was over, changed no round that had been decided.
    for decided in before.committed:
        assert log.members(decided) == before.members(decided)
    assert log.admissions(1)[-1] > before.admissions(1)[-1]
    assert not log.aborted
    fault_table.add("worker hangs", done="SIGSTOP in a round, SIGCONT after its lease and two more rounds",
                    lost=f"its offers of {len(log.absent(1))} rounds, each with a reason", recovery_s=recovery_s)  # fmt: skip


# When the hub dies: as soon as the log says so. Whose links are held up, so that the moment lasts until it is seen.
MOMENTS = {
    "when a round opens": (set(), lambda log, at: log.opened >= at),
    "when it has one offer": ({0, 1, 2}, lambda log, at: log.decided < log.opened and log.holders(log.opened) >= {3}),
    "when it has all offers but one": ({2}, lambda log, at: log.decided < log.opened and log.holders(log.opened) >= {0, 1, 3}),
    "when a round is closed": (set(), lambda log, at: log.of("closed", round=at) or log.opened > at),
    "when a round is committed": (set(), lambda log, at: at in log.committed),
}


def test_the_hub_is_killed_mid_round(start_run, fault_table):
    run = start_run(settings=PATIENT, delay_s=DELAY_S)
    run.start()
    recoveries = []
    for number, (when, (held_up, moment)) in enumerate(MOMENTS.items()):
        at = 3 + 4 * number
        run.wait_round(at)
        for worker in held_up:
            run.links[worker].block()
        run.wait_for(lambda log, at=at, moment=moment: moment(log, at), when)
        run.hub.kill()
        before = run.decisions()
        for worker in held_up:
            run.links[worker].heal()
        run.start_hub()
        recoveries.append(run.seconds_until(lambda log, at=before.decided: log.decided > at, f"the round of {when}"))
        assert run.decisions().records[: len(before.records)] == before.records, "what was on record has changed"
    outcome = run.finish()
    assert outcome.complete, "some offer did not count"
    fault_table.add("hub killed mid-round", done=f"kill -9 {len(MOMENTS)} times: {', '.join(MOMENTS)}",
                    lost="nothing: the bits of the undisturbed run", recovery_s=max(recoveries))  # fmt: skip


def test_the_hub_and_all_workers_are_killed_at_once(start_run, fault_table):
    run = start_run(settings=PATIENT, delay_s=DELAY_S)
    run.start()
    run.wait_round(6)
    for worker in (0, 1, 2):
        run.links[worker].block()  # So that the round waits for them until it is seen.
    run.wait_mid_round(6, without={0, 1, 2})
    for child in (run.hub, *run.workers.values()):
        child.kill()
    for worker in (0, 1, 2):
        run.links[worker].heal()
    before = run.decisions()
    start = time.monotonic()
    run.start()
    run.wait_for(lambda log: log.decided > before.decided, "the round to end")
    recovery_s = time.monotonic() - start
    outcome = run.finish()
    assert outcome.decisions.records[: len(before.records)] == before.records
    fault_table.add("hub killed mid-round", done="kill -9 of the hub and of all workers; all started again",
                    lost="nothing: the bits of the undisturbed run" if outcome.complete else "offers, with reasons",
                    recovery_s=recovery_s)  # fmt: skip


def test_a_worker_is_told_to_leave(start_run, fault_table):
    run = start_run(settings=BRISK, delay_s=DELAY_S)
    run.start()
    run.wait_round(5)
    start = time.monotonic()
    run.workers[2].terminate()
    assert run.workers[2].wait() == LEFT_EARLY, run.workers[2].tail()
    notice_s = time.monotonic() - start
    left_at = run.wait_for(lambda log: log.removals(2) and log.opened, "its leave")
    assert run.decisions().removals(2)[0].startswith("left:")
    run.restart_worker(2)
    recovery_s = run.wait_back(2, left_at)
    log = run.finish().decisions
    fault_table.add("preemption notice", done=f"SIGTERM to a worker: it left with exit code 75 after {notice_s:.1f} s",
                    lost=f"its offers of {len(log.absent(2))} rounds while it was away", recovery_s=recovery_s)  # fmt: skip


def test_the_hub_is_told_to_leave(start_run, fault_table):
    run = start_run(settings=PATIENT, delay_s=DELAY_S)
    run.start()
    run.wait_round(5)
    run.hub.terminate()
    assert run.hub.wait() == LEFT_EARLY, run.hub.tail()
    last = run.decisions().decided
    run.start_hub()
    recovery_s = run.seconds_until(lambda log: log.decided > last, "the next round")
    assert run.finish().complete
    fault_table.add("preemption notice", done="SIGTERM to the hub: it left with exit code 75, and was started again",
                    lost="nothing: the bits of the undisturbed run", recovery_s=recovery_s)  # fmt: skip


def test_clocks_are_wrong_and_jump(start_run, fault_table, tmp_path):
    # Certificates have a time from which they are valid: an hour before they are made, which was long ago.
    long_ago = SkewedClock(tmp_path / "clocks", -60 * 86400)
    run = start_run(settings=PATIENT, delay_s=DELAY_S, cert_env=long_ago.environment)
    clocks = {whose: SkewedClock(tmp_path / "clocks", offset_s)
              for whose, offset_s in [("hub", 3600), (0, -7200), (1, 86400), (2, 0), (3, 0)]}  # fmt: skip
    run.start_hub(env=clocks["hub"].environment)
    for number in run.worker_folders:
        run.start_worker(number, env=clocks[number].environment)
    jumps = [("hub", -3600), (2, 30 * 86400), ("hub", 7200), (3, -1800), (0, 7200)]
    for number, (whose, offset_s) in enumerate(jumps):
        run.wait_round(4 + 3 * number)
        clocks[whose].set(offset_s)
    outcome = run.finish()
    assert outcome.complete, "a clock changed who counted"
    fault_table.add("clock skew", done="times of day apart by up to 31 days, of hub and workers; five jumps, back and forth",
                    lost="nothing: the bits of the undisturbed run")  # fmt: skip


def test_a_second_hub_is_kept_from_the_same_run(start_run):
    run = start_run(settings=PATIENT, delay_s=DELAY_S)
    run.start()
    run.wait_round(3)
    first = run.hub
    second = run.start_hub(wait=False)
    assert second.wait() not in (DONE, LEFT_EARLY)
    assert str(run.out) in second.complaints(), "it does not say what is in use"
    run.hub = first
    wait_for(lambda: first.alive, "the first hub")
    assert run.finish().complete

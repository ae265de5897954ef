# SPDX-License-Identifier: Apache-2.0
"""The fault table: disks that get full."""

import time

import pytest

from net.cluster import DONE, PATIENT
from net.processes import wait_for

pytestmark = pytest.mark.faults

DELAY_S = 0.02
DISK_BYTES = 64 << 20
LOG_BYTES = 128 << 10


def says_full(child) -> bool:
    return any(word in child.complaints() + child.text() for word in ("No space left", "disk full", "disk is full"))


def test_the_hubs_disk_gets_full(start_run, small_disk, fault_table):
    disk = small_disk("hub-disk", DISK_BYTES)
    run = start_run(settings=PATIENT, delay_s=DELAY_S, out=disk.folder / "out")
    run.start()
    run.wait_round(5)
    disk.fill()
    wait_for(lambda: says_full(run.hub), "the hub to say that its disk is full", needs=())
    stuck = run.decisions()
    time.sleep(1)
    if run.hub.alive:
        assert run.decisions().decided <= stuck.decided + 1, "it decides without a log"
        run.hub.kill()  # The worst moment: what is half written stays so.
    else:
        assert run.hub.returncode != DONE
    before = run.decisions()
    disk.empty()
    start = time.monotonic()
    run.start_hub()
    run.wait_for(lambda log: log.decided > before.decided, "the next round")
    recovery_s = time.monotonic() - start
    outcome = run.finish()
    assert outcome.decisions.records[: len(before.records)] == before.records
    assert outcome.complete
    fault_table.add("disk full at hub", done="its disk filled in a round; killed, given room, started again",
                    lost="nothing: the bits of the undisturbed run", recovery_s=recovery_s)  # fmt: skip


def test_the_hub_goes_on_by_itself_when_there_is_room_again(start_run, small_disk, fault_table):
    disk = small_disk("hub-disk", DISK_BYTES)
    run = start_run(settings=PATIENT, delay_s=DELAY_S, out=disk.folder / "out")
    run.start()
    run.wait_round(5)
    # Room for the log, which a hub cannot do without, and for no offer.
    disk.fill(leave_bytes=LOG_BYTES)
    wait_for(lambda: says_full(run.hub), "the hub to say that its disk is full", needs=(run.hub,))
    last = run.decisions().decided
    disk.empty()
    recovery_s = run.seconds_until(lambda log: log.decided > last + 1, "the next rounds")
    assert run.finish().complete
    fault_table.add("disk full at hub", done="its disk filled in a round, and given room while it ran",
                    lost="nothing: the bits of the undisturbed run", recovery_s=recovery_s)  # fmt: skip


def test_a_workers_disk_gets_full(start_run, small_disk, fault_table):
    disk = small_disk("worker-disk", DISK_BYTES)
    run = start_run(settings=PATIENT, delay_s=DELAY_S, worker_folders={2: disk.folder / "folder"})
    run.start()
    run.wait_round(5)
    disk.fill()
    wait_for(lambda: says_full(run.workers[2]), "the worker to say that its disk is full", needs=())
    if run.workers[2].alive:
        at = run.decisions().decided
        run.wait_for(lambda log: log.decided > at + 1, "two rounds with its last good checkpoint", needs=(run.hub,))
        run.workers[2].kill()
    disk.empty()
    back_from = run.decisions().opened - 1
    run.start_worker(2)
    recovery_s = run.wait_back(2, back_from)
    log = run.finish().decisions
    assert not log.aborted
    assert all(not log.absent(worker) for worker in (0, 1, 3))
    fault_table.add("disk full at worker", done="its disk filled for some rounds; killed, given room, started again",
                    lost=f"{len(log.absent(2)) or 'none'} of its offers; the last good checkpoint was kept",
                    recovery_s=recovery_s)  # fmt: skip

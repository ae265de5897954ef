# SPDX-License-Identifier: Apache-2.0
"""The class that fault tests drive a run with, with a stand-in for causeway: what it reports is what happened."""

import pathlib

import pytest

from net.cluster import BRISK, PATIENT, Run
from net.fault_table import FAULTS, FaultTable
from net.processes import Late

STAND_IN = pathlib.Path(__file__).with_name("stand_in.py")


@pytest.fixture
def start(small_recipes, tmp_path):
    """Starts a run of eight rounds."""
    runs = []

    def start(**options) -> Run:
        recipe = small_recipes(f"net{len(runs)}", run={"steps": 32})
        run = Run(STAND_IN, tmp_path / f"run{len(runs)}", recipe, **{"delay_s": 0.002, "settings": PATIENT} | options)
        runs.append(run.__enter__())
        return run

    yield start
    for run in runs:
        run.__exit__()


@pytest.mark.parametrize("options", [{}, {"secure": False}, {"direct": True}])
def test_an_undisturbed_run_has_the_bits_of_one_process(start, options):
    run = start(**options)
    run.start()
    outcome = run.finish()
    assert outcome.complete
    assert outcome.weights == run.undisturbed()
    assert outcome.decisions.committed == list(range(1, 9))
    assert not any(child.alive for child in run.processes.children)
    if not options:
        assert all(link.counters()["up"]["bytes_out"] > 8 * 100_000 for link in run.links.values())


@pytest.mark.parametrize("direct", [False, True])
def test_a_killed_hub_starts_again_by_the_same_command(start, direct):
    run = start(direct=direct)
    run.start()
    for number in (3, 6):
        run.wait_round(number)
        run.hub.kill()
        before = run.decisions()
        run.start_hub()
        assert run.decisions().records[: len(before.records)] == before.records
    assert run.finish().complete


def test_a_killed_worker_is_missed_and_comes_back(start):
    run = start(settings=BRISK)
    run.start()
    run.wait_round(3)
    run.links[2].block()
    number = run.wait_mid_round(3, without={2})
    run.workers[2].kill()
    run.wait_for(lambda log: log.decided >= number, "the round to end")
    run.links[2].heal()
    run.restart_worker(2)
    assert run.wait_back(2, number) > 0
    outcome = run.finish()
    assert not outcome.complete
    assert outcome.weights != run.undisturbed()
    assert outcome.decisions.absent(2)[number]
    assert outcome.decisions.members(number) == {0, 1, 3}


def test_certificates_and_refusals(start):
    run = start()
    run.start_hub()
    run.make_certificates(run.folder / "others", "site1")
    assert run.start_worker(1, certificate=run.folder / "others" / "site1.crt").wait() == 3
    run.cert("revoke", run.certificate(0))
    assert run.start_worker(0).wait() == 3
    assert run.decisions().admissions(1) == []


def test_a_preempted_worker_says_so(start):
    run = start(settings=BRISK)
    run.start()
    run.wait_round(3)
    run.workers[0].terminate()
    assert run.workers[0].wait() == 75
    assert run.decisions().removals(0) == ["left: preempted"]


def test_waiting_ends_with_what_is_known(start):
    run = start()
    run.start()
    run.wait_round(2)
    run.hub.kill()
    with pytest.raises(Late, match=r"(?s)round 99.*hub ended with -9.*listening on.*round \d+ opened"):
        run.wait_round(99)


def test_parted_replicas_wrong_bits_and_exit_codes_are_found(start):
    run = start()
    run.start()
    run.finish()
    for whose, was, text, said in [
        (run.workers[1], "", "weights xxh3:" + "f" * 32, "parted"),
        (run.hub, "", "nothing", "printed no line"),
    ]:
        was = whose.text()
        whose.out.write_text(text + "\n")
        with pytest.raises(AssertionError, match=said):
            run.finish()
        whose.out.write_text(was)
    for child in (run.hub, *run.workers.values()):
        child.out.write_text("weights xxh3:" + "f" * 32 + "\n")
    with pytest.raises(AssertionError, match="not the undisturbed run's"):
        run.finish()
    run.workers[3].returncode = 1
    with pytest.raises(AssertionError, match="worker 3 ended with 1"):
        run.finish()


def test_the_fault_table_is_in_order_and_says_what_is_missing(tmp_path):
    table = FaultTable(tmp_path / "log" / "faults.md")
    table.add("partition", done="two of | four", lost="nothing", recovery_s=1.234)
    table.add("worker hangs", done="SIGSTOP\nfor 3 s", lost="nothing")
    lines = (tmp_path / "log" / "faults.md").read_text().splitlines()
    assert lines[4:6] == ["| worker hangs | SIGSTOP for 3 s | nothing | - |",
                          "| partition | two of \\| four | nothing | 1.2 |"]  # fmt: skip
    assert lines[-1].startswith("Not run, or failed: worker killed mid-round, slow link,")
    for fault in FAULTS:
        table.add(fault, done="", lost="")
    assert "Not run" not in (tmp_path / "log" / "faults.md").read_text()
    with pytest.raises(AssertionError):
        table.add("meteorite", done="", lost="")

# SPDX-License-Identifier: Apache-2.0
"""The class that fault tests drive a run with: what it reports is what happened, and what must not be it finds."""

import pytest

from net.cluster import PATIENT
from net.fault_table import BEGIN, END, FAULTS, FaultTable
from net.processes import Late


@pytest.fixture
def start(start_run, small_recipes):
    """Starts a run of eight rounds, and the closing one."""

    def start(**options):
        run = start_run(small_recipes("short", run={"steps": 32}), settings=PATIENT, **options)
        run.start()
        return run

    return start


@pytest.mark.parametrize("secure", [True, False], ids=["tls", "plain"])
def test_an_undisturbed_run_has_the_bits_of_one_process(start, secure):
    run = start(secure=secure, delay_s=0.01)
    run.wait_round(3)
    assert run.status()["run"] == "short"
    assert "causeway_decided_round " in run.fetch("metrics")
    assert run.fetch("healthz").strip() == "ok"
    outcome = run.finish()
    assert outcome.complete
    assert outcome.weights == run.undisturbed()
    assert outcome.decisions.committed == list(range(1, 10))
    assert not any(child.alive for child in run.processes.children)
    assert all(link.counters()["up"]["bytes_out"] > 8 * 100_000 for link in run.links.values())


def test_waiting_ends_with_what_is_known(start):
    run = start()
    run.wait_round(2)
    run.hub.kill()
    with pytest.raises(Late, match=r"(?s)round 99.*hub ended with -9.*listening on.*round \d+ opened"):
        run.wait_round(99)


def test_parted_replicas_wrong_bits_and_exit_codes_are_found(start):
    run = start()
    run.finish()
    for whose, text, said in [
        (run.workers[1], "weights " + "f" * 32, "parted"),
        (run.hub, "nothing", "printed no line"),
    ]:
        was = whose.text()
        whose.out.write_text(text + "\n")
        with pytest.raises(AssertionError, match=said):
            run.finish()
        whose.out.write_text(was)
    for child in (run.hub, *run.workers.values()):
        child.out.write_text("weights " + "f" * 32 + "\n")
    with pytest.raises(AssertionError, match="not the undisturbed run's"):
        run.finish()
    run.workers[3].returncode = 1
    with pytest.raises(AssertionError, match="worker 3 ended with 1"):
        run.finish()


def test_the_fault_table_is_in_order_and_says_what_is_missing(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"Before.\n{BEGIN}old\n{END}\nAfter.\n")
    table = FaultTable(tmp_path / "log" / "faults.md", page)
    table.add("partition", done="two of | four", lost="nothing", recovery_s=1.234)
    table.add("worker hangs", done="SIGSTOP\nfor 3 s", lost="nothing")
    lines = (tmp_path / "log" / "faults.md").read_text().splitlines()
    assert lines[4:6] == ["| worker hangs | SIGSTOP for 3 s | nothing | - |",
                          "| partition | two of \\| four | nothing | 1.2 |"]  # fmt: skip
    assert lines[-1].startswith("Not run, or failed: worker killed mid-round, slow link,")
    assert page.read_text() == "Before.\n" + BEGIN + "\n".join(lines[2:]) + "\n" + END + "\nAfter.\n"
    for fault in FAULTS:
        table.add(fault, done="", lost="")
    assert "Not run" not in (tmp_path / "log" / "faults.md").read_text()
    with pytest.raises(AssertionError):
        table.add("meteorite", done="", lost="")

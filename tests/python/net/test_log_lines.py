# SPDX-License-Identifier: Apache-2.0
"""What hub and workers print with --json, for who collects logs: one object a line, with run, round, worker and time."""

import datetime
import json

import pytest

from net.cluster import DONE, LEFT_EARLY, weights_in
from net.processes import wait_for
from net.store_run import PROGRAM, WORKERS, StoreRun

ROUNDS = 12


def lines_of(child) -> list[dict]:
    """All of its standard output."""
    return [json.loads(line) for line in child.text().splitlines()]


def check_head(line: dict) -> None:
    assert list(line)[:5] == ["run", "round", "worker", "at", "text"], line
    assert line["at"].endswith("Z")
    at = datetime.datetime.fromisoformat(line["at"].removesuffix("Z")).replace(tzinfo=datetime.timezone.utc)
    assert abs((datetime.datetime.now(datetime.timezone.utc) - at).total_seconds()) < 3600
    assert line["text"]


@pytest.fixture
def run(tmp_path):
    """A hub of dry-workers, with --json."""
    # Rounds are quick, and who stands still for a second is left out.
    brisk = {"deadline_ms_min": 300, "deadline_ms_max": 1_000, "lease_ms": 60_000, "quorum_count": 1}
    with StoreRun(tmp_path, ROUNDS, settings=brisk) as run:
        run.hub = run.processes.start("hub", [PROGRAM, "hub", run.recipe, "--listen", "127.0.0.1:0", "--insecure", "--json",
                                              "--out", run.folder / "out"])  # fmt: skip
        run.port = int(run.hub.wait_line(r"listening on [^\s:]+:(\d+)")[1])
        yield run


def start_workers(run, *more) -> None:
    for number in range(WORKERS):
        command = [PROGRAM, "dry-worker", "--hub", f"127.0.0.1:{run.port}", "--insecure", "--worker", number,
                   "--folder", run.folder / f"worker-{number}", *(more if number == 0 else ())]  # fmt: skip
        run.workers[number] = run.processes.start(f"worker-{number}", command)


def test_each_event_and_each_round_of_the_hub_is_a_line(run):
    start_workers(run)
    run.wait_decided(2)
    run.workers[2].stop()
    run.wait_for(lambda log: log.absent(2), "a round without worker 2")
    run.workers[2].resume()
    for child in (run.hub, *run.workers.values()):
        assert child.wait() == DONE, child.tail()
    lines = lines_of(run.hub)
    for line in lines:
        check_head(line)
        assert line["run"] == "dry"
    log = run.decisions()
    rounds = {line["round"]: line for line in lines if "result" in line}
    assert list(rounds) == [*range(1, log.decided + 1)]
    for number, line in rounds.items():
        assert line["result"] == ("committed" if number in log.committed else "aborted")
        assert line["worker"] == -1
        assert set(line["members"]) == log.members(number)
        assert {one["worker"]: one["reason"] for one in line["absent"]} == {
            worker: log.absent(worker)[number] for worker in range(WORKERS) if number in log.absent(worker)}  # fmt: skip
        assert line["seconds"] > 0
        if line["result"] == "committed":
            held = {one.worker: sum(parcel.bytes for parcel in one.parcels) for one in log.of("held", round=number)}
            assert line["up_bytes"] == sum(held.values()) > 0
            assert line["result_bytes"] == log.of("committed", round=number)[0].result.bytes
    assert {line["worker"] for line in lines if line["text"].startswith("joined (epoch ")} == set(range(WORKERS))
    missed = [line for line in lines if line["text"].startswith("not in round ")]
    assert missed and all(line["worker"] == 2 and line["round"] in log.absent(2) for line in missed)
    assert [line["text"] for line in lines if line["round"] == 0][0].startswith("listening on ")
    assert lines[-1]["text"].startswith("finished after ")
    assert lines[-1]["weights"] == weights_in(run.workers[0].text(), "worker 0") == weights_in(run.hub.text(), "the hub")
    # In the order of what happened.
    times = [line["at"] for line in lines]
    assert times == sorted(times)
    assert run.hub.complaints() == ""


def test_each_step_and_each_event_of_a_worker_is_a_line(run):
    start_workers(run, "--json")
    run.wait_decided(2)
    run.workers[1].stop()  # So that the others wait, and are not done before a signal has come.
    run.workers[0].terminate()
    run.workers[1].resume()
    assert run.workers[0].wait() == LEFT_EARLY, run.workers[0].tail()
    first = lines_of(run.workers[0])
    run.workers[0] = run.processes.start("worker-0", run.workers[0].command)
    for child in (run.hub, *run.workers.values()):
        assert child.wait() == DONE, child.tail()
    lines = lines_of(run.workers[0])
    for line in (*first, *lines):
        check_head(line)
        assert line["run"] == "dry"
        assert line["worker"] == 0
    assert first[-1]["text"].startswith("left at step ")
    again = next(line for line in lines if line["text"].startswith("goes on at step"))
    assert again["round"] > 0
    steps = [line for line in lines if "step" in line]
    assert [line["step"] for line in steps] == sorted(line["step"] for line in steps)
    assert steps[-1]["tokens"] > 0
    assert lines[-1]["text"].startswith("finished at step ")
    assert lines[-1]["weights"] == weights_in(run.hub.text(), "the hub")
    assert run.workers[0].complaints() == ""


def test_without_json_lines_are_for_people(tmp_path):
    with StoreRun(tmp_path, 4) as run:
        run.hub = run.processes.start("hub", [PROGRAM, "hub", run.recipe, "--listen", "127.0.0.1:0", "--insecure", "--out",
                                              run.folder / "out"])  # fmt: skip
        run.port = int(run.hub.wait_line(r"listening on \S+:(\d+)")[1])
        start_workers(run)
        for child in (run.hub, *run.workers.values()):
            assert child.wait() == DONE, child.tail()
            assert not any(line.startswith("{") for line in (child.text() + child.complaints()).splitlines())
        wait_for(lambda: "worker 0: joined (epoch " in run.hub.complaints(), "the hub's lines of events")

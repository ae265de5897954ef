# SPDX-License-Identifier: Apache-2.0
"""TensorBoard's own reader over the events of record_example: a run stopped at step 250 and resumed at 200."""

import math
import os
import pathlib
import subprocess

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CAUSEWAY_BUILD", ROOT / "build" / "release"))
WORKERS_OF = {"dickens": [0, 1], "austen": [2], "brüder-grimm": [3]}


def write_example(folder, *arguments):
    subprocess.run([BUILD / "record_example", folder, *arguments], check=True, stdout=subprocess.DEVNULL)


def read(folder):
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    return events


def loss_at(step, worker):
    return 1.2 + 4.2 * math.exp(-step / 60) + 0.1 * worker + 0.06 * math.sin(1.7 * step + worker)


@pytest.fixture
def folder(tmp_path):
    write_example(tmp_path)
    return tmp_path


def test_scalars_are_those_of_the_run(folder):
    events = read(folder)
    assert sorted(events.Tags()["scalars"]) == sorted(
        [f"{kind}/{site}" for kind in ("loss", "gradient_norm", "valid") for site in WORKERS_OF]
        + ["rate", "tokens_per_second", "bytes/up", "bytes/down", "bytes/ddp"]
    )
    for site, workers in WORKERS_OF.items():
        points = events.Scalars(f"loss/{site}")
        assert [point.step for point in points] == list(range(1, 251))
        for point in points:
            mean = sum(loss_at(point.step, worker) for worker in workers) / len(workers)
            assert point.value == pytest.approx(mean, rel=1e-6)
    assert [point.step for point in events.Scalars("valid/austen")] == [0, 50, 100, 150, 200, 250]
    assert [point.value for point in events.Scalars("rate")] == pytest.approx([2e-3] * 250)
    # Four workers of 4,096 tokens in 80 ms.
    assert events.Scalars("tokens_per_second")[10].value == pytest.approx(4 * 4096 / 0.08)
    ddp = events.Scalars("bytes/ddp")[-1]
    assert ddp.value == pytest.approx(ddp.step * 2 * 4 * 4 * 3_300_000)


def test_resumed_run_takes_the_place_of_what_it_repeats(folder):
    first = read(folder).Scalars("loss/austen")
    write_example(folder, "resume")
    events = read(folder)
    points = events.Scalars("loss/austen")
    assert [point.step for point in points] == list(range(1, 401))
    assert points[:200] == first[:200]
    assert points[200].wall_time != first[200].wall_time
    assert len(list(folder.glob("events.out.tfevents.*"))) == 2

# SPDX-License-Identifier: Apache-2.0
"""What a run leaves behind, and what it does when a gradient is not finite."""

import collections
import json
import os
import pathlib
import re
import sqlite3
import subprocess

import pytest
import torch
from safetensors.torch import load_file, save_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

STEPS, WORKERS = 40, 2
FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "oracle" / "fixtures"
TABLES = ["run", "sites", "workers", "channels", "steps", "rounds", "members", "validations"]


@pytest.fixture
def log(finished):
    with sqlite3.connect(f"file:{finished.folder}/log.sqlite?mode=ro", uri=True) as connection:
        yield connection
    connection.close()


def test_a_run_leaves_these_files(finished):
    names = {path.name.split(".causeway")[0].split(".tfevents")[0] for path in finished.folder.iterdir()}
    assert {"recipe.toml", "log.sqlite", "checkpoints", "events.out", "report.html", "samples.txt"} <= names


def test_the_written_recipe_is_the_same_run(finished, train, tmp_path):
    again = train(finished.folder / "recipe.toml", tmp_path / "again")
    assert again["weights"] == finished.events[-1]["weights"]
    # Written out once more, only the folder differs: nothing was lost on the way.
    first, second = (
        [line for line in (folder / "recipe.toml").read_text().splitlines() if not line.startswith("folder")]
        for folder in (finished.folder, tmp_path / "again")
    )
    assert first == second


def test_every_table_of_the_log_is_filled(log):
    for table in TABLES:
        assert log.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] > 0, table
    assert log.execute("SELECT count(*), min(step), max(step) FROM steps").fetchone() == (STEPS * WORKERS, 1, STEPS)
    assert [row[0] for row in log.execute("SELECT site FROM sites ORDER BY site")] == ["north", "south"]


def test_the_log_has_the_bytes_of_the_end(log, finished):
    end = finished.events[-1]
    assert log.execute("SELECT sum(up_bytes), sum(down_bytes), count(*) FROM rounds WHERE committed").fetchone() == (
        end["up_bytes"], end["down_bytes"], STEPS // 4)  # fmt: skip


def test_log_trace_and_tensorboard_agree(log, finished):
    lines = [json.loads(line) for line in finished.trace.read_text().splitlines()]
    traced = {(line["step"], line["worker"]): line["loss"] for line in lines}
    assert len(lines) == len(traced) == STEPS * WORKERS
    logged = {(step, worker): loss for step, worker, loss in log.execute("SELECT step, worker, loss FROM steps")}
    assert logged == traced
    events = EventAccumulator(str(finished.folder), size_guidance={"scalars": 0}).Reload()
    for worker, site in enumerate(("north", "south")):
        scalars = {event.step: event.value for event in events.Scalars(f"loss/{site}")}
        assert scalars == pytest.approx({step: traced[step, worker] for step in scalars}, rel=1e-6)
        assert max(scalars) == STEPS
        assert events.Scalars(f"valid/{site}")


def test_the_loss_falls(finished):
    for before, after in zip(finished.events[-1]["first_valid"], finished.events[-1]["last_valid"], strict=True):
        assert before["site"] == after["site"]
        assert after["bits_per_byte"] < before["bits_per_byte"] - 1


def test_the_report_is_one_file(finished):
    report = (finished.folder / "report.html").read_text()
    assert report.lower().startswith("<!doctype html>")
    assert "north" in report and "south" in report
    assert "src=\"http" not in report and "href=\"http" not in report


def test_the_sample_is_the_end_event_s(finished):
    sample = (finished.folder / "samples.txt").read_bytes()
    assert sample.decode(errors="replace").removesuffix("\n") == finished.events[-1]["sample"]


def test_a_resumed_run_has_one_log_without_gaps(recipes, causeway, train, tmp_path):
    recipe, out = recipes(run={"steps": 20, "checkpoint_every": 5}), tmp_path / "run"
    train(recipe, out)
    # Back to step 15, as after a kill: the rows past it belong to a future that did not happen.
    (out / "checkpoints" / "000000020" / "manifest.json").write_text("")
    train(recipe, out, "--resume")
    with sqlite3.connect(out / "log.sqlite") as connection:
        counts = collections.Counter(step for (step,) in connection.execute("SELECT step FROM steps"))
    connection.close()
    assert counts == {step: WORKERS for step in range(1, 21)}


def poisoned(recipes, **train):
    """A run whose first weights have a NaN: no gradient is ever finite."""
    weights = load_file(FIXTURES / "tiny.safetensors")
    weights["lm_head.weight"][5, 5] = torch.nan
    save_file(weights, recipes.folder / "nan.safetensors")
    sizes = {"layers": 2, "width": 32, "heads": 4, "kv_heads": 2, "inner": 96, "context": 32}
    return recipes(model={**sizes, "init": "nan.safetensors"}, train=train)


def test_a_gradient_that_is_not_finite_stops_the_run(recipes, causeway, tmp_path):
    done = causeway("train", poisoned(recipes), "--out", tmp_path / "run")
    assert done.returncode == 1
    assert re.search(r"worker [01], step 1: the gradient is not finite", done.stderr)
    assert "on_nonfinite" in done.stderr


# A rate that throws the weights far out: the first loss is finite, a later one is not.
WILD = {"optimizer": {"name": "sgd", "lr": 100.0, "weight_decay": 100.0}, "clip": 0}


def test_a_run_that_blows_up_keeps_its_last_checkpoint(recipes, causeway, tmp_path):
    out = tmp_path / "run"
    recipe = recipes(run={"steps": 60, "checkpoint_every": 1}, train=WILD)
    done = causeway("train", recipe, "--out", out, "--json")
    assert done.returncode == 1, done.stdout[-2000:]
    assert "worker" in done.stderr and "step" in done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[-1]["event"] == "notice" and lines[-1]["level"] == "error"
    steps = [line["step"] for line in lines if line["event"] == "checkpoint"]
    assert steps, "the run failed before its first checkpoint: this test wants a later failure"
    kept = sorted(path.name for path in (out / "checkpoints").iterdir())
    assert kept == [f"{step:09d}" for step in steps[-2:]]
    # What is kept is whole: it loads.
    load_file(out / "checkpoints" / kept[-1] / "model.safetensors")


def test_skip_goes_on_with_a_warning_for_each_update_left_out(recipes, train, tmp_path):
    train(poisoned(recipes, on_nonfinite="skip"), tmp_path / "run")
    warnings = [event["text"] for event in train.events if event["event"] == "notice" and event["level"] == "warning"]
    for step in range(1, 13):
        for worker in range(WORKERS):
            assert any(f"worker {worker}, step {step}:" in text for text in warnings), (step, worker)


def test_a_run_without_validation_text(recipes, train, tmp_path):
    sites = [{key: value for key, value in site.items() if key != "valid"} for site in recipes.sites()]
    end = train(recipes(data={"site": sites}), tmp_path / "run")
    assert end["last_valid"] == []
    assert (tmp_path / "run" / "report.html").exists()


def test_one_worker_and_one_step(recipes, train, tmp_path):
    end = train(recipes(run={"steps": 1}, sync={"workers": 1}), tmp_path / "run")
    assert end["steps"] == 1
    assert end["up_bytes"] == 0


def test_a_reader_that_has_seen_enough_is_no_crash(binary):
    """As in `causeway list --markdown | head -1`; 141 is what a shell says of SIGPIPE."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run([binary, "list", "--markdown"], stdout=writer, stderr=subprocess.PIPE, timeout=60)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")

# SPDX-License-Identifier: Apache-2.0
"""causeway lab: experiments run, go on after a stop, and write what they found."""

import json
import os
import re
import signal
import subprocess
import time

import numpy as np
import pytest
from PIL import Image

EXPERIMENTS = ["bytes", "codecs", "dgc", "lowrank", "moshpit", "period", "photon", "rare", "streaming", "workers"]


@pytest.fixture
def texts(tmp_path):
    """Four sites of words drawn from letters of their own."""
    rng = np.random.default_rng(1)
    for site, letters in [("a", "abcde"), ("b", "defgh"), ("c", "ghijk"), ("d", "aeiou")]:
        folder = tmp_path / "data" / site
        folder.mkdir(parents=True)
        for name, count in [("train", 1500), ("valid", 60)]:
            words = ["".join(rng.choice(list(letters), 4)) for _ in range(count)]
            (folder / f"{name}.txt").write_text(" ".join(words))
    return tmp_path / "data"


def small(name, texts, *more, steps=20, seeds=2):
    return ["lab", name, "--quick", "--data", texts, "--steps", steps, "--seeds", seeds, "--out", "out", *more]


def test_every_experiment_is_there(causeway):
    text = causeway("lab", "--help").stdout
    for name in EXPERIMENTS:
        assert re.search(rf"^  {name} ", text, re.M), name


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_writes_its_report_in_every_form(causeway, texts, tmp_path, name):
    # Few steps and one seed: what is asked here is whether all of it runs.
    done = causeway(*small(name, texts, steps=4, seeds=1), timeout_s=900)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    results = json.loads((out / "results.json").read_text())
    assert results["name"] == name
    assert results["trainings"] and results["tables"] and results["relations"] and results["charts"]
    for chart in results["charts"]:
        with Image.open(out / chart) as image:
            pixels = np.asarray(image.convert("L"))
        assert pixels.shape[0] > 300 and (pixels < 128).sum() > 1000, chart
    markdown = (out / "results.md").read_text()
    for table in results["tables"]:
        assert f"### {table['title']}" in markdown
        assert all(len(row) == len(table["columns"]) for row in table["rows"])
    assert (out / "report.html").read_text().count("<svg") == len(results["charts"])
    assert {relation["verdict"] for relation in results["relations"]} <= {"seen", "not seen", "unclear"}


def test_figures_follow_from_the_trainings(causeway, texts, tmp_path):
    done = causeway(*small("photon", texts), timeout_s=300)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    row = next(row for row in results["tables"][0]["rows"] if row[:2] == ["photon", "mixed"])
    own = [one for one in results["trainings"] if one["series"] == "photon" and one["text"] == "mixed"]
    losses = np.array([one["nats"] for one in own])
    half = 12.706 * losses.std(ddof=1) / np.sqrt(2)
    assert row[2] == f"{losses.mean():.4f} ± {half:.4f}"
    assert {one["seed"] for one in own} == {1, 2} and len({one["rate"] for one in own}) == 1
    assert all(one["curve"][-1]["nats"] == one["nats"] for one in own)
    assert all(one["curve"][-1]["bytes"] == one["up_bytes"] + one["down_bytes"] for one in own)


def test_the_same_command_trains_nothing_again(causeway, texts, tmp_path):
    assert causeway(*small("photon", texts), timeout_s=300).returncode == 0
    first = (tmp_path / "out" / "results.json").read_text()
    again = causeway(*small("photon", texts), timeout_s=300)
    assert again.returncode == 0 and "nats" not in again.stderr
    assert (tmp_path / "out" / "results.json").read_text() == first


def test_goes_on_after_an_interruption(binary, causeway, texts, tmp_path):
    whole = causeway(*small("photon", texts, "--jobs", 1), timeout_s=300)
    assert whole.returncode == 0, whole.stderr
    arguments = [str(one) for one in small("photon", texts, "--jobs", 1)]
    arguments[arguments.index("out")] = "cut"
    process = subprocess.Popen([binary, *arguments], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    trained = tmp_path / "cut" / "trainings"
    until = time.monotonic() + 120
    while time.monotonic() < until and (not trained.is_dir() or not os.listdir(trained)):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 75, errors
    assert "goes on" in errors
    kept = len(os.listdir(trained))
    rest = causeway(*arguments, timeout_s=300)
    assert rest.returncode == 0, rest.stderr
    lines = [line for line in rest.stderr.splitlines() if " nats, " in line]
    assert len(lines) == len(os.listdir(trained)) - kept
    timeless = [re.sub(r'"seconds": [^,]*', "", (tmp_path / folder / "results.json").read_text())
                for folder in ["out", "cut"]]  # fmt: skip
    assert timeless[0] == timeless[1]


def test_data_that_are_not_there_are_told(causeway, tmp_path):
    done = causeway("lab", "bytes", "--quick")
    assert done.returncode == 2
    assert "build/demo/sites" in done.stderr and "./run build" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_an_option_out_of_range_is_bad_usage(causeway, texts):
    done = causeway("lab", "photon", "--data", texts, "--seeds", 0)
    assert done.returncode == 2 and "seeds" in done.stderr

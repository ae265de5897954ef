# SPDX-License-Identifier: Apache-2.0
"""causeway train: the same bits each time, over threads, kills, signals and damaged checkpoints."""

import json
import random
import re
import shutil
import signal
import subprocess
import time

import pytest
import torch
from conftest import Recipes, call_binary
from safetensors.torch import load_file
from transformers import LlamaForCausalLM


def checkpoints(folder) -> list[str]:
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


def aside(folder) -> list[str]:
    """What an unfinished writing would leave."""
    return [path.name for path in folder.rglob("*") if "writing" in path.name or path.name.endswith(".tmp")]


@pytest.fixture
def start(binary, tmp_path):
    """Starts a run and gives the process; its --json lines come through a pipe. None outlives the test."""
    begun = []

    def call(recipe, out, *more):
        begun.append(subprocess.Popen(
            [str(binary), "train", str(recipe), "--out", str(out), "--json", *more], cwd=tmp_path,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))  # fmt: skip
        return begun[-1]

    yield call
    for process in begun:
        process.kill()
        process.communicate()


def wait_for(process, event: str) -> dict:
    for line in process.stdout:
        if (found := json.loads(line))["event"] == event:
            return found
    raise AssertionError(f"the run ended without the event {event}: {process.stderr.read()}")


def finish(process) -> tuple[int, list[dict], str]:
    out, err = process.communicate(timeout=300)
    return process.returncode, [json.loads(line) for line in out.splitlines()], err


def test_two_runs_have_one_hash_in_both_outputs(recipes, train, causeway, tmp_path):
    recipe = recipes()
    wanted = train(recipe, tmp_path / "a")["weights"]
    assert re.fullmatch("xxh3:[0-9a-f]{32}", wanted)
    plain = causeway("train", recipe, "--out", tmp_path / "b")
    assert plain.returncode == 0
    assert plain.stdout.splitlines()[-1].split() == ["weights", wanted]
    for folder in ("a", "b"):
        manifest = json.loads((tmp_path / folder / "checkpoints/000000012/manifest.json").read_text())
        assert manifest["weights"] == wanted


def test_another_seed_has_another_hash(recipes, train, tmp_path):
    recipe = recipes()
    assert train(recipe, tmp_path / "a")["weights"] != train(recipe, tmp_path / "b", "--set", "run.seed=2")["weights"]


def test_threads_do_not_change_a_bit(recipes, train, tmp_path):
    recipe = recipes(sync={"workers": 4, "up": "int8", "feedback": "ef"})
    hashes = {train(recipe, tmp_path / str(count), "--set", f"run.threads={count}")["weights"] for count in (1, 2, 4)}
    assert len(hashes) == 1


LONG = {"steps": 60, "checkpoint_every": 7, "keep": 3}


@pytest.fixture(scope="module")
def undisturbed(binary, tmp_path_factory):
    """The end of the long run when nothing happens to it, and how long that took."""
    folder = tmp_path_factory.mktemp("undisturbed")
    began = time.monotonic()
    done = call_binary(binary, folder)("train", Recipes(folder)(run=LONG), "--out", folder / "run", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])["weights"], time.monotonic() - began, folder


@pytest.fixture
def long_recipe(undisturbed):
    # The recipe of the undisturbed run itself: the same text at the same paths.
    return undisturbed[2] / "tiny.toml"


def test_kills_at_random_moments_do_not_change_the_end(undisturbed, long_recipe, start, train, tmp_path):
    wanted, seconds, _ = undisturbed
    draw, out = random.Random(7), tmp_path / "run"
    for attempt in range(5):
        process = start(long_recipe, out, *(["--resume"] if attempt else []))
        wait_for(process, "start")
        time.sleep(draw.uniform(0.1, 0.6) * seconds)
        process.kill()
        finish(process)
        assert (out / "recipe.toml").exists()
    assert train(long_recipe, out, "--resume")["weights"] == wanted
    assert aside(out) == []


@pytest.mark.parametrize("step", [7, 28])
def test_a_kill_right_after_a_checkpoint_resumes_there(undisturbed, long_recipe, start, train, tmp_path, step):
    out = tmp_path / "run"
    process = start(long_recipe, out)
    while wait_for(process, "checkpoint")["step"] != step:
        pass
    process.kill()
    finish(process)
    assert train(long_recipe, out, "--resume")["weights"] == undisturbed[0]
    assert train.events[0]["first_step"] >= step


def test_a_run_killed_before_its_first_checkpoint_resumes_from_its_start(undisturbed, long_recipe, start, train,
                                                                         tmp_path):  # fmt: skip
    out = tmp_path / "run"
    process = start(long_recipe, out, "--set", "run.checkpoint_every=1000")
    wait_for(process, "step")
    process.kill()
    finish(process)
    assert not (out / "checkpoints").exists() or checkpoints(out) == []
    assert train(long_recipe, out, "--resume")["weights"] == undisturbed[0]


def test_resume_in_a_new_folder_starts_the_run(undisturbed, long_recipe, train, tmp_path):
    """The help says "if there is one": a script may always pass --resume."""
    assert train(long_recipe, tmp_path / "new", "--resume")["weights"] == undisturbed[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_with_a_checkpoint_and_code_75(undisturbed, long_recipe, start, train, tmp_path, number):
    out = tmp_path / "run"
    process = start(long_recipe, out, "--set", "run.checkpoint_every=1000")
    wait_for(process, "step")
    process.send_signal(number)
    code, rest, err = finish(process)
    assert code == 75, err
    assert rest[-1]["event"] == "end"
    assert rest[-1]["finished"] is False
    left_at = rest[-1]["steps"]
    assert 0 < left_at < 60
    assert checkpoints(out) == [f"{left_at:09d}"]
    assert (out / "report.html").exists()
    assert train(long_recipe, out, "--resume")["weights"] == undisturbed[0]
    assert train.events[0]["first_step"] == left_at


def test_a_finished_run_may_be_resumed_and_stays_as_it_is(undisturbed, long_recipe, train, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(undisturbed[2] / "run", out)
    assert train(long_recipe, out, "--resume")["weights"] == undisturbed[0]
    assert train.events[0]["first_step"] == 60


def test_a_used_folder_is_refused_and_the_ways_out_are_named(recipes, train, causeway, tmp_path):
    recipe, out = recipes(), tmp_path / "run"
    wanted = train(recipe, out)["weights"]
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    again = causeway("train", recipe, "--out", out)
    assert again.returncode == 2
    for way in ("--resume", "--overwrite", "--out"):
        assert way in again.stderr
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert train(recipe, out, "--overwrite")["weights"] == wanted
    assert train.events[0]["first_step"] == 0


def test_resume_with_another_recipe_is_refused(recipes, train, causeway, tmp_path):
    recipe, out = recipes(), tmp_path / "run"
    train(recipe, out)
    kept = (out / "recipe.toml").read_text()
    for change in ("sync.period=3", "run.seed=5", "model.width=64", "train.optimizer.lr=0.001"):
        other = causeway("train", recipe, "--out", out, "--resume", "--set", change)
        assert other.returncode == 2, change
        assert "recipe" in other.stderr
    assert (out / "recipe.toml").read_text() == kept


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


@pytest.mark.parametrize("part", ["worker-1.safetensors", "exchange.safetensors", "model.safetensors",
                                  "manifest.json"])  # fmt: skip
def test_a_damaged_checkpoint_is_passed_over_with_a_warning(undisturbed, long_recipe, train, tmp_path, part):
    out = tmp_path / "run"
    shutil.copytree(undisturbed[2] / "run", out)
    newest = checkpoints(out)[-1]
    damaged = out / "checkpoints" / newest / part
    if part == "manifest.json":
        damaged.write_bytes(damaged.read_bytes()[:-40])
    else:
        flip_a_byte(damaged)
    assert train(long_recipe, out, "--resume")["weights"] == undisturbed[0]
    warnings = [event["text"] for event in train.events if event["event"] == "notice" and event["level"] == "warning"]
    assert any(newest in text for text in warnings)
    assert train.events[0]["first_step"] == int(checkpoints(out)[-2])


@pytest.mark.parametrize("change", [
    lambda manifest: manifest.update(format="one"),
    lambda manifest: manifest["workers"][1]["cursor"].__setitem__(0, manifest["workers"][1]["cursor"][0] + 1),
    lambda manifest: manifest["workers"][0].update(updates=manifest["workers"][0]["updates"] + 1),
    lambda manifest: manifest["workers"][0].update(steps=-5),
    lambda manifest: manifest.pop("parts"),
    lambda manifest: manifest["parts"].pop("worker-1.safetensors"),
], ids=["format is text", "another cursor", "another count of updates", "negative steps", "no parts",
        "a part is not listed"])  # fmt: skip
def test_a_manifest_that_was_changed_is_passed_over(undisturbed, long_recipe, train, tmp_path, change):
    """The manifest vouches for the parts; something must vouch for it, or a flipped digit changes the run unseen."""
    out = tmp_path / "run"
    shutil.copytree(undisturbed[2] / "run", out)
    # The end has nothing left to do, so the one before it is the newest here.
    shutil.rmtree(out / "checkpoints" / checkpoints(out)[-1])
    path = out / "checkpoints" / checkpoints(out)[-1] / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest, indent=1) + "\n")
    assert train(long_recipe, out, "--resume")["weights"] == undisturbed[0]
    assert train.events[0]["first_step"] == 49


def test_resume_and_overwrite_together_are_refused(recipes, train, causeway, tmp_path):
    recipe, out = recipes(), tmp_path / "run"
    train(recipe, out)
    kept = checkpoints(out)
    done = causeway("train", recipe, "--out", out, "--resume", "--overwrite")
    assert done.returncode == 2
    assert checkpoints(out) == kept


def test_only_damaged_checkpoints_are_an_error(undisturbed, long_recipe, causeway, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(undisturbed[2] / "run", out)
    for name in checkpoints(out):
        flip_a_byte(out / "checkpoints" / name / "worker-0.safetensors")
    done = causeway("train", long_recipe, "--out", out, "--resume")
    assert done.returncode == 1
    assert "worker-0.safetensors" in done.stderr
    assert "damaged" in done.stderr


@pytest.mark.parametrize("keep", [1, 3])
def test_as_many_checkpoints_are_kept_as_asked_for(recipes, train, tmp_path, keep):
    train(recipes(run={"checkpoint_every": 2, "keep": keep}), tmp_path / "run")
    assert checkpoints(tmp_path / "run") == [f"{step:09d}" for step in range(14 - 2 * keep, 13, 2)]
    assert aside(tmp_path / "run") == []


def test_what_a_killed_writer_left_is_swept_away(recipes, train, tmp_path):
    out = tmp_path / "run"
    (out / "checkpoints" / ".writing-000000003").mkdir(parents=True)
    train(recipes(), out)
    assert aside(out) == []


def test_a_checkpoint_loads_in_transformers(finished):
    weights = load_file(finished.checkpoint / "model.safetensors")
    assert all(torch.isfinite(tensor).all() for tensor in weights.values())
    model, told = LlamaForCausalLM.from_pretrained(finished.checkpoint, output_loading_info=True)
    assert not told["missing_keys"] and not told["unexpected_keys"]
    assert sum(tensor.numel() for tensor in weights.values()) == finished.events[0]["parameters"]
    with torch.no_grad():
        logits = model(torch.arange(32)[None]).logits
    assert logits.shape == (1, 32, 256)
    assert torch.isfinite(logits).all()

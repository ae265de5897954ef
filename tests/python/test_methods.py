# SPDX-License-Identifier: Apache-2.0
"""Every method on real processes: it trains, repeats to the bit, and goes on after a kill as if nothing had been."""

import json
import signal
import subprocess

import pytest

STEPS = 12
# Short periods, so that rounds fall into so few steps; delays that are in flight at most of them.
OPTIONS = {
    "decoupled": ["sync.period=4", "sync.delay=2"],
    "fedbuff": ["sync.period=3"],
    "mt_dao": ["sync.period=4"],
    "streaming_diloco": ["sync.period=4", "sync.delay=3"],
    "hivemind": ["sync.delay=1"],
}
# A site that is slow, so that asynchronous methods have something to be asynchronous about.
SLOW = "data.site.1.speed=0.5"


@pytest.fixture(scope="session")
def methods(binary):
    """Every method's name, and whether it has a period."""
    lines = subprocess.run([binary, "list", "methods"], capture_output=True, text=True, check=True).stdout.splitlines()
    text = subprocess.run([binary, "list", "presets"], capture_output=True, text=True, check=True).stdout
    periods = {}
    for line in text.splitlines():
        if not line.startswith(" "):
            name = line.split(":")[0]
        elif line.startswith("  period "):
            periods[name] = True
    return {line.split()[0]: periods.get(line.split()[0], False) for line in lines}


def pytest_generate_tests(metafunc):
    if "method" in metafunc.fixturenames:
        metafunc.parametrize("method", METHODS)


METHODS = ["co2", "ddp", "decoupled", "demo", "des_loc", "dgc", "diloco", "eager", "econtrol", "ef21", "ef21w", "fedamd",
           "fedavg", "fedbuff", "fedfix", "fedopt", "fedprox", "fedspeed", "hivemind", "l_dawa", "local_adam", "lordo",
           "masha", "moshpit", "mt_dao", "muloco", "noloco", "none", "one_byte", "photon", "powersgd", "sparseloco",
           "sparsyfed", "streaming_diloco", "variance_corrected"]  # fmt: skip


def test_all_methods_are_here(methods):
    assert sorted(methods) == METHODS


def changes(method, methods) -> list[str]:
    sets = [f"sync.preset={method}", SLOW, *OPTIONS.get(method, ["sync.period=4"] if methods[method] else [])]
    return [word for one in sets for word in ("--set", one)]


def test_a_method_repeats_and_resumes_after_a_kill(method, methods, recipes, train, binary, tmp_path):
    """Killed at steps at which a delayed exchange is in flight: 6 of periods of 4, 7 of those of 3."""
    recipe = recipes(run={"steps": STEPS, "checkpoint_every": 1, "valid_every": STEPS, "valid_tokens": 512},
                     sync={"preset": method, "period": None})  # fmt: skip
    more = changes(method, methods)
    wanted = train(recipe, tmp_path / "one", *more)["weights"]
    assert train(recipe, tmp_path / "two", *more)["weights"] == wanted

    out = tmp_path / "killed"
    process = subprocess.Popen([binary, "train", recipe, "--out", out, "--json", *more], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True, cwd=tmp_path)  # fmt: skip
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "step" and event["step"] >= 7:
            process.send_signal(signal.SIGKILL)
            break
    process.stdout.close()
    process.wait()
    assert train(recipe, out, *more, "--resume")["weights"] == wanted


def test_another_preset_leaves_out_what_only_the_recipes_own_has(recipes, causeway, tmp_path):
    """The recipe has a period, which ddp has not."""
    done = causeway("train", recipes(), "--out", tmp_path / "run", "--set", "sync.preset=ddp", "--set", "run.steps=2")
    assert done.returncode == 0, done.stderr
    assert "sync.period = 4 of the recipe is left out" in done.stdout + done.stderr


def test_a_period_that_is_asked_for_is_not_left_out(recipes, causeway, tmp_path):
    done = causeway("train", recipes(), "--out", tmp_path / "run", "--set", "sync.preset=ddp", "--set", "sync.period=3")
    assert done.returncode == 2
    assert "`period` is no option here" in done.stderr


def test_a_method_made_for_an_optimizer_says_that_it_takes_it(recipes, causeway, tmp_path):
    done = causeway("train", recipes(), "--out", tmp_path / "run", "--set", "sync.preset=muloco", "--set", "run.steps=2")
    assert done.returncode == 0, done.stderr
    assert "trains with the optimizer `muon`; `adamw` is left out" in done.stdout + done.stderr


@pytest.mark.parametrize("preset,reason", [("powersgd", "several exchanges in a round"), ("noloco", "part of a group"),
                                           ("l_dawa", "tensors whole"), ("one_byte", "without folding"), ("fedbuff", "says itself when")])  # fmt: skip
def test_a_hub_refuses_what_only_one_process_can_carry(preset, reason, recipes, causeway, tmp_path):
    recipe = recipes(sync={"preset": preset, "period": None})
    done = causeway("hub", recipe, "--listen", "127.0.0.1:0", "--insecure", "--out", tmp_path / "hub", timeout_s=60)
    assert done.returncode != 0
    assert reason in done.stderr

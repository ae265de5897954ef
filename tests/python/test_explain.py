# SPDX-License-Identifier: Apache-2.0
"""causeway explain: what it predicts is what a run counts."""

import json

import pytest

PRESETS = ["co2", "ddp", "decoupled", "demo", "des_loc", "dgc", "diloco", "eager", "econtrol", "ef21", "ef21w", "fedamd",
           "fedavg", "fedbuff", "fedfix", "fedopt", "fedprox", "fedspeed", "hivemind", "l_dawa", "local_adam", "lordo",
           "masha", "moshpit", "mt_dao", "muloco", "noloco", "none", "one_byte", "photon", "powersgd", "sparseloco",
           "sparsyfed", "streaming_diloco", "variance_corrected"]  # fmt: skip
WITHOUT_PERIOD = {"ddp", "demo", "dgc", "econtrol", "ef21", "ef21w", "hivemind", "masha", "none", "one_byte", "powersgd"}
# The runs are so short that the preset's own period might never come.
PERIODIC = set(PRESETS) - WITHOUT_PERIOD
# Their rounds take so long that one is in flight when a run ends.
IN_FLIGHT = {"co2", "decoupled", "eager"}
# What their own codecs send depends on the values: these are counted with one that does not.
SPARSE = {"demo", "dgc", "econtrol", "ef21", "ef21w", "masha", "sparseloco", "sparsyfed"}

ENCODINGS = {
    "fp32": {},
    "bf16": {"up": "bf16", "down": "bf16"},
    "int8-ef": {"up": "int8", "down": "bf16", "feedback": "ef"},
    "half-of-the-workers": {"workers": 4, "participation": 0.5},
    "all-of-it": {"workers": 4, "participation": 0.5, "up": "int8", "down": "int8", "feedback": "ef",
                  "down_feedback": "ef"},  # fmt: skip
}


@pytest.fixture
def explain(causeway):
    def call(recipe, *more) -> dict:
        done = causeway("explain", recipe, "--json", *more)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call


def test_every_preset_is_in_this_list(causeway):
    listed = causeway("list", "presets").stdout
    assert [line.split(":")[0] for line in listed.splitlines() if not line.startswith(" ")] == PRESETS


def compare(recipe, explain, train, out, *more, in_flight=False):
    predicted = explain(recipe, *more)
    end = train(recipe, out, *more)
    assert (end["up_bytes"], end["down_bytes"]) == (predicted["up_bytes"], predicted["down_bytes"])
    assert predicted["bytes"] == end["up_bytes"] + end["down_bytes"]
    assert end["ddp_bytes"] == predicted["ddp_bytes"]
    rounds = [event for event in train.events if event["event"] == "round"]
    told = sum(event["up_bytes"] + event["down_bytes"] for event in rounds)
    # What is in flight when the run ends was sent and maybe decided, and never applied.
    assert told == predicted["bytes"] or in_flight
    return predicted


@pytest.mark.parametrize("preset", PRESETS)
def test_bytes_of_every_preset(recipes, explain, train, tmp_path, preset):
    inner = {"optimizer": {"name": "qh_adopt", "lr": 0.001}} if preset == "mt_dao" else {}
    sync = {"preset": preset, "period": 3 if preset in PERIODIC else None}
    if preset in SPARSE:
        sync |= {"up": "fp32", "down": "bf16"}
    predicted = compare(recipes(run={"steps": 20}, sync=sync, train=inner), explain, train, tmp_path / "run",
                        in_flight=preset in IN_FLIGHT)  # fmt: skip
    assert (predicted["bytes"] > 0) == (preset != "none")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("preset", ["ddp", "diloco", "des_loc"])
def test_bytes_of_every_encoding(recipes, explain, train, tmp_path, preset, encoding):
    sync = {"preset": preset, "period": 2 if preset in PERIODIC else None, **ENCODINGS[encoding]}
    assert compare(recipes(sync=sync), explain, train, tmp_path / "run")["bytes"] > 0


def test_set_changes_the_prediction(recipes, explain):
    recipe = recipes()
    assert explain(recipe, "--set", "sync.period=2")["bytes"] == 2 * explain(recipe)["bytes"]


@pytest.mark.parametrize("workers", [1, 4, 8])
def test_memory_is_what_was_predicted(recipes, explain, train, tmp_path, workers):
    recipe = recipes(run={"steps": 2}, model={"layers": 4, "width": 128, "heads": 4, "context": 64},
                     train={"batch_tokens": 4096}, sync={"workers": workers, "period": 2})  # fmt: skip
    predicted = explain(recipe)["memory_bytes"]
    assert train(recipe, tmp_path / "run")["peak_memory_bytes"] == pytest.approx(predicted, rel=0.2)


def test_people_read_the_same(recipes, causeway, explain):
    recipe = recipes()
    shown = causeway("explain", recipe, "--link", "100Mbit/s,50ms")
    assert shown.returncode == 0
    for word in ("channel", "memory", "link", "diloco", str(explain(recipe)["parameters"])):
        assert word in shown.stdout


def test_a_slower_link_takes_longer(recipes, explain):
    links = ["--link", "100Mbit/s,50ms", "--link", "10Mbit/s,50ms"]
    fast, slow = explain(recipes(), *links)["links"]
    assert slow["seconds_per_round"] > fast["seconds_per_round"] > 0


def test_a_link_that_is_none_is_bad_usage(recipes, causeway):
    done = causeway("explain", recipes(), "--link", "fast")
    assert done.returncode == 2
    assert "--link" in done.stderr


def test_explain_writes_nothing(recipes, explain, tmp_path):
    recipe = recipes()
    before = sorted(tmp_path.rglob("*"))
    explain(recipe)
    assert sorted(tmp_path.rglob("*")) == before

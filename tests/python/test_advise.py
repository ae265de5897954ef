# SPDX-License-Identifier: Apache-2.0
"""causeway advise: a ranking, and a recipe that explain takes."""

import json

import pytest

QUESTION = ["--model", "125m", "--sites", "4", "--link", "200Mbit/s,80ms", "--step-time", "2s", "--table", "losses.json"]


def interval(mean):
    return {"mean": mean, "half": 0.01, "count": 3}


@pytest.fixture
def losses(tmp_path):
    gaps = {"fedavg": 0.05, "diloco": 0.04, "muloco": 0.2, "noloco": 0.1}
    methods = [{"method": name, "gap": interval(gap), "gaps": [interval(gap / 2), interval(gap)]}
               for name, gap in gaps.items()]  # fmt: skip
    table = {"measured": "a toy of this test", "panels": ["iid", "sites"], "workers": 4, "period": 32,
             "doubling_nats": 0.2, "methods": methods}  # fmt: skip
    (tmp_path / "losses.json").write_text(json.dumps(table))


def test_ranks_and_writes_a_recipe_that_explain_takes(causeway, losses, tmp_path):
    done = causeway("advise", *QUESTION, "--json")
    assert done.returncode == 0, done.stderr
    advice = json.loads(done.stdout)
    assert [row["preset"] for row in advice["methods"]] == ["diloco", "fedavg", "muloco", "ddp"]
    ddp = advice["methods"][-1]
    # 4 bytes a parameter up and down, 8 for each 16,384 values; six delays of 80 ms.
    signal = 4 * advice["parameters"] + 8 * 8186
    assert ddp["step_seconds"] == pytest.approx(2 + 0.48 + 2 * 8 * signal / 200e6)
    assert advice["methods"][0]["step_seconds"] == pytest.approx(2 + (ddp["step_seconds"] - 2) / 32)
    explained = causeway("explain", "advice.toml", "--json")
    assert explained.returncode == 0, explained.stderr
    plan = json.loads(explained.stdout)
    assert (plan["preset"], plan["workers"]) == ("diloco", 4)
    assert plan["parameters"] == advice["parameters"] == 134105856
    assert plan["channels"][0]["period"] == 32
    assert plan["steps"] == round(100_000 * 2 ** (0.04 / 0.2))
    per_step = advice["methods"][0]["up_bytes_per_step"] + advice["methods"][0]["down_bytes_per_step"]
    assert per_step == pytest.approx(plan["bytes_per_step_and_worker"])


def test_people_are_told_what_it_goes_by(causeway, losses, tmp_path):
    done = causeway("advise", *QUESTION, "--period", "64", "--hub-link", "400Mbit/s", "--top", "1", "--preset", "muloco")
    assert done.returncode == 0, done.stderr
    for text in ["134,105,856 parameters", "a toy of this test", "measured at 32 only", "a site gets 100 Mbit/s",
                 "of 4 methods; --all", "within the uncertainty of the first: 1 method", "Inside one process only",
                 "Next: causeway explain advice.toml"]:  # fmt: skip
        assert text in done.stdout, text
    recipe = (tmp_path / "advice.toml").read_text()
    assert "FILL-IN" in recipe and 'preset = "muloco"' in recipe and 'optimizer = "muon"' in recipe
    assert "--period 64 --table losses.json --preset muloco" in recipe.splitlines()[0]
    assert all(line.startswith("#") for line in recipe.partition("\n\n")[0].splitlines())


def test_recipe_of_ones_own_gives_model_and_sites(causeway, losses, recipes, tmp_path):
    own = recipes()
    done = causeway("advise", "--recipe", own, *QUESTION[4:], "--json")
    assert done.returncode == 0, done.stderr
    before, after = (json.loads(causeway("explain", path, "--json").stdout) for path in (own, "advice.toml"))
    for same in ["parameters", "workers"]:
        assert after[same] == before[same]
    assert "FILL-IN" not in (tmp_path / "advice.toml").read_text()
    assert causeway("train", "advice.toml", "--set", "run.steps=2", "--set", "exchange.kind=local").returncode == 0


def test_mistakes_are_told(causeway, losses, tmp_path):
    (tmp_path / "there.toml").write_text("mine")
    (tmp_path / "broken.json").write_text('{"measured": 3}')
    cases = [
        (["--out", "there.toml"], "there.toml is there already"),
        (["--model", "big"], "the model `big` is not understood"),
        (["--link", "fast"], "the link `fast` is not understood"),
        (["--step-time", "2"], "the time `2` is not understood"),
        (["--step-time", "-1s"], "the time `-1s` is not understood"),
        (["--data", "lang"], "no data `lang`; it has: iid, sites"),
        (["--preset", "diloko"], "no preset `diloko`"),
        (["--preset", "noloco"], "`noloco` is not for these sites"),
        (["--table", "broken.json"], "broken.json: `measured` is 3"),
        (["--table", "missing.json"], "missing.json: cannot be read"),
        (["--batch-tokens", "1000"], "`batch_tokens` is 1000; wanted: a multiple of the context"),
        (["--sites", "1"], "--sites"),
        (["--recipe", "there.toml"], "--model or --recipe"),
    ]
    for change, wanted in cases:
        arguments = list(QUESTION)
        if change[0] in arguments:
            arguments[arguments.index(change[0]) + 1] = change[1]
        else:
            arguments += change
        done = causeway("advise", *arguments)
        assert done.returncode in (1, 2), change
        assert wanted in done.stderr, done.stderr
    assert (tmp_path / "there.toml").read_text() == "mine"
    assert not (tmp_path / "advice.toml").exists()
    assert causeway("advise", *QUESTION, "--out", "there.toml", "--force").returncode == 0


def test_same_question_gets_the_same_answer(causeway, losses, tmp_path):
    answers = {causeway("advise", *QUESTION, "--json", "--force").stdout for _ in range(2)}
    assert len(answers) == 1


SCENARIO = """
about = "A run on narrow links, in which nothing fails."
recipe = "tiny.toml"
set = ['sync={{ preset = "{preset}"{period} }}']
seed = 1
steps = {steps}
workers = 2
[network]
mbit_per_s = 2
delay_ms = 60
jitter_ms = 0
[worker]
step_ms = 100
step_jitter = 0
checkpoint_rounds = 0
retry_ms_min = 600_000   # nothing is lost, so nothing is sent twice
retry_ms_max = 3_600_000
[hub]
deadline_ms_min = 3_000_000
deadline_ms_max = 3_000_000
lease_ms = 3_000_000
code_mbyte_per_s = 100_000
[disk]
sync_ms = 0
slow = 0
mbyte_per_s = 100_000
"""


@pytest.mark.parametrize("preset", ["ddp", "fedavg", "diloco", "des_loc", "streaming_diloco", "eager", "co2"])
def test_time_of_a_step_is_that_of_the_protocol_on_such_a_link(causeway, recipes, tmp_path, preset):
    recipes()
    gap = {"mean": 0.01, "half": 0, "count": 3}
    table = {"measured": "a toy", "panels": [], "workers": 2, "period": 10, "doubling_nats": 0.2,
             "methods": [{"method": preset, "gap": gap, "gaps": []}]}  # fmt: skip
    (tmp_path / "table.json").write_text(json.dumps(table))
    done = causeway("advise", "--recipe", "tiny.toml", "--link", "2Mbit/s,60ms", "--step-time", "100ms", "--table",
                    "table.json", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    predicted = next(row["step_seconds"] for row in json.loads(done.stdout)["methods"] if row["preset"] == preset)

    def seconds(steps):
        period = "" if preset == "ddp" else ", period = 10"
        (tmp_path / "world.toml").write_text(SCENARIO.format(preset=preset, period=period, steps=steps))
        done = causeway("sim", "world.toml", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)["virtual_seconds"]

    # Two lengths, so that how runs begin and end does not count; 60 is a period of all.
    measured = (seconds(180) - seconds(60)) / 120
    assert measured > 0.101
    assert predicted == pytest.approx(measured, rel=0.04)


def test_the_programs_own_table_ranks_what_was_measured(causeway, tmp_path):
    done = causeway("advise", "--model", "1.3b", "--sites", "8", "--link", "200Mbit/s,80ms", "--step-time", "2s", "--json")
    assert done.returncode == 0, done.stderr
    advice = json.loads(done.stdout)
    rows = {row["preset"]: row for row in advice["methods"]}
    # On such a link gradients of 1.3 billion values every step are out of the question.
    assert rows["ddp"]["step_seconds"] > 100 * 2
    assert advice["methods"][0]["step_seconds"] < 100
    assert {"diloco", "des_loc", "fedavg"} <= rows.keys()
    assert causeway("explain", "advice.toml").returncode == 0

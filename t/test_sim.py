# SPDX-License-Identifier: Apache-2.0
"""`causeway sim`: worlds with faults, toys and real models."""

import json

import pytest

MODELS = ["des-loc", "diloco", "streaming-diloco"]


def sim(causeway, *arguments):
    return causeway("sim", *[str(one) for one in arguments])


def test_a_table_ends_with_how_many_passed(causeway, root):
    done = sim(causeway, root / "scenarios" / "nothing-fails.toml", root / "scenarios" / "partition.toml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip().endswith("2 passed, 0 failed")


def test_the_same_seed_gives_the_same_history(causeway, root):
    path = root / "scenarios" / "everything-at-once.toml"
    first, again, other = (
        json.loads(sim(causeway, path, "--json", "--seed", seed).stdout) for seed in (7, 7, 8)
    )
    assert first["passed"] and other["passed"]
    assert first["history"] == again["history"] != other["history"]


# What nothing but the order of messages tells from the exchange of one process has its bits: the check
# `same_as_local` compares every worker's parameters.
@pytest.mark.parametrize("name", MODELS)
def test_a_real_model_has_the_bits_of_the_exchange_of_one_process(causeway, root, name):
    done = sim(causeway, root / "scenarios" / "models" / f"{name}.toml", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    row = json.loads(done.stdout)
    assert row["passed"] and row["rounds_committed"] > 3 and row["rounds_aborted"] == 0


def test_a_world_that_fails_says_what_how_and_how_to_see_it_again(causeway, tmp_path):
    path = tmp_path / "lonely.toml"
    path.write_text('steps = 20\nworkers = 3\n[sync]\npreset = "fedavg"\nperiod = 5\n'
                    '[[check]]\nkind = "committed_at_least"\nrounds = 5\n')  # fmt: skip
    done = sim(causeway, path)
    assert done.returncode == 1
    assert "committed_at_least: 4 rounds were committed" in done.stdout
    assert "commits round 4" in done.stdout
    assert f"causeway sim {path} --seed 1" in done.stdout


def test_all_mistakes_of_a_scenario_are_told(causeway, tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text('stepps = 20\n[[fault]]\nkind = "kil"\n[[check]]\nkind = "finishd"\n')
    done = sim(causeway, path)
    assert done.returncode == 2
    for word in ("stepps", "steps", "kil", "kill", "finishd", "finished"):
        assert word in done.stderr


def test_no_such_scenario(causeway, tmp_path):
    done = sim(causeway, tmp_path / "none.toml")
    assert done.returncode == 2
    assert "no such file" in done.stderr

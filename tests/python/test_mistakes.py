# SPDX-License-Identifier: Apache-2.0
"""Mistakes of the user: each is named with its place and what was wanted, and nothing is written."""

import json
import pathlib
import re
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

TESTS = pathlib.Path(__file__).resolve().parents[1]
FIXTURES = TESTS / "oracle" / "fixtures"
BROKEN = sorted((TESTS / "recipes" / "broken").glob("*.toml"))
COMMANDS = ["train", "explain", "advise", "prepare", "tokenizer", "eval", "generate", "export", "lab", "list", "bench"]


def told(recipe: pathlib.Path) -> dict[int, list[str]]:
    """Lines of a broken recipe that end with `# wrong: a; b`: what a message about them must have."""
    marks = {}
    for number, line in enumerate(recipe.read_text().splitlines(), start=1):
        if "# wrong: " in line:
            marks[number] = line.split("# wrong: ")[1].split("; ")
    return marks


@pytest.mark.parametrize("name", [path.name for path in BROKEN])
def test_every_mistake_of_a_recipe_is_told_with_its_place(causeway, tmp_path, name):
    recipe = tmp_path / name
    shutil.copy(TESTS / "recipes" / "broken" / name, recipe)
    wanted = told(recipe)
    assert wanted
    done = causeway("train", name)
    assert done.returncode == 2, done.stderr
    for number, parts in wanted.items():
        lines = [line for line in done.stderr.splitlines() if line.startswith(f"{name}:{number}: ")]
        assert any(all(part in line for part in parts) for line in lines), (number, parts, done.stderr)
    count = re.search(r"^causeway: (\d+) mistakes? in", done.stderr, re.MULTILINE)
    assert int(count[1]) == len(wanted), done.stderr
    assert list(tmp_path.iterdir()) == [recipe]


def test_explain_tells_the_same_mistakes(causeway, tmp_path):
    shutil.copy(TESTS / "recipes" / "broken" / "several.toml", tmp_path)
    explained, trained = (causeway(command, "several.toml") for command in ("explain", "train"))
    assert explained.returncode == 2
    assert explained.stderr == trained.stderr


def refused(causeway, tmp_path, code, *arguments) -> str:
    """Runs `train` into a new folder; gives its message, after checking that it wrote nothing there."""
    done = causeway("train", *arguments, "--out", tmp_path / "out")
    assert done.returncode == code, (done.returncode, done.stderr)
    assert done.stderr.count("\n") >= 1
    assert not (tmp_path / "out").exists()
    return done.stderr


@pytest.mark.parametrize("assignment, word", [("sync.period=x", "period"), ("sync.perod=4", "`period`"),
                                              ("steps", "key=value"), ("run.steps.more=1", "run.steps"),
                                              ("data.site.7.name=a", "data.site")])  # fmt: skip
def test_a_bad_set_is_told_as_it_was_given(recipes, causeway, tmp_path, assignment, word):
    message = refused(causeway, tmp_path, 2, recipes(), "--set", assignment)
    assert f"--set {assignment}" in message
    assert word in message


def test_no_recipe_of_this_name(causeway, tmp_path):
    assert "nowhere.toml" in refused(causeway, tmp_path, 2, "nowhere.toml")


def test_a_folder_is_no_recipe(causeway, tmp_path):
    (tmp_path / "folder.toml").mkdir()
    assert "folder.toml" in refused(causeway, tmp_path, 2, "folder.toml")


def test_bytes_that_are_no_text_are_no_recipe(causeway, tmp_path):
    (tmp_path / "bytes.toml").write_bytes(bytes(range(256)))
    assert "bytes.toml" in refused(causeway, tmp_path, 2, "bytes.toml")


def sites_with(recipes, **changes):
    sites = recipes.sites()
    sites[1] |= changes
    return {"site": sites}


@pytest.mark.parametrize("part", ["train", "valid"])
def test_a_missing_text_file(recipes, causeway, tmp_path, part):
    recipe = recipes(data=sites_with(recipes, **{part: ["gone.txt"]}))
    # Code 1: the recipe may be right and the disk not there (Fault::kIo).
    message = refused(causeway, tmp_path, 1, recipe)
    assert "site south" in message
    assert "gone.txt" in message


def test_an_empty_text_file(recipes, causeway, tmp_path):
    (tmp_path / "empty.txt").write_bytes(b"")
    message = refused(causeway, tmp_path, 2, recipes(data=sites_with(recipes, train=["empty.txt"])))
    assert "site south" in message
    assert "empty.txt" in message


def test_a_text_shorter_than_the_context(recipes, causeway, tmp_path):
    (tmp_path / "short.txt").write_text("a" * 32)
    message = refused(causeway, tmp_path, 2, recipes(data=sites_with(recipes, train=["short.txt"])))
    assert "site south" in message
    assert "33" in message


def test_a_text_of_exactly_one_window_is_enough(recipes, train, tmp_path):
    (tmp_path / "short.txt").write_text("a" * 33)
    assert train(recipes(data=sites_with(recipes, train=["short.txt"])), tmp_path / "out")["finished"]


TINY = {"layers": 2, "width": 32, "heads": 4, "kv_heads": 2, "inner": 96, "context": 32}


def test_first_weights_of_another_shape(recipes, causeway, tmp_path):
    recipe = recipes(model={**TINY, "width": 64, "init": FIXTURES / "tiny.safetensors"})
    message = refused(causeway, tmp_path, 2, recipe)
    assert "tiny.safetensors" in message
    assert "[256, 32]" in message and "[256, 64]" in message


def test_first_weights_without_a_tensor(recipes, causeway, tmp_path):
    weights = load_file(FIXTURES / "tiny.safetensors")
    del weights["model.layers.1.self_attn.k_proj.weight"]
    save_file(weights, tmp_path / "part.safetensors")
    message = refused(causeway, tmp_path, 2, recipes(model={**TINY, "init": "part.safetensors"}))
    assert "part.safetensors" in message
    assert "model.layers.1.self_attn.k_proj.weight" in message


def test_no_first_weights_of_this_name(recipes, causeway, tmp_path):
    message = refused(causeway, tmp_path, 1, recipes(model={**TINY, "init": "gone.safetensors"}))
    assert "gone.safetensors" in message


@pytest.mark.parametrize("kept", [0, 7, 100, 5000, -4])
@pytest.mark.parametrize("kind", ["init", "recorded"])
def test_a_truncated_file(recipes, causeway, tmp_path, kind, kept):
    source = FIXTURES / ("tiny.safetensors" if kind == "init" else "batches.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(source.read_bytes()[:kept])
    data = {"recorded": "cut.safetensors", "site": []} if kind == "recorded" else {}
    init = {"init": "cut.safetensors"} if kind == "init" else {}
    done = causeway("train", recipes(model={**TINY, **init}, data=data), "--out", tmp_path / "out")
    # A damaged file is not the recipe's mistake: either code says so, a signal does not.
    assert done.returncode in (1, 2), done.stderr
    assert "cut.safetensors" in done.stderr
    assert not (tmp_path / "out").exists()


def recorded(recipes, tokens, **changes):
    save_file({"tokens": tokens}, recipes.folder / "tokens.safetensors")
    return recipes(model=TINY, data={"recorded": "tokens.safetensors", "site": []},
                   train={"batch_tokens": 64}, **changes)  # fmt: skip


def zeros(*shape, dtype=torch.int32):
    return torch.zeros(shape, dtype=dtype)


def test_recorded_batches_that_fit_run_to_their_last_step(recipes, train, tmp_path):
    assert train(recorded(recipes, zeros(12, 2, 2, 33), sync={"workers": 2}), tmp_path / "out")["finished"]


@pytest.mark.parametrize("tokens, words", [
    (zeros(12, 1, 2, 33), ["[12, 1, 2, 33]", "workers >= 2"]),
    (zeros(12, 2, 3, 33), ["[12, 2, 3, 33]", "rows 2"]),
    (zeros(12, 2, 2, 32), ["[12, 2, 2, 32]", "context + 1 = 33"]),
    (zeros(12, 2, 66), ["[12, 2, 66]"]),
    (zeros(12, 2, 2, 33, dtype=torch.int64), ["I64", "I32"]),
    (zeros(11, 2, 2, 33), ["[11, 2, 2, 33]", "steps >= 12"]),
], ids=["too few workers", "other rows", "other context", "other rank", "other type", "too short"])  # fmt: skip
def test_recorded_batches_that_do_not_fit_are_told_before_anything_is_written(recipes, causeway, tmp_path, tokens,
                                                                              words):  # fmt: skip
    message = refused(causeway, tmp_path, 2, recorded(recipes, tokens, sync={"workers": 2}))
    for word in ["tokens.safetensors", *words]:
        assert word in message


@pytest.mark.parametrize("token", [-1, 256, 2**31 - 1])
def test_recorded_tokens_outside_the_vocabulary(recipes, causeway, tmp_path, token):
    tokens = zeros(12, 2, 2, 33)
    tokens[3, 1, 0, 5] = token
    done = causeway("train", recorded(recipes, tokens, sync={"workers": 2}), "--out", tmp_path / "out")
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert "tokens.safetensors" in done.stderr
    assert str(token) in done.stderr


def test_a_file_where_the_folder_should_be(recipes, causeway, tmp_path):
    (tmp_path / "out").write_text("mine")
    done = causeway("train", recipes(), "--out", tmp_path / "out")
    assert done.returncode in (1, 2)
    assert str(tmp_path / "out") in done.stderr
    assert (tmp_path / "out").read_text() == "mine"


def test_a_trace_that_cannot_be_written(recipes, causeway, tmp_path):
    done = causeway("train", recipes(), "--out", tmp_path / "out", "--trace", tmp_path / "nowhere" / "trace.jsonl")
    assert done.returncode in (1, 2)
    assert "trace.jsonl" in done.stderr


@pytest.mark.parametrize("arguments", [[], ["trian"], ["--frobnicate"], ["train"], ["eval"], ["generate"],
                                       ["list", "codecz"], ["eval", "nowhere", "a", "--threads", "-1"]],
                         ids=" ".join)  # fmt: skip
def test_bad_usage_is_code_2_and_says_something(causeway, arguments):
    done = causeway(*arguments)
    assert done.returncode == 2
    assert done.stderr.strip()


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_flag_is_bad_usage(causeway, command):
    done = causeway(command, "--frobnicate")
    assert done.returncode == 2
    assert done.stderr.strip()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(causeway, command):
    done = causeway(command, "--help")
    assert done.returncode == 0
    assert f"Example: causeway {command}" in done.stdout


def test_help_names_every_command(causeway):
    done = causeway("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert re.search(rf"^ *{command} ", done.stdout, re.MULTILINE)


def test_version(causeway):
    done = causeway("--version")
    assert done.returncode == 0
    assert re.search(r"\d+\.\d+\.\d+", done.stdout)


def test_a_name_with_quotes_and_line_ends_is_one_message(causeway, tmp_path):
    (tmp_path / "quoted.toml").write_text("[run]\nname = " + json.dumps('a"b\nc') + "\nseed = " + json.dumps("x\ny"))
    done = causeway("explain", "quoted.toml")
    assert done.returncode == 2
    mistakes = [line for line in done.stderr.splitlines() if not line.startswith("causeway: ")]
    assert mistakes
    assert all(line.startswith("quoted.toml:") for line in mistakes), done.stderr

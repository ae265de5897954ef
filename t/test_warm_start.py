# SPDX-License-Identifier: Apache-2.0
"""Runs that start from a model's folder, data that was prepared, and the experiments of causeway lab."""

import json

import pytest
import torch
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM


def make_folder(folder, **changes):
    """A small random llama of bytes."""
    torch.manual_seed(3)
    config = LlamaConfig(**{"vocab_size": 256, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
                            "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64,
                            "bos_token_id": None, "eos_token_id": None, **changes})  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path / "llama")


SIZES = {"layers": None, "width": None, "heads": None, "context": 32}


def test_a_run_begins_with_the_weights_of_a_folder(folder, recipes, train, tmp_path):
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    run = tmp_path / "run"
    end = train(recipes(run={"steps": 1}, model={**SIZES, "init": folder},
                        train={"batch_tokens": 128, "optimizer": {"name": "sgd", "lr": 0.0}}), run)  # fmt: skip
    ours, theirs = load_file(run / "checkpoints/000000001/model.safetensors"), load_file(folder / "model.safetensors")
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert (run / "checkpoints/000000001/chat_template.jinja").read_text() == "{{ messages }}"
    config = json.loads((run / "checkpoints/000000001/config.json").read_text())
    assert config["max_position_embeddings"] == 32 and config["num_key_value_heads"] == 2
    assert end["first_valid"][0]["bits_per_byte"] == pytest.approx(end["last_valid"][0]["bits_per_byte"])


def test_a_run_that_began_with_a_folder_is_resumed(folder, recipes, train, tmp_path):
    recipe = recipes(run={"steps": 8, "checkpoint_every": 4}, model={**SIZES, "init": folder})
    whole = train(recipe, tmp_path / "whole")
    train(recipe, tmp_path / "parts")
    newest = tmp_path / "parts/checkpoints/000000008"
    for path in newest.iterdir():
        path.unlink()
    newest.rmdir()
    assert train(recipe, tmp_path / "parts", "--resume")["weights"] == whole["weights"]


@pytest.mark.parametrize("model, said", [
    ({"width": 48}, "`width` is 48"),
    ({"context": 128}, "a context of 128"),
    ({"layer": 2}, "`layer`"),
])  # fmt: skip
def test_sizes_that_are_not_the_folder_s_are_told(folder, recipes, causeway, model, said):
    recipe = recipes(model={**SIZES, "init": folder, **model})
    done = causeway("train", recipe, "--out", "run")
    assert done.returncode == 2 and said in done.stderr


def test_another_tokenizer_than_the_folder_s_is_told(folder, recipes, causeway, tmp_path):
    texts = [tmp_path / "north.train.txt"]
    for name, words in (("one", "gpt2"), ("two", "llama3")):
        done = causeway("tokenizer", "train", *texts, "--vocabulary", 257, "--words", words, "--out", name + ".json")
        assert done.returncode == 0, done.stderr
    big = make_folder(tmp_path / "big", vocab_size=300)
    (big / "tokenizer.json").write_bytes((tmp_path / "one.json").read_bytes())
    sites = recipes.sites()
    same = recipes(run={"steps": 1}, model={**SIZES, "init": big}, data={"site": sites, "tokenizer": "one.json"})
    assert causeway("train", same, "--out", "same").returncode == 0
    other = recipes(run={"steps": 1}, model={**SIZES, "init": big}, data={"site": sites, "tokenizer": "two.json"})
    done = causeway("train", other, "--out", "other")
    assert done.returncode == 2 and "trained with another one" in done.stderr
    # Bytes all have a place in 300 tokens, yet they are not what the model was trained with.
    wrong = recipes(run={"steps": 1}, model={**SIZES, "init": big}, data={"site": sites, "tokenizer": "bytes"})
    assert causeway("train", wrong, "--out", "wrong").returncode == 2


def test_prepared_text_trains_as_the_text_does(recipes, causeway, train, tmp_path):
    """One file is one document, so with bytes the tokens are the same sequence."""
    for place in ("north", "south"):
        done = causeway("prepare", "--tokenizer", "bytes", "--out", place, f"{place}.train.txt")
        assert done.returncode == 0, done.stderr
        done = causeway("prepare", "--tokenizer", "bytes", "--out", place + "-valid", f"{place}.valid.txt")
        assert done.returncode == 0, done.stderr
    sites = [{"name": place, "kind": "shards", "train": [tmp_path / place], "valid": [tmp_path / f"{place}-valid"]}
             for place in ("north", "south")]  # fmt: skip
    text = train(recipes(), tmp_path / "text")
    shards = train(recipes(name="shards", data={"site": sites}), tmp_path / "shards")
    assert shards["weights"] == text["weights"]
    assert shards["last_valid"] == text["last_valid"]


def test_lab_personal(recipes, causeway, train, tmp_path):
    run = tmp_path / "run"
    train(recipes(run={"steps": 40, "checkpoint_every": 20}), run)
    done = causeway("lab", "personal", run, "--steps", 20, "--rate", 1.0, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [row["site"] for row in report["bits_per_byte"]] == ["north", "south"]
    scored = causeway("eval", run, "--json").stdout.splitlines()
    for row, line in zip(report["bits_per_byte"], map(json.loads, scored)):
        assert row["shared"] == pytest.approx(line["bits_per_byte"])
        # The two sites have no word in common: what is tuned on one predicts it better.
        assert row["tuned"] < row["shared"]
    alone = json.loads((run / "personal/north-alone/checkpoints/000000060/manifest.json").read_text())
    assert alone["workers"][0]["tokens"] == 60 * 128
    page = (run / "personal/personal.html").read_text()
    assert f"{report['bits_per_byte'][0]['tuned']:.4f}" in page and "://" not in page
    again = causeway("lab", "personal", run, "--steps", 20, "--rate", 1.0, "--json")
    assert json.loads(again.stdout) == report


def test_lab_tokenizers(recipes, causeway, tmp_path):
    recipe = recipes(run={"steps": 6})
    done = causeway("lab", "tokenizers", recipe, "--out", "lab", "--vocabulary", 280, "--threshold", 2, "--json")
    assert done.returncode == 0, done.stderr
    rows = {row["tokenizer"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert rows["bytes"]["vocabulary"] == 256 and rows["bytes"]["bytes_per_token"] == pytest.approx(1)
    assert rows["federated"]["vocabulary"] == rows["pooled"]["vocabulary"] == 280
    assert rows["federated"]["bytes_per_token"] > 1.2
    assert all(0 < row["bits_per_byte"] < 8 and len(row["sites"]) == 2 for row in rows.values())
    head, *counts = (tmp_path / "lab/north.counts").read_text().splitlines()
    assert all(json.loads(line)[1] >= 2 for line in counts)


def test_lab_tokenizers_learn_nothing_from_text_that_is_held_back(recipes, causeway, tmp_path):
    north = tmp_path / "north.train.txt"
    text = north.read_text()
    north.write_text(text + "Geheimnis " * 30)
    sites = [{"name": "north", "train": [north], "valid_percent": 20}, recipes.sites()[1]]
    recipe = recipes(run={"steps": 1}, data={"site": sites})
    done = causeway("lab", "tokenizers", recipe, "--out", "lab", "--vocabulary", 280, "--threshold", 1)
    assert done.returncode == 0, done.stderr
    assert "eheimnis" not in (tmp_path / "lab/north.counts").read_text()

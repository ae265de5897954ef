# SPDX-License-Identifier: Apache-2.0
"""causeway tokenizer count and train, beside the trainer of the tokenizers package."""

import json

import pytest
from conftest import words
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)


@pytest.fixture
def texts(tmp_path):
    """The texts of two sites; the first has a word that nobody else has."""
    paths = [tmp_path / "north.txt", tmp_path / "south.txt"]
    paths[0].write_text(words("north", 3000, 1) + "Küstenwächterin\n" * 2)
    paths[1].write_text(words("south", 3000, 1) + "déjà vu 2024\n" * 30)
    return paths


def learnt(causeway, out, *arguments) -> dict:
    done = causeway("tokenizer", "train", *arguments, "--vocabulary", 330, "--words", "gpt2", "--out", out)
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text())


def counted(causeway, text, out, *arguments):
    done = causeway("tokenizer", "count", text, "--words", "gpt2", "--out", out, *arguments)
    assert done.returncode == 0, done.stderr
    return out


def test_text_in_one_place_gives_the_package_s_merges(causeway, texts, tmp_path):
    ours = learnt(causeway, tmp_path / "ours.json", *texts)
    theirs = Tokenizer(models.BPE())
    theirs.pre_tokenizer = GPT2
    theirs.train([str(path) for path in texts],
                 trainers.BpeTrainer(vocab_size=330, min_frequency=2, show_progress=False,
                                     special_tokens=["<|endoftext|>"],
                                     initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))  # fmt: skip
    model = json.loads(theirs.to_str())["model"]
    assert ours["model"]["vocab"] == model["vocab"]
    assert [tuple(pair) for pair in ours["model"]["merges"]] == [tuple(pair) for pair in model["merges"]]
    loaded = Tokenizer.from_file(str(tmp_path / "ours.json"))
    text = texts[0].read_text() + "unseen Ünicode\t\n\n  x"
    assert loaded.encode(text).ids == theirs.encode(text).ids


def test_counts_of_sites_give_what_the_texts_give(causeway, texts, tmp_path):
    everything = ["--threshold", 1, "--word-bytes-max", 4096]
    counts = [counted(causeway, path, path.with_suffix(".counts"), *everything) for path in texts]
    assert learnt(causeway, tmp_path / "a.json", "--counts", *counts) == learnt(causeway, tmp_path / "b.json", *texts)


def test_rare_and_long_words_stay_at_their_site(causeway, texts, tmp_path):
    sent = counted(causeway, texts[0], tmp_path / "sent.counts", "--threshold", 3, "--clip", 100).read_text()
    head, *lines = sent.splitlines()
    entries = [json.loads(line) for line in lines]
    assert "wächter" not in sent
    assert all(3 <= count <= 100 for _, count in entries) and any(count == 100 for _, count in entries)
    short = counted(causeway, texts[0], tmp_path / "short.counts", "--word-bytes-max", 4).read_text()
    assert all(len(json.loads(line)[0].encode()) <= 4 for line in short.splitlines()[1:])


@pytest.mark.parametrize("content", ["", "{}\n", "not json\n", '{"words": "gpt2"}\n["a", -1]\n'])
def test_counts_that_are_none_are_named(causeway, tmp_path, content):
    (tmp_path / "bad.counts").write_text(content)
    done = causeway("tokenizer", "train", "--counts", "bad.counts", "--out", "t.json")
    assert done.returncode == 2 and "bad.counts" in done.stderr
    assert not (tmp_path / "t.json").exists()


def test_texts_and_counts_at_once_or_neither_are_refused(causeway, texts, tmp_path):
    assert causeway("tokenizer", "train", "--out", "t.json").returncode == 2
    assert causeway("tokenizer", "train", texts[0], "--counts", "x", "--out", "t.json").returncode == 2

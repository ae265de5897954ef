# SPDX-License-Identifier: Apache-2.0
"""causeway eval on documents, strides and choices with a learnt tokenizer, beside the same sums by transformers."""

import gzip
import json
import math
import random

import pytest
import torch
from conftest import Recipes, call_binary, words
from tokenizers import Tokenizer
from transformers import AutoTokenizer, LlamaForCausalLM

CONTEXT = 32


torch.set_num_threads(1)


class Learnt:
    """A run of a few steps with a tokenizer that was learnt from its sites' text."""

    def __init__(self, binary, folder):
        self.folder = folder
        self.call = call_binary(binary, folder)
        recipes = Recipes(folder)
        texts = [folder / f"{place}.train.txt" for place in ("north", "south")]
        self.tokenizer = folder / "tokenizer.json"
        done = self.call("tokenizer", "train", *texts, "--vocabulary", 300, "--out", self.tokenizer)
        assert done.returncode == 0, done.stderr
        recipe = recipes(run={"steps": 20}, data={"tokenizer": self.tokenizer, "site": recipes.sites()})
        self.run = folder / "run"
        done = self.call("train", recipe, "--out", self.run, "--json")
        assert done.returncode == 0, done.stderr
        self.end = json.loads(done.stdout.splitlines()[-1])
        self.checkpoint = self.run / "checkpoints" / "000000020"
        self.model = LlamaForCausalLM.from_pretrained(self.checkpoint).eval()
        self.ids = Tokenizer.from_file(str(self.tokenizer))
        self.valid = folder / "north.valid.txt"

    def encode(self, text: str) -> list[int]:
        return self.ids.encode(text).ids

    def log_probabilities(self, window: list[int]) -> list[float]:
        """ln p of every token of a window but the first."""
        tokens = torch.tensor(window)
        with torch.no_grad():
            logits = self.model(tokens[None, :-1]).logits[0].double()
        return torch.log_softmax(logits, -1).gather(1, tokens[1:, None])[:, 0].tolist()

    def losses(self, tokens: list[int], stride: int = CONTEXT, context: int = CONTEXT) -> list[list[float]]:
        """-ln p of every token but the first, by the first window that has it."""
        out, done, begin = [], 1, 0
        while done < len(tokens):
            end = min(begin + context + 1, len(tokens))
            window = self.log_probabilities(tokens[begin:end])
            out.append([-x for x in window[done - begin - 1 :]])
            done, begin = end, begin + stride
        return out

    def eval(self, *arguments) -> list[dict]:
        done = self.call("eval", self.checkpoint, *arguments, "--json")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def learnt(binary, tmp_path_factory):
    return Learnt(binary, tmp_path_factory.mktemp("learnt"))


def standard_error(units: list[tuple[int, float]]) -> float:
    tokens, nats, count = sum(n for n, _ in units), sum(s for _, s in units), len(units)
    mean = nats / tokens
    return math.sqrt(count / (count - 1) * sum((s - mean * n) ** 2 for n, s in units)) / tokens


def test_a_checkpoint_has_the_tokenizer_of_its_run(learnt):
    loaded = AutoTokenizer.from_pretrained(learnt.checkpoint)
    text = "the tide comes, 12 héé\n\n"
    assert loaded(text)["input_ids"] == learnt.encode(text)


@pytest.mark.parametrize("stride", [0, 7, 32])
def test_a_text_in_windows(learnt, stride):
    text = learnt.valid.read_text()
    tokens = learnt.encode(text)
    windows = learnt.losses(tokens, stride or CONTEXT)
    nats = sum(map(sum, windows))
    (line,) = learnt.eval(learnt.valid, "--stride", stride)
    assert line["tokens"] == len(tokens) - 1 == sum(map(len, windows))
    assert line["nats_per_token"] == pytest.approx(nats / (len(tokens) - 1), abs=1e-4)
    read = len(text.encode()) - len(learnt.ids.decode(tokens[:1]).encode())
    assert line["bytes"] == read
    assert line["bits_per_byte"] == pytest.approx(nats / math.log(2) / read, rel=1e-4)
    assert line["standard_error"] == pytest.approx(
        standard_error([(len(w), sum(w)) for w in windows]), rel=1e-3)  # fmt: skip


def test_a_shorter_context(learnt):
    tokens = learnt.encode(learnt.valid.read_text())
    (line,) = learnt.eval(learnt.valid, "--context", 8)
    assert line["nats_per_token"] == pytest.approx(
        sum(map(sum, learnt.losses(tokens, 8, 8))) / (len(tokens) - 1), abs=1e-4)  # fmt: skip


def documents(count: int) -> list[str]:
    draw = random.Random(4)
    return [words("north", 9 * draw.choice([1, 3, 25]), i).strip() for i in range(count)]


def test_documents_of_json_lines_and_shards_are_texts_of_their_own(learnt):
    texts = documents(16)
    path = learnt.folder / "documents.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps({"text": t, "n": 1}) + "\n" for t in texts).encode()))
    units = [[x for window in learnt.losses(learnt.encode(t)) for x in window] for t in texts]
    (line,) = learnt.eval(path)
    tokens = sum(map(len, units))
    assert line["tokens"] == tokens and line["documents"] == len(texts)
    assert line["nats_per_token"] == pytest.approx(sum(map(sum, units)) / tokens, abs=1e-4)
    assert line["standard_error"] == pytest.approx(
        standard_error([(len(u), sum(u)) for u in units]), rel=1e-3)  # fmt: skip
    by_length = {row["length"]: row for row in line["by_length"]}
    short = [u for u in units if len(u) + 1 < 64]
    assert by_length["below 64 tokens"]["documents"] == len(short) > 0
    assert by_length["below 64 tokens"]["nats_per_token"] == pytest.approx(
        sum(map(sum, short)) / sum(map(len, short)), abs=1e-4)  # fmt: skip

    prepared = learnt.folder / "prepared"
    done = learnt.call("prepare", "--tokenizer", learnt.tokenizer, "--out", prepared, path)
    assert done.returncode == 0, done.stderr
    (shards,) = learnt.eval(prepared)
    for key in ("tokens", "bytes", "documents", "nats_per_token", "bits_per_byte"):
        assert shards[key] == line[key], key


def test_the_sites_of_a_run_score_as_its_last_validation(learnt):
    lines = {line["site"]: line for line in learnt.eval()}
    for report in learnt.end["last_valid"]:
        assert lines[report["site"]]["bits_per_byte"] == pytest.approx(report["bits_per_byte"], abs=1e-12)
        assert lines[report["site"]]["tokens"] == report["tokens"]


def test_choices_are_counted_as_lm_eval_does(learnt):
    draw = random.Random(5)
    vocabulary = words("north", 90, 1).split()
    questions = [{"context": words("north", 18, i).strip(),
                  "choices": [" ".join(draw.choices(vocabulary, k=draw.randint(1, 4))) for _ in range(3)],
                  "answer": i % 3} for i in range(30)]  # fmt: skip
    path = learnt.folder / "choices.jsonl"
    path.write_text("".join(json.dumps(q) + "\n" for q in questions))
    right = right_by_length = 0
    all_scores = []
    for q in questions:
        scores = []
        for choice in q["choices"]:
            whole, start = learnt.encode(q["context"] + " " + choice), learnt.encode(q["context"])
            count = len(whole) - len(start)
            scores.append(sum(learnt.log_probabilities(whole[-CONTEXT - 1 :])[-count:]))
        all_scores.append(scores)
        by_length = [s / len(c) for s, c in zip(scores, q["choices"])]
        right += scores.index(max(scores)) == q["answer"]
        right_by_length += by_length.index(max(by_length)) == q["answer"]
    (line,) = learnt.eval("--choices", path, "--details")
    assert line["log_probabilities"] == [pytest.approx(s, abs=1e-3) for s in all_scores]
    assert line["acc"] == pytest.approx(right / 30) and line["acc_norm"] == pytest.approx(right_by_length / 30)
    assert line["acc_stderr"] == pytest.approx(math.sqrt(line["acc"] * (1 - line["acc"]) / 29))


def test_greedy_text_is_that_of_transformers(learnt):
    prompt = "the tide "
    done = learnt.call("generate", learnt.checkpoint, "--greedy", "--json", "--tokens", 16, "--prompt", prompt)
    assert done.returncode == 0, done.stderr
    ours = json.loads(done.stdout)
    ids = torch.tensor([learnt.encode(prompt)])
    assert ours["prompt_tokens"] == ids[0].tolist()
    theirs = learnt.model.generate(ids, max_new_tokens=16, do_sample=False)[0, ids.shape[1] :].tolist()
    assert ours["tokens"] == theirs


@pytest.mark.parametrize("arguments, said", [
    (["--choices", "bad.jsonl"], "bad.jsonl:1: is no question"),
    (["missing.jsonl"], "missing.jsonl"),
    (["foreign.bin"], "another tokenizer"),
])  # fmt: skip
def test_bad_input_is_named(learnt, arguments, said):
    (learnt.folder / "bad.jsonl").write_text("{}\n")
    done = learnt.call("prepare", "--tokenizer", "bytes", "--out", learnt.folder / "foreign", learnt.valid,
                       "--overwrite")  # fmt: skip
    assert done.returncode == 0, done.stderr
    (learnt.folder / "foreign.bin").write_bytes((learnt.folder / "foreign" / "train-00000.bin").read_bytes())
    done = learnt.call("eval", learnt.checkpoint, *arguments)
    assert done.returncode in (1, 2) and said in done.stderr

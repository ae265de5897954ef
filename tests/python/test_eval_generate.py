# SPDX-License-Identifier: Apache-2.0
"""causeway eval, generate and list, beside Hugging Face's model on the same checkpoint."""

import json
import math

import pytest
import torch
from transformers import LlamaForCausalLM

KINDS = ["recipe", "presets", "optimizers", "objectives", "outer-optimizers", "codecs", "selectors", "packers",
         "feedbacks", "ports", "groups", "rules", "sources", "models", "scenario", "faults", "checks"]  # fmt: skip


@pytest.fixture(scope="module")
def model(finished):
    return LlamaForCausalLM.from_pretrained(finished.checkpoint).eval()


@pytest.fixture
def score(causeway):
    def call(path, *files) -> list[dict]:
        done = causeway("eval", path, *files, "--json")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return call


def nats_per_token(model, content: bytes) -> float:
    """Mean of -log p over windows of the context that do not overlap; the last may be shorter."""
    context, tokens, total = model.config.max_position_embeddings, torch.tensor(list(content)), 0.0
    with torch.no_grad():
        for begin in range(0, len(tokens) - 1, context):
            window = tokens[begin : begin + context + 1]
            logits = model(window[None, :-1]).logits[0].double()
            total += torch.nn.functional.cross_entropy(logits, window[1:], reduction="sum").item()
    return total / (len(tokens) - 1)


@pytest.mark.parametrize("size", [2, 33, 34, 900])
def test_eval_is_the_loss_of_transformers(score, finished, model, tmp_path, size):
    content = finished.valid.read_bytes()[:size]
    (tmp_path / "text").write_bytes(content)
    (line,) = score(finished.checkpoint, tmp_path / "text")
    wanted = nats_per_token(model, content)
    assert line["tokens"] == size - 1
    assert line["nats_per_token"] == pytest.approx(wanted, abs=1e-4)
    assert line["bits_per_byte"] == pytest.approx(wanted / math.log(2), abs=1e-4)
    assert line["perplexity"] == pytest.approx(math.exp(wanted), rel=1e-4)


def test_eval_agrees_with_the_run_s_own_validation(score, finished):
    last = {report["site"]: report["nats_per_token"] for report in finished.events[-1]["last_valid"]}
    (line,) = score(finished.folder, finished.valid)
    assert line["nats_per_token"] == pytest.approx(last["north"], abs=1e-9)


def test_a_folder_of_a_run_means_its_last_checkpoint(score, finished):
    south = finished.valid.parent / "south.valid.txt"
    assert score(finished.folder, finished.valid, south) == score(finished.checkpoint, finished.valid, south)


def test_eval_does_not_depend_on_threads(causeway, finished):
    one, two = (causeway("eval", finished.folder, finished.valid, "--threads", n, "--json").stdout for n in (1, 2))
    assert one == two != ""


def test_eval_for_people_has_the_same_figure(causeway, score, finished):
    done = causeway("eval", finished.folder, finished.valid)
    assert done.returncode == 0
    (line,) = score(finished.folder, finished.valid)
    assert f"{line['nats_per_token']:.4f}" in done.stdout


@pytest.mark.parametrize("content", [None, b"", b"a"], ids=["missing", "empty", "one byte"])
def test_eval_of_a_file_without_a_prediction_is_an_error(causeway, finished, tmp_path, content):
    """A single byte has nothing before it: a score of 0.0 would read as a perfect model."""
    if content is not None:
        (tmp_path / "text").write_bytes(content)
    done = causeway("eval", finished.folder, tmp_path / "text", "--json")
    assert done.returncode in (1, 2), done.stdout
    assert str(tmp_path / "text") in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("arguments", [["eval", "nowhere", "text"], ["generate", "nowhere"]])
def test_a_path_without_a_model_is_bad_usage(causeway, tmp_path, arguments):
    (tmp_path / "text").write_text("text")
    done = causeway(*arguments)
    assert done.returncode == 2
    assert "nowhere" in done.stderr


@pytest.mark.parametrize("config", ["", "{}", "[]", '{"model_type": "gpt2"}', '{"model_type": 7}',
                                    '{"model_type": "llama", "hidden_size": "wide"}',
                                    '{"model_type": "llama", "hidden_size": -1, "num_hidden_layers": 1, '
                                    '"num_attention_heads": 1, "intermediate_size": 1, "vocab_size": 256, '
                                    '"max_position_embeddings": 8}'])  # fmt: skip
def test_a_broken_config_is_told(causeway, tmp_path, config):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text(config)
    done = causeway("generate", "model")
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert "config.json" in done.stderr


def generated(causeway, *arguments) -> bytes:
    """What generate prints, byte for byte."""
    done = causeway("generate", *arguments, text=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_seed_decides_the_text(causeway, finished):
    texts = [generated(causeway, finished.folder, "--tokens", 60, "--prompt", "the", "--seed", seed)
             for seed in (1, 1, 2)]  # fmt: skip
    assert texts[0] == texts[1] != texts[2]
    assert texts[0].startswith(b"the")
    assert len(texts[0]) == len("the") + 60 + len("\n")


@pytest.mark.parametrize("prompt", ["the tide", "i", "return int for"])
def test_temperature_0_takes_the_likeliest_token(causeway, finished, model, prompt):
    text = list(prompt.encode())
    with torch.no_grad():
        for _ in range(18):  # Within the context, where no window has to move.
            text.append(model(torch.tensor([text])).logits[0, -1].argmax().item())
    got = generated(causeway, finished.folder, "--temperature", 0, "--tokens", 18, "--prompt", prompt)
    assert got == bytes(text) + b"\n"


def test_top_k_1_is_temperature_0(causeway, finished):
    greedy = generated(causeway, finished.folder, "--temperature", 0, "--prompt", "of")
    assert generated(causeway, finished.folder, "--top-k", 1, "--seed", 9, "--prompt", "of") == greedy


def test_a_prompt_longer_than_the_context(causeway, finished):
    prompt = "the tide comes and goes " * 5
    assert generated(causeway, finished.folder, "--tokens", 40, "--prompt", prompt).startswith(prompt.encode())


@pytest.mark.parametrize("option", [["--temperature", "-1"], ["--temperature", "nan"], ["--top-p", "2"],
                                    ["--tokens", "-3"], ["--prompt", ""]], ids=" ".join)  # fmt: skip
def test_an_option_out_of_range_is_bad_usage(causeway, finished, option):
    done = causeway("generate", finished.folder, *option)
    assert done.returncode == 2
    assert option[0].strip("-").replace("-", "_") in done.stderr.replace("-", "_")


def test_list_has_every_kind(causeway):
    done = causeway("list")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines() if not line.startswith(" ")] == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_list_of_a_kind_has_the_items_that_list_names(causeway, kind):
    overview = causeway("list").stdout.splitlines()
    at = next(i for i, line in enumerate(overview) if line.startswith(f"{kind} "))
    named = overview[at + 1].strip().split(", ")
    done = causeway("list", kind)
    assert done.returncode == 0
    assert [line.split(": ")[0] for line in done.stdout.splitlines() if not line.startswith(" ")] == named


def test_list_of_an_unknown_kind_names_the_nearest(causeway):
    done = causeway("list", "codec")
    assert done.returncode == 2
    assert "`codecs`" in done.stderr


def test_what_help_refers_to_exists(causeway):
    """`see causeway list X` in an option's meaning must name a kind that list knows."""
    text = causeway("list", "--markdown").stdout
    for kind in {part.split("`")[0].strip() for part in text.split("`causeway list ")[1:]}:
        assert kind == "--markdown" or causeway("list", kind).returncode == 0, kind

# SPDX-License-Identifier: Apache-2.0
"""Our tokens are those of the tokenizers package; so are the tokenizers that we learn."""

import json
import random

import pytest

tokenizers = pytest.importorskip("tokenizers")


@pytest.fixture(scope="module")
def agreement():
    import importlib.util
    import pathlib

    path = pathlib.Path(__file__).resolve().parents[2] / "tools" / "tokenizer_agreement.py"
    spec = importlib.util.spec_from_file_location("tokenizer_agreement", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def everything(agreement) -> str:
    """One text of all scripts; the long runs shorter."""
    texts = (text[:5000] for group in agreement.scripts(7, count=20).values() for text in group)
    return "\n".join(texts)


@pytest.fixture
def encode(causeway, tmp_path):
    """Our tokens of a text or of bytes."""

    def call(tokenizer: tokenizers.Tokenizer, text, *more: str) -> list[int]:
        tokenizer.save(str(tmp_path / "tokenizer.json"))
        (tmp_path / "text").write_bytes(text.encode() if isinstance(text, str) else text)
        done = causeway("tokenizer", "encode", "--tokenizer", tmp_path / "tokenizer.json", tmp_path / "text", *more)
        assert done.returncode == 0, done.stderr
        return [int(token) for token in done.stdout.split()]

    return call


@pytest.mark.parametrize("kind", ["gpt2", "gpt2 prefix", "llama3", "llama3 whole words", "llama3 added", "qwen2 added",
                                  "digits", "regex added"])  # fmt: skip
def test_tokens_are_those_of_the_package(agreement, encode, kind):
    tokenizer = agreement.learnt(kind)
    text = everything(agreement)
    wanted = tokenizer.encode(text).ids
    assert len(wanted) > 10_000
    assert encode(tokenizer, text) == wanted


def test_merges_may_be_written_as_texts(agreement, encode, causeway, tmp_path):
    tokenizer = agreement.learnt("llama3")
    text = agreement.SENTENCES["German"]
    wanted = encode(tokenizer, text)
    value = json.loads(tokenizer.to_str())
    value["model"]["merges"] = [" ".join(merge) for merge in value["model"]["merges"]]
    (tmp_path / "spaced.json").write_text(json.dumps(value))
    assert tokenizers.Tokenizer.from_file(str(tmp_path / "spaced.json")).encode(text).ids == wanted
    done = causeway("tokenizer", "encode", "--tokenizer", tmp_path / "spaced.json", tmp_path / "text")
    assert [int(token) for token in done.stdout.split()] == wanted


def test_the_post_processor_adds_its_tokens_unless_told_not_to(agreement, encode):
    tokenizer = agreement.learnt("llama3")
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="<|x|> $A <|endoftext|>", special_tokens=[("<|x|>", tokenizer.token_to_id("<|x|>")), ("<|endoftext|>", 0)]
    )
    text = agreement.SENTENCES["Greek"]
    assert encode(tokenizer, text) == tokenizer.encode(text).ids
    assert encode(tokenizer, text, "--no-special") == tokenizer.encode(text, add_special_tokens=False).ids


def test_any_bytes_come_back(agreement, encode, causeway, tmp_path):
    data = random.Random(3).randbytes(3000) + agreement.EMOJI.encode()
    tokens = encode(agreement.learnt("llama3"), data)
    (tmp_path / "ids").write_text(" ".join(map(str, tokens)))
    done = causeway("tokenizer", "decode", "--tokenizer", tmp_path / "tokenizer.json", tmp_path / "ids", text=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == data


def test_decoding_equals_the_package(agreement, encode, causeway, tmp_path):
    tokenizer = agreement.learnt("gpt2")
    text = everything(agreement)
    tokens = encode(tokenizer, text)
    (tmp_path / "ids").write_text(" ".join(map(str, tokens)))
    done = causeway("tokenizer", "decode", "--tokenizer", tmp_path / "tokenizer.json", tmp_path / "ids", text=False)
    assert done.stdout.decode() == tokenizer.decode(tokens, skip_special_tokens=False) == text


@pytest.mark.parametrize("change, message", [
    ({"model": {"type": "Unigram", "vocab": [["a", 0.0]], "unk_id": 0}}, "byte-level BPE"),
    ({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "b"]]}}, '"b" is no token'),
    ({"normalizer": {"type": "Lowercase"}}, "Lowercase"),
    ({"pre_tokenizer": {"type": "Whitespace"}}, "Whitespace"),
])  # fmt: skip
def test_what_is_not_supported_is_refused_by_name(agreement, causeway, tmp_path, change, message):
    value = {**json.loads(agreement.learnt("gpt2").to_str()), **change}
    (tmp_path / "tokenizer.json").write_text(json.dumps(value))
    (tmp_path / "text").write_text("text")
    done = causeway("tokenizer", "encode", "--tokenizer", tmp_path / "tokenizer.json", tmp_path / "text")
    assert done.returncode == 2
    assert message in done.stderr

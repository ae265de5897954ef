# SPDX-License-Identifier: Apache-2.0
"""Models of Hugging Face's folders: small random ones of every kind, made by transformers, give its logits here."""

import json
import shutil
import subprocess

import numpy
import pytest
import torch
from random_models import KINDS, LLAMA3, Folders, byte_level_tokenizer
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Folders:
    return Folders(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def logits(binary):
    """Logits of the built program: [tokens, vocabulary]."""

    def call(folder, tokens) -> torch.Tensor:
        done = subprocess.run([binary.parent / "logits_example", folder, *map(str, tokens)], capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        return torch.from_numpy(numpy.frombuffer(done.stdout, numpy.float32).copy()).view(len(tokens), -1)

    return call


def some_tokens(vocabulary: int, count: int = 100) -> list[int]:
    return [(i * i * 7 + i * 13 + 5) % vocabulary for i in range(count)]


def difference(folder, logits) -> float:
    """The largest difference between the logits of both programs, in float32."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokens = some_tokens(model.config.vocab_size)
    with torch.no_grad():
        wanted = model(torch.tensor([tokens])).logits[0]
    got = logits(folder, tokens)
    assert got.shape == wanted.shape
    assert wanted.std() > 0.5, "logits that are all alike would prove nothing"
    return (got - wanted).abs().max().item()


@pytest.mark.parametrize("kind", KINDS)
def test_logits_are_those_of_transformers(kind, folders, logits):
    assert difference(folders(kind), logits) < 1e-4


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("kind", ["llama3", "qwen2"])
def test_logits_of_16_bit_weights(kind, dtype, folders, logits):
    folder = folders(kind, dtype)
    assert {tensor.dtype for tensor in load_file(folder / "model.safetensors").values()} == {dtype}
    assert difference(folder, logits) < 1e-4


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_logits_of_shards(dtype, folders, logits):
    folder = folders("qwen3", dtype, max_shard_size="100KB")
    assert len(list(folder.glob("model-*-of-*.safetensors"))) > 2
    assert not (folder / "model.safetensors").exists()
    assert difference(folder, logits) < 1e-4


def test_eval_has_the_loss_of_transformers(causeway, folders, tmp_path):
    """Windows of the context, float64 for the sums: as src/train/evaluate.h says."""
    folder, content = folders("llama-of-bytes"), bytes(some_tokens(256, 400))
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    total, tokens = 0.0, torch.tensor(list(content))
    with torch.no_grad():
        for begin in range(0, len(tokens) - 1, 128):
            window = tokens[begin : begin + 129]
            rows = model(window[None, :-1]).logits[0].double()
            total += torch.nn.functional.cross_entropy(rows, window[1:], reduction="sum").item()
    (tmp_path / "text").write_bytes(content)
    done = causeway("eval", folder, tmp_path / "text", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["nats_per_token"] == pytest.approx(total / (len(tokens) - 1), abs=1e-5)


@pytest.fixture
def changed(folders, tmp_path):
    """A copy of a kind's folder with other fields in its config.json; None removes one."""

    def call(kind: str, **fields):
        folder = tmp_path / "changed"
        shutil.copytree(folders(kind), folder)
        config = json.loads((folder / "config.json").read_text())
        config.update(fields)
        (folder / "config.json").write_text(json.dumps({key: value for key, value in config.items()
                                                        if fields.get(key, value) is not None}))  # fmt: skip
        return folder

    return call


@pytest.mark.parametrize("kind", ["llama3", "qwen2", "mistral"])
def test_the_form_of_transformers_4_is_read(kind, changed, folders, logits):
    """rope_theta, rope_scaling and torch_dtype, as configurations on the hub have them."""
    old = {"rope_theta": 10000.0, "rope_parameters": None, "torch_dtype": "float32", "dtype": None}
    if kind == "llama3":
        old["rope_scaling"] = {key: value for key, value in LLAMA3.items() if key != "rope_theta"}
    folder = changed(kind, **old)
    assert "rope_parameters" not in json.loads((folder / "config.json").read_text())
    assert difference(folder, logits) < 1e-4
    tokens = some_tokens(500)
    assert torch.equal(logits(folder, tokens), logits(folders(kind), tokens))


REFUSED = [
    ("llama", {"model_type": "gpt2"}, "model_type"),
    ("llama", {"hidden_act": "gelu"}, "hidden_act"),
    ("llama", {"attention_bias": True}, "attention_bias"),
    ("llama", {"mlp_bias": True}, "mlp_bias"),
    ("qwen3", {"attention_bias": True}, "attention_bias"),
    ("llama", {"rope_parameters": {"rope_type": "yarn", "factor": 4.0, "rope_theta": 1e4}}, "yarn"),
    ("llama", {"rope_scaling": {"type": "linear", "factor": 2.0}}, "linear"),
    ("llama", {"partial_rotary_factor": 0.5}, "partial_rotary_factor"),
    ("mistral", {"sliding_window": 64}, "sliding_window"),
    ("qwen2", {"use_sliding_window": True, "sliding_window": 64, "layer_types": None, "max_window_layers": 1},
     "sliding_window"),
    ("llama", {"quantization_config": {"bits": 4}}, "quantization_config"),
    ("qwen3", {"num_experts": 4}, "num_experts"),
    ("llama", {"final_logit_softcapping": 30.0}, "final_logit_softcapping"),
    ("llama", {"logit_scale": 0.5}, "logit_scale"),
    ("llama", {"a_field_of_tomorrow": 2}, "a_field_of_tomorrow"),
    ("llama", {"vocab_size": 499}, "model.embed_tokens.weight"),
    ("llama", {"num_hidden_layers": 2}, "model.layers.2."),
    ("llama", {"num_hidden_layers": 4}, "model.layers.3."),
    ("llama", {"hidden_size": None}, "hidden_size"),
    ("llama", {"intermediate_size": 1 << 60}, "intermediate_size"),
    ("qwen2", {"model_type": "llama"}, "q_proj.bias"),
]  # fmt: skip


REFUSED_IDS = [f"{kind}-{list(fields)[0]}" for kind, fields, _ in REFUSED]


@pytest.mark.parametrize("kind, fields, name", REFUSED, ids=REFUSED_IDS)
def test_what_changes_the_mathematics_is_refused_by_name(kind, fields, name, changed, causeway, tmp_path):
    done = causeway("export", changed(kind, **fields), tmp_path / "out")
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert name in done.stderr
    assert not (tmp_path / "out").exists()


def test_all_refusals_are_told_at_once(changed, causeway, tmp_path):
    folder = changed("llama", hidden_act="relu", num_experts=8, mlp_bias=True, sliding_window=5)
    done = causeway("export", folder, tmp_path / "out")
    assert done.returncode == 2
    assert all(name in done.stderr for name in ("hidden_act", "num_experts", "mlp_bias", "sliding_window"))


def test_a_head_that_is_stored_though_tied(folders, causeway, tmp_path, logits):
    """The same bits are passed over; other bits would be lost in silence, so they are refused."""
    folder = tmp_path / "tied"
    shutil.copytree(folders("tied"), folder)
    tensors = load_file(folder / "model.safetensors")
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone()
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    assert difference(folder, logits) < 1e-4
    tensors["lm_head.weight"][7, 7] += 1
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    done = causeway("export", folder, tmp_path / "out")
    assert done.returncode == 2
    assert "lm_head.weight" in done.stderr


def test_buffers_of_old_files_are_passed_over_and_other_tensors_are_not(folders, causeway, tmp_path):
    folder = tmp_path / "more"
    shutil.copytree(folders("llama"), folder)
    tensors = load_file(folder / "model.safetensors")
    tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(8)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    assert causeway("export", folder, tmp_path / "out").returncode == 0
    tensors["model.layers.0.self_attn.secret.weight"] = torch.ones(8)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    done = causeway("export", folder, tmp_path / "out2")
    assert done.returncode == 2
    assert "secret.weight" in done.stderr


def test_an_adapter_alone_is_told(causeway, folders, tmp_path):
    folder = tmp_path / "adapter"
    folder.mkdir()
    shutil.copy(folders("llama") / "config.json", folder)
    save_file({"a": torch.ones(1)}, folder / "adapter_model.safetensors")
    done = causeway("export", folder, tmp_path / "out")
    assert done.returncode == 2
    assert "adapter" in done.stderr


def test_a_missing_shard_is_named(folders, causeway, tmp_path):
    folder = tmp_path / "shards"
    shutil.copytree(folders("qwen3", torch.float32, max_shard_size="100KB"), folder)
    lost = sorted(folder.glob("model-*.safetensors"))[1]
    lost.unlink()
    done = causeway("export", folder, tmp_path / "out")
    assert done.returncode in (1, 2)
    assert lost.name in done.stderr


def test_a_tokenizer_of_more_tokens_than_the_model_is_told(folders, causeway, tmp_path):
    folder = tmp_path / "small"
    shutil.copytree(folders("llama"), folder)
    byte_level_tokenizer(600).save_pretrained(folder)
    done = causeway("export", folder, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "tokens up to 599" in done.stderr and "500" in done.stderr
    assert (tmp_path / "out" / "tokenizer.json").read_bytes() == (folder / "tokenizer.json").read_bytes()

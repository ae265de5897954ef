# SPDX-License-Identifier: Apache-2.0
"""causeway export: transformers loads what it writes, and what came in goes out with the same bits."""

import json
import pathlib
import shutil

import pytest
import torch
from random_models import KINDS, Folders, byte_level_tokenizer
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Folders:
    return Folders(tmp_path_factory.mktemp("models"))


@pytest.fixture
def export(causeway, tmp_path):
    """`export(model, *options)` gives the folder that was written; `.stdout` has what was printed."""

    def call(model, *options, to="out", returncode=0):
        done = causeway("export", model, tmp_path / to, *options)
        assert done.returncode == returncode, done.stderr
        call.stdout, call.stderr = done.stdout, done.stderr
        return tmp_path / to

    return call


def tensors_of(folder: pathlib.Path) -> dict[str, torch.Tensor]:
    """All tensors, whatever files they lie in."""
    out = {}
    for path in folder.glob("*.safetensors"):
        if not path.name.startswith("adapter"):
            out |= load_file(path)
    return out


def same_bits(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(a[name].dtype == b[name].dtype and
                                        torch.equal(a[name].view(torch.uint8), b[name].view(torch.uint8))
                                        for name in a)  # fmt: skip


def names_in(folder: pathlib.Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", KINDS)
def test_in_and_out_is_the_same_bits(kind, folders, export):
    source = folders(kind)
    out = export(source)
    assert same_bits(tensors_of(out), tensors_of(source))
    assert json.loads((out / "config.json").read_text()) == json.loads((source / "config.json").read_text())
    model = AutoModelForCausalLM.from_pretrained(out)
    wanted = AutoModelForCausalLM.from_pretrained(source)
    assert type(model) is type(wanted)
    assert same_bits(model.state_dict(), wanted.state_dict())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_in_and_out_of_16_bits(dtype, folders, export):
    source = folders("qwen2", dtype)
    out = export(source)
    assert {tensor.dtype for tensor in tensors_of(out).values()} == {dtype}
    assert same_bits(tensors_of(out), tensors_of(source))
    assert AutoModelForCausalLM.from_pretrained(out, dtype="auto").dtype == dtype


def test_in_and_out_of_mixed_types(folders, export, tmp_path):
    source = tmp_path / "mixed"
    shutil.copytree(folders("llama"), source)
    tensors = {name: tensor.to(torch.bfloat16) if "norm" not in name else tensor
               for name, tensor in tensors_of(source).items()}  # fmt: skip
    save_file(tensors, source / "model.safetensors", {"format": "pt"})
    assert same_bits(tensors_of(export(source)), tensors)


def test_values_that_are_no_numbers_keep_their_bits(folders, export, tmp_path):
    source = tmp_path / "odd"
    shutil.copytree(folders("llama", torch.bfloat16), source)
    tensors = tensors_of(source)
    patterns = torch.tensor([0x7F80, -0x80, 0x7FC0, 0x7F81, 1, -0x8000, 0x7F7F], dtype=torch.int16)
    tensors["model.norm.weight"].view(torch.int16)[:7] = patterns
    save_file(tensors, source / "model.safetensors", {"format": "pt"})
    assert same_bits(tensors_of(export(source)), tensors)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_shards_in_and_one_file_out(dtype, folders, export):
    source = folders("qwen3", dtype, max_shard_size="100KB")
    out = export(source)
    assert [path.name for path in out.glob("*.safetensors*")] == ["model.safetensors"]
    assert same_bits(tensors_of(out), tensors_of(source))


@pytest.mark.parametrize("kind", ["llama", "tied"])
def test_shards_out(kind, folders, export):
    source = folders(kind)
    out = export(source, "--shard-bytes", "150KB")
    shards = sorted(out.glob("*.safetensors"))
    count = len(shards)
    assert count > 1
    assert [path.name for path in shards] == [f"model-{i + 1:05}-of-{count:05}.safetensors" for i in range(count)]
    index = json.loads((out / "model.safetensors.index.json").read_text())
    assert set(index["weight_map"]) == set(tensors_of(source))
    for shard in shards:
        held = load_file(shard)
        assert set(held) == {name for name, file in index["weight_map"].items() if file == shard.name}
        assert len(held) == 1 or sum(tensor.nbytes for tensor in held.values()) <= 150_000
    assert index["metadata"]["total_size"] == sum(tensor.nbytes for tensor in tensors_of(out).values())
    assert same_bits(tensors_of(out), tensors_of(source))
    loaded = AutoModelForCausalLM.from_pretrained(out).state_dict()
    assert same_bits(loaded, AutoModelForCausalLM.from_pretrained(source).state_dict())
    assert same_bits(tensors_of(export(out, to="again")), tensors_of(source))


@pytest.mark.parametrize("name", DTYPES)
def test_dtypes_are_rounded_as_torch_rounds(name, folders, export):
    source = folders("qwen3")
    out = export(source, "--dtype", name)
    assert same_bits(tensors_of(out), {key: tensor.to(DTYPES[name]) for key, tensor in tensors_of(source).items()})
    assert AutoModelForCausalLM.from_pretrained(out, dtype="auto").dtype == DTYPES[name]


def test_what_is_beyond_float16_is_refused(folders, export, tmp_path):
    source = tmp_path / "large"
    shutil.copytree(folders("llama"), source)
    tensors = tensors_of(source)
    tensors["model.norm.weight"][3] = 65_536.0
    save_file(tensors, source / "model.safetensors", {"format": "pt"})
    export(source, "--dtype", "float16", returncode=2)
    assert "model.norm.weight" in export.stderr and "float16" in export.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["large"], "nothing half-written is left"
    export(source, "--dtype", "bfloat16")


def test_companions_travel_untouched(folders, export, tmp_path):
    source = tmp_path / "full"
    shutil.copytree(folders("llama"), source)
    tokenizer = byte_level_tokenizer(400)
    tokenizer.chat_template = "{{ messages[0].content }} and an odd byte: \N{SNOWMAN}"
    tokenizer.save_pretrained(source)
    (source / "additional_chat_templates").mkdir()
    (source / "additional_chat_templates" / "tool.jinja").write_text("{# tools #}")
    (source / "adapter_config.json").write_text('{"r": 8}')
    save_file({"a": torch.arange(3.0)}, source / "adapter_model.safetensors")
    (source / "README.md").write_text("# Its own card\n")
    (source / "generation_config.json").write_text('{"eos_token_id": [0, 5], "temperature": 0.3, "do_sample": true}')
    (source / "special_tokens_map.json").write_text('{"eos_token":   "<|endoftext|>"}')
    (source / "notes.txt").write_text("not of the model")
    out = export(source)
    carried = names_in(source) - {"notes.txt"}
    assert {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"} < carried
    assert names_in(out) == carried
    for name in carried:
        assert (out / name).read_bytes() == (source / name).read_bytes() or name == "model.safetensors", name
    (source / "tokenizer.json").write_text("changed later")
    assert (out / "tokenizer.json").read_text() != "changed later", "an export is a copy"
    templates = {"default": tokenizer.chat_template, "tool": "{# tools #}"}
    assert AutoTokenizer.from_pretrained(out).chat_template == templates


def test_links_of_a_cache_are_followed(folders, export, tmp_path):
    """A folder of the hub's cache holds links to files elsewhere."""
    blobs, source = tmp_path / "blobs", tmp_path / "snapshot"
    shutil.copytree(folders("llama"), blobs)
    (blobs / "chat_template.jinja").write_text("{# a template #}")
    source.mkdir()
    for path in blobs.iterdir():
        (source / path.name).symlink_to(path)
    out = export(source)
    assert not any(path.is_symlink() for path in out.iterdir())
    shutil.rmtree(blobs)
    assert (out / "chat_template.jinja").read_text() == "{# a template #}"
    AutoModelForCausalLM.from_pretrained(out)


def test_a_checkpoint_loads_in_transformers(finished, export):
    out = export(finished.folder)
    model = AutoModelForCausalLM.from_pretrained(out)
    assert model.config.model_type == "llama" and model.dtype == torch.float32
    trained = load_file(finished.checkpoint / "model.safetensors")
    assert same_bits({name: tensor for name, tensor in model.state_dict().items() if name in trained}, trained)
    assert GenerationConfig.from_pretrained(out).do_sample is False
    tokenizer = AutoTokenizer.from_pretrained(out)
    text = "the tide \N{SNOWMAN} \x00 \n  comes"
    assert tokenizer(text, add_special_tokens=False).input_ids == list(text.encode())
    assert tokenizer.decode(list(text.encode())) == text
    assert tokenizer.model_max_length == 32


def test_the_weights_hash_is_that_of_the_run(finished, export):
    export(finished.folder)
    assert finished.events[-1]["weights"] in export.stdout


def greedy(causeway, folder, prompt: str, count: int) -> dict:
    done = causeway("generate", folder, "--greedy", "--json", "--prompt", prompt, "--tokens", count)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def continued(folder, prompt: list[int], count: int) -> list[int]:
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokens = torch.tensor([prompt])
    out = model.generate(tokens, attention_mask=torch.ones_like(tokens), do_sample=False, max_new_tokens=count)
    return out[0, len(prompt) :].tolist()


@pytest.mark.parametrize("prompt", ["the tide", "return int"])
def test_a_checkpoint_generates_the_same_tokens(finished, export, causeway, prompt):
    out = export(finished.folder)
    got = greedy(causeway, finished.folder, prompt, 20)
    assert got["prompt_tokens"] == AutoTokenizer.from_pretrained(out)(prompt).input_ids
    assert got["tokens"] == continued(out, got["prompt_tokens"], 20)
    assert greedy(causeway, out, prompt, 20) == got


@pytest.mark.parametrize("kind", ["llama3", "mistral", "qwen2", "qwen3"])
def test_every_kind_generates_the_same_tokens(kind, folders, export, causeway, tmp_path):
    source = tmp_path / "source"
    shutil.copytree(folders(kind), source)
    byte_level_tokenizer(500).save_pretrained(source)
    (source / "generation_config.json").write_text('{"eos_token_id": 0, "pad_token_id": 0}')
    out = export(source)
    got = greedy(causeway, out, "bel dan cot", 60)
    assert got["prompt_tokens"] == AutoTokenizer.from_pretrained(out)("bel dan cot").input_ids
    assert got["tokens"] == continued(out, got["prompt_tokens"], 60)


def test_the_card_of_a_run(finished, export):
    out = export(finished.folder)
    card = (out / "README.md").read_text()
    head = card.split("---")[1]
    assert "library_name: transformers" in head and "pipeline_tag: text-generation" in head
    end = finished.events[-1]
    for report in end["first_valid"] + end["last_valid"]:
        assert f"{report['bits_per_byte']:.4f}" in card
    assert "| north |" in card and "| south |" in card
    assert f"| {end['up_bytes']} |" in card and f"| {end['down_bytes']} |" in card
    assert f"| {end['ddp_bytes']} |" in card
    assert end["weights"] in card
    assert (finished.folder / "recipe.toml").read_text().strip() in card
    assert "began with random weights" in card


def test_the_card_of_an_earlier_checkpoint_tells_of_its_step(finished, export):
    earlier = finished.folder / "checkpoints" / "000000030"
    card = (export(earlier) / "README.md").read_text()
    assert "30 of 40 steps" in card
    up = sum(event["up_bytes"] for event in finished.events if event["event"] == "round" and event["step"] <= 30)
    assert f"| {up} |" in card


def test_the_card_of_a_folder_without_a_run_claims_nothing(folders, export):
    card = (export(folders("mistral")) / "README.md").read_text()
    assert "not known" in card and "mistral" in card
    assert "## Losses" not in card


def test_the_card_without_a_log_says_so(finished, export, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished.folder, run)
    (run / "log.sqlite").write_bytes(b"not a database at all" * 100)
    assert "log could not be read" in (export(run) / "README.md").read_text()


def test_a_folder_that_is_there_is_not_touched(folders, export, tmp_path):
    mine = tmp_path / "out"
    mine.mkdir()
    (mine / "thesis.tex").write_text("years of work")
    export(folders("llama"), returncode=2)
    assert "--overwrite" in export.stderr
    export(folders("llama"), "--overwrite", returncode=2)
    assert "no model" in export.stderr
    assert names_in(mine) == {"thesis.tex"}


def test_overwrite_replaces_a_model_whole(folders, export, tmp_path):
    out = export(folders("llama"), "--shard-bytes", "100KB")
    export(folders("qwen2"), returncode=2)
    export(folders("qwen2"), "--overwrite")
    assert same_bits(tensors_of(out), tensors_of(folders("qwen2")))
    assert not list(out.glob("*.index.json"))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_model_is_not_written_over_itself(folders, causeway, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(folders("llama"), model)
    before = names_in(model)
    done = causeway("export", model, model, "--overwrite", "--dtype", "float16")
    assert done.returncode == 2
    assert names_in(model) == before


def test_a_folder_that_cannot_be_made_is_a_failure(folders, causeway, tmp_path):
    (tmp_path / "file").write_text("")
    done = causeway("export", folders("llama"), tmp_path / "file" / "out")
    assert done.returncode == 1, done.stderr
    assert "cannot be made" in done.stderr


@pytest.mark.parametrize("option", [["--dtype", "int8"], ["--shard-bytes", "0"], ["--shard-bytes", "many"]],
                         ids=" ".join)  # fmt: skip
def test_a_wrong_option_is_bad_usage(folders, causeway, tmp_path, option):
    done = causeway("export", folders("llama"), tmp_path / "out", *option)
    assert done.returncode == 2
    assert option[0] in done.stderr


def test_what_was_written_is_told(folders, export):
    out = export(folders("llama"))
    for path in out.iterdir():
        assert path.name in export.stdout
    assert f"{(out / 'model.safetensors').stat().st_size:,}" in export.stdout
    assert "float32" in export.stdout and "from_pretrained" in export.stdout

# SPDX-License-Identifier: Apache-2.0
"""Small random models of every kind that is read, and tokenizers, as transformers and tokenizers make them."""

import pathlib

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (AutoModelForCausalLM, LlamaConfig, MistralConfig, PreTrainedTokenizerFast, Qwen2Config,
                          Qwen3Config)  # fmt: skip

# Such small products gain nothing from threads, and lose much on a busy machine.
torch.set_num_threads(1)

SIZES = {"vocab_size": 500, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3,
         "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128,
         "initializer_range": 0.1}  # fmt: skip
LLAMA3 = {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 32}  # fmt: skip
KINDS = {
    "llama": (LlamaConfig, {}),
    "llama-of-bytes": (LlamaConfig, {"vocab_size": 256, "num_key_value_heads": 4}),
    "llama3": (LlamaConfig, {"rope_parameters": LLAMA3, "rms_norm_eps": 1e-5}),
    "tied": (LlamaConfig, {"tie_word_embeddings": True}),
    "mistral": (MistralConfig, {"sliding_window": 128}),
    "mistral-wide-heads": (MistralConfig, {"sliding_window": None, "head_dim": 32}),
    "qwen2": (Qwen2Config, {}),
    "qwen2-tied": (Qwen2Config, {"tie_word_embeddings": True, "rope_parameters": {"rope_type": "default",
                                                                                  "rope_theta": 1e6}}),
    "qwen3": (Qwen3Config, {"head_dim": 32}),
}  # fmt: skip


def random_model(kind: str):
    """With gains away from 1 and biases away from 0, so that each of them matters."""
    torch.manual_seed(sum(map(ord, kind)))
    config_class, changes = KINDS[kind]
    model = AutoModelForCausalLM.from_config(config_class(**{**SIZES, **changes})).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(0, 0.5)
            elif "norm" in name:
                parameter.normal_(1, 0.3)
    return model


class Folders:
    """`folders(kind)`, `folders(kind, torch.bfloat16)`, or with `max_shard_size`: a folder that transformers wrote."""

    def __init__(self, top: pathlib.Path):
        self.top, self.made = top, {}

    def __call__(self, kind: str, dtype=torch.float32, **options) -> pathlib.Path:
        key = (kind, dtype, tuple(options.items()))
        if key not in self.made:
            self.made[key] = self.top / f"{len(self.made)}-{kind}"
            random_model(kind).to(dtype).save_pretrained(self.made[key], **options)
        return self.made[key]


def byte_level_tokenizer(size: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE of so many tokens; 0 is <|endoftext|>."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    words = " ".join(f"{a}{b}{c}{d}" for a in "abcdefgh" for b in "aeiou" for c in "lmnrst" for d in "aeio")
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=["<|endoftext|>"], show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())  # fmt: skip
    tokenizer.train_from_iterator([words], trainer)
    assert tokenizer.get_vocab_size() == size
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>")

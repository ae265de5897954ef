# SPDX-License-Identifier: Apache-2.0
"""Hugging Face's Llama on the tiny fixture gives the golden trace that src/model is tested against."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM

ORACLE = Path(__file__).parent.parent / "oracle"
TRACE = json.loads((ORACLE / "traces/forward.json").read_text())


@pytest.fixture(scope="module")
def model():
    config = json.loads((ORACLE / "fixtures/tiny.config.json").read_text())
    llama = LlamaForCausalLM(LlamaConfig(**config)).eval()
    missing, unexpected = llama.load_state_dict(load_file(ORACLE / "fixtures/tiny.safetensors"))
    assert not missing and not unexpected
    return llama


@pytest.fixture(scope="module")
def rows():
    return load_file(ORACLE / "fixtures/batches.safetensors")["valid"].long()


def test_logits(model, rows):
    with torch.no_grad():
        logits = model(rows[:1, :-1]).logits[0].double()
    for position, wanted in TRACE["row_0_logits"].items():
        difference = (logits[int(position)] - torch.tensor(wanted, dtype=torch.float64)).abs().max()
        assert difference < 4 * TRACE["float32_deviation"]["logits_abs"], position


def test_loss_and_gradient(model, rows):
    logits = model(rows[:, :-1]).logits
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())
    assert loss.item() == pytest.approx(TRACE["loss"], abs=1e-6)
    model.zero_grad()
    loss.backward()
    for name, parameter in model.named_parameters():
        norm = TRACE["gradient"][name]["norm"]
        assert parameter.grad.norm().item() == pytest.approx(norm, rel=4e-6), name

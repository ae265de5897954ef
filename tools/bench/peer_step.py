#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The training step of `causeway bench step` in PyTorch, as one who knows it writes it today.

peer_step.py --variant VARIANT --layers N --width N --heads N --context N [--tokens N] [--threads N]
             [--micro-tokens N] [--recompute]

The same model (RMSNorm, rotary positions, SwiGLU, untied head, no biases, 256 tokens), AdamW and clipped gradients.
Prints one line of JSON when it is warm; then, for each number n on a line of its input, runs n steps and prints one
line. `compile` is torch.compile, `autocast` is bf16 arithmetic over fp32 parameters, `bf16` is bf16 parameters.
"""

# B batch, T time, C channels, N heads, D head width, I inner width, V vocabulary.
import argparse
import ctypes
import gc
import json
import pathlib
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

VARIANTS = ("eager", "compile", "autocast", "compile-autocast", "bf16", "compile-bf16")
VOCABULARY = 256
THETA = 10_000.0
EPS = 1e-5


def inner_width(width: int) -> int:
    """8/3 of the width, rounded up to a multiple of 32."""
    return ((8 * width + 2) // 3 + 31) // 32 * 32


class Norm(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x_BTC):
        return F.rms_norm(x_BTC, self.weight.shape, self.weight, EPS)


class Block(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads, inner = heads, inner_width(width)
        self.attention_norm, self.mlp_norm = Norm(width), Norm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.gate_up = nn.Linear(width, 2 * inner, bias=False)
        self.down = nn.Linear(inner, width, bias=False)

    def forward(self, x_BTC, cos, sin):
        B, T, C = x_BTC.shape
        qkv = self.qkv(self.attention_norm(x_BTC)).view(B, T, 3, self.heads, C // self.heads)
        # Queries and keys are turned in one go.
        first, second = qkv[:, :, :2].chunk(2, dim=-1)
        cos, sin = cos.to(qkv.dtype), sin.to(qkv.dtype)
        turned = torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)
        q, k, v = (heads.transpose(1, 2) for heads in (turned[:, :, 0], turned[:, :, 1], qkv[:, :, 2]))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x_BTC = x_BTC + self.out(y.transpose(1, 2).reshape(B, T, C))
        gate, up = self.gate_up(self.mlp_norm(x_BTC)).chunk(2, dim=-1)
        return x_BTC + self.down(F.silu(gate) * up)


class Model(nn.Module):
    def __init__(self, layers: int, width: int, heads: int, context: int, recompute: bool = False):
        super().__init__()
        self.recompute = recompute
        self.embedding = nn.Embedding(VOCABULARY, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = Norm(width)
        self.head = nn.Linear(width, VOCABULARY, bias=False)
        half = torch.arange(width // heads // 2, dtype=torch.float64)
        frequencies = THETA ** (-2 * half / (width // heads))
        angles = torch.outer(torch.arange(context, dtype=torch.float64), frequencies)[:, None, None, :]
        self.register_buffer("cos", angles.cos().float(), persistent=False)
        self.register_buffer("sin", angles.sin().float(), persistent=False)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, tokens_BT, targets_BT):
        T = tokens_BT.shape[1]
        cos, sin = self.cos[:T], self.sin[:T]
        x_BTC = self.embedding(tokens_BT)
        for block in self.blocks:
            if self.recompute:
                x_BTC = checkpoint(block, x_BTC, cos, sin, use_reentrant=False)
            else:
                x_BTC = block(x_BTC, cos, sin)
        logits = self.head(self.norm(x_BTC))
        return F.cross_entropy(logits.view(-1, VOCABULARY).float(), targets_BT.reshape(-1))


def memory_bytes() -> int:
    """The peak of this process since its start or the last `forget_peak`."""
    status = pathlib.Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def forget_peak() -> None:
    """Gives freed memory back and sets the peak to what is held, so that compilers do not count as the step's."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    try:
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass  # A kernel without it: the peak then includes the warm-up.


class Trainer:
    def __init__(self, options):
        torch.manual_seed(1)
        self.model = Model(options.layers, options.width, options.heads, options.context, options.recompute)
        if options.variant.endswith("bf16"):
            self.model.bfloat16()
        self.parameters = list(self.model.parameters())
        matrices = [p for p in self.parameters if p.dim() > 1]
        gains = [p for p in self.parameters if p.dim() == 1]
        groups = [{"params": matrices, "weight_decay": 0.1}, {"params": gains, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.95), eps=1e-8, fused=True)
        self.autocast = torch.autocast("cpu", torch.bfloat16, enabled=options.variant.endswith("autocast"))
        self.loss = self.model
        if options.variant.startswith("compile"):
            # Autotuned products gain some 10 % in bf16 and nothing in fp32, where they double the compiling.
            mode = None if options.variant == "compile" else "max-autotune-no-cudagraphs"
            self.loss = torch.compile(self.model, dynamic=False, mode=mode)
        text = torch.randint(VOCABULARY, (options.tokens // options.context, options.context + 1))
        rows = max(1, options.micro_tokens // options.context) if options.micro_tokens else len(text)
        self.parts = [(part[:, :-1].contiguous(), part[:, 1:].contiguous()) for part in text.split(rows)]

    def step(self) -> torch.Tensor:
        total = torch.zeros(())
        for tokens, targets in self.parts:
            with self.autocast:
                loss = self.loss(tokens, targets) / len(self.parts)
            loss.backward()
            total += loss.detach()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0, foreach=True)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return total

    def warm_up(self) -> None:
        """Compiles, and makes the optimizer's moments; at rate 0, so that the parameters stay as they are."""
        for group in self.optimizer.param_groups:
            group["lr"] = 0.0
        self.step()
        for group in self.optimizer.param_groups:
            group["lr"] = 1e-3


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", choices=VARIANTS, default="eager")
    for name, default in (("layers", 4), ("width", 128), ("heads", 4), ("context", 64), ("tokens", 4096), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N")
    parser.add_argument("--micro-tokens", type=int, default=0, metavar="N", help="tokens of one pass; 0: all of a step")
    parser.add_argument("--recompute", action="store_true", help="keep the input of each layer only")
    options = parser.parse_args(arguments)
    if options.width % (2 * options.heads) != 0:
        parser.error(f"--width {options.width} does not give {options.heads} heads of an even width")
    if options.tokens % options.context != 0:
        parser.error(f"--tokens {options.tokens} is no multiple of --context {options.context}")
    if options.micro_tokens and options.tokens % max(options.context, options.micro_tokens) != 0:
        parser.error(f"--tokens {options.tokens} is no multiple of --micro-tokens {options.micro_tokens}")
    return options


def main() -> None:
    options = options_of()
    # Before any thread is made: new threads take this setting over.
    torch.set_flush_denormal(True)
    torch.set_num_threads(options.threads)
    trainer = Trainer(options)
    count = sum(parameter.numel() for parameter in trainer.parameters)
    began = time.perf_counter()
    trainer.warm_up()
    warm_up = time.perf_counter() - began
    forget_peak()
    print(json.dumps({"ready": True, "parameters": count, "tokens": options.tokens, "memory_bytes": memory_bytes(),
                      "warm_up_seconds": warm_up}), flush=True)  # fmt: skip
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            began = time.perf_counter()
            loss = trainer.step()
            seconds.append(time.perf_counter() - began)
        print(json.dumps({"seconds": seconds, "loss": float(loss), "memory_bytes": memory_bytes()}), flush=True)


if __name__ == "__main__":
    main()

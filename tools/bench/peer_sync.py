#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `causeway bench sync` measures, in PyTorch: folding replicas, the outer step, codecs. One thread.

peer_sync.py [--quick]

Prints a JSON array of rows: `what` as `causeway bench sync` names it, `how`, `value`, `unit`. Each result is checked.
"""

import argparse
import json
import statistics
import time

import torch

MEMBERS = 8
RUN = 4096  # values with one scale
CACHED = 65536
CACHED_REPEATS = 20
TOP = 0.01


def median_seconds(runs: int, call) -> float:
    call()
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def check(condition, what: str) -> None:
    if not bool(condition):
        raise SystemExit(f"peer_sync.py: {what} gave a wrong result")


class Rows:
    def __init__(self, runs: int):
        self.runs, self.rows = runs, []

    def add(self, what: str, how: str, moved_bytes: float, unit: str, call, right, repeats: int = 1) -> None:
        """Measures `repeats` calls at a time, after `right(result)` was seen to hold."""
        try:
            check(right(call()), f"{what}: {how}")
            seconds = median_seconds(self.runs, lambda: [call() for _ in range(repeats)])
            value = {"value": 1e-9 * moved_bytes * repeats / seconds}
        except (RuntimeError, OSError) as error:
            value = {"failure": str(error).splitlines()[0][:200]}
        self.rows.append({"what": what, "how": how, "unit": unit, **value})


def folds(rows: Rows, count: int) -> None:
    members = [torch.randn(count) for _ in range(MEMBERS)]
    wanted = sum(member.double() for member in members) / MEMBERS
    out, stacked = torch.empty(count), torch.empty(MEMBERS, count)

    def by_foreach():
        # In pieces that stay in the cache, which is quicker than whole replicas.
        for begin in range(0, count, CACHED):
            part = out[begin : begin + CACHED]
            torch.mul(members[0][begin : begin + CACHED], 1 / MEMBERS, out=part)
            for member in members[1:]:
                torch._foreach_add_([part], [member[begin : begin + CACHED]], alpha=1 / MEMBERS)
        return out

    def whole_foreach():
        torch.mul(members[0], 1 / MEMBERS, out=out)
        for member in members[1:]:
            torch._foreach_add_([out], [member], alpha=1 / MEMBERS)
        return out

    def by_stack():
        torch.stack(members, out=stacked)
        return torch.mean(stacked, 0, out=out)

    for how, call in (("_foreach_add_", whole_foreach), ("_foreach_add_ in pieces", by_foreach),
                      ("stack, mean", by_stack)):  # fmt: skip
        rows.add("fold of 8 replicas", how, 4.0 * MEMBERS * count, "GB/s of fp32", call,
                 lambda got: (got.double() - wanted).abs().max() < 1e-6)  # fmt: skip


def nesterov(rows: Rows, count: int) -> None:
    for how in ("fused", "foreach"):
        anchor = torch.nn.Parameter(torch.randn(count))
        start, delta = anchor.detach().clone(), torch.randn(count)
        anchor.grad = delta.clone()
        optimizer = torch.optim.SGD([anchor], lr=0.7, momentum=0.9, nesterov=True, **{how: True})

        def call(anchor=anchor, optimizer=optimizer):
            optimizer.step()
            return anchor.detach()

        rows.add("Nesterov outer step", f"SGD(nesterov, {how})", 20.0 * count, "GB/s moved", call,
                 lambda got, start=start, delta=delta: torch.allclose(got, start - 0.7 * 1.9 * delta, atol=1e-5))  # fmt: skip


def compiled(rows: Rows, count: int) -> None:
    """What fused kernels make of the two that take several passes."""
    members, blocks = [torch.randn(count) for _ in range(MEMBERS)], torch.randn(count // RUN, RUN)
    wanted = sum(member.double() for member in members) / MEMBERS

    def fold(*members):
        return sum(members) / MEMBERS

    def encode(blocks):
        scale = blocks.abs().amax(1, keepdim=True) / 127
        return (blocks / scale).round().to(torch.int8), scale

    fold, encode = torch.compile(fold), torch.compile(encode)
    rows.add("fold of 8 replicas", "compiled sum", 4.0 * MEMBERS * count, "GB/s of fp32", lambda: fold(*members),
             lambda got: (got.double() - wanted).abs().max() < 1e-6)  # fmt: skip
    rows.add("encode int8", "compiled", 4.0 * count, "GB/s of fp32", lambda: encode(blocks),
             lambda got: ((got[0].float() * got[1]) - blocks).abs().max() < 0.51 * got[1].max())  # fmt: skip


def codecs(rows: Rows, count: int, where: str, repeats: int) -> None:
    values = torch.randn(count)
    back, half = torch.empty(count), torch.empty(count, dtype=torch.bfloat16)
    scaled = torch.empty(count // RUN, RUN)
    bytes_ = torch.empty(count // RUN, RUN, dtype=torch.int8)
    blocks, top = values.view(-1, RUN), max(1, int(TOP * count))

    def encode_int8():
        scale = torch.abs(blocks, out=scaled).amax(1, keepdim=True) / 127
        torch.div(blocks, scale, out=scaled).round_()
        bytes_.copy_(scaled)
        return bytes_, scale

    scale = encode_int8()[1]
    kept = torch.topk(values.abs(), top, sorted=False).indices
    picked = values[kept]
    int8_error = 0.51 * float(scale.max())

    def decode_int8():
        back.copy_(bytes_.view(-1))
        return back.view(-1, RUN).mul_(scale).view(-1)

    def encode_topk():
        indices = torch.topk(values.abs(), top, sorted=False).indices
        return values[indices], indices

    def near(got):
        return (got - values).abs().max() < int8_error

    def same_top(got):
        return got[0].abs().min() == picked.abs().min()

    for what, how, call, right in (
        ("encode fp32", "copy_", lambda: back.copy_(values), lambda got: torch.equal(got, values)),
        ("decode fp32", "copy_", lambda: back.copy_(values), lambda got: torch.equal(got, values)),
        ("encode bf16", "copy_", lambda: half.copy_(values), lambda got: torch.equal(got, values.bfloat16())),
        ("decode bf16", "copy_", lambda: back.copy_(half), lambda got: torch.equal(got, half.float())),
        ("encode int8", "abs, amax, div, round, copy_", encode_int8, lambda got: near((got[0].float() * got[1]).view(-1))),
        ("decode int8", "copy_, mul_", decode_int8, near),
        ("encode topk", "abs, topk 1 %, gather", encode_topk, same_top),
        ("decode topk", "zero_, index_copy_", lambda: back.zero_().index_copy_(0, kept, picked),
         lambda got: torch.equal(got[kept], picked)),
    ):  # fmt: skip
        rows.add(what + where, how, 4.0 * count, "GB/s of fp32", call, right, repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    torch.manual_seed(1)
    torch.set_flush_denormal(True)
    torch.set_num_threads(1)
    rows = Rows(3 if options.quick else 11)
    count = RUN * (1000 if options.quick else 6000)
    with torch.inference_mode():
        folds(rows, count // 4)
        codecs(rows, count, "", 1)
        codecs(rows, CACHED, ", in cache", CACHED_REPEATS)
        if not options.quick:
            compiled(rows, count // 4)
    nesterov(rows, count)
    print(json.dumps(rows.rows, indent=1))


if __name__ == "__main__":
    main()

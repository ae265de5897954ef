# SPDX-License-Identifier: Apache-2.0
"""The longest context that fits in a given memory, with one row of text: a straight line through two measured ones."""

import dataclasses

from players import Player, attempt
from step import Field, Size

CONTEXTS = (4096, 8192)
LIMIT_BYTES = 8 << 30


def contestants(field: Field, size: Size, threads: int) -> list[Player]:
    ours = [field.ours("step", precision, size, threads, *more) for precision in field.precisions
            for more in ((), ("--recompute",))]  # fmt: skip
    peers = [field.peer(variant, size, threads) for variant in field.peers]
    # torch.compile keeps what it wants of a checkpointed layer; one variant of each precision is enough.
    again = [field.peer(variant, size, threads, "--recompute") for variant in ("eager", "autocast")
             if variant in field.peers]  # fmt: skip
    return ours + peers + again


def line_through(points: list[tuple[int, int]]) -> tuple[float, float]:
    """Bytes at context 0, and bytes for each token."""
    (x0, y0), (x1, y1) = points
    slope = (y1 - y0) / (x1 - x0)
    return y0 - slope * x0, slope


def measure(field: Field, size: Size, threads: int, progress) -> dict:
    progress.begins(f"memory, {size.name}")
    rows: dict[str, dict] = {}
    for context in CONTEXTS:
        long = dataclasses.replace(size, context=context, tokens=context)
        for player in contestants(field, long, threads):
            row = rows.setdefault(player.name, {"name": player.name, "kind": player.kind,
                                                "precision": player.precision, "peak_bytes": []})  # fmt: skip
            progress.says(f"{player.name}, context {context}")
            if "failure" not in row:
                attempt(player, player.start)
                reply = None if player.failure else attempt(player, player.turn, 1)
                player.stop()
                if reply is None:
                    row["failure"] = f"context {context}: {player.failure}"
                else:
                    row["peak_bytes"].append(player.peak_bytes)
            progress.did(10.0)
    for row in rows.values():
        if "failure" in row:
            continue
        start, slope = line_through(list(zip(CONTEXTS, row["peak_bytes"], strict=True)))
        if slope <= 0:
            row["failure"] = f"{row['peak_bytes']} bytes do not grow with the context"
        else:
            row |= {"bytes_per_token": slope, "context_max": int((LIMIT_BYTES - start) / slope)}
    return {"size": size.name, "title": str(size), "contexts": CONTEXTS, "limit_bytes": LIMIT_BYTES,
            "rows": list(rows.values())}  # fmt: skip

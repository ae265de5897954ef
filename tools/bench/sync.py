# SPDX-License-Identifier: Apache-2.0
"""Folding, outer step and codecs beside PyTorch's operators: one thread, the two programs in turn."""

import json
import os
import statistics
import subprocess
import sys

from players import ended
from step import HERE, Field

SECONDS_MAX = 600


def rows_of(field: Field, command: list[str]) -> list[dict]:
    """The rows that a program prints; one row with a failure if it does not."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS_MAX,
            env=os.environ | field.environment,
            preexec_fn=lambda: os.sched_setaffinity(0, field.cores[-1:]))  # fmt: skip
        rows = json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return [{"what": "all", "failure": str(error)[:300]}]
    if rows is None:
        return [{"what": "all", "failure": ended(done.returncode, done.stderr or done.stdout)}]
    return rows


def medians(runs: list[list[dict]]) -> list[dict]:
    """One row for each thing measured: the median of the runs, and all of them."""
    out: dict[tuple, dict] = {}
    for row in (row for rows in runs for row in rows):
        kept = out.setdefault((row["what"], row.get("how")), dict(row) | {"values": []})
        if "value" in row:
            kept["values"].append(row["value"])
    for row in out.values():
        if row["values"]:
            row["value"] = statistics.median(row["values"])
    return list(out.values())


def measure(field: Field, quick: bool, rounds: int, progress) -> dict:
    progress.begins("fold, outer step, codecs")
    short = ["--quick"] if quick else []
    ours, peers = [], []
    for round_ in range(rounds):
        progress.says(f"round {round_ + 1} of {rounds}")
        ours.append(rows_of(field, [str(field.binary), "bench", "sync", "--json", *short]))
        progress.did(10.0)
        if field.peers:
            peers.append(rows_of(field, [sys.executable, str(HERE / "peer_sync.py"), *short]))
            progress.did(10.0)
    return {"ours": medians(ours), "peers": medians(peers)}


def beside(found: dict) -> list[dict]:
    """Our rows, each with its quickest peer; rows that are not GB/s have none."""
    out = []
    for row in found["ours"]:
        peers = [p for p in found["peers"] if p["what"] == row["what"] and p.get("unit") == row.get("unit") and "value" in p]
        best = max(peers, key=lambda peer: peer["value"], default=None)
        out.append(row | ({"peer": best["how"], "peer_value": best["value"]} if best else {}))
    return out

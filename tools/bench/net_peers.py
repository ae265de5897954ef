# SPDX-License-Identifier: Apache-2.0
"""The systems that users would pick instead, by scripts of their own: each has its virtual environment, and prints JSON.

    VENVS/gloo/bin/python SCRIPTS/gloo/run.py --size 4MB --nodes 2 ... --json FILE
"""

import dataclasses
import json
import os
import pathlib
import subprocess

SECONDS_MAX = 900
ROUNDS = {"4MB": 7, "496MB": 5}
SIZE_OF = {"4 MB": "4MB", "0.496 GB": "496MB"}


@dataclasses.dataclass(frozen=True)
class Peer:
    """One peer in one way of its use. `most_nodes`: of its script."""

    title: str
    folder: str
    words: tuple[str, ...]
    rounds: str  # the option that says how many
    fp32: bool = True
    most_nodes: int = 8


PEERS = (
    Peer("gloo gather and broadcast (plain)", "gloo", ("--mode", "fedavg"), "--repeat"),
    Peer("hivemind (encrypted)", "hivemind", ("--codec", "fp32"), "--rounds"),
    Peer("hivemind 8-bit (encrypted)", "hivemind", ("--codec", "uniform8"), "--rounds", fp32=False),
    Peer("torchft DiLoCo (plain)", "torchft", ("--method", "diloco"), "--rounds", most_nodes=2),
    Peer("NVFlare (mutual TLS)", "nvflare", ("--env", "poc"), "--rounds", most_nodes=2),
    Peer("Flower (TLS)", "flower", ("--tls",), "--rounds"),
)
SCRATCH = ("flower", "nvflare", "torchft")


def found(venvs: pathlib.Path, scripts: pathlib.Path, names: tuple[str, ...]) -> list[Peer]:
    """Those that are installed."""
    return [peer for peer in PEERS if peer.folder in names and (venvs / peer.folder / "bin" / "python").exists()
            and (scripts / peer.folder / "run.py").is_file()]  # fmt: skip


def fits(peer: Peer, row: dict) -> bool:
    """Whether it does what the row does."""
    size = row["name"].split(",")[0]
    return row["part"] in ("small", "large", "int8") and size in SIZE_OF and (
        peer.fp32 == (row["part"] != "int8")) and row.get("workers", 0) <= peer.most_nodes  # fmt: skip


def command_of(peer: Peer, venvs: pathlib.Path, scripts: pathlib.Path, scratch: pathlib.Path, row: dict) -> list[str]:
    size = SIZE_OF[row["name"].split(",")[0]]
    out = [str(venvs / peer.folder / "bin" / "python"), str(scripts / peer.folder / "run.py"), "--size", size,
           "--nodes", str(row["workers"]), peer.rounds, str(ROUNDS[size]), "--json", str(scratch / "peer.jsonl"),
           *peer.words]  # fmt: skip
    return out + (["--scratch", str(scratch)] if peer.folder in SCRATCH else [])


def measure(peer: Peer, command: list[str], scratch: pathlib.Path) -> dict:
    """Its seconds a round; a failure is a figure, too."""
    scratch.mkdir(parents=True, exist_ok=True)
    out = scratch / "peer.jsonl"
    out.unlink(missing_ok=True)
    base = {"peer": peer.title}
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS_MAX,
                              env=os.environ | {"TMPDIR": str(scratch)})  # fmt: skip
        return base | rounds_in(out.read_text() if out.is_file() else "", done)
    except (OSError, subprocess.SubprocessError) as error:
        return base | {"failure": str(error)[:300]}


def rounds_in(text: str, done: subprocess.CompletedProcess) -> dict:
    """The rounds of the last line that has some."""
    for line in reversed(text.splitlines()):
        try:
            seconds = json.loads(line)["round_s"]
            return {"rounds_s": seconds["all"], "min_s": seconds["min"], "median_s": seconds["median"]}
        except (ValueError, KeyError, TypeError):
            continue
    lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return {"failure": f"status {done.returncode}, no rounds: {lines[-1][:200] if lines else 'no message'}"}


def ratios(ours: dict, theirs: dict) -> dict:
    """How many times as fast ours is."""
    return {key: theirs[f"{key}_s"] / ours[f"{key}_s"] for key in ("min", "median")}

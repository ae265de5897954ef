# SPDX-License-Identifier: Apache-2.0
"""Measures Causeway's CPU training step beside PyTorch's, in turns on the same cores. docs/performance.md says more.

./run bench [--quick] [--only PART] [--sizes S,M] [--threads 1,2] [--no-peers] [--json FILE]

Exit status 0: measured, though a peer may have failed, which its row says; 1: something of Causeway's failed; 2: bad
usage.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import sys
import time

import machine
import memory
import step
import sync
import tables
from choices import some_of
from players import Pace, start_weight
from progress import Progress

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARTS = ("step", "memory", "replicas", "sync")
QUICK_PEERS = ("eager", "autocast")
WORKERS = (2, 4)
MEMORY_SIZE = step.SIZES["L"]
REPLICAS_SIZE = {True: step.SIZES["S"], False: step.SIZES["M"]}
MEMORY_PEERS = ("eager", "compile", "autocast", "compile-autocast")


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    variants = tuple(step.PEER_PRECISION)
    parser.add_argument("--quick", action="store_true", help="under 2 minutes: S and M, two peers, no memory")
    parser.add_argument("--only", type=some_of(PARTS), metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--sizes", type=some_of(step.SIZES), metavar="S,M", help="of S, M, L, XL; default S,M,L")
    parser.add_argument("--threads", type=some_of(("1", "2")), default=("1", "2"), metavar="1,2")
    parser.add_argument("--precisions", type=some_of(step.PRECISIONS), default=step.PRECISIONS, metavar="fp32,bf16")
    parser.add_argument("--peers", type=some_of(variants), metavar="NAME,NAME", help=f"of {', '.join(variants)}")
    parser.add_argument("--no-peers", action="store_true", help="Causeway alone")
    parser.add_argument("--allocator", choices=("kept", "plain"), default="kept",
                        help="kept: the C library keeps freed memory, for all; plain: its defaults")  # fmt: skip
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of turns; default 9, quick 3")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write everything measured to FILE")
    options = parser.parse_args(arguments)
    if options.rounds is not None and options.rounds < 1:
        parser.error(f"--rounds {options.rounds}: wanted 1 or more")
    if options.json and not options.json.absolute().parent.is_dir():
        parser.error(f"--json {options.json}: no such folder")
    options.only = options.only or tuple(part for part in PARTS if part != "memory" or not options.quick)
    options.sizes = options.sizes or (("S", "M") if options.quick else ("S", "M", "L"))
    return options


def field_of(options: argparse.Namespace) -> step.Field:
    build = pathlib.Path(os.environ.get("CAUSEWAY_BUILD", ROOT / "build" / "release"))
    binary = pathlib.Path(os.environ.get("CAUSEWAY_BINARY", build / "causeway"))
    if not binary.is_file():
        raise SystemExit(f"./run bench: {binary} is not built: ./run build")
    peers = options.peers or (QUICK_PEERS if options.quick else tuple(step.PEER_PRECISION))
    if options.no_peers:
        peers = ()
    elif importlib.util.find_spec("torch") is None:
        print(f"PyTorch is not installed for {sys.executable}: Causeway is measured alone.", file=sys.stderr)
        peers = ()
    # Compiled kernels are kept beside the build: a second run need not wait for them.
    environment = {"TORCHINDUCTOR_CACHE_DIR": str(ROOT / "build" / "inductor")}
    if options.allocator == "kept":
        environment |= machine.KEPT_MEMORY
    return step.Field(binary, tuple(sorted(os.sched_getaffinity(0))), peers, options.precisions, environment)


class Bench:
    """Measures the parts that were asked for, and prints each when it is there."""

    def __init__(self, options: argparse.Namespace):
        self.options, self.field = options, field_of(options)
        self.pace = Pace(options.rounds or (2 if options.quick else 9), 0.2 if options.quick else 1.0)
        cores = len(self.field.cores)
        self.threads = [int(count) for count in options.threads if int(count) <= cores]
        if not self.threads:
            raise SystemExit(f"./run bench: --threads {','.join(options.threads)}, and there is {cores} core to run on")
        self.left_out = [f"{count} threads: there is 1 core" for count in options.threads if int(count) > cores]
        if options.quick:
            self.left_out.append("--quick: L, XL, most peers, longest contexts, long runs of fold and codecs")
        self.paint = tables.Paint(sys.stdout.isatty() and "NO_COLOR" not in os.environ)
        self.progress = Progress(self.work(), sys.stderr.isatty())
        self.memory_field = step.Field(self.field.binary, self.field.cores,
                                       tuple(peer for peer in MEMORY_PEERS if peer in self.field.peers),
                                       self.field.precisions,
                                       self.field.environment | machine.RETURNED_MEMORY)  # fmt: skip

    def plan(self) -> list[tuple[step.Size, int]]:
        return [(step.SIZES[name], threads) for name in self.options.sizes for threads in self.threads]

    def work(self) -> float:
        """Rough seconds."""
        total = 0.0
        if "step" in self.options.only:
            for size, threads in self.plan():
                players = step.players_of(self.field, size, threads)
                total += sum(start_weight(p) + self.pace.rounds * self.pace.turn_seconds for p in players)
        if "memory" in self.options.only:
            total += 10.0 * len(memory.CONTEXTS) * 10
        if "replicas" in self.options.only:
            total += 2 * len(WORKERS) * self.pace.rounds * self.pace.turn_seconds
        if "sync" in self.options.only:
            total += 20.0 * self.sync_rounds()
        return total

    def sync_rounds(self) -> int:
        return 1 if self.options.quick else 3

    def show(self, text: str) -> None:
        self.progress.clear()
        print(text + "\n", flush=True)

    def run(self) -> dict:
        found = {"machine": machine.facts(), "quick": self.options.quick, "allocator": self.options.allocator,
                 "left_out": self.left_out}  # fmt: skip
        self.show(tables.machine(found["machine"], self.paint))
        if "step" in self.options.only:
            found["step"] = []
            for size, threads in self.plan():
                found["step"].append(step.measure(self.field, size, threads, self.pace, self.progress))
                self.show(tables.steps(found["step"][-1], self.paint))
        if "memory" in self.options.only:
            found["memory"] = memory.measure(self.memory_field, MEMORY_SIZE, max(self.threads), self.progress)
            self.show(tables.memory(found["memory"], self.paint))
        if "replicas" in self.options.only:
            size = REPLICAS_SIZE[self.options.quick]
            found["replicas"] = step.measure_replicas(self.field, size, WORKERS, self.pace, self.progress)
            self.show(tables.replicas(found["replicas"], self.paint))
        if "sync" in self.options.only:
            found["sync"] = sync.measure(self.field, self.options.quick, self.sync_rounds(), self.progress)
            self.show(tables.sync(found["sync"], self.paint))
        return found


def ours_failed(found: dict) -> bool:
    rows = [row for part in found.get("step", []) for row in part["rows"]]
    rows += found.get("memory", {}).get("rows", []) + found.get("replicas", {}).get("rows", [])
    rows += found.get("sync", {}).get("ours", [])
    return any("failure" in row and row.get("kind") != "peer" for row in rows)


def main() -> int:
    began = time.monotonic()
    bench = Bench(options_of())
    found = bench.run()
    found["seconds"] = time.monotonic() - began
    for line in bench.left_out:
        print(f"left out: {line}")
    print(f"took {found['seconds']:.0f} s")
    if bench.options.json:
        bench.options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 1 if ours_failed(found) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)

# SPDX-License-Identifier: Apache-2.0
"""Worlds of 10, 100 and 1,000 simulated workers of whom one in twenty dies in every round, on one core: seconds, events,
memory of the whole world, and the hub's memory alone beside its own account and the bound that it states before a run.

./run bench sim [--workers 10,100,1000] [--rounds 100] [--widths 1,64] [--json FILE]

Exit status 0: all worlds pass their checks and the hub keeps its bounds; 1: not so; 2: bad usage.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

import tables

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORLD_SECONDS_MAX = 3600
# What the hub counts of itself may differ so much from what was allocated: blocks of deques, one event's texts.
ACCOUNT_OFF_MAX = 0.25
MEGA = 1e6
PARTS = ("mirror", "folder", "folds", "results", "passing", "windows", "serving", "members", "rounds")


def numbers(text: str) -> list[int]:
    values = [int(word) for word in text.split(",")]
    if min(values) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: wanted numbers from 1 on")
    return values


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run bench sim", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--workers", type=numbers, default=[10, 100, 1000], metavar="N,N")
    parser.add_argument("--rounds", type=int, default=100, metavar="N")
    parser.add_argument("--widths", type=numbers, default=[1, 64], metavar="N,N",
                        help="of the model: a factor on its values")  # fmt: skip
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write everything measured to FILE")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"--rounds {options.rounds}: wanted 1 or more")
    return options


def binary() -> pathlib.Path:
    build = pathlib.Path(os.environ.get("CAUSEWAY_BUILD", ROOT / "build" / "release"))
    found = [path for path in (build / "world_bench", build / "src" / "sim" / "world_bench") if path.is_file()]
    if not found:
        raise SystemExit(f"./run bench sim: {build}/world_bench is not built: ./run build world_bench")
    return found[0]


def measure(program: pathlib.Path, workers: int, rounds: int, width: int) -> dict:
    """One world, in a process of its own, so that its peak memory is its own; on one core."""
    core = min(os.sched_getaffinity(0))
    done = subprocess.run([program, str(workers), str(rounds), str(width)], capture_output=True, text=True,
                          timeout=WORLD_SECONDS_MAX, preexec_fn=lambda: os.sched_setaffinity(0, {core}))  # fmt: skip
    if not done.stdout.strip():
        raise SystemExit(f"./run bench sim: {workers} workers: {done.stderr.strip()}")
    row = json.loads(done.stdout)
    row["wrong"] = done.stderr.split("\n")[:-1]
    bound, held = row["bound"]["total"], row["hub_bytes_max"]
    if held > bound:
        row["wrong"].append(f"the hub held {held} bytes; its bound is {bound}")
    if max(-row["account_off_min"], row["account_off_max"]) > ACCOUNT_OFF_MAX:
        row["wrong"].append(f"the hub's account is off by {row['account_off_min']:+.0%} to {row['account_off_max']:+.0%}")
    return row


def table(rows: list[dict], paint: tables.Paint) -> str:
    head = ["workers", "values", "rounds", "deaths a round", "seconds", "events", "events/s", "world MB", "hub MB", "KB a worker",
            "account", "bound MB", "used"]  # fmt: skip
    lines = [head]
    for row in rows:
        decided = row["committed"] + row["aborted"]
        lines.append([
            f"{row['workers']:,}", f"{row['values']:,}", f"{row['committed']}+{row['aborted']}",
            f"{row['kills'] / max(decided, 1) / row['workers']:.1%}", f"{row['seconds']:.1f}", f"{row['events']:,}",
            f"{row['events'] / row['seconds']:,.0f}", f"{row['world_bytes_max'] / MEGA:.1f}",
            f"{row['hub_bytes_max'] / MEGA:.2f}", f"{row['hub_bytes_max'] / row['workers'] / 1e3:.1f}",
            f"{row['account_off_min']:+.0%} to {row['account_off_max']:+.0%}",
            f"{row['bound']['total'] / MEGA:.2f}", f"{row['hub_bytes_max'] / row['bound']['total']:.0%}",
        ])  # fmt: skip
    return tables.columns(lines, paint.faint)


def parts_table(rows: list[dict], paint: tables.Paint) -> str:
    lines = [["bound, MB", *PARTS]]
    lines += [[f"{row['workers']:,} x {row['values']:,}", *(f"{row['bound'][part] / MEGA:.3f}" for part in PARTS)]
              for row in rows]  # fmt: skip
    return tables.columns(lines, paint.faint)


def main() -> None:
    options = options_of()
    program = binary()
    paint = tables.Paint(sys.stdout.isatty() and "NO_COLOR" not in os.environ)
    rows = []
    for width in options.widths:
        for workers in options.workers:
            print(f"{workers} workers, width {width} ...", file=sys.stderr, flush=True)
            begin = time.monotonic()
            rows.append(measure(program, workers, options.rounds, width))
            print(f"  {time.monotonic() - begin:.1f} s", file=sys.stderr, flush=True)
    print(paint.title("Worlds on one core; checks: finished, replicas identical, 9 of 10 rounds committed"))
    print(table(rows, paint))
    print("\nrounds: committed + aborted. hub: its own code's allocations at their peak, counted one by one; account: what it"
          "\nstates of itself beside what is allocated, between events; bound: hub/hub_memory.h, before the run.\n")  # fmt: skip
    print(parts_table(rows, paint))
    failed = [(row, wrong) for row in rows for wrong in row["wrong"]]
    for row, wrong in failed:
        print(paint.failure(f"{row['workers']} workers, {row['values']} values: {wrong}"))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    bad = {(row["workers"], row["values"]) for row, _ in failed}
    print(f"\n{len(rows) - len(bad)} worlds pass, {len(bad)} fail")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

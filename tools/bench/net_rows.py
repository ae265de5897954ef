# SPDX-License-Identifier: Apache-2.0
"""The rows of `./run bench net`: what each runs, its targets, and the figures it gives. docs/performance.md explains them."""

import dataclasses
import os
import pathlib
import statistics
import time

import net_links
import net_process
import net_runs
from net_process import RunFailed
from net_runs import BROAD, LARGE, SMALL, TINY, WIDE, Certificates, Model, Run, Setting

INT8 = 'preset = "fedavg", period = 1, up = "int8", down = "int8"'
RATE_MBIT = 100.0
DELAY_S = 0.05
LINK_SITES = 2
MEMORY_TARGET = 1.5
LINK_TARGET = 0.95
KILL_TARGET_S = 2.0
STALL_TARGET = 0.05
KILL_AT = (0.25, 0.5, 0.75)  # of a usual round
CALM_S = 2.5
DOWN_S = 10.0
PACE_S = 0.01
OVERLAP_PERIODS = 4


@dataclasses.dataclass(frozen=True)
class Bench:
    """What all rows need. `folder`: for the runs' files, on a disk."""

    program: pathlib.Path
    folder: pathlib.Path
    certificates: Certificates

    def run(self, setting: Setting, place=None, port: int = 0) -> Run:
        return Run(self.program, self.folder / "run", self.certificates, setting, place, port)


@dataclasses.dataclass(frozen=True)
class Row:
    """`weight`: rough seconds, for the time left. `measure(bench)` gives figures by name, or raises RunFailed."""

    name: str
    part: str
    weight: float
    measure: object
    quick: bool = False


def measured(row: Row, bench: Bench) -> dict:
    """The figures; a failure is one of them."""
    base = {"name": row.name, "part": row.part, "load": os.getloadavg()[0]}
    try:
        return base | row.measure(bench)
    except (RunFailed, OSError) as failed:
        return base | {"failure": str(failed)}


# ---- Rounds.


def rounds_of(stamps: list[dict[int, float]], steps: int) -> list[float]:
    """Seconds of each round but the first: from when the last worker had the result before to when the last has this."""
    ends = [max(worker[step] for worker in stamps) for step in range(1, steps + 1)]
    return [after - before for before, after in zip(ends, ends[1:])]


def phases_of(found: dict, steps: int) -> tuple[list[float], list[float]]:
    """Of each round but the first: seconds until the hub has decided, and from then until the last worker has it."""
    ups, downs = [], []
    for view in found["hub"].get("recent", ()):
        number = view["round"]
        if 2 <= number <= steps:
            decided = found["hub_zero"] + view["decided_s"]
            ups.append(decided - max(worker[number - 1] for worker in found["stamps"]))
            downs.append(max(worker[number] for worker in found["stamps"]) - decided)
    return ups, downs


def wire_of(found: dict, workers: int) -> tuple[int, int]:
    """Bytes of one worker's offer, and of a result."""
    view = next((view for view in found["hub"].get("recent", ()) if view["status"] == "committed"), None)
    return (view["up_bytes"] // workers, view["result_bytes"]) if view else (0, 0)


def cpu_of(found: dict, who: str, steps: int) -> float:
    """Core seconds of one of the rounds but the first."""
    begin, end = (max(worker[step] for worker in found["stamps"]) for step in (1, steps))
    return net_process.grown(found["cpu_s"].get(who, []), begin, end) / (steps - 1)


def sent_twice(found: dict) -> float:
    """What the hub received beyond the offers, as a part of them; heads of messages are in it."""
    offers = sum(view["up_bytes"] for view in found["hub"].get("recent", ()))
    received = sum(member["up_bytes"] for member in found["hub"].get("members", ()))
    return received / offers - 1 if offers else 0.0


def exchange(bench: Bench, setting: Setting, place=None) -> dict:
    with bench.run(setting, place) as run:
        found = net_runs.play(run)
    rounds = rounds_of(found["stamps"], setting.steps)
    ups, downs = phases_of(found, setting.steps)
    wire_up, wire_down = wire_of(found, setting.workers)
    return {"workers": setting.workers, "model_bytes": setting.model.bytes, "rounds_s": rounds, "min_s": min(rounds),
            "median_s": statistics.median(rounds), "up_s": statistics.median(ups) if ups else None,
            "down_s": statistics.median(downs) if downs else None, "wire_up_bytes": wire_up,
            "wire_down_bytes": wire_down, "sent_twice": sent_twice(found), "hub_peak_bytes": found["hub_peak_bytes"],
            "hub_anonymous_bytes": found["hub_anonymous_bytes"],
            "hub_cpu_s": cpu_of(found, "hub", setting.steps), "worker_cpu_s": cpu_of(found, "worker", setting.steps),
            "company": found["company"], "seconds": found["seconds"], "weights": found["weights"]["hub"]}  # fmt: skip


def round_row(name: str, part: str, model: Model, workers: int, steps: int, weight: float, target_s: float | None,
              aim_s: float | None = None, sync: str | None = None, quick: bool = False) -> Row:  # fmt: skip
    setting = Setting(model, workers, steps, *([sync] if sync else []))

    def measure(bench: Bench) -> dict:
        return exchange(bench, setting) | {"target_s": target_s, "aim_s": aim_s}

    return Row(name, part, weight, measure, quick)


# ---- The hub's memory.


def memory_row(name: str, model: Model, workers: int, steps: int, weight: float) -> Row:
    """`fixed_bytes`: of a hub with as many workers, whose model has almost nothing."""

    def measure(bench: Bench) -> dict:
        with bench.run(Setting(TINY, workers, 3)) as run:
            fixed = net_runs.play(run)["hub_peak_bytes"]
        found = exchange(bench, Setting(model, workers, steps))
        return found | {"fixed_bytes": fixed, "target": MEMORY_TARGET, "ratio": found["hub_peak_bytes"] / model.bytes}

    return Row(name, "memory", weight, measure)


# ---- Narrow links.


def link_row(name: str, model: Model, delay_s: float, steps: int, weight: float) -> Row:
    """`share`: of the time that payload needs at the link's rate, up and then down, in the time of a round.
    `share_of_plain`: the same at the speed that a plain socket gets."""

    def measure(bench: Bench) -> dict:
        with net_links.place_of(LINK_SITES, RATE_MBIT, delay_s) as place:
            plain_up, plain_down = net_links.plain_mbit(place, model.bytes)
            found = exchange(bench, Setting(model, LINK_SITES, steps), place)
            how = place.how
        up_s, down_s = (8e-6 * found[key] / RATE_MBIT for key in ("wire_up_bytes", "wire_down_bytes"))
        plain_s = up_s * RATE_MBIT / plain_up + down_s * RATE_MBIT / plain_down
        return found | {"how": how, "share_of_plain": plain_s / found["min_s"], "rate_mbit": RATE_MBIT, "delay_s": delay_s, "plain_up_mbit": plain_up,
                        "plain_down_mbit": plain_down, "share": (up_s + down_s) / found["min_s"],
                        "share_median": (up_s + down_s) / found["median_s"],
                        "share_up": up_s / found["up_s"] if found["up_s"] else None,
                        "share_down": down_s / found["down_s"] if found["down_s"] else None,
                        "target": LINK_TARGET}  # fmt: skip

    return Row(name, "links", weight, measure)


# ---- The hub killed.


def kill_once(run: Run, step: int, usual_s: float, part: float, down_s: float) -> tuple[int, dict]:
    """Kills the hub in the middle of the round after `step`, and starts it again. Gives the first step that it decided
    then, and seconds from its start."""
    time.sleep(part * usual_s)
    run.hub.kill()
    time.sleep(down_s)
    began = time.monotonic()
    run.start_hub()
    listening = time.monotonic() - began
    after = int(run.hub.wait_line(r"goes on after round (\d+)", net_runs.START_SECONDS_MAX)[1])
    return after + 1, {"seconds": run.wait_step(after + 1, net_runs.RUN_SECONDS_MAX) - began, "listening_s": listening,
                       "killed_after_step": step, "part": part, "goes_on_after": after}  # fmt: skip


def wait_calm(run: Run, step: int, step_max: int) -> int:
    """Rounds go on for a while, as workers look for a hub that is lost again and again ever more seldom. Gives the last
    step that all have finished."""
    end = time.monotonic() + CALM_S
    while time.monotonic() < end and step < step_max:
        step += 1
        run.wait_step(step, net_runs.RUN_SECONDS_MAX)
    return step


def kill_row(name: str, model: Model, workers: int, kills: int, apart: int, down_s: float, weight: float,
             quick: bool = False) -> Row:  # fmt: skip
    """`apart`: most rounds from a kill to the next."""
    usual_steps = 6
    steps = usual_steps + kills * (apart + 3) + 2

    def measure(bench: Bench) -> dict:
        times = []
        # Workers look for the hub where it was.
        with bench.run(Setting(model, workers, steps), port=net_runs.quiet_port()) as run:
            run.start_hub()
            run.start_workers()
            run.wait_step(usual_steps, net_runs.RUN_SECONDS_MAX)
            stamps = [net_runs.stamps_of(process.lines) for process in run.workers]
            usual_s = statistics.median(rounds_of(stamps, usual_steps))
            step = usual_steps
            for number in range(kills):
                step = wait_calm(run, step, step + apart)
                step, one = kill_once(run, step, usual_s, KILL_AT[number % len(KILL_AT)], down_s)
                times.append(one)
            run.finish()
        seconds = [one["seconds"] for one in times]
        return {"workers": workers, "model_bytes": model.bytes, "usual_s": usual_s, "kills": times, "min_s": min(seconds),
                "median_s": statistics.median(seconds), "max_s": max(seconds), "target_s": KILL_TARGET_S,
                "listening_s": statistics.median(one["listening_s"] for one in times)}  # fmt: skip

    return Row(name, "kill", weight, measure, quick)


# ---- Training on meanwhile.


def stalled(stamps: dict[int, float], first: int, last: int, pace_s: float) -> float:
    """The share of a worker's time that was not spent on steps, between the ends of two steps."""
    return 1 - (last - first) * pace_s / (stamps[last] - stamps[first])


def overlap_row(name: str, model: Model, sync: str, target: float | None, weight: float) -> Row:
    """The exchange of all of the model takes half of the period: so many steps are in it. `sync` may say {period},
    {half}, {three_eighths} and {three_quarters} of it, in steps."""
    exchange_s = 2 * 8e-6 * model.bytes / RATE_MBIT
    period = round(2 * exchange_s / PACE_S / 8) * 8
    table = sync.format(period=period, half=period // 2, three_eighths=3 * period // 8, three_quarters=3 * period // 4)
    setting = Setting(model, LINK_SITES, OVERLAP_PERIODS * period + period // 4, table, PACE_S)

    def measure(bench: Bench) -> dict:
        with net_links.Relayed(LINK_SITES, RATE_MBIT, DELAY_S) as place, bench.run(setting, place) as run:
            found = net_runs.play(run)
        first, last = period // 4, OVERLAP_PERIODS * period + period // 4
        shares = [stalled(stamps, first + period, last, PACE_S) for stamps in found["stamps"]]
        return {"workers": LINK_SITES, "model_bytes": model.bytes, "period_s": period * PACE_S, "exchange_s": exchange_s,
                "stalled": max(shares), "stalled_by_worker": shares, "target": target, "company": found["company"],
                "hidden": 2 * PACE_S / (period * PACE_S), "sync": table}  # fmt: skip

    return Row(name, "overlap", weight, measure)


ROWS = (
    round_row("4 MB, 2 workers", "small", SMALL, 2, 40, 6, None, quick=True),
    round_row("4 MB, 4 workers", "small", SMALL, 4, 40, 8, None, quick=True),
    round_row("4 MB, 8 workers", "small", SMALL, 8, 40, 12, 0.1, 0.05, quick=True),
    kill_row("4 MB, 4 workers, at once", SMALL, 4, 4, 30, 0.0, 22, quick=True),
    kill_row("4 MB, 4 workers, after 10 s", SMALL, 4, 3, 30, DOWN_S, 50, quick=True),
    kill_row("40 MB, 2 workers, at once", WIDE, 2, 6, 10, 0.0, 45),
    kill_row("40 MB, 2 workers, after 10 s", WIDE, 2, 3, 10, DOWN_S, 65),
    round_row("0.496 GB, 2 workers", "large", LARGE, 2, 16, 75, 2.5, 1.5),
    round_row("0.496 GB, 4 workers", "large", LARGE, 4, 14, 120, 5.0),
    round_row("0.496 GB, 2 workers, int8", "int8", LARGE, 2, 16, 60, 1.25, 0.75, INT8),
    round_row("0.496 GB, 4 workers, int8", "int8", LARGE, 4, 14, 80, 2.5, None, INT8),
    memory_row("0.496 GB, 2 workers", LARGE, 2, 4, 40),
    memory_row("0.496 GB, 8 workers", LARGE, 8, 3, 120),
    memory_row("40 MB, 32 workers", WIDE, 32, 4, 60),
    memory_row("0.12 GB, 32 workers", BROAD, 32, 3, 150),
    link_row("40 MB, no delay", WIDE, 0.0, 5, 60),
    link_row("40 MB, 50 ms each way", WIDE, DELAY_S, 5, 60),
    overlap_row("diloco: waits (what there is to gain)", WIDE, 'preset = "diloco", period = {period}', None, 100),
    overlap_row("streaming_diloco, 1 fragment, delay 3/4 H", WIDE,
                'preset = "streaming_diloco", period = {period}, fragments = 1, delay = {three_quarters}', STALL_TARGET, 70),
    overlap_row("streaming_diloco, 2 fragments, delay 3/8 H", WIDE,
                'preset = "streaming_diloco", period = {period}, fragments = 2, delay = {three_eighths}', STALL_TARGET, 70),
)  # fmt: skip
PARTS = tuple(dict.fromkeys(row.part for row in ROWS))

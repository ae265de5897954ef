#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hub and workers as processes of this machine for half an hour, one of which is killed every 20 seconds.

soak.py [--minutes 30] [--every 20] [--seed 1] [--workers 4] [--brisk] [--write]

They train a small model over mutual TLS, each worker behind a relay's link. At a random moment of each 20 seconds one of
them, the hub too, is killed with SIGKILL and started again by the same command, or stands still (SIGSTOP) for some
seconds. The hub's deadlines are long, so that nobody is ever late; with --brisk they are short, and who was killed stays
away for a while, so that rounds are decided without it.

At the end all must have ended with exit code 0 and with one model. If every offer counted in every round that model is,
to the bit, that of `causeway train` on the same recipe; otherwise each absence has a reason in the hub's log.

The run lasts as long as asked however fast the machine is: the pace is measured first, the run has half as many rounds as
would fit, and the links' delay is set so that they end in time.
"""

import argparse
import collections
import dataclasses
import datetime
import os
import pathlib
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "python"))

from net.cluster import DONE, PATIENT, Run, SmallRecipes, weights_in  # noqa: E402
from net.decisions import Decisions, LogError, decode, find_log, same_moment_copy  # noqa: E402

PAGE = ROOT / "docs" / "faults.md"
# Short for a round of half a second; long beside a hiccup of a machine of two cores.
BRISK = {"deadline_ms_min": 1_500, "deadline_ms_max": 20_000, "lease_ms": 4_000, "quorum_count": 1, "quorum_weight": 0.5}
WHOLE_LOG = {"log_entries_max": 1_000_000_000}  # All that was decided is to be read at the end.
PERIOD = 4  # Steps between two rounds.
MEASURE_S, MEASURE_ROUNDS_MIN = 15.0, 10
ROUNDS_PER_S_MAX = 2.0  # More would only make a longer log.
DELAY_S_MAX = 2.0
ROUND_CROSSINGS = 6  # How often a round goes over a link, one after the other.
LOOK_S = 0.05
QUIET_S = 15.0  # Nobody is killed so shortly before the end; or in the last quarter of a short run.
STUCK_S = 300.0  # Without a decision: the run has failed.
STOPPED_PART, STOPPED_S, AWAY_S = 0.2, (2.0, 6.0), (0.0, 8.0)


class Failed(Exception):
    """What must not happen has happened."""


class Journal:
    """The hub's log as it grows: only what is new is decoded."""

    def __init__(self, folder: pathlib.Path, scratch: pathlib.Path):
        self.records: list = []
        self.decided = self.opened = 0
        self._folder, self._scratch, self._last = folder, scratch, 0
        scratch.mkdir(parents=True, exist_ok=True)

    def read(self) -> None:
        path = find_log(self._folder) if self._folder.is_dir() else None
        if path is None:
            return
        try:
            for sequence, entry in self._entries(path):
                self._last = sequence
                self._take(decode(entry))
        except (LogError, OSError, sqlite3.DatabaseError):
            pass  # It is being written; next time.

    def _entries(self, path: pathlib.Path) -> list[tuple[int, bytes]]:
        connection = sqlite3.connect(same_moment_copy(path, self._scratch))
        try:
            return connection.execute("SELECT sequence, bytes FROM log WHERE sequence > ? ORDER BY sequence",
                                      (self._last,)).fetchall()  # fmt: skip
        finally:
            connection.close()

    def _take(self, record) -> None:
        self.records.append(record)
        if record.kind in ("committed", "aborted"):
            self.decided = max(self.decided, record.round)
        elif record.kind == "opened":
            self.opened = max(self.opened, record.round)

    def counts_after(self, worker: int, round: int) -> bool:
        """Whether a later round has been decided with this worker."""
        for record in reversed(self.records):
            if record.kind == "closed" and record.round <= round:
                return False
            if record.kind == "closed" and record.round <= self.decided:
                if worker in (member.worker for member in record.members):
                    return True
        return False


@dataclasses.dataclass
class Disturbance:
    at_s: float
    who: str  # hub, or worker N
    what: str
    recovery_s: float | None = None  # Until the next round was decided.
    back_s: float | None = None  # Until it counted again; of the hub: the same.


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Soak:
    """One disturbed run."""

    def __init__(self, run: Run, rounds: int, seconds: float, pace: float, options: argparse.Namespace):
        """`pace`: rounds a second of an undisturbed run without delay."""
        self.run, self.rounds, self.seconds, self.undisturbed_pace, self.options = run, rounds, seconds, pace, options
        self.journal = Journal(run.out / "hub", run.folder / "copy")
        self.disturbances: list[Disturbance] = []
        self._random = random.Random(options.seed)
        self._began = time.monotonic()
        self._paced_at = self._progress_at = self._began
        self._progress = 0
        self._delay_s = 0.0
        self._recent = collections.deque(maxlen=10)  # (when, decided)

    @property
    def now_s(self) -> float:
        return time.monotonic() - self._began

    @property
    def left_s(self) -> float:
        return self.seconds - self.now_s

    def go(self) -> None:
        # From the first round on: a fast machine would be through before the pace is first looked at.
        self.pace((self.seconds / self.rounds - 1 / self.undisturbed_pace) / ROUND_CROSSINGS)
        self.run.start()
        self._began = self._paced_at = self._progress_at = time.monotonic()
        next_s = self.options.every
        while not self.over():
            self.look()
            if self.now_s < next_s:
                continue
            # Somewhere within these seconds, so that it is any moment of a round.
            self.wait(self._random.uniform(0, 1))
            next_s += self.options.every
            if self.left_s > min(QUIET_S, self.seconds / 4) and self.journal.decided < self.rounds - 10 and not self.over():
                self.disturb()
        self.pace(0.0)

    def over(self) -> bool:
        return not self.run.hub.alive or all(not child.alive for child in self.run.workers.values())

    def look(self) -> None:
        """Waits a little, and keeps pace."""
        time.sleep(LOOK_S)
        self.journal.read()
        now = time.monotonic()
        if self.journal.decided > self._progress:
            self._progress, self._progress_at = self.journal.decided, now
        if now - self._progress_at > STUCK_S:
            raise Failed(f"nothing was decided for {STUCK_S:.0f} s after round {self._progress}")
        if now - self._paced_at >= 1:
            self._paced_at = now
            self._keep_pace(now)

    def wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.look()

    def _keep_pace(self, now: float) -> None:
        """So that the last round is decided when the time is over."""
        self._recent.append((now, self.journal.decided))
        (then, before), left = self._recent[0], self.rounds - self.journal.decided
        if left <= 0 or self.left_s <= 0:
            return self.pace(0.0)
        wanted_s = self.left_s / left
        if self.journal.decided > before:
            is_s = (now - then) / (self.journal.decided - before)
            self.pace(self._delay_s + (wanted_s - is_s) / ROUND_CROSSINGS * 0.2)

    def pace(self, delay_s: float) -> None:
        self._delay_s = min(max(delay_s, 0.0), min(DELAY_S_MAX, self.seconds))
        for link in self.run.links.values():
            link.up.delay_s = link.down.delay_s = self._delay_s

    def disturb(self) -> None:
        number = self._random.randrange(-1, len(self.run.workers))
        child = self.run.hub if number < 0 else self.run.workers[number]
        stopped_s = self._random.uniform(*STOPPED_S) if self._random.random() < STOPPED_PART else None
        away_s = min(self._random.uniform(*AWAY_S), self.seconds / 8) if self.options.brisk and number >= 0 else 0.0
        self.journal.read()
        last = self.journal.opened
        if not child.alive:
            raise Failed(f"{child.name} ended by itself with {child.returncode}\n{child.tail()}")
        one = Disturbance(self.now_s, "hub" if number < 0 else f"worker {number}", "")
        self.disturbances.append(one)
        if stopped_s is not None:
            # Over before the run is: who is away for too long cannot catch up with what has ended.
            stopped_s = min(stopped_s, self.seconds / 8)
            one.what = f"stood still for {stopped_s:.1f} s"
            child.stop()
            self.wait(stopped_s)
            before = self.journal.decided
            child.resume()
        else:
            one.what = "kill -9" + (f", away for {away_s:.1f} s" if away_s else "")
            child.kill()
            self.wait(away_s)
            before = self.journal.decided
            self.run.start_hub() if number < 0 else self.run.start_worker(number)
        self._await(one, number, before, last)

    def _await(self, one: Disturbance, number: int, before: int, last: int) -> None:
        """Until it has recovered; says so."""
        start = time.monotonic()
        while one.back_s is None and not self.over():
            self.look()
            if one.recovery_s is None and self.journal.decided > before:
                one.recovery_s = time.monotonic() - start
            if one.recovery_s is not None and (number < 0 or self.journal.counts_after(number, last)):
                one.back_s = time.monotonic() - start
        said = [f"next round after {one.recovery_s:.1f} s" if one.recovery_s is not None else "no round after it"]
        if number >= 0 and one.back_s is not None:
            said.append(f"counts again after {one.back_s:.1f} s")
        print(f"{clock(one.at_s)}  {one.who}: {one.what}; {', '.join(said)}  "
              f"(round {self.journal.decided} of {self.rounds}, {clock(max(0, self.left_s))} left)", flush=True)  # fmt: skip

    def end(self) -> tuple[str, Decisions]:
        """The weights that all have, and all that was decided. Failed if anything is not as it must be."""
        ends = {"hub": self.run.hub} | {f"worker {number}": child for number, child in self.run.workers.items()}
        while any(child.alive for child in ends.values()):
            self.look()
        wrong = {whose: child for whose, child in ends.items() if child.returncode != DONE}
        if wrong:
            raise Failed("\n".join(f"{whose} ended with {child.returncode}\n{child.tail()}" for whose, child in wrong.items()))
        weights = {whose: weights_in(child.text(), whose) for whose, child in ends.items()}
        if len(set(weights.values())) != 1:
            raise Failed(f"replicas have parted: {weights}")
        log = Decisions.read(self.run.out / "hub")
        log.check()
        return weights["hub"], log


# ---- What it was like.


def absences(log: Decisions, workers: int) -> collections.Counter:
    """How often each worker was absent, by reason; numbers in reasons are left out."""
    found = collections.Counter()
    for worker in range(workers):
        for reason in log.absent(worker).values():
            found[re.sub(r"\d+(\.\d+)?", "N", reason)] += 1
    return found


def seconds_row(disturbances: list[Disturbance], field: str) -> str:
    values = sorted(getattr(one, field) for one in disturbances if getattr(one, field) is not None)
    if not values:
        return "-"
    return f"{values[len(values) // 2]:.1f} / {values[-1]:.1f}"


def summary(soak: Soak, log: Decisions, took_s: float, verdict: str) -> list[str]:
    options, done = soak.options, soak.disturbances
    kinds = [("hub killed", lambda one: one.who == "hub" and "kill" in one.what),
             ("worker killed", lambda one: one.who != "hub" and "kill" in one.what),
             ("hub stood still", lambda one: one.who == "hub" and "stood" in one.what),
             ("worker stood still", lambda one: one.who != "hub" and "stood" in one.what)]  # fmt: skip
    missed = absences(log, len(soak.run.workers))
    lines = [f"`./run soak --minutes {options.minutes:g} --every {options.every:g} --seed {options.seed}"
             f"{' --brisk' if options.brisk else ''}`: {clock(took_s)} minutes, {len(log.committed)} rounds committed, "
             f"{len(log.aborted)} aborted, {len(done)} disturbances, {os.cpu_count()} cores.", "",
             "| what | times | seconds to the next round, median / most | seconds until it counts again |",
             "|---|---:|---:|---:|"]  # fmt: skip
    for name, has in kinds:
        chosen = [one for one in done if has(one)]
        if chosen:
            back = "" if name.startswith("hub") else seconds_row(chosen, "back_s")
            lines.append(f"| {name} | {len(chosen)} | {seconds_row(chosen, 'recovery_s')} | {back} |")
    lines += ["", f"Result: {verdict}"]
    if missed:
        lines += ["", "| offers that did not count, by the reason in the log | times |", "|---|---:|"]
        lines += [f"| {reason} | {count} |" for reason, count in missed.most_common()]
    return lines


def write_page(lines: list[str], brisk: bool) -> None:
    name = "soak brisk" if brisk else "soak patient"
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    text = PAGE.read_text()
    if not pattern.search(text):
        sys.exit(f"{PAGE}: there is no place for `{name}`")
    PAGE.write_text(pattern.sub(lambda found: found[1] + "\n".join(lines) + "\n" + found[2], text))


# ---- All of it.


def measured_pace(binary: pathlib.Path, folder: pathlib.Path, recipes: SmallRecipes, workers: int, least_s: float) -> float:
    """Rounds a second of an undisturbed run."""
    recipe = recipes("pace", run={"steps": 10_000_000})
    with Run(binary, folder / "pace", recipe, workers=workers, settings=PATIENT | WHOLE_LOG, page=False) as run:
        run.start()
        journal = Journal(run.out / "hub", folder / "copy")
        first = last = None
        while last is None or last[0] - first[0] < least_s or last[1] - first[1] < MEASURE_ROUNDS_MIN:
            time.sleep(LOOK_S)
            journal.read()
            if not run.hub.alive or not all(child.alive for child in run.workers.values()):
                raise Failed(f"the undisturbed run has ended\n{run.hub.tail()}")
            if journal.decided >= 3:
                last = (time.monotonic(), journal.decided)
                first = first or last
    return (last[1] - first[1]) / (last[0] - first[0])


def undisturbed_weights(binary: pathlib.Path, recipe: pathlib.Path, folder: pathlib.Path) -> str:
    done = subprocess.run([binary, "train", recipe, "--out", folder / "undisturbed"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)  # fmt: skip
    if done.returncode != DONE:
        raise Failed(f"causeway train ended with {done.returncode}: {done.stderr}")
    return weights_in(done.stdout, "causeway train")


def judge(soak: Soak, binary: pathlib.Path, weights: str, log: Decisions) -> str:
    """What is to be said of the end. Failed if it is wrong."""
    everybody = set(soak.run.workers)
    complete = not log.aborted and all(log.members(record.round) == everybody for record in log.of("closed"))
    if not complete:
        missed = sum(absences(log, len(everybody)).values())
        return (f"hub and all workers have one model, `{weights}`; offers that did not count: {missed}, each with its "
                "reason in the log.")  # fmt: skip
    print(f"{datetime.datetime.now():%H:%M:%S}  every offer counted: trains the same recipe in one process", flush=True)
    wanted = undisturbed_weights(binary, soak.run.recipe, soak.run.folder)
    if weights != wanted:
        raise Failed(f"every offer counted, yet the bits are not those of the undisturbed run: {weights}, {wanted}")
    return f"every offer counted, and hub and all workers have the bits of `causeway train` on the same recipe, `{weights}`."


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30, help="how long it lasts (30)")
    parser.add_argument("--every", type=float, default=20, metavar="SECONDS", help="between two disturbances (20)")
    parser.add_argument("--seed", type=int, default=1, help="of who is disturbed, when and how (1)")
    parser.add_argument("--workers", type=int, default=4, help="how many (4)")
    parser.add_argument("--brisk", action="store_true", help="short deadlines: who is away is left out")
    parser.add_argument("--folder", type=pathlib.Path, help="of the run (build/soak)")
    parser.add_argument("--write", action="store_true", help="put the summary into docs/faults.md")
    options = parser.parse_args()
    build = pathlib.Path(os.environ.get("CAUSEWAY_BUILD", ROOT / "build" / "release"))
    binary = pathlib.Path(os.environ.get("CAUSEWAY_BINARY", build / "causeway")).resolve()
    folder = (options.folder or ROOT / "build" / ("soak-brisk" if options.brisk else "soak")).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        return soak_all(options, binary, folder)
    except (Failed, AssertionError) as error:
        print(f"FAILED: {error}\nWhat all of them printed is in {folder}/run/log.", flush=True)
        return 1


def soak_all(options: argparse.Namespace, binary: pathlib.Path, folder: pathlib.Path) -> int:
    recipes, seconds = SmallRecipes(folder, options.workers), options.minutes * 60
    pace = measured_pace(binary, folder, recipes, options.workers, min(MEASURE_S, seconds / 4))
    rounds = max(20, int(min(pace / 2, ROUNDS_PER_S_MAX) * seconds))
    print(f"undisturbed {pace:.1f} rounds a second; {rounds} rounds in {options.minutes:g} minutes, {options.workers} workers, "
          f"seed {options.seed}", flush=True)  # fmt: skip
    recipe = recipes("soak", run={"steps": rounds * PERIOD}, sync={"period": PERIOD})
    settings = (BRISK if options.brisk else PATIENT) | WHOLE_LOG
    with Run(binary, folder / "run", recipe, workers=options.workers, settings=settings, page=False) as run:
        soak = Soak(run, rounds, seconds, pace, options)
        start = time.monotonic()
        soak.go()
        weights, log = soak.end()
        took_s = time.monotonic() - start
        lines = summary(soak, log, took_s, judge(soak, binary, weights, log))
    print("\n" + "\n".join(lines), flush=True)
    if options.write:
        write_page(lines, options.brisk)
    return 0


if __name__ == "__main__":
    sys.exit(main())

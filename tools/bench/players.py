# SPDX-License-Identifier: Apache-2.0
"""Processes that take turns: each sleeps on its input until it is told to run some steps, then says how long they took."""

import dataclasses
import json
import os
import pathlib
import select
import statistics
import subprocess
import tempfile
import time

import machine

START_SECONDS_MAX = 900.0  # torch.compile of a large model on a busy core
TURN_SECONDS_MAX = 600.0
STEPS_MAX = 200  # of one turn


class PlayerFailed(Exception):
    """What a process said last, or what it failed to say."""


def ended(status: int, errors: str) -> str:
    """The last line that says what was wrong."""
    lines = [line.strip() for line in errors.splitlines() if line.strip() and not line.startswith("Run with --help")]
    return f"ended with status {status}: {lines[-1][:300] if lines else 'no message'}"


@dataclasses.dataclass
class Player:
    """One process. `kind` is ours, products or peer; `precision` is fp32 or bf16."""

    name: str
    kind: str
    precision: str
    command: list[str]
    cores: tuple[int, ...]
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    ready: dict = dataclasses.field(default_factory=dict)
    replies: list[dict] = dataclasses.field(default_factory=list)  # of the rounds that count
    first_loss: float = float("nan")
    last_loss: float = float("nan")
    start_seconds: float = 0.0
    peak_bytes: int = 0
    failure: str = ""

    def start(self) -> None:
        """Returns when the process is ready. Raises PlayerFailed."""
        began = time.monotonic()
        self._errors = tempfile.TemporaryFile()
        self._buffer = b""
        try:
            self._process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
                env=os.environ | self.environment, preexec_fn=lambda: os.sched_setaffinity(0, self.cores))  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            raise PlayerFailed(f"does not start: {error}") from error
        self.ready = self._reply(START_SECONDS_MAX)
        if not self.ready.get("ready"):
            raise PlayerFailed(f"said {self.ready} instead of being ready")
        self.start_seconds = time.monotonic() - began

    def turn(self, steps: int) -> dict:
        """Runs `steps` steps, at least 1, and gives the reply. Raises PlayerFailed."""
        try:
            self._process.stdin.write(b"%d\n" % steps)
            self._process.stdin.flush()
        except OSError:
            pass  # It has ended: reading says why.
        reply = self._reply(TURN_SECONDS_MAX)
        if len(reply.get("seconds", ())) != steps or min(reply["seconds"]) <= 0:
            raise PlayerFailed(f"did not give {steps} times: {str(reply)[:200]}")
        self.peak_bytes = max(self.peak_bytes, reply.get("memory_bytes", 0))
        self.last_loss = reply.get("loss", float("nan"))
        return reply

    def cpu_seconds(self) -> float:
        try:
            fields = pathlib.Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            return 0.0  # It has ended.
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        process = getattr(self, "_process", None)
        if process is None:
            return
        try:
            process.stdin.close()
        except OSError:
            pass
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        self._errors.close()

    def _reply(self, seconds_max: float) -> dict:
        deadline = time.monotonic() + seconds_max
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                self._process.kill()
                raise PlayerFailed(f"gave no answer within {seconds_max:.0f} s")
            more = os.read(self._process.stdout.fileno(), 1 << 16)
            if not more:
                raise PlayerFailed(self._last_words())
            self._buffer += more
        line, self._buffer = self._buffer.split(b"\n", 1)
        try:
            reply = json.loads(line)
        except ValueError:
            reply = None
        if not isinstance(reply, dict):
            raise PlayerFailed(f"printed no JSON: {line[:200].decode(errors='replace')}")
        return reply

    def _last_words(self) -> str:
        status = self._process.wait()
        self._errors.seek(0)
        return ended(status, self._errors.read().decode(errors="replace"))


@dataclasses.dataclass(frozen=True)
class Pace:
    """How much is measured: rounds that count, and the seconds of one turn, which decide its steps."""

    rounds: int
    turn_seconds: float


def attempt(player: Player, call, *arguments):
    """Gives the call's result; a failure is noted on the player and gives None."""
    try:
        return call(*arguments)
    except PlayerFailed as failed:
        player.failure = str(failed)
        player.stop()
        return None


class Company:
    """Cores that other programs use while some players play."""

    def __init__(self, players: list[Player]):
        self.players = players
        self.before = self._now()

    def cores(self) -> float:
        seconds, others = (now - before for now, before in zip(self._now(), self.before, strict=True))
        return max(0.0, others / seconds)

    def _now(self) -> tuple[float, float]:
        known = sum(player.cpu_seconds() for player in self.players) + sum(os.times()[:4])
        return time.monotonic(), machine.busy_seconds() - known


def play(players: list[Player], pace: Pace, progress) -> float:
    """Starts all, one after the other, and lets them take turns, so that all meet the same company on the machine.

    A first turn of one step gives the first loss and is not counted, a second one the steps of a turn. A player that
    fails keeps its reason in `failure`, and the others go on. Gives the cores that other programs used meanwhile.
    """
    try:
        for player in players:
            progress.says(f"starting {player.name}")
            attempt(player, player.start)
            progress.did(start_weight(player))
        steps = {}
        for player in (p for p in players if not p.failure):
            progress.says(f"first steps of {player.name}")
            first = attempt(player, player.turn, 1)
            second = first and attempt(player, player.turn, 1)
            if second:
                player.first_loss = first.get("loss", float("nan"))
                wanted = round(pace.turn_seconds / second["seconds"][0])
                steps[player.name] = min(STEPS_MAX, max(1, wanted))
        company = Company([p for p in players if not p.failure])
        for round_ in range(pace.rounds):
            for player in (p for p in players if not p.failure):
                progress.says(f"round {round_ + 1} of {pace.rounds}: {player.name}")
                reply = attempt(player, player.turn, steps[player.name])
                if reply:
                    player.replies.append(reply)
                progress.did(pace.turn_seconds)
        return company.cores()
    finally:
        for player in players:
            player.stop()


def start_weight(player: Player) -> float:
    """Rough seconds that a start takes, for the time left."""
    if player.kind != "peer":
        return 0.5
    return 60.0 if "compile" in player.name else 6.0


def round_seconds(player: Player) -> list[float]:
    """The median step of each round."""
    return [statistics.median(reply["seconds"]) for reply in player.replies]

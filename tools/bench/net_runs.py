# SPDX-License-Identifier: Apache-2.0
"""One run of a hub and workers that train nothing, as real processes with mutual TLS; what they print gets the time at
which it came, and nothing that ends badly is measured."""

import dataclasses
import json
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import time

import machine
from net_process import Meter, Process, RunFailed  # It lets the tests' package `net` be found.

from net.decisions import Decisions, LogError

DONE = 0
START_SECONDS_MAX = 300.0
RUN_SECONDS_MAX = 900.0
WEIGHTS = re.compile(r'(?:^weights |"weights":")(?:xxh3:)?([0-9a-f]{32})')  # Plain, or --json.


@dataclasses.dataclass(frozen=True)
class Model:
    """Sizes of a llama, which decide how many values are exchanged."""

    title: str
    layers: int
    width: int
    inner: int
    vocabulary: int

    @property
    def parameters(self) -> int:
        layer = 4 * self.width**2 + 3 * self.width * self.inner + 2 * self.width
        return self.vocabulary * self.width + self.layers * layer + self.width

    @property
    def bytes(self) -> int:
        return 4 * self.parameters


TINY = Model("0.05 MB", 1, 32, 32, 256)
SMALL = Model("4 MB", 4, 128, 458, 256)
WIDE = Model("40 MB", 8, 256, 1114, 4096)
BROAD = Model("0.12 GB", 8, 512, 1587, 4096)
LARGE = Model("0.496 GB", 12, 768, 2048, 50841)


@dataclasses.dataclass(frozen=True)
class Setting:
    """What is run. `sync`: the recipe's table, without workers. `pace_s`: how long a step seems to take."""

    model: Model
    workers: int
    steps: int
    sync: str = 'preset = "fedavg", period = 1'
    pace_s: float | None = None


def recipe(setting: Setting) -> str:
    model = setting.model
    sites = "".join(f'[[data.site]]\nname = "site{number}"\n' for number in range(setting.workers))
    # Patient: on a busy machine nobody is left out, which would be other work. The log stays whole, to be read in the end.
    return (f'run = {{ name = "bench", steps = {setting.steps} }}\n'
            f'model = {{ preset = "llama", layers = {model.layers}, width = {model.width}, heads = 4, context = 64, '
            f"vocabulary = {model.vocabulary}, inner = {model.inner}, tied = true }}\n"
            f'train = {{ batch_tokens = 64, optimizer = {{ name = "sgd", lr = 1e-3 }} }}\n'
            f"sync = {{ {setting.sync}, workers = {setting.workers} }}\n"
            f"exchange = {{ hub = {{ deadline_ms_min = 240000, deadline_ms_max = 480000, lease_ms = 60000, "
            f"log_entries_max = 1000000 }} }}\n{sites}")  # fmt: skip


class Certificates:
    """An authority, a hub of these hosts, and a site for each worker. Made when they are first asked for."""

    def __init__(self, program: pathlib.Path, folder: pathlib.Path, hosts: tuple[str, ...]):
        self._program, self.folder, self._sites = program, folder, 0
        shutil.rmtree(folder, ignore_errors=True)
        self._make("authority")
        self._make("hub", "hub", *(word for host in hosts for word in ("--host", host)))

    def _make(self, *words: str) -> None:
        done = subprocess.run([self._program, "cert", *words, "--folder", self.folder], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)  # fmt: skip
        if done.returncode != DONE:
            raise RunFailed(f"cert {' '.join(words)}: {done.stderr.strip()[-300:]}")

    def site(self, number: int) -> pathlib.Path:
        while self._sites <= number:
            self._make("site", f"site{self._sites}")
            self._sites += 1
        return self.folder / f"site{number}.crt"


def quiet_port() -> int:
    """A free one that the kernel gives to nobody by itself, so that it is still free when a killed hub comes back, and
    no worker that looks for the hub meanwhile finds itself there."""
    first, last = map(int, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    ports = [port for port in range(10_000, 65_000) if not first <= port <= last]
    for port in random.sample(ports, min(100, len(ports))):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RunFailed("no port is free outside of net.ipv4.ip_local_port_range")


class Loopback:
    """Where hub and workers are: here, with nothing between them. Other places are in net_links.py."""

    host = "127.0.0.1"

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        pass

    def hub_inside(self, command: list) -> list:
        return command

    def worker_inside(self, _number: int, command: list) -> list:
        return command

    def listens(self, _port: int) -> None:
        """The hub does."""

    def address(self, _number: int, port: int) -> str:
        """Where a worker finds the hub."""
        return f"{self.host}:{port}"

    def cpu_s(self) -> float:
        """Core seconds of what is between them, since the hub listens."""
        return 0.0


class Run:
    """Hub, workers and their files, in a folder that is made anew. A context manager that leaves no process."""

    def __init__(self, program: pathlib.Path, folder: pathlib.Path, certificates: Certificates, setting: Setting,
                 place: Loopback | None = None, port: int = 0):  # fmt: skip
        self.program, self.folder, self.certificates, self.setting = program, folder, certificates, setting
        self.place, self.port = place or Loopback(), port
        self.hubs: list[Process] = []
        self.workers: list[Process] = []
        self.meter = Meter()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "recipe.toml").write_text(recipe(setting))

    def __enter__(self) -> "Run":
        self.meter.start()
        return self

    def __exit__(self, *_) -> None:
        for process in (*self.hubs, *self.workers):
            process.kill()
        self.meter.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def hub(self) -> Process:
        return self.hubs[-1]

    def start_hub(self) -> None:
        """For the first time, or again by the same command; it listens when this returns."""
        command = [self.program, "hub", self.folder / "recipe.toml", "--listen", f"{self.place.host}:{self.port}",
                   "--out", self.folder / "out", "--cert", self.certificates.folder / "hub.crt", "--state"]  # fmt: skip
        self.hubs.append(Process("hub", self.place.hub_inside(command), self.folder))
        self.meter.watch("hub", self.hub.pid)
        self.port = int(self.hub.wait_line(r"listening on \S+:(\d+)", START_SECONDS_MAX)[1])
        self.place.listens(self.port)

    def start_workers(self) -> None:
        for number in range(self.setting.workers):
            command = [self.program, "dry-worker", "--hub", self.place.address(number, self.port), "--worker", number,
                       "--cert", self.certificates.site(number), "--folder", self.folder / f"worker{number}",
                       "--checkpoint-rounds", 0, "--json"]  # fmt: skip
            self.workers.append(Process(f"worker{number}", self.place.worker_inside(number, command), self.folder,
                                        self.setting.pace_s))  # fmt: skip
        self.meter.watch("worker", self.workers[0].pid)

    def wait_step(self, step: int, seconds_max: float) -> float:
        """Until all workers have finished it; when the last one has."""
        pattern = rf'"step": ?{step},'
        for process in self.workers:
            process.wait_line(pattern, seconds_max)
        return max(stamps_of(process.lines)[step] for process in self.workers)

    def finish(self, seconds_max: float = RUN_SECONDS_MAX) -> dict:
        """Waits for the end, checks all that must hold, and gives what was seen."""
        end = time.monotonic() + seconds_max
        for process in (*self.workers, self.hub):
            code = process.wait(end - time.monotonic())
            if code != DONE:
                raise RunFailed(f"{process.name} ended with {code}: {process.last_words()}")
        found = {"stamps": [stamps_of(process.lines) for process in self.workers], "hub": state_of(self.hub.lines),
                 "hub_zero": zero_of(self.hub.lines), "hub_peak_bytes": self.meter.peak_bytes,
                 "hub_anonymous_bytes": self.meter.anonymous_bytes, "cpu_s": self.meter.cpu_s,
                 "weights": {process.name: weights_of(process.lines) for process in (self.hub, *self.workers)}}  # fmt: skip
        check(found, self.setting, self.folder / "out" / "hub")
        return found


def play(run: Run, seconds_max: float = RUN_SECONDS_MAX) -> dict:
    """A whole run; `company` are the cores that others used meanwhile."""
    began, busy, known = time.monotonic(), machine.busy_seconds(), sum(os.times()[:4])
    run.start_hub()
    run.start_workers()
    found = run.finish(seconds_max)
    others = machine.busy_seconds() - busy - (sum(os.times()[:4]) - known) - run.place.cpu_s()
    return found | {"seconds": time.monotonic() - began, "company": max(0.0, others / (time.monotonic() - began))}


# ---- What they printed.


def stamps_of(lines: list[tuple[float, str]]) -> dict[int, float]:
    """Of a worker: when it had finished each step."""
    out = {}
    for stamp, line in list(lines):
        if line.startswith("{") and '"step":' in line:
            out[json.loads(line)["step"]] = stamp
    return out


def weights_of(lines: list[tuple[float, str]]) -> str:
    found = [match[1] for _, line in lines if (match := WEIGHTS.search(line))]
    return found[-1] if found else ""


def states_of(lines: list[tuple[float, str]]) -> list[tuple[float, dict]]:
    return [(stamp, json.loads(line)) for stamp, line in lines if line.startswith('{"run"')]


def state_of(lines: list[tuple[float, str]]) -> dict:
    """Of a hub: the last one that it printed."""
    states = states_of(lines)
    return states[-1][1] if states else {}


def zero_of(lines: list[tuple[float, str]]) -> float:
    """When the hub's own clock began, on ours: no line comes before it was made."""
    return min((stamp - state["now_s"] for stamp, state in states_of(lines)), default=0.0)


def check(found: dict, setting: Setting, log: pathlib.Path) -> None:
    """All ended with the same weights, every round was decided with every worker's offer, and nobody was lost."""
    weights = found["weights"]
    if "" in weights.values() or len(set(weights.values())) != 1:
        raise RunFailed(f"they ended with other weights: {weights}")
    for number, stamps in enumerate(found["stamps"]):
        if sorted(stamps) != list(range(1, setting.steps + 1)):
            raise RunFailed(f"worker {number} printed {len(stamps)} steps of {setting.steps}")
    try:
        decisions = Decisions.read(log)
        decisions.check()
    except (LogError, AssertionError) as error:
        raise RunFailed(f"the hub's log: {error}") from error
    losses = [record.reason for record in decisions.of("removed") if not record.reason.startswith("left: finished")]
    absences = [one for record in decisions.of("closed") for one in record.absent]
    if losses or absences or decisions.aborted:
        raise RunFailed(f"members were lost: {losses[:3]}; absent: {absences[:3]}; aborted: {decisions.aborted}")
    if not decisions.committed:
        raise RunFailed("no round was committed")

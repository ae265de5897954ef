# SPDX-License-Identifier: Apache-2.0
"""A hub and workers that train nothing, as real processes, some of which move their bytes through an object store."""

import json
import os
import pathlib
import re
import time

from conftest import ROOT, toml

from net.cluster import DONE, LOOK_S, weights_in
from net.decisions import Decisions, LogError
from net.processes import Child, Processes, wait_for

BUILD = pathlib.Path(os.environ.get("CAUSEWAY_BUILD", ROOT / "build" / "release"))
PROGRAM = BUILD / "causeway-hub"
WORKERS = 3
CHUNK_BYTES = 1 << 16

# Nobody is ever late: the weights are those of any other such run.
SETTINGS = {"deadline_ms_min": 120_000, "deadline_ms_max": 240_000, "lease_ms": 120_000, "chunk_bytes": CHUNK_BYTES,
            "window_bytes": 8 * CHUNK_BYTES}  # fmt: skip


class StoreRun:
    """One run in a folder of its own. A context manager that leaves no process."""

    def __init__(self, folder: pathlib.Path, rounds: int = 8, workers: int = WORKERS, settings: dict | None = None):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.rounds = folder, rounds
        self.recipe = folder / "dry.toml"
        tables = {
            "run": {"name": "dry", "seed": 1, "steps": rounds - 1},  # And the closing round.
            "model": {"layers": 2, "width": 64, "heads": 2, "context": 32},
            "train": {"batch_tokens": 128, "optimizer": {"name": "sgd", "lr": 0.003}},
            "sync": {"preset": "fedavg", "period": 1, "workers": workers},
            "exchange": {"hub": SETTINGS | (settings or {})},
        }
        sites = "".join(f'[[data.site]]\nname = "site{number}"\n' for number in range(workers))
        self.recipe.write_text("".join(f"{name} = {toml(table)}\n" for name, table in tables.items()) + sites)
        self.processes = Processes(folder / "log")
        self.hub: Child | None = None  # The one that was started last.
        self.workers: dict[int, Child] = {}
        self.port = 0

    def __enter__(self) -> "StoreRun":
        return self

    def __exit__(self, *_) -> None:
        self.processes.close()

    def store_file(self, name: str, endpoint: str, keys=("KEY", "SECRET"), chunks: dict | None = None, **options):
        """A store.toml."""
        key_file = self.folder / f"{name}.keys"
        key_file.touch(mode=0o600)
        key_file.write_text("\n".join(keys) + "\n")
        file = self.folder / f"{name}.toml"
        entries = {"endpoint": endpoint, "bucket": "runs", "prefix": "team", "access_key_file": f"{name}.keys",
                   **options}  # fmt: skip
        text = "".join(f"{key} = {toml(value)}\n" for key, value in entries.items())
        file.write_text(text + f"chunks = {toml(chunks or {})}\n")
        return file

    def start_hub(self, store=None, wait: bool = True) -> Child:
        """For the first time or again, then at the same port."""
        command = [PROGRAM, "hub", self.recipe, "--listen", f"127.0.0.1:{self.port}", "--insecure", "--state", "--out",
                   self.folder / "out", *(["--store", store] if store else [])]  # fmt: skip
        self.hub = self.processes.start("hub", command)
        if wait:
            self.port = int(self.hub.wait_line(r"listening on \S+:(\d+)")[1])
        return self.hub

    def start_worker(self, number: int, store=None) -> Child:
        command = [PROGRAM, "dry-worker", "--hub", f"127.0.0.1:{self.port}", "--insecure", "--worker", number,
                   "--folder", self.folder / f"worker-{number}", *(["--store", store] if store else [])]  # fmt: skip
        self.workers[number] = self.processes.start(f"worker-{number}", command)
        return self.workers[number]

    def decisions(self) -> Decisions:
        return Decisions.read(self.folder / "out" / "hub")

    def wait_for(self, condition, what: str):
        """Until condition(decisions) gives something true."""

        def holds():
            try:
                found = condition(self.decisions())
            except LogError:
                found = None  # In the middle of being written.
            if not found:
                time.sleep(LOOK_S)
            return found

        return wait_for(holds, what, needs=(self.hub,))

    def wait_decided(self, number: int) -> None:
        self.wait_for(lambda log: log.decided >= number, f"round {number}")

    def finish(self) -> str:
        """The weights that all have at the end, when every offer counted."""
        ends = {"hub": self.hub} | {f"worker {number}": child for number, child in self.workers.items()}
        for whose, child in ends.items():
            code = child.wait()
            assert code == DONE, f"{whose} ended with {code}\n{child.tail()}"
        weights = {whose: weights_in(child.text(), whose) for whose, child in ends.items()}
        assert len(set(weights.values())) == 1, weights
        log = self.decisions()
        log.check()
        assert log.committed == list(range(1, self.rounds + 1))
        for number in log.committed:
            assert log.members(number) == set(self.workers), f"round {number} lacks {log.absent}"
        return weights["hub"]

    def views(self) -> list[dict]:
        """What the hub that was started last said of itself, from its start to its end."""
        return [json.loads(line) for line in self.hub.text().splitlines() if line.startswith("{")]

    def events(self) -> str:
        """What it told people."""
        seen = {event["text"]: None for view in self.views() for event in view["events"]}
        return "\n".join(seen)

    def said(self, child: Child, pattern: str) -> bool:
        return re.search(pattern, child.complaints()) is not None

# SPDX-License-Identifier: Apache-2.0
"""A hub whose run goes on, with workers that train nothing, to be disturbed: its pace, its memory, its descriptors."""

import contextlib
import json
import os
import pathlib
import subprocess
import time

from net.processes import Child, Processes, wait_for

WORKERS, AT_WORK = 6, 2  # Of the recipe; that take part from the beginning.
RECIPE = """
run = { name = "busy", steps = 10000000 }
model = { preset = "llama", layers = 1, width = 32, heads = 2, context = 32, vocabulary = 256, inner = 64 }
train = { batch_tokens = 32, optimizer = { name = "sgd", lr = 1e-3 } }
sync = { preset = "fedavg", period = 1, workers = %d }

[exchange.hub]
start_members = %d
deadline_ms_min = 120000
deadline_ms_max = 240000
lease_ms = 120000
"""


class BusyHub:
    """A context manager; when it ends nothing is left."""

    def __init__(self, program: pathlib.Path, folder: pathlib.Path, *, token: str | None = None):
        self.program, self.folder = program, folder
        self.processes = Processes(folder / "log")
        self.recipe = folder / "busy.toml"
        sites = "".join(f'[[data.site]]\nname = "site{number}"\n' for number in range(WORKERS))
        self.recipe.write_text(RECIPE % (WORKERS, AT_WORK) + sites)
        self.certs = folder / "certs"
        self._token = folder / "token"
        if token is not None:
            self._token.write_text(token + "\n")
        self.hub: Child | None = None
        self.workers: dict[int, Child] = {}
        self.version = self._call("--version").strip().split()[-1]
        self._call("cert", "authority")
        self._call("cert", "hub", "hub", "--host", "127.0.0.1")
        self._call("cert", "site", *(f"site{number}" for number in range(WORKERS)))

    def _call(self, *arguments: str) -> str:
        done = subprocess.run([self.program, *arguments], capture_output=True, text=True, timeout=120, cwd=self.folder,
                              stdin=subprocess.DEVNULL)  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def cert(self, *arguments: str) -> str:
        return self._call("cert", *arguments)

    def __enter__(self) -> "BusyHub":
        with contextlib.ExitStack() as undo:
            undo.callback(self.processes.close)
            more = ["--token-file", self._token] if self._token.exists() else []
            self.hub = self.processes.start("hub", [self.program, "hub", self.recipe, "--listen", "127.0.0.1:0",
                                                    "--out", self.folder / "out", "--cert", self.certs / "hub.crt",
                                                    "--state", *more])  # fmt: skip
            found = self.hub.wait_line(r"listening on (\S+):(\d+)")
            self.address = (found[1], int(found[2]))
            for number in range(AT_WORK):
                self.start_worker(number)
            wait_for(lambda: self.decided() >= 20, "rounds to be decided", needs=(self.hub, *self.workers.values()))
            undo.pop_all()
        return self

    def __exit__(self, *_) -> None:
        self.processes.close()

    def start_worker(self, number: int) -> Child:
        host, port = self.address
        more = ["--token-file", self._token] if self._token.exists() else []
        command = [self.program, "dry-worker", "--hub", f"{host}:{port}", "--worker", number, "--checkpoint-rounds", 0,
                   "--folder", self.folder / f"worker-{number}", "--cert", self.certificate(number), *more]  # fmt: skip
        self.workers[number] = self.processes.start(f"worker-{number}", command)
        return self.workers[number]

    def certificate(self, number: int) -> pathlib.Path:
        return self.certs / f"site{number}.crt"

    def view(self) -> dict:
        """What the hub said last, a few times a second."""
        with open(self.hub.out, "rb") as file:
            file.seek(max(0, os.path.getsize(self.hub.out) - 400_000))
            lines = file.read().split(b"\n")
        for line in reversed(lines[:-1]):
            if line.startswith(b"{"):
                return json.loads(line)
        return {"decided_round": 0, "events": [], "members": []}

    def decided(self) -> int:
        return self.view()["decided_round"]

    def events(self) -> list[str]:
        return [event["text"] for event in self.view()["events"]]

    def status(self, worker: int) -> str:
        return {member["worker"]: member["status"] for member in self.view()["members"]}.get(worker, "")

    def goes_on(self, rounds: int = 20) -> None:
        """Waits until so many more rounds are decided."""
        before = self.decided()
        wait_for(lambda: self.decided() >= before + rounds, f"{rounds} more rounds",
                 needs=(self.hub, *self.workers.values()))  # fmt: skip

    def pace(self, seconds: float) -> float:
        """Rounds a second."""
        before, start = self.decided(), time.monotonic()
        time.sleep(seconds)
        return (self.decided() - before) / (time.monotonic() - start)

    def resident_bytes(self) -> int:
        return self.hub.usage().rss_bytes

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.hub.pid}/fd"))

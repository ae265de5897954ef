# SPDX-License-Identifier: Apache-2.0
"""A run of hub and workers as real processes, each worker behind a link of the relay that may be disturbed.

    with Run(causeway, folder, recipe, workers=4, settings=BRISK) as run:
        run.start()
        run.wait_for(lambda log: log.opened >= 5, "round 5")
        run.links[2].block()                    # Links: net.relay.Link
        run.workers[1].kill()                   # Processes: net.processes.Child
        run.start_worker(1)                     # Again, with the folder that it had.
        outcome = run.finish()                  # All ended well, with the same weights.

What the run has decided is read from the hub's log (net.decisions.Decisions), whether the hub lives or not.
"""

import dataclasses
import functools
import json
import pathlib
import re
import shutil
import ssl
import subprocess
import time
import urllib.request

from conftest import Recipes, words

from net.decisions import Decisions, LogError
from net.processes import DEADLINE_S, Child, Late, Processes, wait_for
from net.relay import Link, Relay

# Exit codes of causeway.
DONE, FAILED, BAD_USAGE, REFUSED, LEFT_EARLY = 0, 1, 2, 3, 75

# The hub's settings, as `--set exchange.hub.NAME=VALUE`. Patient: nobody is ever late, so that the bits are those of an
# undisturbed run. Brisk: who is silent is left out, after seconds that are long for this model and short for a test.
PATIENT = {"deadline_ms_min": 240_000, "deadline_ms_max": 480_000, "lease_ms": 240_000}
BRISK = {"deadline_ms_min": 4_000, "deadline_ms_max": 60_000, "lease_ms": 4_000, "quorum_count": 1, "quorum_weight": 0.5}

WEIGHTS = re.compile(r'(?:^weights |"weights":")(?:xxh3:)?([0-9a-f]{32})(?:$|")', re.MULTILINE)  # Plain, or --json.
LOOK_S = 0.03
SLOW_DELAY_S = 0.1  # Each way of each link: a round then takes more than half a second.


class SmallRecipes(Recipes):
    """Recipes whose training takes seconds: as many sites as workers, 2 layers, a round every 4 steps."""

    def __init__(self, folder: pathlib.Path, workers: int = 4):
        super().__init__(folder)
        self._workers = workers
        for number in range(workers):
            place = ("north", "south")[number % 2]
            (folder / f"site{number}.train.txt").write_text(words(place, 2000, 10 + number))
            (folder / f"site{number}.valid.txt").write_text(words(place, 200, 20 + number))

    def sites(self) -> list[dict]:
        return [{"name": f"site{number}", "train": [self.folder / f"site{number}.train.txt"],
                 "valid": [self.folder / f"site{number}.valid.txt"]} for number in range(self._workers)]  # fmt: skip

    def __call__(self, name: str = "net", **changes: dict) -> pathlib.Path:
        run = {"name": name, "seed": 1, "steps": 96} | changes.pop("run", {})
        sync = {"preset": "diloco", "period": 4, "workers": self._workers} | changes.pop("sync", {})
        return super().__call__(name, run=run, sync=sync, **changes)


@functools.cache
def undisturbed_weights(causeway: pathlib.Path, recipe_text: str, folder: pathlib.Path) -> str:
    """What `causeway train` gets from the recipe, in one process."""
    recipe, out = folder / "undisturbed.toml", folder / "undisturbed"
    recipe.write_text(recipe_text)
    shutil.rmtree(out, ignore_errors=True)
    done = subprocess.run([causeway, "train", recipe, "--out", out], capture_output=True, text=True, timeout=DEADLINE_S,
                          stdin=subprocess.DEVNULL)  # fmt: skip
    assert done.returncode == DONE, done.stderr
    return weights_in(done.stdout, "causeway train")


def weights_in(text: str, whose: str) -> str:
    found = WEIGHTS.findall(text)
    assert found, f"{whose} printed no line `weights HEX`:\n{text[-2000:]}"
    return found[-1]


@dataclasses.dataclass(frozen=True)
class Outcome:
    weights: str  # hexadecimal digits; the same for hub and all workers
    decisions: Decisions
    complete: bool  # Every round was committed with every worker's offer.


class Run:
    """One run: its hub, its workers, their certificates, folders and links. A context manager that leaves no process.

    `folder` gets all files: certs/, out/ (the hub's), worker-N/ (the workers'), log/ (output of processes).
    `secure`: mutual TLS by `causeway cert`; else --insecure.
    `settings`: the hub's, see PATIENT. `assignments`: further `--set` of the hub, as {"sync.period": 8}.
    `delay_s`: each way of each link, so that rounds take a while and nobody computes meanwhile.
    `page`: the hub serves its page, see `fetch`.
    `out`, `worker_folders`: elsewhere than in `folder`, such as on a SmallDisk.
    `cert_env`: environment of `causeway cert`.
    """

    def __init__(self, causeway: pathlib.Path, folder: pathlib.Path, recipe: pathlib.Path, *, workers: int = 4,
                 secure: bool = True, settings: dict | None = None, assignments: dict | None = None,
                 delay_s: float = 0.0, page: bool = True, out: pathlib.Path | None = None,
                 worker_folders: dict[int, pathlib.Path] | None = None, cert_env: dict | None = None):  # fmt: skip
        self.causeway, self.folder, self.recipe, self.secure = causeway, folder, recipe, secure
        self.out, self.certs = out or folder / "out", folder / "certs"
        self.worker_folders = {n: folder / f"worker-{n}" for n in range(workers)} | (worker_folders or {})
        self.processes = Processes(folder / "log")
        self.hub: Child | None = None  # The one that was started last.
        self.workers: dict[int, Child] = {}  # By number, the ones that were started last.
        self.links: dict[int, Link] = {}
        self.address: tuple[str, int] | None = None  # Of the hub, when it listens.
        self.page: str | None = None  # http://HOST:PORT/
        self._set = {f"exchange.hub.{name}": value for name, value in (settings or {}).items()} | (assignments or {})
        self._delay_s, self._page, self._cert_env = delay_s, page, cert_env
        self._relay = Relay()

    def __enter__(self) -> "Run":
        self._relay.__enter__()
        for number in self.worker_folders:
            self.links[number] = self._relay.link(f"worker {number}", ("127.0.0.1", 9))
        self._delay_links(self._delay_s)
        if self.secure:
            self.make_certificates(self.certs, *(f"site{number}" for number in self.worker_folders))
        return self

    def __exit__(self, *_) -> None:
        self.processes.close()
        self._relay.__exit__()

    # ---- Certificates

    def make_certificates(self, folder: pathlib.Path, *sites: str) -> None:
        """An authority in `folder`, with a hub of this machine, and sites."""
        self.cert("authority", folder=folder)
        self.cert("hub", "hub", "--host", "127.0.0.1", "--host", "localhost", folder=folder)
        self.cert("site", *sites, folder=folder)

    def cert(self, *arguments, folder: pathlib.Path | None = None) -> str:
        """`causeway cert ...`; what it prints."""
        # What `causeway cert` starts, when it has loaded LibTorch.
        companion = self.causeway.with_name("causeway-hub")
        program = companion if companion.exists() else self.causeway
        command = [program, "cert", *arguments, "--folder", folder or self.certs]
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, stdin=subprocess.DEVNULL,
                              env=self._cert_env)  # fmt: skip
        assert done.returncode == DONE, f"{command}: {done.stderr}"
        return done.stdout

    def certificate(self, number: int) -> pathlib.Path:
        return self.certs / f"site{number}.crt"

    def _identity(self, certificate: pathlib.Path) -> list:
        return ["--cert", certificate] if self.secure else ["--insecure"]

    # ---- Processes

    def hub_command(self) -> list:
        assigned = [word for name, value in self._set.items() for word in ("--set", f"{name}={value}")]
        return [self.causeway, "hub", self.recipe, "--listen", "127.0.0.1:0", "--out", self.out,
                "--http", "127.0.0.1:0" if self._page else "none", *self._identity(self.certs / "hub.crt"), *assigned]  # fmt: skip

    def worker_command(self, number: int, *, certificate: pathlib.Path | None = None, program=None) -> list:
        host, port = self.links[number].address
        return [program or self.causeway, "worker", "--hub", f"{host}:{port}", "--worker", number,
                "--folder", self.worker_folders[number], "--sites", self.recipe,
                "--threads", 1, *self._identity(certificate or self.certificate(number))]  # fmt: skip

    def start_hub(self, *, prefix=(), env: dict | None = None, wait: bool = True) -> Child:
        """Starts it, for the first time or again by the same command; it listens when this returns.

        `prefix` goes before the command. Without `wait` call `hub_listens` later.
        """
        self.hub = self.processes.start("hub", [*prefix, *self.hub_command()], env=env)
        if wait:
            self.hub_listens()
        return self.hub

    def hub_listens(self) -> None:
        """Waits until it does, and lets the links lead to it."""
        found = self.hub.wait_line(r"listening on (\S+):(\d+)")
        self.address = (found[1], int(found[2]))
        if self._page:
            self.page = self.hub.wait_line(r"page on (http\S+)")[1]
        for link in self.links.values():
            link.target = self.address

    def start_worker(self, number: int, *, certificate: pathlib.Path | None = None, program=None, more=(), prefix=(),
                     env: dict | None = None) -> Child:  # fmt: skip
        """Starts it, for the first time or again. `more` goes behind the command."""
        command = [*prefix, *self.worker_command(number, certificate=certificate, program=program), *more]
        self.workers[number] = self.processes.start(f"worker-{number}", command, env=env)
        return self.workers[number]

    def restart_worker(self, number: int, **options) -> Child:
        """As start_worker. The hub stands still until the worker knocks, and rounds are slow until `wait_back`, so that a
        run of short rounds is not over before a program has been loaded on a busy machine, and has joined."""
        link = self.links[number]
        before = link.connections_made
        self.hub.stop()
        try:
            child = self.start_worker(number, **options)
            wait_for(lambda: link.connections_made > before, f"worker {number} to knock", needs=(child,))
            self._delay_links(max(self._delay_s, SLOW_DELAY_S))
        finally:
            self.hub.resume()
        return child

    def start(self) -> None:
        """The hub, then all workers."""
        self.start_hub()
        for number in self.worker_folders:
            self.start_worker(number)

    # ---- What happens

    def decisions(self) -> Decisions:
        """What is on record by now."""
        return Decisions.read(self.out / "hub")

    def wait_for(self, condition, what: str, *, timeout_s: float = DEADLINE_S, needs: tuple[Child, ...] | None = None):
        """Calls condition(decisions) until it gives something true, and returns that.

        Late, with the tail of their output, if one of `needs` ends before: by default the hub.
        """

        def holds():
            try:
                found = condition(self.decisions())
            except LogError:
                found = None  # In the middle of being written; a lasting one ends as Late.
            if not found:
                time.sleep(LOOK_S)
            return found

        try:
            return wait_for(holds, what, timeout_s=timeout_s, needs=(self.hub,) if needs is None else needs)
        except Late as late:
            raise Late(f"{late}\n{self._state()}") from None

    def seconds_until(self, condition, what: str, **options) -> float:
        """As wait_for; how long it took."""
        start = time.monotonic()
        self.wait_for(condition, what, **options)
        return time.monotonic() - start

    def wait_round(self, number: int) -> None:
        """Until the round is open, or is over."""
        self.wait_for(lambda log: log.opened >= number, f"round {number} to open")

    def wait_mid_round(self, number: int, without: set[int] = frozenset()) -> int:
        """Until a round, this one or a later one, is open, has offers of all workers but these, and waits for one of these.
        Gives the round."""
        others = set(self.worker_folders) - without

        def held(log: Decisions):
            last = log.opened
            waits = log.decided < last and others <= log.holders(last) < set(self.worker_folders)
            return last if last >= number and waits else None

        return self.wait_for(held, f"a round from {number} on with the offers of {sorted(others)}")

    def wait_back(self, number: int, after: int) -> float:
        """Until the worker counts in a round after this one; how long that took, in seconds. Rounds are slow meanwhile."""
        self._delay_links(max(self._delay_s, SLOW_DELAY_S))
        try:
            return self.seconds_until(lambda log: any(number in log.members(r) for r in range(after + 1, log.opened + 1)),
                                      f"worker {number} to count again after round {after}")  # fmt: skip
        finally:
            self._delay_links(self._delay_s)

    def _delay_links(self, seconds: float) -> None:
        for link in self.links.values():
            link.up.delay_s = link.down.delay_s = seconds

    def fetch(self, path: str, timeout_s: float = 10) -> str:
        """GET from the hub's page: fetch("metrics"). OSError if there is none."""
        context = ssl.create_default_context(cafile=self.certs / "authority.crt") if self.secure else None
        with urllib.request.urlopen(self.page + path, timeout=timeout_s, context=context) as answer:
            return answer.read().decode()

    def status(self) -> dict:
        return json.loads(self.fetch("status.json"))

    def _state(self) -> str:
        states = [f"{child.name}: {'alive' if child.alive else child.returncode}" for child in self.processes.children]
        try:
            log = self.decisions()
            states.append(f"round {log.opened} opened, {log.decided} decided, aborted {log.aborted}")
            states += [f"worker {n}: absent {log.absent(n)}, removed {log.removals(n)}" for n in self.worker_folders]
        except LogError as error:
            states.append(str(error))
        tails = [child.tail() for child in self.workers.values()]
        return "\n".join([*states, *tails])

    def finish(self, *, timeout_s: float = DEADLINE_S, undisturbed: bool = True) -> Outcome:
        """Waits for the end, and checks all that must hold whatever has happened: exit codes, one result for all, a log
        that keeps its promises, and the bits of the undisturbed run if nobody was ever absent. Without `undisturbed` the
        last is not compared: a worker of several processes has other bits."""
        ends = {"hub": self.hub} | {f"worker {number}": child for number, child in self.workers.items()}
        while not (over := [child for child in ends.values() if not child.alive]):
            # It may take its time, as long as it goes on.
            last = self.decisions().decided
            self.wait_for(lambda log, at=last: log.decided > at or not all(child.alive for child in ends.values()),
                          f"a round after {last}, or the end", timeout_s=timeout_s, needs=())  # fmt: skip
        assert over[0].returncode == DONE, f"{over[0].name} ended with {over[0].returncode}\n{over[0].tail()}\n{self._state()}"
        for whose, child in ends.items():
            code = child.wait(timeout_s=timeout_s)
            assert code == DONE, f"{whose} ended with {code}\n{child.tail()}\n{self._state()}"
        weights = {whose: weights_in(child.text(), whose) for whose, child in ends.items()}
        assert len(set(weights.values())) == 1, f"replicas have parted: {weights}"
        log = self.decisions()
        log.check()
        complete = not log.aborted and all(log.members(number) == set(self.worker_folders)
                                           for number in range(1, log.opened + 1))  # fmt: skip
        if complete and undisturbed:
            assert weights["hub"] == self.undisturbed(), "all offers counted, yet the bits are not the undisturbed run's"
        return Outcome(weights["hub"], log, complete)

    def undisturbed(self) -> str:
        """The weights of `causeway train` on the same recipe."""
        return undisturbed_weights(self.causeway, self.recipe.read_text(), self.recipe.parent)

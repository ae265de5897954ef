# SPDX-License-Identifier: Apache-2.0
"""A worker that is several processes, beside one that is a single process: through a whole run, with its first process's
checkpoint as the only one; and what its processes do when one of them dies, hangs, or is told to leave."""

import contextlib
import json
import os
import pathlib
import signal
import sys

import groups
import pytest

from net.cluster import BAD_USAGE, DONE, FAILED, LEFT_EARLY, PATIENT, REFUSED, SmallRecipes
from net.processes import Child, wait_for

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"]
DELAY_S = 0.02  # Each way: rounds then take a while, and the machine is not busy meanwhile.


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """recipe(**changes): two workers, four rows in a batch, a round every 4 steps."""
    return SmallRecipes(tmp_path_factory.mktemp("recipes"), workers=2)


@pytest.fixture
def start(start_run):
    """Starts a run of two workers: the hub, and worker 1 as one process. Nobody is ever late."""

    def start(recipe, **options):
        run = start_run(recipe, workers=2, settings=PATIENT, **options)
        run.start_hub()
        run.start_worker(1)
        return run

    return start


class Site:
    """Worker 0 of a run as processes that are told their places as a launcher does."""

    def __init__(self, run, size: int = 2, more=()):
        self.run, self.ranks = run, []
        port = str(groups.free_port())
        start = {"WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
                 "TORCHELASTIC_RUN_ID": f"start {len(run.processes.children)}"}  # fmt: skip
        for rank in range(size):
            place = {"RANK": str(rank), "LOCAL_RANK": str(rank)}
            command = [*run.worker_command(0), *more]
            self.ranks.append(run.processes.start(f"rank-{rank}", command, env=groups.plain_environment() | start | place))
        run.workers[0] = self.leader = self.ranks[0]

    def wait(self) -> list[int]:
        """The exit codes of all."""
        return [child.wait() for child in self.ranks]

    def losses(self) -> dict[int, float]:
        """By step, of --json."""
        return losses_of(self.leader)


def losses_of(child: Child) -> dict[int, float]:
    lines = [json.loads(line) for line in child.text().splitlines() if line.startswith("{")]
    return {line["step"]: line["loss"] for line in lines if "step" in line}


def children_of(pid: int) -> list[int]:
    found = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    return found


def of_rank(pid: int, rank: int) -> int | None:
    """The process that a launcher has started with this rank."""
    for child in children_of(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if f"RANK={rank}".encode() in pathlib.Path(f"/proc/{child}/environ").read_bytes().split(b"\0"):
                return child
    return None


def start_torchrun(run, *options) -> Child:
    # What it starts dies with it.
    prefix = [*TORCHRUN[:-1], *options, TORCHRUN[-1], "setpriv", "--pdeathsig", "KILL", "--"]
    return run.start_worker(0, prefix=prefix, env=groups.plain_environment())


def test_a_whole_run_by_torchrun(start, recipe):
    run = start(recipe())
    start_torchrun(run)
    outcome = run.finish(undisturbed=False)
    assert outcome.complete
    # One process prints.
    assert run.workers[0].text().count("finished at step") == 1


def test_a_killed_process_ends_the_site_and_torchrun_starts_it_again(start, recipe):
    run = start(recipe(), delay_s=DELAY_S)
    launcher = start_torchrun(run, "--max-restarts", "3")
    run.wait_round(5)
    first = wait_for(lambda: of_rank(launcher.pid, 1), "rank 1", needs=(launcher,))
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: of_rank(launcher.pid, 1) not in (None, first), "another rank 1", needs=(launcher,))
    log = run.finish(undisturbed=False).decisions
    assert "goes on at step" in launcher.complaints()
    # torchrun tells the first process to stop. If that hears of it before it misses the other, it leaves the run.
    absent = log.absent(0).values()
    assert all(reason.startswith(("left: told to stop", "follows until round")) for reason in absent), absent
    assert not log.aborted and not log.absent(1)
    assert max(log.absent(0), default=0) < log.decided, "it is not back"


# The same recipe as one process, as two, and as two of which one is killed on the way.
def test_bits_are_those_of_any_other_run_of_two_and_losses_those_of_one(start, recipe):
    made = recipe(run={"steps": 48})
    one = start(made)
    alone = one.start_worker(0, more=["--json"])
    weights = [one.finish().weights]
    sites = []
    for disturbed in (False, True):
        run = start(made, delay_s=DELAY_S if disturbed else 0)
        sites.append(Site(run, more=["--json"]))
        if disturbed:
            run.wait_round(5)
            sites[-1].ranks[1].kill()
            assert sites[-1].leader.wait() == FAILED
            sites.append(Site(run, more=["--json"]))
        outcome = run.finish(undisturbed=False)
        assert outcome.complete
        weights.append(outcome.weights)
        assert sites[-1].wait() == [DONE, DONE]
        assert sites[-1].ranks[1].text() == sites[-1].ranks[1].complaints() == ""
    assert weights[1] == weights[2]
    assert weights[1] != weights[0], "another order of sums, and yet the same bits?"
    undisturbed, before, after = (site.losses() for site in sites)
    assert before | after == undisturbed
    wanted = losses_of(alone)
    assert undisturbed.keys() == wanted.keys() == set(range(1, 49))
    # What two processes change is the order of sums, as another number of lanes does in one process.
    other = start(recipe("lanes", run={"steps": 48}, train={"lanes": 4}))
    lanes = other.start_worker(0, more=["--json"])
    other.finish()
    apart = max(abs(losses_of(lanes)[step] - wanted[step]) for step in wanted)
    print("losses apart:", apart, max(abs(undisturbed[step] - wanted[step]) for step in wanted))
    assert undisturbed[1] == pytest.approx(wanted[1], abs=1.5e-6)  # printed with six digits
    for step, loss in undisturbed.items():
        assert loss == pytest.approx(wanted[step], abs=max(1e-5, 4 * apart)), step


@pytest.mark.parametrize("victim", [0, 1])
def test_who_is_left_when_a_process_is_killed_says_so_and_fails(start, recipe, victim):
    run = start(recipe(), delay_s=DELAY_S)
    site = Site(run)
    run.wait_round(3)
    site.ranks[victim].kill()
    left = site.ranks[1 - victim]
    assert left.wait() == FAILED
    assert f"at rank {1 - victim} of 2" in left.complaints()
    assert ("go on from its checkpoint" in left.complaints()) == (victim == 1)
    assert Site(run).wait() == [DONE, DONE]
    assert run.finish(undisturbed=False).complete


# Whatever the leader does meanwhile: it trains, or waits for worker 1, which stands still; or the hub is not there yet.
@pytest.mark.parametrize("when", ["waiting for others", "before the hub"])
def test_a_process_that_hangs_ends_the_site(start_run, recipe, when):
    run = start_run(recipe(), workers=2, settings=PATIENT, delay_s=DELAY_S)
    run.start_hub()
    if when == "before the hub":
        run.hub.stop()
    other = run.start_worker(1)
    limit_s = 8
    site = Site(run, more=["--group-limit-ms", 1000 * limit_s])
    if when == "before the hub":
        site.leader.wait_line("of 2 processes")
    else:
        run.wait_round(3)
    if when == "waiting for others":
        other.stop()
    site.ranks[1].stop()
    assert site.leader.wait() == FAILED
    assert "did not come within the time" in site.leader.complaints()
    site.ranks[1].kill()
    other.resume()
    run.hub.resume()
    assert Site(run).wait() == [DONE, DONE]
    assert run.finish(undisturbed=False).complete


# As Slurm does, or torchrun; or to the one that does not speak to the hub.
@pytest.mark.parametrize("told", [(0, 1), (1,)])
def test_a_signal_to_any_process_lets_all_leave(start, recipe, told):
    run = start(recipe(), delay_s=DELAY_S)
    site = Site(run)
    run.wait_round(4)
    for rank in told:
        site.ranks[rank].terminate()
    assert site.wait() == [LEFT_EARLY, LEFT_EARLY]
    assert run.decisions().removals(0)[0].startswith("left:")
    assert site.ranks[1].complaints() == ""
    again = Site(run)
    assert again.wait() == [DONE, DONE]
    assert "goes on at step" in again.leader.complaints()
    run.finish(undisturbed=False)


def test_rows_that_cannot_be_shared_out_are_refused_at_once(start, recipe):
    run = start(recipe())
    site = Site(run, size=3)
    assert site.wait() == [BAD_USAGE] * 3
    said = site.leader.complaints()
    assert "4 rows" in said and "3 processes" in said and "96 or 192" in said
    assert [child.complaints() for child in site.ranks[1:]] == ["", ""]


def test_who_is_refused_by_the_hub_lets_the_others_go(start, recipe):
    run = start(recipe())
    run.cert("revoke", run.certificate(0))
    site = Site(run)
    assert site.wait() == [REFUSED, REFUSED]
    assert site.ranks[1].complaints() == ""


def test_followers_need_neither_text_nor_certificate(start, recipe, tmp_path):
    run = start(recipe(run={"steps": 16}))
    command, size = run.worker_command(0), 2
    own = {"--sites", run.recipe, "--cert", run.certificate(0), "--folder", run.worker_folders[0]}
    bare = [word for word in command if word not in own]
    start_of = {"WORLD_SIZE": str(size), "MASTER_ADDR": "localhost", "MASTER_PORT": str(groups.free_port())}
    follower = run.processes.start("follower", [*bare, "--folder", tmp_path / "elsewhere"],
                                   env=groups.plain_environment() | start_of | {"RANK": "1", "LOCAL_RANK": "1"})  # fmt: skip
    run.start_worker(0, env=groups.plain_environment() | start_of | {"RANK": "0", "LOCAL_RANK": "0"})
    assert run.finish(undisturbed=False).complete
    assert follower.wait() == DONE

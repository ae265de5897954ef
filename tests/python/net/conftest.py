# SPDX-License-Identifier: Apache-2.0
"""What the tests of real processes share."""

import os

import pytest

from net.cluster import Run, SmallRecipes
from net.ends import Target
from net.fault_table import FaultTable
from net.owner import NotPermitted
from net.processes import Processes
from net.relay import Relay
from net.small_disk import SmallDisk


def pytest_configure(config):
    config.addinivalue_line("markers", "faults: a row of the fault table, with hub and workers as real processes")


@pytest.fixture
def relay():
    """A relay without links."""
    with Relay() as relay:
        yield relay


@pytest.fixture
def target(relay):
    """A listening socket behind a link."""
    target = Target(relay)
    yield target
    target.listener.close()


@pytest.fixture
def processes(tmp_path):
    """Starts children; none is left when the test ends."""
    with Processes(tmp_path / "log") as processes:
        yield processes


@pytest.fixture(scope="session")
def small_recipes(tmp_path_factory):
    """Recipes of four sites for runs of hub and workers."""
    return SmallRecipes(tmp_path_factory.mktemp("recipes"))


@pytest.fixture
def start_run(binary, small_recipes, tmp_path):
    """Makes a Run, which is over when the test ends: start_run(recipe=..., settings=BRISK). See net.cluster.Run."""
    runs = []

    def start(recipe=None, **options) -> Run:
        run = Run(binary, tmp_path / f"run{len(runs)}", recipe or small_recipes(), **options).__enter__()
        runs.append(run)
        return run

    yield start
    for run in runs:
        run.__exit__()


@pytest.fixture
def small_disk(tmp_path):
    """small_disk(NAME, BYTES): a disk of its own, or the test is skipped where that is not permitted."""
    disks = []

    def make(name: str, size_bytes: int) -> SmallDisk:
        disk = SmallDisk(tmp_path / name, size_bytes)
        try:
            disks.append(disk.__enter__())
        except NotPermitted as error:
            pytest.skip(str(error))
        return disk

    yield make
    for disk in disks:
        disk.__exit__()


@pytest.fixture(scope="session")
def fault_table(root):
    """Collects rows for build/log/faults.md; with CAUSEWAY_WRITE_FAULTS=1 also for docs/faults.md."""
    page = root / "docs" / "faults.md" if os.environ.get("CAUSEWAY_WRITE_FAULTS") == "1" else None
    return FaultTable(root / "build" / "log" / "faults.md", page)

# SPDX-License-Identifier: Apache-2.0
"""The transport over real sockets: runs each test of net_live (src/net/live), a GoogleTest program, in a process of its own."""

import os
import pathlib
import subprocess

import pytest
from conftest import ROOT

DEADLINE_S = 600  # For what takes seconds on a quiet machine.


def program() -> pathlib.Path:
    """Beside the binary that is tested: that of CAUSEWAY_BINARY, or CAUSEWAY_BUILD, or build/release."""
    if "CAUSEWAY_BINARY" in os.environ:
        return pathlib.Path(os.environ["CAUSEWAY_BINARY"]).resolve().parent / "net_live"
    return pathlib.Path(os.environ.get("CAUSEWAY_BUILD", ROOT / "build" / "release")).resolve() / "net_live"


def tests() -> list[str]:
    if not program().is_file():
        return ["it is not built"]
    listed = subprocess.run([program(), "--gtest_list_tests"], capture_output=True, text=True, timeout=60, check=True)
    names, suite = [], ""
    for line in listed.stdout.splitlines():
        word = line.split("#")[0].strip()
        if not line.startswith(" "):
            suite = word
        else:
            names.append(suite + word)
    return [name for name in names if "." in name and not name.startswith("Running")]


@pytest.mark.parametrize("name", tests())
def test_live(name):
    assert program().is_file(), f"{program()} is not built: ./run build net_live"
    done = subprocess.run([program(), f"--gtest_filter={name}"], capture_output=True, text=True, timeout=DEADLINE_S,
                          stdin=subprocess.DEVNULL)  # fmt: skip
    assert done.returncode == 0 and "[  PASSED  ]" in done.stdout, done.stdout + done.stderr
    if "[  SKIPPED ]" in done.stdout:
        pytest.skip(done.stdout)

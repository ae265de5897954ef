# SPDX-License-Identifier: Apache-2.0
"""tools/soak.py, for some seconds: it kills, sees that all go on, and compares the end."""

import os
import re
import subprocess
import sys

import pytest


@pytest.mark.parametrize("more", [[], ["--brisk"]], ids=["patient", "brisk"])
def test_a_short_soak(root, binary, tmp_path, more):
    command = [sys.executable, root / "tools" / "soak.py", "--minutes", "0.25", "--every", "3", "--folder", tmp_path / "soak", *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL,
                          env=os.environ | {"CAUSEWAY_BINARY": str(binary)})  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    disturbed = re.findall(r"^\d+:\d\d  (?:hub|worker \d): (?:kill -9|stood still).*next round after [\d.]+ s", done.stdout, re.M)
    assert len(disturbed) >= 2, done.stdout
    assert "hub and all workers have" in done.stdout
    if not more and "offers that did not count" not in done.stdout:
        assert "the bits of `causeway train`" in done.stdout

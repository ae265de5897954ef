# SPDX-License-Identifier: Apache-2.0
"""What outlives a process that is killed (namespaces, mounts) carries its name, so that a later one can take it away."""

import os
import pathlib
import re


class NotPermitted(Exception):
    """This machine or this user may not do it. Tests then take another way, or skip with this text."""


def started_at(pid: int) -> str:
    """Clock ticks since the machine's start; with the pid this names a process for good. Empty: there is none."""
    try:
        # The name in parentheses may have blanks.
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def own_name(kind: str) -> str:
    """`causeway-KIND-PID-START` of this process."""
    return f"causeway-{kind}-{os.getpid()}-{started_at(os.getpid())}"


def is_orphan(name: str) -> bool:
    """Whether it is a name of ours whose process is gone."""
    owner = re.match(r"causeway-[a-z]+-(\d+)-(\d+)", name)
    return owner is not None and started_at(int(owner[1])) != owner[2]

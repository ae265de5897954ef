# SPDX-License-Identifier: Apache-2.0
"""The fault table: what was done to a run, what it lost, and how soon it recovered."""

import dataclasses
import pathlib

# Rows in this order, whichever test comes first.
FAULTS = [
    "worker killed mid-round", "worker hangs", "slow link", "partition", "hub killed mid-round", "corrupt payload",
    "duplicate or late message", "clock skew", "malicious update", "disk full at hub", "disk full at worker",
    "preemption notice", "bad certificate or token",
]  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Row:
    fault: str
    done: str
    lost: str
    recovery_s: float | None  # None: there was nothing to recover from.


BEGIN, END = "<!-- faults -->\n", "<!-- end -->"


class FaultTable:
    """Rows of one session of tests. The file is whole after each.

    `page`: a page that has the table between BEGIN and END, too.
    """

    def __init__(self, path: pathlib.Path, page: pathlib.Path | None = None):
        self._path, self._page = path, page
        self._rows: list[Row] = []

    def add(self, fault: str, *, done: str, lost: str, recovery_s: float | None = None) -> None:
        """A row for a test that passed. `fault` is one of FAULTS."""
        assert fault in FAULTS, fault
        self._rows.append(Row(fault, done, lost, recovery_s))
        self._write()

    def _write(self) -> None:
        lines = ["| fault | what was done | what was lost | seconds to recover |", "|---|---|---|---:|"]
        for row in sorted(self._rows, key=lambda row: FAULTS.index(row.fault)):
            seconds = "-" if row.recovery_s is None else f"{row.recovery_s:.1f}"
            cells = (row.fault, row.done, row.lost, seconds)
            lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
        missing = [fault for fault in FAULTS if all(row.fault != fault for row in self._rows)]
        if missing:
            lines += ["", f"Not run, or failed: {', '.join(missing)}."]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text("# Faults\n\n" + "\n".join(lines) + "\n")
        if self._page:
            before, found, rest = self._page.read_text().partition(BEGIN)
            assert found, f"{self._page} has no place for the table"
            self._page.write_text(before + BEGIN + "\n".join(lines) + "\n" + END + rest.partition(END)[2])

# SPDX-License-Identifier: Apache-2.0
"""One line on a terminal: what is being done, and about how long the rest will take."""

import shutil
import sys
import time


class Progress:
    """Work is counted in rough seconds; what it really took so far corrects the estimate."""

    def __init__(self, total: float, on: bool):
        self.total, self.on = total, on
        self.done, self.began, self.part = 0.0, time.monotonic(), ""

    def begins(self, part: str) -> None:
        self.part = part

    def did(self, amount: float) -> None:
        self.done = min(self.total, self.done + amount)

    def says(self, text: str) -> None:
        if not self.on:
            return
        line = f"{self.part}: {text}"
        spent = time.monotonic() - self.began
        if self.done > 0 and spent > 5:
            left = int(spent * (self.total - self.done) / self.done)
            line += f"; about {left // 60} min {left % 60:02} s left"
        print("\r\033[K" + line[: shutil.get_terminal_size().columns - 1], end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self.on:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

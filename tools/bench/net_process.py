# SPDX-License-Identifier: Apache-2.0
"""Child processes of `./run bench net`: lines of output with the time at which they came, memory, core seconds."""

import fcntl
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "python"))

from net.processes import read_usage  # noqa: E402

METER_LOOK_S = 0.05
PACKET_BYTES = 4096


class RunFailed(Exception):
    """What ended badly, or not in time."""


class Process:
    """A child and the lines that it prints, each with the time of its coming.

    `pace_s`: it is read from no sooner than so long after the line before. Its pipe holds one line, so that it cannot go on
    from a line before the one ahead of it was read: a worker that prints each step then takes so long for a step.
    """

    def __init__(self, name: str, command: list, folder: pathlib.Path, pace_s: float | None = None):
        self.name, self.returncode = name, None
        self.lines: list[tuple[float, str]] = []
        self._errors = folder / f"{name}.err"
        self._came = threading.Condition()
        out, into = os.pipe2(os.O_DIRECT | os.O_CLOEXEC) if pace_s else os.pipe()
        if pace_s:
            fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, PACKET_BYTES)
        try:
            with open(self._errors, "ab") as errors:
                self._popen = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *map(str, command)],
                                               stdin=subprocess.DEVNULL, stdout=into, stderr=errors)  # fmt: skip
        finally:
            os.close(into)
        self.pid = self._popen.pid
        self._reader = threading.Thread(target=self._read, args=(out, pace_s), daemon=True)
        self._reader.start()

    def _read(self, out: int, pace_s: float | None) -> None:
        rest, due = b"", 0.0
        while True:
            if pace_s and due:
                time.sleep(max(0.0, due - time.monotonic()))
            asked = time.monotonic()
            data = os.read(out, PACKET_BYTES if pace_s else 1 << 16)
            now = time.monotonic()
            # A reader that was late itself makes up for it; a process that was waited for does not.
            due = (now if now - asked > 1e-3 or not due else due) + (pace_s or 0)
            if not data:
                break
            *whole, rest = (rest + data).split(b"\n")
            with self._came:
                self.lines += [(now, line.decode(errors="replace")) for line in whole]
                self._came.notify_all()
        os.close(out)
        with self._came:
            self._came.notify_all()

    def wait_line(self, pattern: str, seconds_max: float, after: int = 0) -> re.Match:
        """The first line from `after` on that has it."""
        end = time.monotonic() + seconds_max
        with self._came:
            while True:
                # Asked before: what it printed before it ended counts.
                over = not self._reader.is_alive() or time.monotonic() > end
                for _, line in self.lines[after:]:
                    if match := re.search(pattern, line):
                        return match
                if over:
                    raise RunFailed(f"{self.name} printed no {pattern!r}: {self.last_words()}")
                self._came.wait(max(0.0, min(0.5, end - time.monotonic())))

    def alive(self) -> bool:
        if self.returncode is None:
            self.returncode = self._popen.poll()
        return self.returncode is None

    def wait(self, seconds_max: float) -> int:
        end = time.monotonic() + seconds_max
        while self.alive():
            if time.monotonic() > end:
                raise RunFailed(f"{self.name} has not ended within {seconds_max:.0f} s: {self.last_words()}")
            time.sleep(0.01)
        self._reader.join(10)
        return self.returncode

    def kill(self) -> None:
        if self.alive():
            os.kill(self.pid, signal.SIGKILL)
            self.wait(60)

    def last_words(self) -> str:
        lines = self._errors.read_text(errors="replace").splitlines() + [line for _, line in self.lines[-1:]]
        return " | ".join(lines[-3:])[-600:]


class Meter(threading.Thread):
    """Looks at processes while they live: the kernel's high-water mark of a hub that may be replaced by another, and core
    seconds as they grow."""

    def __init__(self):
        super().__init__(daemon=True)
        self.peak_bytes = self.anonymous_bytes = 0
        self.cpu_s: dict[str, list[tuple[float, float]]] = {}  # by name: when, how much
        self._watched: dict[str, int] = {}
        self._ended = threading.Event()

    def watch(self, name: str, pid: int) -> None:
        """From now on instead of what had the name before."""
        self._watched[name] = pid

    def run(self) -> None:
        while not self._ended.wait(METER_LOOK_S):
            for name, pid in list(self._watched.items()):
                try:
                    used = read_usage(pid)
                except (OSError, ValueError, IndexError):
                    continue  # It has ended.
                self.cpu_s.setdefault(name, []).append((time.monotonic(), used.cpu_s))
                if name == "hub":
                    self.peak_bytes = max(self.peak_bytes, used.peak_rss_bytes)
                    self.anonymous_bytes = max(self.anonymous_bytes, used.anonymous_bytes)

    def stop(self) -> None:
        self._ended.set()
        self.join()


def grown(samples: list[tuple[float, float]], begin: float, end: float) -> float:
    """How much was added between two times: each by the last sample before it."""
    before, after = ([value for stamp, value in samples if stamp <= at][-1:] for at in (begin, end))
    return after[0] - before[0] if before and after else 0.0

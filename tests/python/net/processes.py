# SPDX-License-Identifier: Apache-2.0
"""Child processes of tests: output in files, every wait with a deadline, signals by pid, and none is left behind.

A child leads a process group of its own. It dies with the thread that started it (PDEATHSIG), and its group when its
Processes end. Start children from a thread that lives on.
"""

import atexit
import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import time
import weakref

# Of one wait. Two cores that others use too may take long; what is broken fails by a condition, seldom by this.
DEADLINE_S = float(os.environ.get("CAUSEWAY_TEST_DEADLINE_S", 180))
LOOK_S = 0.01
TAIL_LINES = 25


class Late(AssertionError):
    """Something did not come in time, or the process that should bring it ended."""


@dataclasses.dataclass(frozen=True)
class Usage:
    rss_bytes: int  # resident
    peak_rss_bytes: int
    anonymous_bytes: int  # resident, of no file
    cpu_s: float  # user and system
    threads: int


def read_usage(pid: int) -> Usage:
    """Of a living process. ProcessLookupError if it is gone."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        ticks = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
    fields = dict(line.split(":", 1) for line in status.splitlines())
    if "VmRSS" not in fields:
        raise ProcessLookupError(pid)

    def size(name: str) -> int:
        return int(fields[name].split()[0]) * 1024

    return Usage(size("VmRSS"), size("VmHWM"), size("RssAnon"), sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"),
                 int(fields["Threads"]))  # fmt: skip


def wait_for(condition, what: str, *, timeout_s: float = DEADLINE_S, needs: tuple["Child", ...] = ()):
    """Calls `condition` until it gives something true, and returns that. Late if a child of `needs` ends before."""
    end = time.monotonic() + timeout_s
    while True:
        # Asked before: what a child did before it ended counts.
        ended = [child for child in needs if not child.alive]
        if found := condition():
            return found
        for child in ended:
            raise Late(f"waiting for {what}: {child.name} ended with {child.returncode}\n{child.tail()}")
        if time.monotonic() > end:
            tails = "".join("\n" + child.tail() for child in needs)
            raise Late(f"waiting for {what}: not within {timeout_s:g} s{tails}")
        time.sleep(LOOK_S)


class Child:
    """One process. Made by Processes.start."""

    def __init__(self, name: str, command: list[str], folder: pathlib.Path, **options):
        self.name, self.command = name, command
        self.out, self.err = folder / f"{name}.out", folder / f"{name}.err"
        self.returncode: int | None = None  # Below 0: minus the signal that ended it.
        self.peak_rss_bytes: int | None = None  # When it has ended.
        self.cpu_s: float | None = None
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self._popen = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *command], stdin=subprocess.DEVNULL,
                                           stdout=out, stderr=err, start_new_session=True, **options)  # fmt: skip
        self.pid = self._popen.pid

    @property
    def alive(self) -> bool:
        if self.returncode is None:
            # Left as it is, so that the pid is ours until its group is gone, too.
            ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is not None:
                self._reap()
        return self.returncode is None

    def _reap(self) -> None:
        os.killpg(self.pid, signal.SIGKILL)
        _, status, used = os.wait4(self.pid, 0)
        self.returncode = self._popen.returncode = os.waitstatus_to_exitcode(status)
        self.peak_rss_bytes, self.cpu_s = used.ru_maxrss * 1024, used.ru_utime + used.ru_stime

    def text(self) -> str:
        """All that it has printed."""
        return self.out.read_text(errors="replace")

    def complaints(self) -> str:
        """All of its standard error."""
        return self.err.read_text(errors="replace")

    def tail(self) -> str:
        parts = []
        for path in (self.out, self.err):
            lines = path.read_text(errors="replace").splitlines()[-TAIL_LINES:]
            parts += [f"--- {path}", *lines]
        return "\n".join(parts)

    def wait_line(self, pattern: str, *, timeout_s: float = DEADLINE_S) -> re.Match:
        """The first whole line, of output or errors, that has the pattern."""

        def found():
            for text in (self.text(), self.complaints()):
                for line in text.splitlines(keepends=True):
                    if line.endswith("\n") and (match := re.search(pattern, line.rstrip("\n"))):
                        return match
            return None

        return wait_for(found, f"a line with {pattern!r} of {self.name}", timeout_s=timeout_s, needs=(self,))

    def wait(self, *, timeout_s: float = DEADLINE_S) -> int:
        """Its exit code, when it has ended."""
        end = time.monotonic() + timeout_s
        while self.alive:
            if time.monotonic() > end:
                raise Late(f"{self.name} has not ended within {timeout_s:g} s\n{self.tail()}")
            time.sleep(LOOK_S)
        return self.returncode

    def usage(self) -> Usage:
        return read_usage(self.pid)

    def signal(self, number: int) -> None:
        """Nothing if it has ended."""
        if self.alive:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL, to its group; it has ended when this returns."""
        if self.alive:
            os.killpg(self.pid, signal.SIGKILL)
            self.wait()

    def terminate(self) -> None:
        self.signal(signal.SIGTERM)

    def stop(self) -> None:
        """SIGSTOP; it stands still when this returns."""
        self.signal(signal.SIGSTOP)
        wait_for(lambda: not self.alive or self._state() == "T", f"{self.name} to stand still")

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def _state(self) -> str:
        return pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]


_open: "weakref.WeakSet[Processes]" = weakref.WeakSet()


class Processes:
    """Starts children; when it ends none is left. Outputs stay in `folder`, each start of a name has its own files."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.children: list[Child] = []
        self._starts: dict[str, int] = {}
        folder.mkdir(parents=True, exist_ok=True)
        _open.add(self)

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def start(self, name: str, command, **options) -> Child:
        """`options` are subprocess.Popen's: cwd, env. The second start of a name is NAME.2."""
        times = self._starts[name] = self._starts.get(name, 0) + 1
        child = Child(name if times == 1 else f"{name}.{times}", [str(part) for part in command], self.folder, **options)
        self.children.append(child)
        return child

    def close(self) -> None:
        for child in self.children:
            child.kill()


@atexit.register
def _close_all() -> None:
    for processes in list(_open):
        processes.close()

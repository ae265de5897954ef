# SPDX-License-Identifier: Apache-2.0
"""Disks that get full when a test says so."""

import errno
import os
import pathlib
import shutil
import subprocess

from net.owner import NotPermitted, is_orphan, own_name


class SmallDisk:
    """A file system of its own, in memory, at `folder`: a new one, or an empty one that is there. Context manager.

    NotPermitted where this user may not mount. What a killed process left mounted, the next SmallDisk takes away.
    """

    def __init__(self, folder: pathlib.Path, size_bytes: int):
        self.folder, self.size_bytes = folder, size_bytes
        self._filler = folder / ".filler"

    def __enter__(self) -> "SmallDisk":
        sweep()
        self.folder.mkdir(parents=True, exist_ok=True)
        assert not any(self.folder.iterdir()), f"{self.folder} is not empty"
        command = ["mount", "-t", "tmpfs", "-o", f"size={self.size_bytes},mode=0700", own_name("disk"), self.folder]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise NotPermitted(f"cannot mount a small disk: {done.stderr.strip()}")
        return self

    def __exit__(self, *_) -> None:
        # Lazily: processes that still have files open keep them, and nothing else.
        subprocess.run(["umount", "--lazy", self.folder], check=True)

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.folder).free

    def fill(self, leave_bytes: int = 0) -> None:
        """Takes all room but so much."""
        with open(self._filler, "ab") as filler:
            try:
                while (count := self.free_bytes() - leave_bytes) > 0:
                    filler.write(bytes(min(count, 1 << 20)))
                    filler.flush()
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def empty(self) -> None:
        """Gives the room back."""
        self._filler.unlink(missing_ok=True)


def sweep() -> None:
    """Unmounts what killed processes left."""
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        source, folder = line.split()[:2]
        if source.startswith("causeway-disk-") and is_orphan(source):
            # /proc/mounts writes blanks and the like as \040.
            subprocess.run(["umount", "--lazy", folder.encode().decode("unicode_escape")], capture_output=True)


def limited(command, file_bytes_max: int) -> list[str]:
    """The command, with files that cannot grow beyond this: writing fails with EFBIG. Needs no rights, and is no full
    disk: small files still go, and only a new start takes the limit away."""
    limit = ["env", "--ignore-signal=XFSZ", "prlimit", f"--fsize={file_bytes_max}", "--"]
    return [*limit, *(os.fspath(part) for part in command)]

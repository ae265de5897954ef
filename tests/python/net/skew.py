# SPDX-License-Identifier: Apache-2.0
"""A clock that is wrong, for one process: see skew.c."""

import os
import pathlib
import struct
import subprocess

SOURCE = pathlib.Path(__file__).with_name("skew.c")


class SkewedClock:
    """The time of day of processes that are started with `environment`. It may be set while they run."""

    def __init__(self, folder: pathlib.Path, offset_s: float = 0.0):
        folder.mkdir(parents=True, exist_ok=True)
        library = folder / "skew.so"
        if not library.exists():
            subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", library, SOURCE, "-lm"],
                           check=True)  # fmt: skip
        self._file = folder / f"offset{len(list(folder.glob('offset*')))}"
        self.set(offset_s)
        self.environment = os.environ | {"LD_PRELOAD": str(library), "CAUSEWAY_SKEW_FILE": str(self._file)}

    def set(self, offset_s: float) -> None:
        # In place: the processes have the file mapped.
        with open(self._file, "r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("<d", offset_s))

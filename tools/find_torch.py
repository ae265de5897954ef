#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Says where the installed torch is, and whether it serves.

    find_torch.py prefix           print the folder for CMAKE_PREFIX_PATH
    find_torch.py links VERSION    exit 0 if it has VERSION and its CPU libraries load
    find_torch.py imports VERSION  exit 0 if, besides, Python can import it

The package is looked up without importing it: the CUDA build cannot be imported where its CUDA packages are left out.
"""

import ctypes
import importlib
import importlib.metadata
import importlib.util
import pathlib
import sys


def folder() -> pathlib.Path:
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        sys.exit("find_torch: torch is not installed in this Python")
    return pathlib.Path(spec.origin).parent


def main(arguments: list[str]) -> int:
    if arguments == ["prefix"]:
        print(folder() / "share" / "cmake")
        return 0
    if len(arguments) != 2 or arguments[0] not in ("links", "imports"):
        print(__doc__, file=sys.stderr)
        return 2
    level, wanted = arguments
    root = folder()
    found = importlib.metadata.version("torch").split("+")[0]
    if found != wanted:
        sys.exit(f"find_torch: torch {found} is installed, {wanted} is wanted")
    try:
        ctypes.CDLL(str(root / "lib" / "libtorch_cpu.so"))
        if level == "imports":
            importlib.import_module("torch")
    except (ImportError, OSError, ValueError) as error:
        sys.exit(f"find_torch: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

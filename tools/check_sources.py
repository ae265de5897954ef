#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the house rules that no compiler checks, on all sources of a tree. Prints each breach; exit status 1 if any.

check_sources.py FOLDER
"""

import os
import pathlib
import sys

SUFFIXES = {".h", ".cpp", ".cu", ".py", ".sh", ".cmake", ".proto"}
NAMES = {"CMakeLists.txt", "run"}
FOLDERS_LEFT_OUT = {".git", ".venv", "build", "runs", "__pycache__"}
LICENCE = "SPDX-License-Identifier: Apache-2.0"
# A shebang, and for sourced shell scripts a line for shellcheck, may come first.
LICENCE_LINES = 2


def sources(root: pathlib.Path):
    for folder, names, files in os.walk(root):
        names[:] = sorted(set(names) - FOLDERS_LEFT_OUT)
        for name in sorted(files):
            if name in NAMES or pathlib.Path(name).suffix in SUFFIXES:
                yield pathlib.Path(folder, name)


def breaches(path: pathlib.Path):
    """Yields (line number, what is wrong)."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        yield 1, "is not UTF-8"
        return
    lines = text.split("\n")
    if not any(LICENCE in line for line in lines[:LICENCE_LINES]):
        yield 1, f"has no `{LICENCE}` at its head"
    if path.suffix == ".h" and "#pragma once" not in lines:
        yield 1, "has no `#pragma once`"
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            yield number, "has blanks at its end"
        if "\t" in line:
            yield number, "has a tab"
    if text and not text.endswith("\n"):
        yield len(lines), "does not end with a newline"


def main(folder: str) -> int:
    found = 0
    for path in sources(pathlib.Path(folder)):
        for number, what in breaches(path):
            print(f"{path}:{number}: {what}")
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

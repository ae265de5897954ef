#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the sources of a compile_commands.json that lie in a folder, but tests, fuzzers and benchmarks, and the unity
build's units of such sources: one per line.

list_sources.py COMPILE_COMMANDS FOLDER
"""

import json
import pathlib
import sys

LEFT_OUT = ("_test.cpp", "_fuzz.cpp", "_bench.cpp")
TESTS = ("_test.dir", "_live.dir")  # ends of CMake's folders of test binaries


def main(commands: str, folder: str) -> None:
    root = pathlib.Path(folder).resolve()
    entries = json.loads(pathlib.Path(commands).read_text(encoding="utf-8"))
    files = {pathlib.Path(entry["directory"], entry["file"]).resolve() for entry in entries}
    for file in sorted(files):
        unit = file.parent.name == "Unity" and not file.parent.parent.name.endswith(TESTS)
        if unit or (file.is_relative_to(root) and not file.name.endswith(LEFT_OUT)):
            print(file)


if __name__ == "__main__":
    main(*sys.argv[1:])

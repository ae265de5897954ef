#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares a file with its hash as npm writes one: ALGORITHM-BASE64. Exit status 1 and a word if they differ.

check_hash.py FILE HASH
"""

import base64
import hashlib
import pathlib
import sys


def main(path: str, wanted: str) -> int:
    algorithm, _, _ = wanted.partition("-")
    digest = hashlib.new(algorithm, pathlib.Path(path).read_bytes()).digest()
    got = f"{algorithm}-{base64.b64encode(digest).decode()}"
    if got != wanted:
        print(f"{path}: got {got}, want {wanted}", file=sys.stderr)
    return int(got != wanted)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

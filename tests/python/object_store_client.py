# SPDX-License-Identifier: Apache-2.0
"""Our client of object stores, by the program object_store_example."""

import json
import os
import pathlib
import subprocess

from conftest import ROOT

BUILD = pathlib.Path(os.environ.get("CAUSEWAY_BUILD", ROOT / "build" / "release"))
PROGRAM = BUILD / "object_store_example"


class Client:
    """object_store_example with its options in a folder of its own."""

    def __init__(self, folder, endpoint, keys=("KEY", "SECRET"), **options):
        self.folder = folder
        key_file = folder / "keys"
        key_file.touch(mode=0o600)
        key_file.write_text("\n".join(keys) + "\n")
        self.options = {"endpoint": endpoint, "region": "us-east-1", "bucket": "runs", "prefix": "team",
                        "access_key_file": str(key_file), "timeout_ms": 20_000, **options}  # fmt: skip

    def __call__(self, *words, deadline_s: float = 120, **environment) -> subprocess.CompletedProcess:
        file = self.folder / "store.toml"
        file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in self.options.items()))
        return subprocess.run([PROGRAM, file, *map(str, words)], capture_output=True, text=True, timeout=deadline_s,
                              env={**os.environ, **environment})  # fmt: skip

    def put(self, key: str, data: bytes, word="put"):
        (self.folder / "in").write_bytes(data)
        return self(word, key, self.folder / "in")

    def get(self, key: str, bytes_max: int, word="get"):
        """The object, or the failed process."""
        done = self(word, key, self.folder / "out", bytes_max)
        return (self.folder / "out").read_bytes() if done.returncode == 0 else done


def fails(done, status: int, *texts: str) -> None:
    assert isinstance(done, subprocess.CompletedProcess), "wanted a failure"
    assert done.returncode == status, done.stderr
    for text in texts:
        assert text in done.stderr

# SPDX-License-Identifier: Apache-2.0
"""What the Python tests share: the tree, its tools as modules, and the built binary."""

import importlib.util
import json
import os
import pathlib
import random
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> pathlib.Path:
    """The top folder of the tree."""
    return ROOT


@pytest.fixture(scope="session")
def tool():
    """Loads tools/NAME.py as a module: `tool("prepare_sites")`."""

    def load(name: str):
        spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        # dataclasses look their module up by name.
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def binary() -> pathlib.Path:
    """build/release/causeway, or the file that CAUSEWAY_BINARY names, or that of the build folder CAUSEWAY_BUILD."""
    build = pathlib.Path(os.environ.get("CAUSEWAY_BUILD", ROOT / "build" / "release"))
    path = pathlib.Path(os.environ.get("CAUSEWAY_BINARY", build / "causeway"))
    assert path.is_file(), f"{path} is not built: ./run build"
    return path


def call_binary(binary, folder):
    def call(*arguments: str, timeout_s: float = 300, **options) -> subprocess.CompletedProcess:
        options = {"cwd": folder, "text": True, **options}
        if options["text"]:
            options.setdefault("errors", "replace")
        return subprocess.run([str(binary), *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=timeout_s, **options)  # fmt: skip

    return call


@pytest.fixture
def causeway(binary, tmp_path):
    """Runs the binary in an empty folder: `causeway("list")` gives the finished process, its output as text."""
    return call_binary(binary, tmp_path)


def toml(value) -> str:
    """A value as TOML; tables within tables are written inline."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(entry)}" for key, entry in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, pathlib.Path):
        value = str(value)
    return repr(value) if isinstance(value, float) else json.dumps(value)


WORDS = {
    "north": "the of a tide that island comes and goes with every moon we wait for low water to cross".split(),
    "south": "if else for while return int float const auto void template class struct namespace using".split(),
}


def words(place: str, count: int, seed: int) -> str:
    """Lines of words drawn from one place's vocabulary: the same for the same arguments."""
    draw = random.Random(f"{place} {seed}")
    lines = (" ".join(draw.choices(WORDS[place], k=9)) for _ in range(count // 9))
    return "\n".join(lines) + "\n"


class Recipes:
    """Writes small recipes and the text of their two sites into one folder."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        for place in WORDS:
            (folder / f"{place}.train.txt").write_text(words(place, 2000, 1))
            (folder / f"{place}.valid.txt").write_text(words(place, 200, 2))

    def sites(self) -> list[dict]:
        return [{"name": place, "train": [self.folder / f"{place}.train.txt"],
                 "valid": [self.folder / f"{place}.valid.txt"]} for place in WORDS]  # fmt: skip

    def __call__(self, name: str = "tiny", **changes: dict) -> pathlib.Path:
        """NAME.toml: two sites, 2 layers x 32, DiLoCo. `run={"steps": 9}` changes entries, None leaves them out."""
        tables = {
            "run": {"name": name, "steps": 12},
            "model": {"layers": 2, "width": 32, "heads": 2, "context": 32},
            "data": {"site": self.sites()},
            "train": {"batch_tokens": 128, "optimizer": {"name": "adamw", "lr": 0.003}},
            "sync": {"preset": "diloco", "period": 4},
        }
        for table, entries in changes.items():
            tables[table] = {**tables.get(table, {}), **entries}
        text = ""
        for table, entries in tables.items():
            text += f"[{table}]\n"
            text += "".join(f"{key} = {toml(value)}\n" for key, value in entries.items() if value is not None)
        path = self.folder / f"{name}.toml"
        path.write_text(text)
        return path


@pytest.fixture
def recipes(tmp_path) -> Recipes:
    """Small recipes in the test's folder."""
    return Recipes(tmp_path)


def events(text: str) -> list[dict]:
    """The lines of --json."""
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def train(causeway):
    """`train(recipe, out, *more)` runs to the end and gives the `end` event; `.events` has all of them."""

    def call(recipe, out, *more, **options) -> dict:
        done = causeway("train", recipe, "--out", out, "--json", *more, **options)
        assert done.returncode == 0, done.stderr
        call.events = events(done.stdout)
        assert call.events[-1]["event"] == "end"
        return call.events[-1]

    return call


@pytest.fixture(scope="session")
def finished(binary, tmp_path_factory):
    """A finished run for tests that only read: its recipe, its folder and its events."""
    folder = tmp_path_factory.mktemp("finished")
    recipe = Recipes(folder)(run={"steps": 40, "checkpoint_every": 10})
    out = folder / "run"
    done = call_binary(binary, folder)("train", recipe, "--out", out, "--trace", folder / "trace.jsonl", "--json")
    assert done.returncode == 0, done.stderr

    class Finished:
        pass

    run = Finished()
    run.recipe, run.folder, run.trace, run.events = recipe, out, folder / "trace.jsonl", events(done.stdout)
    run.checkpoint = out / "checkpoints" / "000000040"
    run.valid = folder / "north.valid.txt"
    return run

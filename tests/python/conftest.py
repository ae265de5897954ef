# SPDX-License-Identifier: Apache-2.0
"""What the Python tests share: the tree, its tools as modules, and the built binary."""

import importlib.util
import os
import pathlib
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
    """build/release/causeway, or the file that CAUSEWAY_BINARY names."""
    path = pathlib.Path(os.environ.get("CAUSEWAY_BINARY", ROOT / "build" / "release" / "causeway"))
    assert path.is_file(), f"{path} is not built: ./run build"
    return path


@pytest.fixture
def causeway(binary, tmp_path):
    """Runs the binary in an empty folder: `causeway("list")` gives the finished process, its output as text."""

    def call(*arguments: str, timeout_s: float = 300, **options) -> subprocess.CompletedProcess:
        options.setdefault("cwd", tmp_path)
        return subprocess.run([str(binary), *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=timeout_s, **options)  # fmt: skip

    return call

# SPDX-License-Identifier: Apache-2.0
"""Every recipe in examples/ trains as it stands, for some steps and with short validation texts."""

import json
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECIPES = sorted((ROOT / "examples").glob("*.toml"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_an_example_trains(recipe, causeway, tmp_path):
    valid = tmp_path / "valid.txt"
    valid.write_text("A short text that no site has trained on.\n" * 40)
    settings = ["run.steps=3"]
    sites = recipe.read_text().split("[[data.site]]")[1:]
    for index, site in enumerate(sites):
        if re.search(r"^valid *=", site, re.MULTILINE):
            settings.append(f'data.site.{index}.valid=["{valid}"]')
    arguments = [word for setting in settings for word in ("--set", setting)]
    done = causeway("train", recipe, *arguments, "--out", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    end = json.loads(done.stdout.splitlines()[-1])
    assert end["event"] == "end" and end["finished"] and end["steps"] == 3


def test_there_are_examples():
    assert len(RECIPES) >= 2

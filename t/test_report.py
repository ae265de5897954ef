# SPDX-License-Identifier: Apache-2.0
"""report.html as a browser would parse it, and the log and the trace that belong to it."""

import html.parser
import json
import os
import pathlib
import re
import sqlite3
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CAUSEWAY_BUILD", ROOT / "build" / "release"))


class Page(html.parser.HTMLParser):
    """The scripts of a page by their id, and the tags outside of them."""

    def __init__(self, text):
        super().__init__()
        self.scripts, self.tags, self.attributes, self.inside = {}, [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attributes]
        if tag == "script":
            self.inside = dict(attributes).get("id", "code")
            self.scripts[self.inside] = ""

    def handle_endtag(self, tag):
        if tag == "script":
            self.inside = None

    def handle_data(self, data):
        if self.inside:
            self.scripts[self.inside] += data


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    for arguments in ([], ["resume"]):
        subprocess.run([BUILD / "record_example", folder, *arguments], check=True, stdout=subprocess.DEVNULL)
    return folder


def test_report_stands_alone(folder):
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://", text)
    page = Page(text)
    assert sorted(page.scripts) == ["code", "data"]
    assert page.tags.count("script") == 2
    assert not {"link", "img", "iframe", "b"} & set(page.tags)
    assert not {"src", "href"} & set(page.attributes)


def test_report_holds_the_run(folder):
    run = json.loads(Page((folder / "report.html").read_text(encoding="utf-8")).scripts["data"])
    assert run["name"] == "three-coasts </script> & friends"
    assert (run["first_step"], run["steps"], run["finished"]) == (200, 400, True)
    assert [site["name"] for site in run["sites"]] == ["dickens", "austen", "brüder-grimm"]
    assert all(len(site["loss"]) == 200 for site in run["sites"])
    assert "<script>alert(1)</script>" in run["recipe"]
    assert sum(group["rounds"] for group in run["fired"]) == run["rounds_total"] == 13


def test_log_and_trace_agree_after_a_resume(folder):
    steps = sqlite3.connect(folder / "log.sqlite").execute(
        "SELECT step, worker, loss, gradient_norm FROM steps ORDER BY step, worker").fetchall()
    trace = [json.loads(line) for line in (folder / "trace.jsonl").read_text().splitlines()]
    assert len(trace) == 1600
    assert [tuple(line.values()) for line in trace] == steps  # to the last bit

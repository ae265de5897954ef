#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up what ctest, pytest and the oracle report. The last line is `N passed, N failed`; exit status 1 if any failed.

A suite whose report is missing, broken or empty counts as one failure: tests that did not run did not pass.
"""

import argparse
import dataclasses
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

FAILURES_SHOWN = 50


@dataclasses.dataclass
class Suite:
    name: str
    passed: int = 0
    skipped: int = 0
    failures: list[str] = dataclasses.field(default_factory=list)

    def add(self, case: str, outcome: str) -> None:
        if outcome == "passed":
            self.passed += 1
        elif outcome == "skipped":
            self.skipped += 1
        else:
            self.failures.append(case)


def outcome_of_ctest(case: ElementTree.Element) -> str:
    """ctest says `notrun` both for a test that skipped itself and for one whose program was not built."""
    status = case.get("status")
    if status == "run":
        return "passed"
    skip = case.find("skipped")
    reason = "" if skip is None else skip.get("message", "")
    if status == "disabled" or (status == "notrun" and reason.startswith("SKIP_")):
        return "skipped"
    return "failed"


def outcome_of_pytest(case: ElementTree.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "passed" if case.find("skipped") is None else "skipped"


def read_junit(name: str, path: pathlib.Path, outcome_of) -> Suite:
    suite = Suite(name)
    try:
        cases = list(ElementTree.parse(path).iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        suite.failures.append(f"no report: {error}")
        return suite
    for case in cases:
        suite.add(f"{case.get('classname', '')} {case.get('name', '')}".strip(), outcome_of(case))
    if not cases:
        suite.failures.append("the report has no test")
    return suite


def read_oracle(path: pathlib.Path) -> Suite:
    suite = Suite("oracle")
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        suite.failures.append(f"no report: {error}")
        return suite
    total = re.fullmatch(r"(\d+) passed, (\d+) failed, (\d+) skipped", lines[-1].strip()) if lines else None
    if total is None:
        suite.failures.append("did not end with `N passed, N failed, N skipped`")
        return suite
    suite.passed, failed, suite.skipped = (int(group) for group in total.groups())
    suite.failures = ["a golden trace: see its log"] * failed
    if not suite.passed and not failed:
        suite.failures.append("compared no case")
    return suite


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("ctest", "pytest", "oracle"):
        parser.add_argument(f"--{name}", type=pathlib.Path)
    options = parser.parse_args()
    suites = []
    if options.ctest:
        suites.append(read_junit("ctest", options.ctest, outcome_of_ctest))
    if options.pytest:
        suites.append(read_junit("pytest", options.pytest, outcome_of_pytest))
    if options.oracle:
        suites.append(read_oracle(options.oracle))
    if not suites:
        parser.error("no report given")
    print()
    for suite in suites:
        skipped = f", {suite.skipped} skipped" if suite.skipped else ""
        print(f"{suite.name:8} {suite.passed} passed, {len(suite.failures)} failed{skipped}")
        for case in suite.failures[:FAILURES_SHOWN]:
            print(f"  failed: {case}")
    failed = sum(len(suite.failures) for suite in suites)
    print(f"{sum(suite.passed for suite in suites)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

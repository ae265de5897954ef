#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants known mistakes in the protocol, one at a time, and counts the random worlds until one fails.

A mistake that no world finds is a hole in the invariants, the checks or the draw. The sources are copied to
build/mutants; the tree is not touched.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCRATCH = ROOT / "build" / "mutants"
PAGE = ROOT / "docs" / "protocol.md"
FOLDERS = "core;codec;aggregate;store;sync;exchange;hub;sim"
BUILD_SECONDS_MAX = 3600
RUN_SECONDS_MAX = 900


@dataclasses.dataclass(frozen=True)
class Mutant:
    name: str
    file: str  # below src/
    right: str  # occurs exactly once there
    wrong: str


MUTANTS = [
    Mutant("a message of an old epoch is taken", "hub/hub_machine.cpp",
           "ledger_.member(worker, message.epoch) == nullptr) {", "!live_.contains(worker)) {"),
    Mutant("it is told before the log is durable", "hub/hub_machine.cpp",
           "while (!gated_.empty() && gated_.front().sequence <= durable_) {", "while (!gated_.empty()) {"),
    Mutant("the log says that it is durable, and is not", "store/file_log.cpp",
           "if (auto synced = disk_.sync(name_); !synced) {\n      failed_ = true;",
           "if (auto synced = Result<void>(); !synced) {\n      failed_ = true;"),
    Mutant("a late offer is taken after the close", "hub/hub_offers.cpp",
           "over = open->second.closed.has_value();", "over = false;"),
    Mutant("an offer from an epoch that is over still counts", "hub/ledger.cpp",
           "      round.held.erase(worker);\n      round.lost[worker] = reason;", "      round.lost[worker] = reason;"),
    Mutant("tiles are not folded anew when a member drops", "exchange/fold.cpp",
           "  chosen_ = std::move(chosen);\n  begin_anew();", "  chosen_ = std::move(chosen);"),
    Mutant("offers are folded without their weights", "hub/hub_host_offers.cpp",
           "return channel.extend(worker, parcel.weight, bytes);", "return channel.extend(worker, 1, bytes);"),
    Mutant("an offer may have another digest than it was announced with", "hub/hub_host_offers.cpp",
           "const auto arrival = arrivals_.find(blob);\n",
           "if (spool_.progress(blob)) return {};\n  const auto arrival = arrivals_.find(blob);\n"),
    Mutant("a blob is dropped that is still needed", "hub/hub_machine.cpp",
           "if (drop == nullptr || !in_use(drop->blob)) emit_now", "emit_now"),
    Mutant("a joiner gets parameters, but no anchors and outer state", "sync/mirror.cpp",
           "CW_TRY(engine.restore(parsed.engine));",
           "const std::vector<States> mine = engine.states();\n"
           "  CW_TRY(engine.restore(parsed.engine));\n  engine.states() = mine;"),
    Mutant("feedback is settled though the offer was not folded", "sync/engine.cpp",
           "if (has(result->members, worker_)) {", "if (!open.sent.empty() || has(result->members, worker_)) {"),
    Mutant("a consensus is applied twice", "sync/engine.cpp",
           "for (const int32_t channel : channels) apply(*commit, channel, open);",
           "for (const int32_t channel : channels) apply(*commit, channel, open);\n"
           "      if (worker_ == 1 && open.round % 3 == 0)\n"
           "        for (const int32_t channel : channels) apply(*commit, channel, open);"),
    Mutant("who is left out gets no reason", "hub/hub_rounds.cpp",
           'return "deadline passed: no offer came";', "return {};"),
    Mutant("a round closes without its quorum", "hub/hub_rounds.cpp",
           "if (count < settings_.quorum_count) return false;", "if (count == 0) return false;"),
    Mutant("a chunk that comes twice counts twice", "hub/hub_offers.cpp",
           "if (chunk.offset == incoming.received && fits) {", "if (chunk.offset <= incoming.received && fits) {"),
    Mutant("a snapshot is dropped while a joiner fetches it", "hub/hub_offers.cpp",
           "std::any_of(fetching_.begin(), fetching_.end(), fetched);",
           "(false && std::any_of(fetching_.begin(), fetching_.end(), fetched));"),
    Mutant("a torn end stays in the log", "store/file_log.cpp",
           "if (torn_ > 0) CW_TRY(disk_.truncate(name_, size_));", ""),
    Mutant("sums are kept in single precision", "aggregate/plugins/mean.cpp",
           "double sum = First ? weight[0] * row[0][i] : sums[i] + weight[0] * row[0][i];",
           "float sum = static_cast<float>(First ? weight[0] * row[0][i] : sums[i] + weight[0] * row[0][i]);"),
]


def sources(mutant):
    return SCRATCH / "tree" / "src" / mutant.file


def run(command, seconds, log):
    with open(log, "w") as out:
        return subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, timeout=seconds).returncode


def copy_tree():
    """The sources as they are now; a file that has not changed keeps its time, so that little is built again."""
    target = SCRATCH / "tree"
    for name in ("src", "cmake"):
        for path in (ROOT / name).rglob("*"):
            if not path.is_file():
                continue
            copy = target / path.relative_to(ROOT)
            if copy.exists() and copy.read_bytes() == path.read_bytes():
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        for copy in (target / name).rglob("*"):
            if copy.is_file() and not (ROOT / copy.relative_to(target)).exists():
                copy.unlink()
    shutil.copyfile(ROOT / "CMakeLists.txt", target / "CMakeLists.txt")


def build():
    log = SCRATCH / "build.log"
    configure = ["cmake", "-S", SCRATCH / "tree", "-B", SCRATCH / "build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                 "-DCMAKE_CXX_FLAGS_RELEASE=-O1", "-DCAUSEWAY_TORCH=OFF", f"-DCAUSEWAY_ONLY={FOLDERS}"]  # fmt: skip
    if shutil.which("ccache"):
        configure.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
    if not (SCRATCH / "build" / "build.ninja").exists() and run(configure, 300, log) != 0:
        sys.exit(f"cannot configure: {log}")
    jobs = os.environ.get("CAUSEWAY_JOBS", str(os.cpu_count()))
    if run(["ninja", "-C", SCRATCH / "build", "-j", jobs, "fuzz_protocol"], BUILD_SECONDS_MAX, log) != 0:
        sys.exit(f"does not build: {log}")


def fuzz(seeds):
    """(worlds until one failed, what was wrong), or (worlds, None)."""
    log = SCRATCH / "run.log"
    command = [SCRATCH / "build" / "fuzz_protocol", "--seeds", str(seeds), "--no-shrink", "--no-coverage"]
    run(command, RUN_SECONDS_MAX, log)
    text = log.read_text(errors="replace")
    worlds = re.search(r"^(\d+) worlds, (\d+) failed", text, re.MULTILINE)
    if worlds is None:
        sys.exit(f"fuzz_protocol ended without its last line: {log}")
    if worlds[2] == "0":
        return int(worlds[1]), None
    seed = re.search(r"--seed (\d+) --timeline", text)
    wrong = next((line for line in text.splitlines() if re.match(r"\S+: \S", line)), "?")
    return int(seed[1]) if seed else int(worlds[1]), wrong.split(": ", 1)[-1]


def readable(wrong):
    """Files by their names alone: what the scratch folder is called says nothing."""
    return re.sub(r"(\.\./)+tree/src/\S*/", "", wrong)


def write_table(rows, seeds):
    """Puts the table where docs/protocol.md has it."""
    text = PAGE.read_text()
    lines = ["| mistake | worlds until it is found | found by |", "|---|---:|---|"]
    lines += [f"| {name} | {worlds} | {wrong.replace('|', '/')} |" for name, worlds, wrong in rows]
    begin, end = f"<!-- ./run mutants --seeds {seeds} --write -->\n", "<!-- end -->"
    pattern = re.compile(r"<!-- \./run mutants .*? -->\n.*?<!-- end -->", re.DOTALL)
    if not pattern.search(text):
        sys.exit(f"{PAGE}: there is no place for the table of mistakes")
    PAGE.write_text(pattern.sub(lambda _: begin + "\n".join(lines) + "\n" + end, text))


def check_table(mutants):
    for mutant in mutants:
        count = (ROOT / "src" / mutant.file).read_text().count(mutant.right)
        if count != 1:
            sys.exit(f"tools/mutants.py is out of date: the text of `{mutant.name}` occurs {count} times in "
                     f"src/{mutant.file}")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3000, help="worlds for each mistake, at most (3000)")
    parser.add_argument("--only", help="mistakes whose name has this text")
    parser.add_argument("--write", action="store_true", help="put the table into docs/protocol.md")
    parser.add_argument("--check", action="store_true", help="only say whether the table fits the sources")
    arguments = parser.parse_args()
    mutants = [one for one in MUTANTS if not arguments.only or arguments.only in one.name]
    check_table(mutants)
    if arguments.check:
        print(f"{len(mutants)} mistakes, all of them can be planted")
        return
    copy_tree()
    build()
    worlds, wrong = fuzz(min(arguments.seeds, 300))
    if wrong is not None:
        sys.exit(f"without a mistake world {worlds} fails already: {wrong}")
    missed, rows = 0, []
    print(f"{'mistake':<58} {'worlds':>6}  found by", flush=True)
    for mutant in mutants:
        path = sources(mutant)
        text = path.read_text()
        path.write_text(text.replace(mutant.right, mutant.wrong))
        try:
            build()
            worlds, wrong = fuzz(arguments.seeds)
        finally:
            path.write_text(text)
        missed += wrong is None
        rows.append((mutant.name, worlds, readable(wrong or "NOT FOUND")[:100]))
        print(f"{mutant.name:<58} {worlds:>6}  {rows[-1][2]}", flush=True)
    if arguments.write:
        write_table(rows, arguments.seeds)
    print(f"{len(mutants) - missed} of {len(mutants)} found")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()

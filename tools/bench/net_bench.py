# SPDX-License-Identifier: Apache-2.0
"""Hub and workers as real processes on this machine, with mutual TLS, hashes, log and spool on disk: seconds a round, the
hub's memory, use of narrow links, a killed hub, training meanwhile. docs/performance.md says how it is measured.

./run bench net [--quick] [--only PART,PART] [--json FILE] [--peers VENVS [--peers-scripts FOLDER]] [--turns N]

Exit status 0: measured, whatever targets were missed; 1: a row of ours failed; 2: bad usage.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import statistics
import sys
import time

import machine
import net_peers
import net_tables
import tables
from choices import some_of
from net_links import HUB_ADDRESS
from net_rows import PARTS, ROWS, Bench, Row, measured
from net_runs import Certificates
from progress import Progress

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEER_FOLDERS = tuple(dict.fromkeys(peer.folder for peer in net_peers.PEERS))
QUICK_PEERS = ("gloo", "hivemind", "torchft")
PEER_SECONDS = {"4MB": 15, "496MB": 90}


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run bench net", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="under 2 minutes: 4 MB, and the killed hub")
    parser.add_argument("--only", type=some_of(PARTS), metavar="PART,PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--turns", type=int, metavar="N", help="of rounds beside their peers; default 3, without peers 1")
    parser.add_argument("--peers", type=pathlib.Path, metavar="VENVS", help="folder with a virtual environment for each peer")
    parser.add_argument("--peers-scripts", type=pathlib.Path, metavar="FOLDER", default=ROOT.parent / "shared" / "peers",
                        help="the peers' scripts; default ../shared/peers")  # fmt: skip
    parser.add_argument("--peer-names", type=some_of(PEER_FOLDERS), metavar="NAME,NAME", default=QUICK_PEERS,
                        help=f"of {', '.join(PEER_FOLDERS)}; default {','.join(QUICK_PEERS)}")  # fmt: skip
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "build" / "bench-net", metavar="FOLDER",
                        help="for the runs' files: on a disk, not in memory")  # fmt: skip
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write everything measured to FILE")
    options = parser.parse_args(arguments)
    if options.turns is not None and options.turns < 1:
        parser.error(f"--turns {options.turns}: wanted 1 or more")
    if options.json and not options.json.absolute().parent.is_dir():
        parser.error(f"--json {options.json}: no such folder")
    if options.peers and not options.peers.is_dir():
        parser.error(f"--peers {options.peers}: no such folder")
    return options


def binary() -> pathlib.Path:
    build = pathlib.Path(os.environ.get("CAUSEWAY_BUILD", ROOT / "build" / "release")).resolve()
    for path in (build / "causeway-hub", build / "causeway"):
        if path.is_file():
            return path
    raise SystemExit(f"./run bench net: {build}/causeway-hub is not built: ./run build causeway_hub_program")


def file_system(folder: pathlib.Path) -> str:
    """The kind of the one that the folder is on."""
    best, kind = "", "?"
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        _, place, name, *_ = line.split()
        if len(place) >= len(best) and folder.resolve().is_relative_to(place):
            best, kind = place, name
    return kind


def rows_of(options: argparse.Namespace) -> list[Row]:
    return [row for row in ROWS if (not options.only or row.part in options.only) and (row.quick or not options.quick)]


def joined(turns: list[dict]) -> dict:
    """One of several that measured the same: its rounds are those of all."""
    good = [turn for turn in turns if "failure" not in turn]
    if len(good) < len(turns) or len(turns) == 1:
        return next((turn for turn in turns if "failure" in turn), turns[0])
    rounds = [value for turn in good for value in turn["rounds_s"]]
    return good[0] | {"rounds_s": rounds, "min_s": min(rounds), "median_s": statistics.median(rounds),
                      "company": max((turn.get("company", 0) for turn in good)),
                      "hub_peak_bytes": max((turn.get("hub_peak_bytes", 0) for turn in good))}  # fmt: skip


class NetBench:
    def __init__(self, options: argparse.Namespace):
        self.options, self.rows = options, rows_of(options)
        if not self.rows:
            raise SystemExit("./run bench net: --quick leaves nothing of what --only asks for")
        self.peers = net_peers.found(options.peers, options.peers_scripts, options.peer_names) if options.peers else []
        self.turns = options.turns or (3 if self.peers else 1)
        self.paint = tables.Paint(sys.stdout.isatty() and "NO_COLOR" not in os.environ)
        self.progress = Progress(sum(map(self.weight, self.rows)), sys.stderr.isatty())
        options.folder.mkdir(parents=True, exist_ok=True)
        program = binary()
        certificates = Certificates(program, options.folder / "certs", ("127.0.0.1", HUB_ADDRESS))
        self.bench = Bench(program, options.folder, certificates)

    def peers_of(self, row: dict) -> list[net_peers.Peer]:
        return [peer for peer in self.peers if net_peers.fits(peer, row)]

    def weight(self, row: Row) -> float:
        guess = self.peers_of({"name": row.name, "part": row.part})
        size = net_peers.SIZE_OF.get(row.name.split(",")[0], "4MB")
        return self.turns_of(row) * (row.weight + len(guess) * PEER_SECONDS[size])

    def turns_of(self, row: Row) -> int:
        return self.turns if row.part in ("small", "large", "int8") else 1

    def row(self, row: Row) -> dict:
        """Ours and the peers in turn."""
        ours, theirs = [], {}
        for turn in range(self.turns_of(row)):
            self.progress.says(f"{row.name}" + (f", turn {turn + 1} of {self.turns}" if self.turns > 1 else ""))
            ours.append(measured(row, self.bench))
            self.progress.did(row.weight)
            if "failure" in ours[-1]:
                break
            for peer in self.peers_of(ours[-1]):
                self.progress.says(f"{row.name}: {peer.title}")
                scratch = self.options.folder / "peer"
                command = net_peers.command_of(peer, self.options.peers, self.options.peers_scripts, scratch, ours[-1])
                theirs.setdefault(peer.title, []).append(net_peers.measure(peer, command, scratch))
                self.progress.did(PEER_SECONDS[net_peers.SIZE_OF[row.name.split(",")[0]]])
        found = joined(ours)
        return found | ({"peers": [joined(turns) for turns in theirs.values()]} if theirs else {})

    def show(self, text: str) -> None:
        self.progress.clear()
        print(text + "\n", flush=True)

    def run(self) -> dict:
        found = {"machine": machine.facts(), "quick": self.options.quick, "rows": [],
                 "file_system": file_system(self.options.folder)}  # fmt: skip
        self.show(tables.machine(found["machine"], self.paint) + f"\n  files on {found['file_system']}: {self.options.folder}")
        for part in dict.fromkeys(row.part for row in self.rows):
            self.progress.begins(part)
            mine = [self.row(row) for row in self.rows if row.part == part]
            found["rows"] += mine
            self.show(net_tables.part(part, mine, self.paint))
        return found


def told_of_peers(bench: NetBench) -> str:
    if not bench.options.peers:
        return "no peers were run: --peers VENVS names their virtual environments"
    missing = [name for name in bench.options.peer_names if name not in {peer.folder for peer in bench.peers}]
    return f"peers not found, and not run: {', '.join(missing)}" if missing else ""


def main() -> int:
    options = options_of()
    began = time.monotonic()
    bench = NetBench(options)
    try:
        found = bench.run()
    finally:
        shutil.rmtree(options.folder / "certs", ignore_errors=True)
        shutil.rmtree(options.folder / "peer", ignore_errors=True)
    found["seconds"] = time.monotonic() - began
    for line in (told_of_peers(bench), "left out: all but 4 MB and the killed hub (--quick)" if options.quick else ""):
        if line:
            print(line)
    print(f"took {found['seconds']:.0f} s")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 1 if any("failure" in row for row in found["rows"]) else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # By way of what takes processes and files away.
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)

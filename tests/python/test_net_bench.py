# SPDX-License-Identifier: Apache-2.0
"""./run bench net: what it makes of what processes say, and that it refuses what ended badly. No assertion on speed."""

import json
import os
import pathlib
import subprocess
import sys
import time

import pytest

BENCH = pathlib.Path(__file__).resolve().parents[2] / "tools" / "bench"
sys.path.append(str(BENCH))

import net_bench  # noqa: E402
import net_links  # noqa: E402
import net_peers  # noqa: E402
import net_process  # noqa: E402
import net_rows  # noqa: E402
import net_runs  # noqa: E402
import net_tables  # noqa: E402
import tables  # noqa: E402

PLAIN = tables.Paint(False)


@pytest.mark.parametrize(("model", "wanted"), [(net_runs.SMALL, 1e6), (net_runs.WIDE, 1e7), (net_runs.BROAD, 3e7),
                                               (net_runs.LARGE, 1.24e8)], ids=lambda one: str(one))  # fmt: skip
def test_models_have_the_sizes_of_their_titles(model, wanted):
    assert model.parameters == pytest.approx(wanted, rel=1e-3)
    number, unit = model.title.split()
    assert model.bytes == pytest.approx(float(number) * {"MB": 1e6, "GB": 1e9}[unit], rel=1e-3)


def python(tmp_path, code: str, pace_s: float | None = None) -> net_process.Process:
    return net_process.Process("child", [sys.executable, "-c", code], tmp_path, pace_s)


def test_lines_have_the_time_of_their_coming(tmp_path):
    child = python(tmp_path, "import time\nprint('one', flush=True)\ntime.sleep(0.3)\nprint('two', flush=True)")
    assert child.wait(60) == 0
    assert [line for _, line in child.lines] == ["one", "two"]
    assert child.lines[1][0] - child.lines[0][0] > 0.2


def test_who_is_paced_is_one_line_ahead(tmp_path):
    # It notes for itself when it goes on from a line.
    code = ("import time\nout = []\nfor step in range(1, 21):\n print('{\"step\": %d}' % step, flush=True)\n"
            " out.append(time.monotonic())\nopen('%s', 'w').write(repr(out))")  # fmt: skip
    note = tmp_path / "note"
    child = python(tmp_path, code.replace("%s", str(note)), pace_s=0.05)
    assert child.wait(60) == 0
    went_on, stamps = json.loads(note.read_text()), net_runs.stamps_of(child.lines)
    assert sorted(stamps) == list(range(1, 21))
    assert stamps[20] - stamps[1] > 19 * 0.05 - 0.01
    for step in range(2, 21):
        assert went_on[step - 1] > stamps[step - 1] - 0.01, f"step {step} was told while {step - 1} was not taken"


def test_a_wait_in_a_step_is_seen_as_a_stall(tmp_path):
    code = ("import time\nfor step in range(1, 31):\n print('{\"step\": %d}' % step, flush=True)\n"
            " time.sleep(0.4 if step == 15 else 0)")  # fmt: skip
    child = python(tmp_path, code, pace_s=0.02)
    assert child.wait(60) == 0
    stamps = net_runs.stamps_of(child.lines)
    assert net_rows.stalled(stamps, 1, 30, 0.02) * (stamps[30] - stamps[1]) > 0.4 - 2 * 0.02 - 0.01


def test_a_process_that_ends_or_is_silent_is_a_failure(tmp_path):
    child = python(tmp_path, "import sys\nprint('hello')\nsys.exit('out of order')")
    with pytest.raises(net_process.RunFailed, match="out of order"):
        child.wait_line("listening", 60)
    silent = python(tmp_path, "import time\ntime.sleep(60)")
    began = time.monotonic()
    with pytest.raises(net_process.RunFailed, match="printed no 'listening'"):
        silent.wait_line("listening", 0.2)
    silent.kill()
    assert silent.returncode == -9
    assert time.monotonic() - began < 30


def test_rounds_end_when_the_last_worker_has_the_result():
    stamps = [{1: 10.0, 2: 11.0, 3: 12.5}, {1: 10.5, 2: 10.9, 3: 13.0}]
    assert net_rows.rounds_of(stamps, 3) == [0.5, 2.0]


def test_a_round_is_parted_at_the_decision():
    views = [{"round": number, "decided_s": decided, "status": "committed", "up_bytes": 80, "result_bytes": 30}
             for number, decided in ((1, 0.2), (2, 0.8), (3, 9.0))]  # fmt: skip
    found = {"hub": {"recent": views}, "hub_zero": 10.0, "stamps": [{1: 10.25, 2: 11.0}, {1: 10.5, 2: 10.9}]}
    ups, downs = net_rows.phases_of(found, 2)
    assert ups == [pytest.approx(0.3)]
    assert downs == [pytest.approx(0.2)]
    assert net_rows.wire_of(found, 2) == (40, 30)


def test_core_seconds_are_those_between_two_rounds():
    samples = [(1.0, 5.0), (2.0, 6.0), (3.0, 8.0), (4.0, 20.0)]
    assert net_process.grown(samples, 2.5, 3.5) == 2.0
    assert net_process.grown(samples, 0.5, 3.5) == 0.0
    found = {"stamps": [{1: 1.5, 3: 3.0}, {1: 2.0, 3: 2.9}], "cpu_s": {"hub": samples}}
    assert net_rows.cpu_of(found, "hub", 3) == 1.0
    assert net_rows.cpu_of(found, "worker", 3) == 0.0


def test_the_hubs_clock_is_found_by_the_quickest_of_its_lines():
    lines = [(100.5, '{"run": 1, "now_s": 0.25}'), (101.3, '{"run": 1, "now_s": 1.25}'), (102.0, "weights 00")]
    assert net_runs.zero_of(lines) == pytest.approx(100.05)
    assert net_runs.state_of(lines)["now_s"] == 1.25


GOOD = {"hub": "0" * 32, "worker0": "0" * 32}


@pytest.mark.parametrize(("found", "reason"), [
    ({"weights": GOOD | {"worker0": "1" * 32}, "stamps": []}, "other weights"),
    ({"weights": GOOD | {"worker0": ""}, "stamps": []}, "other weights"),
    ({"weights": GOOD, "stamps": [{1: 0.0, 3: 0.0}]}, "worker 0 printed 2 steps of 3"),
    ({"weights": GOOD, "stamps": [{1: 0.0, 2: 0.0, 3: 0.0}]}, "no round was committed")])  # fmt: skip
def test_what_ended_badly_is_not_measured(tmp_path, found, reason):
    with pytest.raises(net_process.RunFailed, match=reason):
        net_runs.check(found, net_runs.Setting(net_runs.TINY, 1, 3), tmp_path)


def test_the_share_of_a_stall():
    assert net_rows.stalled({10: 100.0, 20: 100.25}, 10, 20, 0.02) == pytest.approx(0.2)


def test_a_plain_socket_feels_the_links_rate():
    with net_links.Relayed(1, 40.0, 0.0) as place:
        up, down = net_links.plain_mbit(place, 2_000_000)
    # A link gives a first piece at once, and a busy machine may take longer.
    assert 0 < up < 60
    assert 0 < down < 60


def test_a_relay_leads_to_a_hub_that_comes_back():
    with net_links.Relayed(2, 40.0, 0.0) as place:
        place.listens(7)
        first = place.address(0, 7)
        place.listens(8)
        assert first.startswith("127.0.0.1:")
        assert place.address(0, 8) != place.address(1, 8)


def test_a_quiet_port_is_none_that_the_kernel_gives():
    first, last = map(int, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert not first <= net_runs.quiet_port() <= last


# ---- Peers.

ROW = {"name": "0.496 GB, 2 workers", "part": "large", "workers": 2, "min_s": 2.0, "median_s": 4.0}


def test_peers_do_what_the_row_does():
    assert [peer.folder for peer in net_peers.PEERS if net_peers.fits(peer, ROW)] == [
        "gloo", "hivemind", "torchft", "nvflare", "flower"]  # fmt: skip
    assert {peer.folder for peer in net_peers.PEERS if net_peers.fits(peer, ROW | {"workers": 4})} == {"gloo", "hivemind", "flower"}
    int8 = ROW | {"part": "int8", "name": "0.496 GB, 2 workers, int8"}
    assert [peer.words for peer in net_peers.PEERS if net_peers.fits(peer, int8)] == [("--codec", "uniform8")]
    assert not any(net_peers.fits(peer, ROW | {"part": "memory"}) for peer in net_peers.PEERS)


FAKE_PEER = """
import argparse, json
parser = argparse.ArgumentParser()
for name in ("--size", "--nodes", "--repeat", "--mode", "--json"): parser.add_argument(name)
args = parser.parse_args()
assert (args.size, args.nodes, args.mode) == ("496MB", "2", "fedavg"), args
with open(args.json, "a") as file:
    print(json.dumps({"round_s": {"n": 3, "min": 1.0, "median": 2.0, "max": 9.0, "all": [1.0, 2.0, 9.0]}}), file=file)
    print(json.dumps({"peer": "a line without rounds"}), file=file)
"""


def installed(tmp_path, script: str) -> tuple[pathlib.Path, pathlib.Path]:
    """A folder of environments and one of scripts, with gloo."""
    (tmp_path / "venvs" / "gloo" / "bin").mkdir(parents=True)
    os.symlink(sys.executable, tmp_path / "venvs" / "gloo" / "bin" / "python")
    (tmp_path / "scripts" / "gloo").mkdir(parents=True)
    (tmp_path / "scripts" / "gloo" / "run.py").write_text(script)
    return tmp_path / "venvs", tmp_path / "scripts"


def run_fake(tmp_path, script: str) -> dict:
    venvs, scripts = installed(tmp_path, script)
    (peer,) = net_peers.found(venvs, scripts, ("gloo", "hivemind"))
    scratch = tmp_path / "scratch"
    return net_peers.measure(peer, net_peers.command_of(peer, venvs, scripts, scratch, ROW), scratch)


def test_a_peers_rounds_stand_beside_ours(tmp_path):
    row = run_fake(tmp_path, FAKE_PEER)
    assert row["rounds_s"] == [1.0, 2.0, 9.0]
    assert net_peers.ratios(ROW, row) == {"min": 0.5, "median": 0.5}
    text = net_tables.peers([ROW | {"peers": [row]}], PLAIN)
    assert "gloo gather and broadcast (plain)" in text and "0.50" in text


def test_a_peer_that_fails_keeps_its_reason(tmp_path):
    row = run_fake(tmp_path, "import sys\nsys.exit('no torch here')")
    assert row["failure"] == "status 1, no rounds: no torch here"
    assert "no torch here" in net_tables.peers([ROW | {"peers": [row]}], PLAIN)


def test_turns_are_joined_and_a_failure_is_kept():
    turns = [{"rounds_s": [3.0, 1.0], "min_s": 1.0, "median_s": 2.0, "company": 0.1},
             {"rounds_s": [5.0], "min_s": 5.0, "median_s": 5.0, "company": 0.3}]  # fmt: skip
    found = net_bench.joined(turns)
    assert (found["min_s"], found["median_s"], found["company"]) == (1.0, 3.0, 0.3)
    assert net_bench.joined([turns[0], {"failure": "x"}])["failure"] == "x"


# ---- Tables.

MEASURED = {
    "small": {"min_s": 0.2, "median_s": 0.3, "up_s": 0.1, "down_s": None, "target_s": 0.1, "aim_s": 0.05, "wire_up_bytes": 4e6,
              "wire_down_bytes": 4e6, "hub_cpu_s": 0.1, "worker_cpu_s": 0.1},
    "memory": {"hub_anonymous_bytes": 6e6, "fixed_bytes": 2e6, "ratio": 2.0, "target": 1.5, "min_s": 1.0},
    "links": {"plain_up_mbit": 95.0, "plain_down_mbit": 90.0, "min_s": 1.0, "up_s": 0.5, "down_s": 0.5, "share": 0.8, "share_of_plain": 0.85,
              "share_up": 0.8, "share_down": None, "sent_twice": 0.0, "target": 0.95, "how": "by hand"},
    "kill": {"kills": [1, 2], "usual_s": 0.1, "listening_s": 0.1, "min_s": 1.0, "median_s": 2.0, "max_s": 3.0, "target_s": 2.0},
    "overlap": {"period_s": 3.0, "exchange_s": 1.5, "stalled": 0.1, "target": 0.05},
}  # fmt: skip


@pytest.mark.parametrize("part", MEASURED)
def test_tables_show_what_is_missed_and_who_disturbed(part):
    row = {"name": "a row", "part": part, "company": 0.5, "model_bytes": 4e6, "hub_peak_bytes": 8e6, "workers": 2} | MEASURED[part]
    failed = {"name": "another", "part": part, "failure": "it fell over"}
    text = net_tables.part(part, [row, failed], PLAIN)
    assert "failed: it fell over" in text
    assert "0.50 cores meanwhile" in text
    assert "missed" in text or "2.00" in text
    assert "a row" in text and "\033" not in text


def test_what_grows_with_the_model_is_told_apart():
    rows = [{"workers": 32, "model_bytes": 40e6, "hub_peak_bytes": 130e6}, {"workers": 32, "model_bytes": 120e6, "hub_peak_bytes": 190e6},
            {"workers": 2, "model_bytes": 120e6, "hub_peak_bytes": 190e6}, {"workers": 32, "failure": "x"}]  # fmt: skip
    assert net_tables.lines_through(rows) == ["  32 workers: the line through the two is 100 MB and 0.75 models"]


def test_what_is_met_says_so():
    assert net_tables.verdict(1.0, 2.0) == "met"
    assert net_tables.verdict(2.5, 2.0) == "missed by 25 %"
    assert net_tables.verdict(5.0, 2.0) == "missed 2.5 times"
    assert net_tables.verdict(0.96, 0.95, less_is_better=False) == "met"
    assert net_tables.verdict(0.5, None) == ""


# ---- The command.


def test_quick_leaves_small_rows_and_the_killed_hub():
    rows = net_bench.rows_of(net_bench.options_of(["--quick"]))
    assert {row.part for row in rows} == {"small", "kill"}
    assert sum(row.weight for row in rows) < 120


@pytest.mark.parametrize(("arguments", "reason"), [
    (["--only", "speed"], "'speed'; known: small, kill, large"), (["--turns", "0"], "1 or more"),
    (["--json", "/nonexistent/x.json"], "no such folder"), (["--peers", "/nonexistent"], "no such folder"),
    (["--peer-names", "ray"], "'ray'; known: gloo")])  # fmt: skip
def test_bad_usage_says_what_is_known(arguments, reason):
    done = subprocess.run([sys.executable, BENCH / "net_bench.py", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert reason in done.stderr


def test_a_hub_that_fails_is_a_row_and_the_exit_status(tmp_path):
    broken = tmp_path / "causeway-hub"
    broken.write_text("#!/bin/sh\n[ $1 = cert ] && exit 0\necho out of order >&2\nexit 3\n")
    broken.chmod(0o755)
    done = subprocess.run([sys.executable, BENCH / "net_bench.py", "--only", "small", "--folder", tmp_path / "files"],
                          env={"CAUSEWAY_BUILD": str(tmp_path), "PATH": os.environ["PATH"]}, capture_output=True, text=True,
                          timeout=120)  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stdout.count("out of order") == 3
    assert "no peers were run" in done.stdout


def test_a_real_run_of_a_few_rounds(binary, tmp_path):
    program = binary.with_name("causeway-hub")
    if not program.is_file():
        program = binary
    certificates = net_runs.Certificates(program, tmp_path / "certs", ("127.0.0.1",))
    bench = net_rows.Bench(program, tmp_path, certificates)
    row = net_rows.exchange(bench, net_runs.Setting(net_runs.TINY, 2, 4))
    assert len(row["rounds_s"]) == 3 and min(row["rounds_s"]) > 0
    assert row["wire_up_bytes"] >= net_runs.TINY.bytes
    assert row["hub_peak_bytes"] > 1_000_000
    assert not (tmp_path / "run").exists(), "a run leaves nothing behind"

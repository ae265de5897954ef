# SPDX-License-Identifier: Apache-2.0
"""The harness of processes, small disks and shaped links: it sees what happens, and leaves nothing behind."""

import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from net.owner import NotPermitted, is_orphan, own_name, started_at
from net.processes import Late, Processes, wait_for
from net.shaping import ShapedSites, call
from net.small_disk import SmallDisk, limited

FOLDER = pathlib.Path(__file__).resolve().parents[1]


@pytest.fixture
def processes(tmp_path):
    with Processes(tmp_path / "log") as processes:
        yield processes


def python(code: str, *arguments) -> list[str]:
    return [sys.executable, "-u", "-c", textwrap.dedent(code), *map(str, arguments)]


def exists(pid: int) -> bool:
    """Whether it runs: one that nobody has waited for does not count."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


SLEEPER = "import time; print('here', flush=True); time.sleep(600)"


def test_output_is_kept_and_waited_for(processes):
    child = processes.start("talker", python("""
        import sys, time
        print("listening on 127.0.0.1:123", flush=True)
        print("half a line", end="", flush=True)
        print("trouble 7", file=sys.stderr, flush=True)
        time.sleep(600)"""))  # fmt: skip
    assert child.wait_line(r"listening on (\S+):(\d+)").groups() == ("127.0.0.1", "123")
    assert child.wait_line(r"trouble (\d)")[1] == "7"
    with pytest.raises(Late, match="half.*not within 0.2 s"):
        child.wait_line("half", timeout_s=0.2)
    assert child.alive
    assert child.complaints() == "trouble 7\n"


def test_waiting_ends_when_the_process_does(processes):
    child = processes.start("short", python("print('last words'); raise SystemExit(3)"))
    with pytest.raises(Late, match=r"(?s)short ended with 3.*last words"):
        child.wait_line("never")
    assert child.wait_line("last").string == "last words"  # What it said before counts.
    with pytest.raises(Late, match="ended with 3"):
        wait_for(lambda: False, "nothing", needs=(child,))


def test_exit_codes_and_signals(processes):
    assert processes.start("code", python("raise SystemExit(75)")).wait() == 75
    killed = processes.start("killed", python(SLEEPER))
    killed.wait_line("here")
    killed.kill()
    assert not killed.alive
    assert killed.returncode == -signal.SIGKILL
    killed.kill()
    killed.terminate()  # Nothing happens any more.
    asked = processes.start("asked", python("""
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))
        print("ready")
        time.sleep(600)"""))  # fmt: skip
    asked.wait_line("ready")
    asked.terminate()
    assert asked.wait() == 9


def test_a_stopped_process_stands_still(processes):
    child = processes.start("counter", python("""
        import time
        for number in range(10**9):
            print(number)
            time.sleep(0.001)"""))  # fmt: skip
    child.wait_line("^5$")
    child.stop()
    before = child.text()
    time.sleep(0.2)
    assert child.text() == before
    child.resume()
    wait_for(lambda: len(child.text()) > len(before), "more numbers", needs=(child,))
    child.stop()
    child.kill()  # Also while it stands still.
    assert child.returncode == -signal.SIGKILL


def test_each_start_has_its_own_output(processes):
    for word in ("first", "second"):
        processes.start("same", python(f"print('{word}')")).wait()
    assert [child.name for child in processes.children] == ["same", "same.2"]
    assert [child.text() for child in processes.children] == ["first\n", "second\n"]


def test_usage_is_what_the_process_uses(processes):
    child = processes.start("user", python("""
        import mmap, time
        memory = mmap.mmap(-1, 200 << 20, flags=mmap.MAP_PRIVATE)
        for at in range(0, 200 << 20, 4096): memory[at] = 1
        end = time.process_time() + 0.5
        while time.process_time() < end: pass
        memory.close()
        print("done")
        time.sleep(600)"""))  # fmt: skip
    child.wait_line("done")
    used = child.usage()
    assert 200 << 20 < used.peak_rss_bytes < 300 << 20
    assert used.anonymous_bytes < used.rss_bytes < 100 << 20
    assert 0.5 <= used.cpu_s < 5
    assert used.threads == 1
    child.kill()
    assert child.peak_rss_bytes > 200 << 20
    assert child.cpu_s >= 0.5
    with pytest.raises(ProcessLookupError):
        child.usage()


FAMILY = """
    import subprocess, sys, time
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print(child.pid)
    {then}"""


@pytest.mark.parametrize("then", ["time.sleep(600)", "sys.exit(0)"])
def test_no_grandchild_is_left(tmp_path, then):
    with Processes(tmp_path) as processes:
        parent = processes.start("parent", python(FAMILY.format(then=then)))
        grandchild = int(parent.wait_line(r"(\d+)")[1])
    assert not parent.alive
    wait_for(lambda: not exists(grandchild), "the end of the grandchild")


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "sys.exit(0)", "raise KeyError"])
def test_no_child_outlives_its_test(tmp_path, end):
    # As if pytest ended in the middle of a test.
    done = subprocess.run(python(f"""
        import os, pathlib, signal, sys
        sys.path.insert(0, sys.argv[1])
        from net.processes import Processes
        child = Processes(pathlib.Path(sys.argv[2])).start("child", [sys.executable, "-u", "-c", {SLEEPER!r}])
        child.wait_line("here")
        print(child.pid)
        {end}""", FOLDER, tmp_path), capture_output=True, text=True)  # fmt: skip
    wait_for(lambda: not exists(int(done.stdout)), "the end of the child")


def test_orphans_are_known_by_pid_and_start():
    pid, start = os.getpid(), started_at(os.getpid())
    assert not is_orphan(own_name("disk"))
    assert not is_orphan(own_name("net") + "-hub")
    assert is_orphan(f"causeway-net-{pid}-{int(start) + 1}-hub")  # Another process had our pid.
    assert is_orphan("causeway-disk-4194305-12")
    assert not is_orphan("causeway-disk-of-somebody")


def permitted(context):
    try:
        return context.__enter__()
    except NotPermitted as error:
        pytest.skip(str(error))


def test_a_small_disk_gets_full_and_empty_again(tmp_path):
    disk = permitted(SmallDisk(tmp_path / "small disk", 4 << 20))
    try:
        (disk.folder / "kept").write_bytes(bytes(1 << 20))
        disk.fill(leave_bytes=64 << 10)
        (disk.folder / "little").write_bytes(bytes(32 << 10))
        with pytest.raises(OSError, match="No space left"):
            (disk.folder / "much").write_bytes(bytes(1 << 20))
        disk.fill()
        with pytest.raises(OSError, match="No space left"):
            (disk.folder / "any").write_bytes(b"x")
        disk.empty()
        (disk.folder / "much").write_bytes(bytes(1 << 20))
        assert (disk.folder / "kept").stat().st_size == 1 << 20
    finally:
        disk.__exit__()
    assert not any(disk.folder.iterdir())


def test_a_disk_of_a_killed_process_is_taken_away(tmp_path):
    left = tmp_path / "left over"
    done = subprocess.run(python("""
        import os, pathlib, signal, sys
        sys.path.insert(0, sys.argv[1])
        from net.small_disk import SmallDisk
        SmallDisk(pathlib.Path(sys.argv[2]), 1 << 20).__enter__()
        os.kill(os.getpid(), signal.SIGKILL)""", FOLDER, left), capture_output=True, text=True)  # fmt: skip
    if "NotPermitted" in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    assert os.path.ismount(left)
    with SmallDisk(tmp_path / "other", 1 << 20):
        assert not os.path.ismount(left)


def test_without_rights_files_cannot_grow(processes, tmp_path):
    child = processes.start("writer", limited(python("""
        import sys
        try:
            open(sys.argv[1], "wb").write(bytes(3 << 20))
        except OSError as error:
            print(error)""", tmp_path / "file"), 1 << 20))  # fmt: skip
    assert child.wait() == 0
    assert "File too large" in child.text()
    assert (tmp_path / "file").stat().st_size == 1 << 20


RECEIVE = """
    import socket, sys, time
    server = socket.create_server((sys.argv[1], 5999))
    print("ready")
    connection, _ = server.accept()
    first = count = 0
    while data := connection.recv(1 << 20):
        first = first or time.perf_counter()
        count += len(data)
    print("mbit", count * 8 / 1e6 / (time.perf_counter() - first))"""
SEND = """
    import socket, sys
    with socket.create_connection((sys.argv[1], 5999)) as connection:
        connection.sendall(bytes(int(sys.argv[2])))"""


def measured_mbit(processes, receiver, sender, count: int) -> float:
    server = processes.start("receiver", receiver.inside(python(RECEIVE, receiver.address)))
    server.wait_line("ready")
    processes.start("sender", sender.inside(python(SEND, receiver.address, count)))
    return float(server.wait_line(r"mbit (\S+)")[1])


def test_places_are_joined_by_links_of_the_rate_asked_for(processes):
    places = permitted(ShapedSites(count=2, rate_mbit=40))
    try:
        for receiver, sender in [(places.hub, places.sites[0]), (places.sites[1], places.hub)]:
            assert 32 < measured_mbit(processes, receiver, sender, 5_000_000) <= 41
        places.set_rate(0, up_mbit=8, down_mbit=400)
        assert 6 < measured_mbit(processes, places.hub, places.sites[0], 1_000_000) <= 8.5
        assert 41 < measured_mbit(processes, places.sites[0], places.hub, 20_000_000)
    finally:
        places.__exit__()
    assert places.hub.namespace not in call("ip", "netns", "list")


def test_places_of_a_killed_process_are_taken_away():
    done = subprocess.run(python("""
        import os, signal, sys
        sys.path.insert(0, sys.argv[1])
        from net.shaping import ShapedSites
        print(ShapedSites(1, 10).__enter__().hub.namespace, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)""", FOLDER), capture_output=True, text=True)  # fmt: skip
    if "NotPermitted" in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    name = done.stdout.strip()
    assert name in call("ip", "netns", "list")
    with ShapedSites(1, 10):
        assert name not in call("ip", "netns", "list")


def test_what_is_not_permitted_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotPermitted, match="iproute2"):
        ShapedSites(1, 10).__enter__()
    for program, said in (("ip", "mount --make-shared /run/netns failed: Operation not permitted"),
                          ("mount", "mount: must be superuser to use mount.")):  # fmt: skip
        (tmp_path / program).write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
        (tmp_path / program).chmod(0o755)
    with pytest.raises(NotPermitted, match="not permitted"):
        ShapedSites(1, 10).__enter__()
    with pytest.raises(NotPermitted, match="superuser"):
        SmallDisk(tmp_path / "disk", 1 << 20).__enter__()

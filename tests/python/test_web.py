# SPDX-License-Identifier: Apache-2.0
"""The hub's HTTP side with real sockets: its formats by independent parsers, TLS, and who is hostile."""

import contextlib
import http.client
import json
import pathlib
import socket
import ssl
import subprocess
import time

import prometheus_client.parser
import pytest

WAIT_S = 60  # for what should take a moment


@pytest.fixture(scope="module")
def live_page(tool):
    return tool("live_page")


@pytest.fixture(scope="module")
def run(live_page):
    """A run that moves, past its aborted round, with names that try to be markup."""
    with live_page.example("--past", 500, "--names", "hostile") as running:
        yield running


def ask(port: int, path: str, method: str = "GET", headers=None, context=None):
    """Status, headers and body of one request."""
    if context:
        connection = http.client.HTTPSConnection("localhost", port, timeout=WAIT_S, context=context)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    with contextlib.closing(connection):
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()


def until(condition, what: str, seconds: float = WAIT_S):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}")


class Events:
    """A client of /events: follow() yields (event, data)."""

    def __init__(self, port: int, path: str = "/events", **options):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
        self.connection.request("GET", path, **options)
        self.answer = self.connection.getresponse()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def follow(self):
        event, data = "message", []
        while line := self.answer.readline():
            field, _, value = line.decode().rstrip("\r\n").partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                event = value
            elif field == "data":
                data.append(value)
            elif not field and data:
                yield event, json.loads("\n".join(data))
                event, data = "message", []


def merge(target, patch):
    """RFC 7396, its own pseudo-code."""
    if not isinstance(patch, dict):
        return patch
    target = target if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        else:
            target[name] = merge(target.get(name), value)
    return target


def test_metrics_are_read_by_prometheus(run):
    status, headers, text = ask(run.port, "/metrics")
    assert (status, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    families = {family.name: family for family in prometheus_client.parser.text_string_to_metric_families(text)}
    assert all(name.startswith("causeway_") and family.documentation for name, family in families.items())
    # The parser takes _total off; what is left untyped it could not make sense of.
    assert {family.type for family in families.values()} == {"gauge", "counter"}
    rounds = {sample.labels["result"]: sample.value for sample in families["causeway_rounds"].samples}
    assert rounds["aborted"] == 1
    assert rounds["committed"] >= 23
    status = json.loads(ask(run.port, "/status.json")[2])
    sites = {str(member["worker"]): member["site"] for member in status["members"]}
    sent = families["causeway_member_payload_bytes"].samples
    assert {sample.labels["worker"]: sample.labels["site"] for sample in sent} == sites
    assert "<img src=x onerror=alert(1)>" in sites.values()
    present = [sample for sample in families["causeway_member_status"].samples if sample.value == 1]
    assert len(present) == len(sites) == 5


def test_every_metric_is_in_the_docs(run, root):
    text = ask(run.port, "/metrics")[2]
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}
    documented = (root / "docs" / "monitoring.md").read_text()
    assert {name for name in names if f"`{name}`" not in documented} == set()


def test_status_is_the_last_view(run):
    first = json.loads(ask(run.port, "/status.json")[2])
    assert first["run"] == "</title><script>alert(1)</script>"
    assert [member["status"] for member in first["members"]].count("expected") == 1
    assert first["recent"][-1]["status"] in ("open", "closed", "committed")
    assert until(lambda: json.loads(ask(run.port, "/status.json")[2])["now_s"] > first["now_s"], "a newer view")


def test_events_bring_whom_follows_up_to_date(run):
    with Events(run.port) as events:
        assert events.answer.status == 200
        assert events.answer.headers["Content-Type"] == "text/event-stream"
        follow = events.follow()
        name, start = next(follow)
        assert name == "start"
        assert len(start["sites"]) == len(start["loss"]) == 4
        assert [len(numbers) % 2 for _, _, _, numbers in start["loss"]] == [0] * 4
        assert len(start["traffic"][1]) % 6 == 0
        state = start["state"]
        for _ in range(8):
            name, change = next(follow)
            assert name == "change"
            merge(state, change["patch"])
        # One who comes now is given what this one has worked out, but for views that came in between.
        with Events(run.port) as later:
            _, second = next(later.follow())
        while state["view"]["now_s"] < second["state"]["view"]["now_s"]:
            merge(state, next(follow)[1]["patch"])
        assert state == second["state"]


def test_a_quiet_hub_says_that_it_lives(live_page):
    with live_page.example("--every", 0) as quiet, Events(quiet.port) as events:
        follow = events.follow()
        assert next(follow)[0] == "start"
        assert next(follow)[0] == "still"


def test_health_says_why_not(live_page, run):
    assert ask(run.port, "/healthz")[::2] == (200, "ok\n")
    with live_page.example("--halt", "the disk is full: 0 bytes left") as halted:
        assert ask(halted.port, "/healthz")[::2] == (503, "the disk is full: 0 bytes left\n")


def test_plain_http_is_for_loopback_only(live_page):
    with pytest.raises(RuntimeError, match="plain HTTP is for loopback only"):
        live_page.Example("--host", "0.0.0.0")


def test_a_port_in_use_is_said(live_page, run):
    with pytest.raises(RuntimeError, match=f"127.0.0.1:{run.port}: cannot listen: "):
        live_page.Example("--port", run.port)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[pathlib.Path, pathlib.Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=hub", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)  # fmt: skip
    return certificate, key


@pytest.fixture(scope="module")
def guarded(live_page, certificate):
    with live_page.example("--cert", certificate[0], "--key", certificate[1], "--token", "s3cret") as running:
        yield running


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_and_token(guarded, certificate, version):
    context = ssl.create_default_context(cafile=certificate[0])
    context.minimum_version = context.maximum_version = version
    status, headers, text = ask(guarded.port, "/status.json", context=context)
    assert (status, headers["WWW-Authenticate"]) == (401, 'Bearer realm="causeway"')
    assert "four-coasts" not in text
    for path, given in [("/status.json?token=s3cret", {}), ("/status.json", {"Authorization": "Bearer s3cret"})]:
        status, _, text = ask(guarded.port, path, headers=given, context=context)
        assert (status, json.loads(text)["run"]) == (200, "four-coasts")
    assert ask(guarded.port, "/", headers={"Authorization": "Bearer s3cre"}, context=context)[0] == 401


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_tls_and_plain_requests_are_refused(guarded):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, OSError)):
        ask(guarded.port, "/", context=context)
    start = time.monotonic()
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        ask(guarded.port, "/")
    assert time.monotonic() - start < WAIT_S / 2  # cut, not left to wait


def test_a_key_of_another_certificate_is_refused(live_page, certificate, tmp_path):
    key = tmp_path / "other.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
    with pytest.raises(RuntimeError, match="the page's key cannot be used with its certificate"):
        live_page.Example("--cert", certificate[0], "--key", key)


def figure(process, name: str) -> int:
    """A number of /proc/PID/status: Threads, or VmRSS in kB."""
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise AssertionError(name)


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)


def send_while_taken(connection: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):  # cut already
        connection.sendall(data)


def is_cut(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        while connection.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


GARBAGE = [b"\x00" * 3000, b"GET", b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01" + bytes(range(256)), b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 3000,
           b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 5000, b"GET /" + b"%" * 7000 + b" HTTP/1.1\r\n\r\n"]  # fmt: skip


def test_idle_and_garbage_connections_disturb_nobody(live_page):
    with live_page.example("--connections", 32) as victim, contextlib.ExitStack() as stack:
        with Events(victim.port) as events:
            follow = events.follow()
            next(follow)
            before_kb = figure(victim.process, "VmRSS")
            for i in range(1000):
                idle, rude = (stack.enter_context(connect(victim.port)) for _ in range(2))
                send_while_taken(idle, b"GET / HTTP/1.1\r\nHost: lo" if i % 2 else b"")
                send_while_taken(rude, GARBAGE[i % len(GARBAGE)])
                if i % 50 == 0:
                    assert ask(victim.port, "/healthz")[::2] == (200, "ok\n")
                    assert figure(victim.process, "Threads") <= 32 + 3
                if i % 200 == 199:
                    stack.pop_all().close()  # else this process runs out of descriptors
            assert figure(victim.process, "VmRSS") - before_kb < 32_000
            assert [next(follow)[0] for _ in range(3)] == ["change"] * 3  # who followed still does
        assert ask(victim.port, "/")[0] == 200


def test_a_request_has_a_bound_in_size(live_page):
    with live_page.example() as victim, connect(victim.port) as endless:
        with pytest.raises(ConnectionError):
            for _ in range(200):  # megabytes, of which the system's buffers take a few
                endless.sendall(b"a" * 1_000_000)
        assert ask(victim.port, "/healthz")[0] == 200


def test_a_request_has_a_bound_in_time(live_page):
    with live_page.example() as victim, connect(victim.port) as slow:
        start = time.monotonic()

        def drip() -> bool:
            send_while_taken(slow, b"G")
            return is_cut(slow)

        until(drip, "a request of a byte now and then is cut", 90)
        assert time.monotonic() - start > 5  # and not because nobody may be slow


def test_who_reads_too_slowly_is_dropped(live_page):
    with live_page.example("--workers", 1000, "--every", 20) as victim:
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(WAIT_S)
        with slow:
            slow.connect(("127.0.0.1", victim.port))
            slow.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert slow.recv(15) == b"HTTP/1.1 200 OK"
            full = until(lambda: figure(victim.process, "Threads") == 3, "it follows") and figure(victim.process, "VmRSS")
            until(lambda: figure(victim.process, "Threads") == 2, "it is dropped", 180)
            assert figure(victim.process, "VmRSS") - full < 64_000


def test_those_who_follow_leave_room(live_page):
    with live_page.example("--connections", 6) as busy, contextlib.ExitStack() as stack:
        for _ in range(3):
            assert stack.enter_context(Events(busy.port)).answer.status == 200
        with Events(busy.port) as fourth:
            assert (fourth.answer.status, fourth.answer.headers["Retry-After"]) == (503, "10")
        assert ask(busy.port, "/healthz")[0] == 200
        stack.pop_all().close()

        def has_room() -> bool:
            with Events(busy.port) as again:
                return again.answer.status == 200

        until(has_room, "a place is free again")

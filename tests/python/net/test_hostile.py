# SPDX-License-Identifier: Apache-2.0
"""Hostile strangers and members against a hub as a real process, while its run goes on: the bounds of docs/security.md."""

import contextlib
import os
import pathlib
import random
import resource
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest
from certificate_folders import days, programs, signed  # noqa: F401

from net import speech
from net.busy_hub import AT_WORK, BusyHub
from net.cluster import REFUSED
from net.processes import read_usage, wait_for
from net.speech import Peer

MIB = 1 << 20
# The hub's bounds (docs/security.md), and how much of the undisturbed pace must be left on a machine of two cores whose
# other half attacks.
STRANGERS_MAX, INBOX_BYTES_MAX = 256, 64 * MIB
STRANGER_BYTES_MAX = 192 * 1024
PACE_LEFT = 0.05
MEASURE_S = 2.5


@pytest.fixture(scope="module", autouse=True)
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(8192, hard) if hard != resource.RLIM_INFINITY else 8192
    if wanted < 4096:
        pytest.skip(f"needs 4096 descriptors, has {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def busy(programs, tmp_path_factory):  # noqa: F811
    with BusyHub(programs / "causeway-hub", tmp_path_factory.mktemp("busy")) as hub:
        yield hub


def sanitized(pid: int) -> bool:
    """Whether it was built with a sanitizer, whose shadow memory no bound of ours covers."""
    return "/shadow" in pathlib.Path(f"/proc/{pid}/maps").read_text() or virtual_bytes(pid) > 1 << 40


def virtual_bytes(pid: int) -> int:
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


class Disturbed:
    """Compares the hub within a `with` block with the hub before it."""

    def __init__(self, busy: BusyHub, what: str, *, more_bytes: int, more_descriptors: int = STRANGERS_MAX + 8):
        self.busy, self.what = busy, what
        self._more_bytes, self._more_descriptors = more_bytes, more_descriptors
        self._stop = threading.Event()
        self.most_bytes = self.most_descriptors = 0

    def __enter__(self) -> "Disturbed":
        self.busy.goes_on()
        self.pace = self.busy.pace(MEASURE_S)
        self.bytes, self.descriptors = self.busy.resident_bytes(), self.busy.descriptors()
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()
        return self

    def _watch(self) -> None:
        with contextlib.suppress(OSError, ProcessLookupError):
            while not self._stop.wait(0.05):
                self.most_bytes = max(self.most_bytes, read_usage(self.busy.hub.pid).rss_bytes)
                self.most_descriptors = max(self.most_descriptors, self.busy.descriptors())

    def still_paced(self, seconds: float = MEASURE_S) -> None:
        """Call it while the attack goes on."""
        pace = self.busy.pace(seconds)
        print(f"\n{self.what}: {pace:.1f} rounds a second, undisturbed {self.pace:.1f}")
        assert pace >= PACE_LEFT * self.pace

    def __exit__(self, kind, *_) -> None:
        self._stop.set()
        self._watcher.join()
        if kind:
            return
        self.busy.goes_on()
        more = self.most_bytes - self.bytes
        print(f"\n{self.what}: at most {more / MIB:.1f} MiB and {self.most_descriptors - self.descriptors} descriptors more")
        if not sanitized(self.busy.hub.pid):
            assert more <= self._more_bytes
        assert self.most_descriptors <= self.descriptors + self._more_descriptors
        wait_for(lambda: self.busy.descriptors() <= self.descriptors + 2, "the descriptors to come back")


def many(address: tuple[str, int], count: int, say=lambda number: b"") -> list[socket.socket]:
    """Connections that say this and nothing more."""
    out = []
    for number in range(count):
        one = socket.create_connection(address, timeout=speech.DEADLINE_S)
        out.append(one)
        with contextlib.suppress(OSError):
            one.sendall(say(number))
    return out


def close_all(sockets) -> None:
    for one in sockets:
        one.close()


def test_a_thousand_idle_connections(busy):
    with Disturbed(busy, "1,000 idle connections", more_bytes=STRANGERS_MAX * STRANGER_BYTES_MAX) as disturbed:
        idle = many(busy.address, 1000)
        disturbed.still_paced()
        # Those for whom there was no room have been told.
        ended = sum(one.recv(1) == b"" for one in idle[:700])
        assert ended == 700
        close_all(idle)


def garbage(number: int) -> bytes:
    chance = random.Random(number)
    noise = chance.randbytes(chance.randint(1, 8192))
    client_hello = b"\x16\x03\x01" + struct.pack(">H", 16_000) + b"\x01\x00" + struct.pack(">H", 15_996) + noise
    return [noise, b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n", client_hello, b"\x16\x03\x01\xff\xff" + noise,
            speech.preface(0, "1")][number % 5]  # fmt: skip


def test_a_thousand_connections_that_send_garbage(busy):
    with Disturbed(busy, "1,000 garbage connections", more_bytes=STRANGERS_MAX * STRANGER_BYTES_MAX) as disturbed:
        sockets = many(busy.address, 1000, garbage)
        disturbed.still_paced()
        close_all(sockets)


def test_strangers_with_a_certificate(busy):
    """They finish TLS, and then say nothing, garbage, or what is not theirs to say."""
    context = speech.context_of(busy.certificate(5), busy.certs / "authority.crt")
    chance = random.Random(1)
    says = [b"", chance.randbytes(2000), speech.frame(speech.PREFACE, b"", claimed=0xFFFFFFFF),
            speech.frame(speech.PREFACE, b"x" * 100, claimed=4096), speech.frame(speech.MESSAGE, b"x" * 100),
            speech.frame(speech.MESSAGE, b"", claimed=MIB), speech.frame(speech.PING, bytes(8)),
            speech.frame(speech.CHARTER, bytes(100)), speech.frame(77, b""), speech.preface(5, busy.version, magic=1),
            speech.preface(-1, busy.version), speech.preface(0, busy.version), speech.preface(99, busy.version),
            speech.preface(5, "0.0.1"), speech.preface(5, busy.version, protocol=9)]  # fmt: skip
    with Disturbed(busy, "strangers with a certificate", more_bytes=STRANGERS_MAX * STRANGER_BYTES_MAX) as disturbed:
        peers = [Peer(busy.address, context) for _ in range(20) for _ in says]
        for number, peer in enumerate(peers):
            peer.send(says[number % len(says)])
        disturbed.still_paced()
        ended = [peer.ended() for peer in peers]
        assert all(ended), f"{ended.count(False)} were not ended"
        close_all(peer.socket for peer in peers)
    assert busy.status(5) == "expected"
    assert all(busy.status(worker) == "training" for worker in range(AT_WORK))


def test_a_member_that_lies(busy):
    """It was let in as worker 5, and then speaks out of turn, as another, or of lengths that are none."""
    context = speech.context_of(busy.certificate(5), busy.certs / "authority.crt")
    decided = busy.decided()

    def lies(charter):
        hello = struct.pack("<Q", 7) + charter.plan + charter.layout + charter.genesis
        ask = struct.pack("<q", 0)
        yield speech.message(speech.ASK, ask, run=charter.run, epoch=1, worker=0)
        yield speech.message(speech.LEAVE, speech.text("gone"), run=charter.run, epoch=1, worker=0)
        yield speech.message(99, b"", run=charter.run, worker=5)
        yield speech.message(speech.ASK, ask + b"more", run=charter.run, worker=5)
        yield speech.message(speech.CHUNK, speech.digest() + struct.pack("<qI", 0, 0xFFFFFFFF), run=charter.run, worker=5)
        yield speech.frame(speech.MESSAGE, b"", claimed=0x7FFFFFFF)
        yield speech.frame(speech.MESSAGE, b"\xff" * 1000)
        yield speech.frame(speech.PREFACE, bytes(8))
        yield speech.frame(speech.REFUSAL, bytes(8))
        yield speech.message(speech.HELLO, hello + struct.pack("<I", 0x7FFFFFFF), worker=5)

    with Disturbed(busy, "a member that lies", more_bytes=32 * MIB):
        for number in range(10):
            with Peer(busy.address, context) as peer:
                said = list(lies(peer.come_in(5, busy.version)))[number]
                assert peer.send(said)
                assert peer.ended(), number
    assert busy.decided() > decided
    assert all(busy.status(worker) == "training" for worker in range(AT_WORK))


def test_a_member_that_talks_without_end(busy):
    """More small messages than can be taken in: it is held up, and the others are heard."""
    context = speech.context_of(busy.certificate(5), busy.certs / "authority.crt")
    with Disturbed(busy, "a member that talks without end", more_bytes=INBOX_BYTES_MAX + 64 * MIB) as disturbed:
        with Peer(busy.address, context) as peer:
            charter = peer.come_in(5, busy.version)
            one = speech.message(speech.ASK, struct.pack("<q", 0), run=charter.run, worker=5)
            ping = speech.frame(speech.PING, bytes(8))
            stop = threading.Event()

            def talk() -> None:
                flood = (one * 8 + ping) * 200
                while not stop.is_set() and peer.send(flood):
                    pass

            talker = threading.Thread(target=talk)
            talker.start()
            disturbed.still_paced(5)
            stop.set()
            peer.socket.shutdown(socket.SHUT_RDWR)
            talker.join()


def test_names_that_are_none_do_no_harm_to_logs(busy):
    context = speech.context_of(busy.certificate(5), busy.certs / "authority.crt")
    with Peer(busy.address, context) as peer:
        assert peer.send(speech.preface(5, b"1\n\x1b[2J\xff\xfe\x00 a worker's version"))
        kind, _ = peer.receive()
        assert kind == speech.REFUSAL
    wait_for(lambda: any("a worker's version" in event for event in busy.events()), "the hub to tell of it")
    event = next(event for event in busy.events() if "a worker's version" in event)
    assert "\n" not in event and "\x1b" not in event
    busy.goes_on()


def flood(busy: BusyHub, *identity) -> subprocess.Popen:
    """Handshakes as fast as OpenSSL's own client makes them."""
    host, port = busy.address
    return subprocess.Popen(["openssl", "s_time", "-connect", f"{host}:{port}", "-new", "-time", "600", "-CAfile",
                             busy.certs / "authority.crt", *identity], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip


def test_a_flood_of_handshakes(busy):
    """For ten seconds, with a certificate and without; a worker comes in meanwhile."""
    certificate = busy.certificate(5)
    with Disturbed(busy, "a flood of handshakes", more_bytes=STRANGERS_MAX * STRANGER_BYTES_MAX) as disturbed:
        began = time.monotonic()
        floods = [flood(busy, "-cert", certificate, "-key", certificate.with_suffix(".key")), flood(busy)]
        try:
            disturbed.still_paced(6)
            newcomer = AT_WORK
            busy.start_worker(newcomer)
            wait_for(lambda: busy.status(newcomer) == "training", "a worker to come in during the flood",
                     needs=(busy.hub, busy.workers[newcomer]))  # fmt: skip
            print(f"\na worker came in {time.monotonic() - began - 6 - MEASURE_S:.1f} s after the attack was measured")
            time.sleep(max(0, began + 10 - time.monotonic()))
            assert all(one.poll() is None for one in floods), "the flood has ended by itself"
        finally:
            for one in floods:
                one.kill()
                one.wait()


def test_whose_certificate_is_revoked_or_over_is_sent_away(programs, tmp_path):  # noqa: F811
    with BusyHub(programs / "causeway-hub", tmp_path) as busy:
        busy.cert("revoke", busy.certificate(1))
        assert busy.workers[1].wait() == REFUSED
        assert "revoked" in busy.workers[1].complaints()
        # One that is over soon; the hub looks once a second.
        signed(busy.certs, "site2", days(-1), days(25 / 86_400))
        worker = busy.start_worker(2)
        wait_for(lambda: any("connected from" in event for event in busy.events()[-5:]), "worker 2 to come in")
        assert worker.wait() == REFUSED, worker.tail()
        wait_for(lambda: any("its certificate is over" in event for event in busy.events()), "the hub to say why")
        assert "certificate expired" in worker.complaints()


def test_a_token_that_is_wrong(programs, tmp_path):  # noqa: F811
    with BusyHub(programs / "causeway-hub", tmp_path, token="a secret") as busy:
        context = speech.context_of(busy.certificate(5), busy.certs / "authority.crt")
        for token in ("", "a secre", "a secret ", "b secret", "a" * 400):
            with Peer(busy.address, context) as peer:
                assert peer.send(speech.preface(5, busy.version, token))
                kind, payload = peer.receive()
                assert kind == speech.REFUSAL and b"the token is wrong" in payload
                assert peer.ended()
        with Peer(busy.address, context) as peer:
            assert peer.come_in(5, busy.version, "a secret").site == b"site5"
        with pytest.raises(ssl.SSLError), Peer(busy.address, ssl.create_default_context()):
            pass

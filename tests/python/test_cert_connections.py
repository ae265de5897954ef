# SPDX-License-Identifier: Apache-2.0
"""Real connections with our certificates, of a hub and workers as processes: who is taken and who is refused, and that nothing
older than TLS 1.3 is spoken."""

import contextlib
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest
from certificate_folders import DEADLINE_S, cert, certs, days, listed, load, openssl, programs, signed  # noqa: F401
from cryptography.hazmat.primitives import hashes
from net.processes import Processes, wait_for

SITES = ("dickens", "austen", "carroll")
RECIPE = """
run = { name = "certificates", steps = 4 }
model = { preset = "llama", layers = 1, width = 32, heads = 2, context = 32, vocabulary = 256, inner = 64 }
train = { batch_tokens = 32, optimizer = { name = "sgd", lr = 1e-3 } }
sync = { preset = "fedavg", period = 2, workers = 3 }
"""  # Three workers must come before anything begins, so that nothing does.
REFUSED = 3


@pytest.fixture
def processes(tmp_path):
    with Processes(tmp_path / "log") as processes:
        yield processes


@pytest.fixture
def serving(programs, processes, tmp_path):  # noqa: F811
    """`serving(certificate)` starts a hub that shows it; gives the process with its `port`."""

    def start(path, address="127.0.0.1"):
        recipe = tmp_path / "recipe.toml"
        recipe.write_text(RECIPE + "".join(f'[[data.site]]\nname = "{site}"\n' for site in SITES))
        out = tmp_path / f"out{len(processes.children)}"
        hub = processes.start("hub", [programs / "causeway-hub", "hub", recipe, "--listen", f"{address}:0", "--out", out,
                                      "--cert", path])  # fmt: skip
        hub.port = int(hub.wait_line(r"listening on \S+:(\d+)")[1])
        return hub

    return start


@pytest.fixture
def calling(programs, processes, tmp_path):  # noqa: F811
    """`calling(certificate, target)` starts worker 0, or `worker`, with it: what the hub made of it. `taken`, or the reason
    for which the worker has gone."""

    def call(path, target, hub=None, worker=0) -> str:
        folder = tmp_path / f"worker{len(processes.children)}"
        child = processes.start("worker", [programs / "causeway-hub", "dry-worker", "--hub", target, "--worker", worker,
                                           "--folder", folder, "--cert", path])  # fmt: skip
        words = rf"worker {worker}: connected from"
        before = len(re.findall(words, hub.complaints())) if hub else 0
        taken = lambda: hub is not None and len(re.findall(words, hub.complaints())) > before  # noqa: E731
        wait_for(lambda: taken() or not child.alive, "a worker to be taken or refused", needs=(hub,) if hub else ())
        if child.alive:
            child.kill()
            return "taken"
        assert child.returncode == REFUSED, child.tail()
        return child.complaints()

    return call


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


def test_hub_and_site_know_each_other(certs, serving, calling):  # noqa: F811
    hub = serving(certs / "hub.crt")
    for host in ("localhost", "127.0.0.1"):
        assert calling(certs / "dickens.crt", f"{host}:{hub.port}", hub) == "taken"
    if has_ipv6():
        hub = serving(certs / "hub.crt", "[::1]")
        assert calling(certs / "dickens.crt", f"[::1]:{hub.port}", hub) == "taken"


def test_a_certificate_is_good_for_its_own_site_only(certs, serving, calling):  # noqa: F811
    hub = serving(certs / "hub.crt")
    told = calling(certs / "dickens.crt", f"localhost:{hub.port}", hub, worker=1)
    assert "worker 1 is of the site austen, and the certificate is that of dickens" in told
    assert calling(certs / "austen.crt", f"localhost:{hub.port}", hub, worker=1) == "taken"


def test_a_hub_takes_sites_of_its_authority_only(cert, certs, serving, calling, tmp_path):  # noqa: F811
    cert("authority", "--folder", "other")
    cert("site", "dickens", "--folder", "other")
    other = tmp_path / "other"
    hub = serving(certs / "hub.crt")
    # Its own program would not let it begin with a certificate that its authority.crt did not sign: so by OpenSSL's.
    expired, hubs = signed(certs, "past", days(-20), days(-10)), certs / "hub.crt"
    for path, alert, reason in ((other / "dickens.crt", "unknown ca", "unable to get local issuer certificate"),
                                (expired, "certificate expired", "certificate has expired"),
                                (hubs, "unsupported certificate", "unsuitable certificate purpose")):  # fmt: skip
        # It listens on until the hub has ended it.
        told = knocking(certs, hub.port, "-tls1_3", "-ign_eof", "-cert", path, "-key", path.with_suffix(".key"))
        assert f"alert {alert}" in told, told
        hub.wait_line(rf"was not let in: its certificate does not serve: .*{reason}")
        time.sleep(1.1)  # The hub notes one a second.
    assert calling(certs / "dickens.crt", f"localhost:{hub.port}", hub) == "taken"


def test_a_site_takes_hubs_of_its_authority_only(cert, certs, serving, calling, tmp_path):  # noqa: F811
    cert("authority", "--folder", "other")
    cert("hub", "hub", "--host", "localhost", "--folder", "other")
    cert("hub", "elsewhere", "--host", "hub.example.org", "--host", "192.0.2.7")
    site = certs / "dickens.crt"
    # The hub shows its authority, too.
    for path, reason in ((tmp_path / "other" / "hub.crt", "self-signed certificate in certificate chain"),
                         (certs / "elsewhere.crt", "[Hh]ostname mismatch")):  # fmt: skip
        told = calling(site, f"localhost:{serving(path).port}")
        assert re.search(reason, told), told
    told = calling(site, f"127.0.0.1:{serving(certs / 'elsewhere.crt').port}")
    assert "IP address mismatch" in told
    # These would not be taken by our own hub to begin with.
    expired = signed(certs, "past-hub", days(-20), days(-10), "hub")
    for path, reason in ((certs / "austen.crt", "unsuitable certificate purpose"), (expired, "certificate has expired")):
        with posing(certs, path) as port:
            told = calling(site, f"localhost:{port}")
            assert reason in told, told
    sound = signed(certs, "sound-hub", days(-20), days(10), "hub")
    hub = serving(sound)
    assert calling(site, f"localhost:{hub.port}", hub) == "taken"


def test_a_hub_looks_at_its_lists(cert, certs, serving, calling):  # noqa: F811
    hub = serving(certs / "hub.crt")
    target = f"localhost:{hub.port}"
    assert calling(certs / "dickens.crt", target, hub) == "taken"
    cert("revoke", certs / "dickens.crt")
    assert "revoked" in calling(certs / "dickens.crt", target, hub)
    cert("admit", certs / "austen.crt")
    assert calling(certs / "austen.crt", target, hub, worker=1) == "taken"
    cert("site", "carroll")
    told = calling(certs / "carroll.crt", target, hub, worker=2)
    assert load(certs / "carroll.crt").fingerprint(hashes.SHA256()).hex() in told
    (certs / "revoked.txt").write_text("nonsense\n")  # A list that cannot be read admits nobody.
    assert "revoked.txt" in calling(certs / "austen.crt", target, hub, worker=1)


def test_a_program_does_not_begin_with_what_would_be_refused(cert, certs, programs, processes, tmp_path):  # noqa: F811
    cert("authority", "--folder", "other")
    cert("site", "dickens", "--folder", "other")
    mixed = tmp_path / "mixed"
    shutil.copytree(tmp_path / "other", mixed)
    shutil.copy(certs / "authority.crt", mixed)
    for path in (mixed / "dickens.crt", signed(certs, "past", days(-20), days(-10)), certs / "hub.crt"):
        child = processes.start("worker", [programs / "causeway-hub", "dry-worker", "--hub", "localhost:1", "--worker", 0,
                                           "--folder", tmp_path / "w", "--cert", path])  # fmt: skip
        assert child.wait() in (1, 2, 3), child.tail()
        assert str(path) in child.complaints()


def knocking(certs, port, *arguments) -> str:  # noqa: F811
    """What OpenSSL's client prints of a connection. In TLS 1.3 a verdict on the client comes when it listens on."""
    return openssl("s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", certs / "authority.crt", *arguments, code=None,
                   input="x")  # fmt: skip


@contextlib.contextmanager
def posing(certs, path, *arguments):  # noqa: F811
    """OpenSSL's server with this certificate; gives its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(["openssl", "s_server", "-accept", str(port), "-cert", path, "-key", path.with_suffix(".key"),
                               "-CAfile", certs / "authority.crt", "-Verify", "1", *arguments], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip
    try:
        while "ACCEPT" not in (line := server.stdout.readline()):
            assert line, "OpenSSL's server has ended"
        yield port
    finally:
        server.kill()
        server.communicate()


def test_a_hub_speaks_tls_1_3_and_nothing_older(certs, serving):  # noqa: F811
    identity = ["-cert", certs / "dickens.crt", "-key", certs / "dickens.key"]
    port = serving(certs / "hub.crt").port
    told = knocking(certs, port, "-tls1_3", *identity)
    assert re.search(r"^New, TLSv1\.3, Cipher is TLS_", told, re.MULTILINE), told
    assert "Verify return code: 0 (ok)" in told
    assert "Server Temp Key: X25519" in told
    # With every cipher that OpenSSL has, at the lowest level of security.
    for old in ("-tls1_2", "-tls1_1", "-tls1"):
        told = knocking(certs, port, old, "-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0", *identity)
        assert "Cipher is (NONE)" in told, told
    # Nor what costs the hub much.
    for group in ("ffdhe2048", "ffdhe8192", "P-521"):
        told = knocking(certs, port, "-tls1_3", "-groups", group, *identity)
        assert "Cipher is (NONE)" in told, told


def test_a_hub_wants_a_certificate(certs, serving):  # noqa: F811
    hub = serving(certs / "hub.crt")
    context = ssl.create_default_context(cafile=certs / "authority.crt")
    with socket.create_connection(("127.0.0.1", hub.port), timeout=DEADLINE_S) as plain:
        # In TLS 1.3 a client hears of it with the first answer.
        with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                secure.recv(1)
    hub.wait_line("was not let in: it has shown no certificate")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_site_speaks_tls_1_3_and_nothing_older(certs, programs, processes, tmp_path, version):  # noqa: F811
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    context.load_cert_chain(certs / "hub.crt", certs / "hub.key")
    seen = []

    def accept_one(listener):
        connection, _ = listener.accept()
        connection.settimeout(DEADLINE_S)
        with connection, contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
            seen.append((secure.version(), secure.recv(1)))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE_S)
        thread = threading.Thread(target=accept_one, args=(listener,))
        thread.start()
        target = f"localhost:{listener.getsockname()[1]}"
        processes.start("worker", [programs / "causeway-hub", "dry-worker", "--hub", target, "--worker", 0,
                                   "--folder", tmp_path / "w", "--cert", certs / "dickens.crt"])  # fmt: skip
        thread.join()
    # In TLS 1.3 it begins with its preface.
    assert seen == ([("TLSv1.3", b"\x01")] if version == ssl.TLSVersion.TLSv1_3 else [])

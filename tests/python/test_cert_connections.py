# SPDX-License-Identifier: Apache-2.0
"""Real connections with our certificates: who is taken and who is refused, and that nothing older than TLS 1.3 is spoken."""

import contextlib
import re
import selectors
import shutil
import socket
import ssl
import subprocess
import threading

import pytest
from certificate_folders import DEADLINE_S, cert, certs, days, listed, load, openssl, programs, signed  # noqa: F401
from cryptography.hazmat.primitives import hashes


@contextlib.contextmanager
def serving(programs, path, address="127.0.0.1"):
    """tls_example as a hub with this certificate; gives its port."""
    process = subprocess.Popen([programs / "tls_example", "serve", path, address], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # fmt: skip
    try:
        with selectors.DefaultSelector() as ready:
            ready.register(process.stdout, selectors.EVENT_READ)
            assert ready.select(timeout=DEADLINE_S), "no port"
        line = process.stdout.readline()
        yield int(line)
        process.stdin.close()
        assert process.wait(timeout=DEADLINE_S) == 0
    finally:
        process.kill()
        process.wait()


def calling(programs, path, target) -> tuple[int, list[str]]:
    """tls_example as a site with this certificate: gRPC's status, then its message or what each end says of the other."""
    done = subprocess.run([programs / "tls_example", "call", path, target], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=DEADLINE_S)  # fmt: skip
    head, *lines = done.stdout.splitlines()
    code, message = head.split(" ", 1)
    return int(code), lines or [message]


OK, PERMISSION_DENIED, UNAVAILABLE = 0, 7, 14


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


def test_hub_and_site_know_each_other(cert, certs, programs):
    rows = listed(cert)
    wanted = [f"site dickens {rows['dickens.crt']['fingerprint']}", f"hub hub {rows['hub.crt']['fingerprint']}"]
    with serving(programs, certs / "hub.crt") as port:
        for host in ("localhost", "127.0.0.1"):
            assert calling(programs, certs / "dickens.crt", f"{host}:{port}") == (OK, wanted)
    if has_ipv6():
        with serving(programs, certs / "hub.crt", "[::1]") as port:
            assert calling(programs, certs / "dickens.crt", f"[::1]:{port}") == (OK, wanted)


def test_a_hub_takes_sites_of_its_authority_only(cert, certs, programs, tmp_path):
    cert("authority", "--folder", "other")
    cert("site", "dickens", "--folder", "other")
    other = tmp_path / "other"
    shutil.copy(certs / "authority.crt", other)  # It trusts this hub, but is none of its sites.
    expired = signed(certs, "past", days(-20), days(-10))
    with serving(programs, certs / "hub.crt") as port:
        for path in (certs / "hub.crt", other / "dickens.crt", expired):
            assert calling(programs, path, f"localhost:{port}")[0] == UNAVAILABLE, path
        assert calling(programs, certs / "dickens.crt", f"localhost:{port}")[0] == OK


def test_a_site_takes_hubs_of_its_authority_only(cert, certs, programs, tmp_path):
    site = certs / "dickens.crt"
    cert("authority", "--folder", "other")
    cert("hub", "hub", "--host", "localhost", "--folder", "other")
    shutil.copy(certs / "authority.crt", tmp_path / "other")
    cert("hub", "elsewhere", "--host", "hub.example.org", "--host", "192.0.2.7")
    expired = signed(certs, "past-hub", days(-20), days(-10), "hub")
    sound = signed(certs, "sound-hub", days(-20), days(10), "hub")
    for path, wanted in ((certs / "austen.crt", UNAVAILABLE), (tmp_path / "other" / "hub.crt", UNAVAILABLE),
                         (certs / "elsewhere.crt", UNAVAILABLE), (expired, UNAVAILABLE), (sound, OK)):  # fmt: skip
        with serving(programs, path) as port:
            code, lines = calling(programs, site, f"localhost:{port}")
            assert code == wanted, (path, lines)


def test_a_running_hub_looks_at_its_lists(cert, certs, programs):
    with serving(programs, certs / "hub.crt") as port:
        target = f"localhost:{port}"
        assert calling(programs, certs / "dickens.crt", target)[0] == OK
        cert("revoke", certs / "dickens.crt")
        code, [message] = calling(programs, certs / "dickens.crt", target)
        assert code == PERMISSION_DENIED and "revoked" in message
        cert("admit", certs / "austen.crt")
        assert calling(programs, certs / "austen.crt", target)[0] == OK
        cert("site", "carroll")
        code, [message] = calling(programs, certs / "carroll.crt", target)
        assert code == PERMISSION_DENIED and load(certs / "carroll.crt").fingerprint(hashes.SHA256()).hex() in message
        (certs / "revoked.txt").write_text("nonsense\n")  # A list that cannot be read admits nobody.
        assert calling(programs, certs / "austen.crt", target)[0] == PERMISSION_DENIED


def knocking(certs, port, *arguments) -> str:
    """What OpenSSL's client prints of a connection."""
    return openssl("s_client", "-connect", f"127.0.0.1:{port}", "-alpn", "h2", "-CAfile", certs / "authority.crt",
                   *arguments, code=None, stdin=subprocess.DEVNULL)  # fmt: skip


def test_a_hub_speaks_tls_1_3_and_nothing_older(certs, programs):
    identity = ["-cert", certs / "dickens.crt", "-key", certs / "dickens.key"]
    with serving(programs, certs / "hub.crt") as port:
        told = knocking(certs, port, "-tls1_3", *identity)
        assert re.search(r"^New, TLSv1\.3, Cipher is TLS_", told, re.MULTILINE), told
        assert "Verify return code: 0 (ok)" in told
        # With every cipher that OpenSSL has, at the lowest level of security.
        for old in ("-tls1_2", "-tls1_1", "-tls1"):
            told = knocking(certs, port, old, "-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0", *identity)
            assert "Cipher is (NONE)" in told, told


def test_a_hub_wants_a_certificate(certs, programs):
    with serving(programs, certs / "hub.crt") as port:
        context = ssl.create_default_context(cafile=certs / "authority.crt")
        context.set_alpn_protocols(["h2"])
        with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as plain:
            # In TLS 1.3 a client hears of it with the first answer.
            with pytest.raises((ssl.SSLError, ConnectionError)) as refused:
                with context.wrap_socket(plain, server_hostname="localhost") as secure:
                    if not secure.recv(1):
                        raise ConnectionResetError
        assert not isinstance(refused.value, ssl.SSLCertVerificationError)


@pytest.mark.parametrize("version, wanted", [(ssl.TLSVersion.TLSv1_2, None), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")])
def test_a_site_speaks_tls_1_3_and_nothing_older(certs, programs, version, wanted):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    context.load_cert_chain(certs / "hub.crt", certs / "hub.key")
    context.set_alpn_protocols(["h2"])
    seen = []

    def accept_one(listener):
        connection, _ = listener.accept()
        connection.settimeout(DEADLINE_S)
        with connection, contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
            seen.append(secure.version())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE_S)
        thread = threading.Thread(target=accept_one, args=(listener,))
        thread.start()
        code, _ = calling(programs, certs / "dickens.crt", f"localhost:{listener.getsockname()[1]}")
        thread.join()
    assert code == UNAVAILABLE  # This server speaks no HTTP/2.
    assert seen == ([wanted] if wanted else [])

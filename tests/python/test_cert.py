# SPDX-License-Identifier: Apache-2.0
"""`causeway cert`: its files as OpenSSL's command and the cryptography package see them, and real connections with them."""

import contextlib
import datetime
import hashlib
import ipaddress
import json
import os
import pathlib
import re
import resource
import selectors
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import threading

import pytest
from conftest import ROOT, call_binary
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DEADLINE_S = 120  # For what takes milliseconds on a quiet machine.


@pytest.fixture(scope="module")
def programs() -> pathlib.Path:
    """The folder with causeway-hub and tls_example: that of CAUSEWAY_BINARY, or CAUSEWAY_BUILD, or build/release."""
    if "CAUSEWAY_BINARY" in os.environ:
        return pathlib.Path(os.environ["CAUSEWAY_BINARY"]).resolve().parent
    return pathlib.Path(os.environ.get("CAUSEWAY_BUILD", ROOT / "build" / "release")).resolve()


@pytest.fixture
def cert(programs, tmp_path):
    """`cert("list")` runs `causeway cert list` in the test's folder; `code` is the exit code that is wanted."""

    def call(*arguments, code=0, **options) -> subprocess.CompletedProcess:
        done = call_binary(programs / "causeway-hub", tmp_path)("cert", *arguments, **options)
        assert done.returncode == code, (done.stdout, done.stderr)
        return done

    return call


@pytest.fixture
def certs(cert, tmp_path) -> pathlib.Path:
    """A folder with an authority, `hub` for this machine's loopback addresses, and the sites dickens and austen."""
    cert("authority", "--name", "novels")
    cert("hub", "hub", "--host", "localhost", "--host", "127.0.0.1", "--host", "::1")
    cert("site", "dickens", "austen")
    return tmp_path / "certs"


def openssl(*arguments, code=0, **options) -> str:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, errors="replace",
                          timeout=DEADLINE_S, **options)  # fmt: skip
    assert code is None or done.returncode == code, (arguments, done.stdout, done.stderr)
    return done.stdout + done.stderr


def load(path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pathlib.Path(path).read_bytes())


def listed(cert, folder="certs") -> dict[str, dict]:
    rows = [json.loads(line) for line in cert("list", "--json", "--folder", folder).stdout.splitlines()]
    return {pathlib.Path(row["file"]).name: row for row in rows}


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# What other programs see.


@pytest.mark.parametrize("name, purpose, other", [("hub", "sslserver", "sslclient"),
                                                  ("dickens", "sslclient", "sslserver")])  # fmt: skip
def test_openssl_takes_each_for_its_own_purpose_only(certs, name, purpose, other):
    arguments = ["verify", "-x509_strict", "-CAfile", certs / "authority.crt", "-purpose"]
    assert f"{name}.crt: OK" in openssl(*arguments, purpose, certs / f"{name}.crt")
    assert "unsuitable certificate purpose" in openssl(*arguments, other, certs / f"{name}.crt", code=2)


def test_openssl_checks_the_hubs_names(certs):
    arguments = ["verify", "-x509_strict", "-CAfile", certs / "authority.crt"]
    for good in [("-verify_hostname", "localhost"), ("-verify_ip", "127.0.0.1"), ("-verify_ip", "::1")]:
        openssl(*arguments, *good, certs / "hub.crt")
    assert "mismatch" in openssl(*arguments, "-verify_hostname", "hub", certs / "hub.crt", code=2)
    assert "mismatch" in openssl(*arguments, "-verify_ip", "127.0.0.2", certs / "hub.crt", code=2)


def test_openssl_and_list_agree(cert, certs):
    for file, row in listed(cert).items():
        told = openssl("x509", "-in", certs / file, "-noout", "-fingerprint", "-sha256", "-serial", "-subject")
        assert re.search(r"Fingerprint=(\S+)", told)[1].replace(":", "").lower() == row["fingerprint"]
        assert re.search(r"serial=(\S+)", told)[1].lower() == row["serial"]
        assert f"OU = {row['kind']}, CN = {row['name']}" in told


def test_openssl_reads_the_keys(certs):
    for key in sorted(certs.glob("*.key")):
        public = openssl("pkey", "-in", key, "-pubout")
        assert public == openssl("x509", "-in", key.with_suffix(".crt"), "-noout", "-pubkey")


def test_cryptography_reads_what_was_meant(cert, certs):
    authority, rows = load(certs / "authority.crt"), listed(cert)
    assert sorted(rows) == ["austen.crt", "authority.crt", "dickens.crt", "hub.crt"]
    for file, row in rows.items():
        one = load(certs / file)
        one.verify_directly_issued_by(authority)
        assert one.version == x509.Version.v3
        assert isinstance(one.public_key(), ed25519.Ed25519PublicKey)
        assert one.fingerprint(hashes.SHA256()).hex() == row["fingerprint"]
        assert one.serial_number == int(row["serial"], 16)
        assert int(one.not_valid_before_utc.timestamp()) == row["not_before_unix_s"]
        assert int(one.not_valid_after_utc.timestamp()) == row["not_after_unix_s"]
        days = 3650 if row["kind"] == "authority" else 365
        assert one.not_valid_after_utc - one.not_valid_before_utc == datetime.timedelta(days=days, hours=1)
        constraints = one.extensions.get_extension_for_class(x509.BasicConstraints)
        assert constraints.critical
        assert constraints.value == (x509.BasicConstraints(True, 0) if one == authority
                                     else x509.BasicConstraints(False, None))  # fmt: skip
        usage = one.extensions.get_extension_for_class(x509.KeyUsage)
        assert usage.critical
        assert usage.value.digital_signature == (one != authority)
        assert usage.value.key_cert_sign == (one == authority)
        identifier = one.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        assert identifier == x509.SubjectKeyIdentifier.from_public_key(one.public_key())
    purposes = {file: list(load(certs / file).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
                for file in ("hub.crt", "dickens.crt")}  # fmt: skip
    assert purposes == {"hub.crt": [ExtendedKeyUsageOID.SERVER_AUTH], "dickens.crt": [ExtendedKeyUsageOID.CLIENT_AUTH]}
    names = load(certs / "hub.crt").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
    with pytest.raises(x509.ExtensionNotFound):
        load(certs / "dickens.crt").extensions.get_extension_for_class(x509.SubjectAlternativeName)


def test_python_loads_certificate_and_key_as_a_pair(certs):
    for name, purpose in (("hub", ssl.PROTOCOL_TLS_SERVER), ("dickens", ssl.PROTOCOL_TLS_CLIENT)):
        ssl.SSLContext(purpose).load_cert_chain(certs / f"{name}.crt", certs / f"{name}.key")
    with pytest.raises(ssl.SSLError):
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certs / "dickens.crt", certs / "austen.key")


# Files.


@pytest.mark.parametrize("mask", [0o000, 0o077, 0o277])
def test_keys_are_their_owners_alone_under_any_umask(cert, tmp_path, mask):
    (tmp_path / "certs").mkdir()  # The last mask would keep us out of a folder made under it.
    for arguments in (["authority"], ["site", "dickens"], ["request", "austen"]):
        cert(*arguments, preexec_fn=lambda: os.umask(mask))
    keys = sorted((tmp_path / "certs").glob("*.key"))
    assert len(keys) == 3
    for key in keys:
        assert mode(key) == 0o600, key


def limit_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, 50))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def test_what_the_disk_refuses_leaves_no_file_behind(cert, certs):
    before = {path.name: path.read_bytes() for path in certs.iterdir()}
    for arguments in (["site", "carroll"], ["request", "carroll"], ["revoke", certs / "dickens.crt"]):
        done = cert(*arguments, code=1, preexec_fn=limit_files, restore_signals=False)
        assert "cannot be" in done.stderr
    after = {path.name: path.read_bytes() for path in certs.iterdir() if not path.name.endswith(".txt.writing")}
    assert after == before


def test_commands_at_once_take_turns(programs, certs):
    names = [f"site-{number}" for number in range(8)]
    running = [subprocess.Popen([programs / "causeway-hub", "cert", "site", name, "--folder", certs],
                                stdout=subprocess.DEVNULL) for name in names]  # fmt: skip
    assert [process.wait(timeout=DEADLINE_S) for process in running] == [0] * len(names)
    for name in names:
        openssl("verify", "-CAfile", certs / "authority.crt", certs / f"{name}.crt")


# Requests.


def test_a_key_need_not_leave_its_site(cert, certs, tmp_path):
    told = cert("request", "carroll", "--folder", "site").stdout
    site = tmp_path / "site"
    assert "self-signature verify OK" in openssl("req", "-in", site / "carroll.csr", "-verify", "-noout")
    request = x509.load_pem_x509_csr((site / "carroll.csr").read_bytes())
    public = request.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    fingerprint = hashlib.sha256(public).hexdigest()
    assert fingerprint in told
    assert fingerprint in cert("show", site / "carroll.csr").stdout
    assert fingerprint in cert("sign", site / "carroll.csr").stdout
    assert not (certs / "carroll.key").exists()
    assert load(certs / "carroll.crt").public_key() == request.public_key()
    for file in ("carroll.crt", "authority.crt"):
        shutil.copy(certs / file, site)
    assert "the two can be used" in cert("show", site / "carroll.crt").stdout


def request_of(folder, key, common, digest=None) -> pathlib.Path:
    """A request by another program; it also asks to be an authority."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
    built = x509.CertificateSigningRequestBuilder().subject_name(name)
    built = built.add_extension(x509.BasicConstraints(True, None), critical=True)
    path = folder / f"{common}.csr"
    path.write_bytes(built.sign(key, digest).public_bytes(serialization.Encoding.PEM))
    return path


def test_a_request_of_another_program_gets_no_more_than_ours(cert, certs, tmp_path):
    cert("sign", request_of(tmp_path, ed25519.Ed25519PrivateKey.generate(), "carroll"))
    assert load(certs / "carroll.crt").extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    done = cert("sign", request_of(tmp_path, ec.generate_private_key(ec.SECP256R1()), "trollope", hashes.SHA256()), code=2)
    assert "not Ed25519" in done.stderr


def test_a_request_is_signed_under_its_own_name_only(cert, certs, tmp_path):
    path = request_of(tmp_path, ed25519.Ed25519PrivateKey.generate(), "dickens-2")
    path = path.rename(tmp_path / "carroll.csr")
    assert "`dickens-2`" in cert("sign", path, code=2).stderr
    assert not list(certs.glob("carroll*")) and not list(certs.glob("dickens-2*"))


def test_a_hub_may_make_its_own_key(cert, certs):
    cert("request", "hub-2", "--folder", "hub")
    cert("sign", "hub/hub-2.csr", "--host", "hub.example.org")
    assert listed(cert)["hub-2.crt"]["hosts"] == ["hub.example.org"]
    openssl("verify", "-CAfile", certs / "authority.crt", "-purpose", "sslserver", certs / "hub-2.crt")


# Lists.


def test_admit_and_revoke(cert, certs):
    assert {row["state"] for row in listed(cert).values()} == {"valid", "admitted"}
    assert "from now on" in cert("admit", certs / "dickens.crt").stdout
    assert listed(cert)["austen.crt"]["state"] == "not admitted"
    fingerprint = load(certs / "austen.crt").fingerprint(hashes.SHA256()).hex(":").upper()
    assert "from now on" not in cert("admit", fingerprint).stdout
    cert("revoke", certs / "dickens.crt")
    states = {file: row["state"] for file, row in listed(cert).items()}
    assert states == {"authority.crt": "valid", "hub.crt": "valid", "austen.crt": "admitted", "dickens.crt": "revoked"}


def test_only_sites_of_this_authority_are_admitted(cert, certs, tmp_path):
    cert("authority", "--folder", "other")
    cert("site", "carroll", "--folder", "other")
    assert "not signed by this authority" in cert("admit", tmp_path / "other" / "carroll.crt", code=2).stderr
    assert "hub's" in cert("admit", certs / "hub.crt", code=2).stderr
    assert "authority's" in cert("revoke", certs / "authority.crt", code=2).stderr
    assert "no fingerprint" in cert("admit", "carroll", code=2).stderr
    # Of several, none if one is wrong.
    assert cert("admit", certs / "dickens.crt", "nowhere.crt", code=2)
    assert not list(certs.glob("*.txt"))


def signed(certs, name, start, end, kind="site") -> pathlib.Path:
    """NAME.crt and NAME.key as the authority makes them, by another program and at another time."""
    authority, key = load(certs / "authority.crt"), ed25519.Ed25519PrivateKey.generate()
    signing = serialization.load_pem_private_key((certs / "authority.key").read_bytes(), None)
    purpose = ExtendedKeyUsageOID.CLIENT_AUTH if kind == "site" else ExtendedKeyUsageOID.SERVER_AUTH
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Causeway"),
                         x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, kind),
                         x509.NameAttribute(NameOID.COMMON_NAME, name)])  # fmt: skip
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(authority.subject)
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(start).not_valid_after(end)
               .add_extension(x509.BasicConstraints(False, None), True)
               .add_extension(x509.KeyUsage(True, *[False] * 8), True)
               .add_extension(x509.ExtendedKeyUsage([purpose]), False)
               .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
               .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), False))  # fmt: skip
    if kind == "hub":
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
    (certs / f"{name}.crt").write_bytes(builder.sign(signing, None).public_bytes(serialization.Encoding.PEM))
    (certs / f"{name}.key").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))  # fmt: skip
    (certs / f"{name}.key").chmod(0o600)
    return certs / f"{name}.crt"


def days(count: float) -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=count)


def test_list_says_what_is_over_and_what_soon_will_be(cert, certs, tmp_path):
    signed(certs, "past", days(-20), days(-10))
    signed(certs, "future", days(10), days(200))
    signed(certs, "soon", days(-1), days(29.5))
    signed(certs, "later", days(-1), days(31))
    cert("authority", "--folder", "other")
    cert("site", "stranger", "--folder", "other")
    shutil.copy(tmp_path / "other" / "stranger.crt", certs)
    (certs / "broken.crt").write_text("nothing")
    cert("request", "asked")
    rows = listed(cert)
    states = {"past": "expired", "future": "not yet valid", "soon": "admitted", "later": "admitted",
              "stranger": "foreign", "broken": "unreadable", "dickens": "admitted"}  # fmt: skip
    assert {name: rows[f"{name}.crt"]["state"] for name in states} == states
    assert rows["asked.csr"]["kind"] == "request"
    assert rows["soon.crt"]["days_left"] == 30 and rows["later.crt"]["days_left"] == 31
    done = cert("list")
    table = {line.split()[1]: line for line in done.stdout.splitlines()}
    for name in states:
        assert name in table
    assert rows["past.crt"]["fingerprint"] in table["past"]
    warned = re.findall(r"^causeway: certs/(\w+)\.", done.stderr, re.MULTILINE)
    assert sorted(warned) == ["broken", "past", "soon", "stranger"], done.stderr
    assert "over in 30 days" in done.stderr


def test_list_of_nothing(cert, tmp_path):
    assert "--folder" in cert("list", code=1).stderr
    (tmp_path / "certs").mkdir()
    assert "causeway cert authority" in cert("list").stdout
    assert cert("list", "--json").stdout == ""


# Mistakes.


def test_help_has_examples(cert):
    assert "Example: causeway cert" in cert("--help").stdout
    for command in ("authority", "hub", "site", "request", "sign", "admit", "revoke", "list", "show"):
        told = cert(command, "--help").stdout
        assert re.search(rf"Examples?: causeway cert {command}\b", told)
        assert "--folder" in told


@pytest.mark.parametrize("arguments, code, word", [
    (["hub", "hub"], 2, "--host"),
    (["hub", "hub", "--host", "hub.example.org:443"], 2, "without a port"),
    (["site", "a/b"], 2, "a-z"),
    (["site", "a", "--days", "0"], 2, "1 to 36500"),
    (["site", "a", "--folder", "nowhere"], 1, "causeway cert authority"),
    (["authority"], 2, "is there already"),
    (["site", "new", "dickens"], 2, "nothing was made"),
    (["show", "nowhere.crt"], 1, "nowhere.crt"),
    (["sign", "certs/dickens.crt"], 2, "no request"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)  # fmt: skip
def test_mistakes_are_told_and_change_nothing(cert, certs, arguments, code, word):
    before = sorted(certs.iterdir())
    assert word in cert(*arguments, code=code).stderr
    assert sorted(certs.iterdir()) == before


def test_who_has_no_key_of_the_authority_is_told_who_signs(cert, certs):
    (certs / "authority.key").unlink()
    done = cert("site", "carroll", code=1)
    assert "authority.key" in done.stderr and "causeway cert request" in done.stderr


def test_a_hostile_name_does_not_reach_the_terminal(cert, certs):
    name = "\x1b[2Jdickens"
    path = signed(certs, "evil", days(-1), days(1))
    key = ed25519.Ed25519PrivateKey.generate()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(1).not_valid_before(days(-1)).not_valid_after(days(1)).sign(key, None))  # fmt: skip
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    request = certs / "evil.csr"
    request.write_bytes(x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, None)
                        .public_bytes(serialization.Encoding.PEM))  # fmt: skip
    for arguments in (["show", path], ["show", request], ["sign", request]):
        done = cert(*arguments, code=2)
        assert "\x1b" not in done.stdout + done.stderr


# Connections.


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

# SPDX-License-Identifier: Apache-2.0
"""`causeway cert`: its files as OpenSSL's command and the cryptography package see them, and what it says."""

import datetime
import hashlib
import ipaddress
import os
import pathlib
import re
import resource
import shutil
import signal
import ssl
import stat
import subprocess

import pytest
from certificate_folders import DEADLINE_S, cert, certs, days, listed, load, openssl, programs, signed  # noqa: F401
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


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

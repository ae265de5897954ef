# SPDX-License-Identifier: Apache-2.0
"""Folders of certificates for the tests of `causeway cert` and of connections, and certificates by another program."""

import datetime
import json
import os
import pathlib
import subprocess

import pytest
from conftest import ROOT, call_binary
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
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

# SPDX-License-Identifier: Apache-2.0
"""An object store on this machine that does what a test tells it to, good or bad, byte by byte."""

import contextlib
import datetime
import hashlib
import ipaddress
import socket
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DEADLINE_S = 60


class Request:
    """What a client said."""

    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body


def answer(status: int, body: bytes = b"", headers: str = "", length: int | None = None) -> bytes:
    """An answer's bytes; `length` is what it promises, if not the truth."""
    promised = len(body) if length is None else length
    return f"HTTP/1.1 {status} Said\r\nContent-Length: {promised}\r\n{headers}\r\n".encode() + body


def complaint(status: int, code: str) -> bytes:
    return answer(status, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode())


class HostileStore:
    """Each connection has a thread. `say(store, request)` gives the answer's bytes, or writes to `store.peer` itself.

    `requests` are all that came whole, `connections` how many were made, `sent` how many bytes it could write. Without
    `say` it keeps objects.
    """

    def __init__(self, say=None, tls: ssl.SSLContext | None = None):
        self.say, self.tls = say or HostileStore.keep, tls
        self.requests, self.objects, self.sent = [], {}, 0
        self.connections, self.port = 0, 0
        self.local = threading.local()
        self.listener, self.open = None, set()

    @property
    def peer(self) -> socket.socket:
        """The connection of the request that is being answered."""
        return self.local.peer

    def start(self):
        """Listens, on the port of before if there was one."""
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()
        return self

    def stop(self):
        """Dies: nobody listens, all connections are cut."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for peer in list(self.open):
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)

    def accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                self.connections += 1
                threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        peer.settimeout(DEADLINE_S)
        with contextlib.suppress(OSError):
            peer = self.tls.wrap_socket(peer, server_side=True) if self.tls else peer
            with peer, peer.makefile("rb") as stream:
                self.open.add(peer)
                self.local.peer = peer
                while request := self.read(stream):
                    self.requests.append(request)
                    self.write(self.say(self, request) or b"")
        self.open.discard(peer)

    def hang_up(self):
        self.peer.shutdown(socket.SHUT_RDWR)

    def write(self, data: bytes):
        self.peer.sendall(data)
        self.sent += len(data)

    def read(self, stream) -> Request | None:
        head = stream.readline().split()
        if len(head) != 3:
            return None
        headers = {}
        while line := stream.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        self.local.length = int(headers.get("content-length", 0))
        return Request(head[0].decode(), head[1].decode(), headers, stream.read(self.local.length))

    def keep(self, request: Request) -> bytes:
        """A store as it should be: it compares a body with the digest that was signed."""
        if request.method == "PUT":
            if hashlib.sha256(request.body).hexdigest() != request.headers["x-amz-content-sha256"]:
                return complaint(400, "XAmzContentSHA256Mismatch")
            self.objects[request.path] = request
            return answer(200)
        kept = self.objects.get(request.path)
        if kept is None:
            return complaint(404, "NoSuchKey")
        return answer(200, kept.body, f"x-amz-meta-crc32c: {kept.headers['x-amz-meta-crc32c']}\r\n")


def certificate(folder, host: str, name: str):
    """A certificate that signs itself, for one address: its PEM file and that of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256()))  # fmt: skip
    pem, key_pem = folder / f"{name}.crt", folder / f"{name}.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_pem.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption()))  # fmt: skip
    return pem, key_pem

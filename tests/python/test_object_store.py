# SPDX-License-Identifier: Apache-2.0
"""Our client of S3 against moto, botocore's signatures, and stores that misbehave; by object_store_example.

A failure's exit status is 10 and the fault: see src/core/error.h."""

import calendar
import os
import ssl
import threading
import time
import urllib.parse

import pytest

from conftest import ROOT
from hostile_store import HostileStore, answer, certificate, complaint
from moto_store import MotoStore
from object_store_client import Client, fails

CORRUPT, REFUSED, BAD_INPUT, IO = 13, 15, 16, 17
MIB = 1 << 20


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A store that knows its clients' keys, whose rights are those that the documentation names."""
    text = (ROOT / "docs" / "object-store.md").read_text(encoding="utf-8")
    policy = text.partition("```json")[2].partition("```")[0].replace("BUCKET", "runs").replace("PREFIX", "team")
    server = MotoStore(tmp_path_factory.mktemp("strict"), policy)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def open_door(tmp_path_factory):
    server = MotoStore(tmp_path_factory.mktemp("open"))
    yield server
    server.stop()


@pytest.fixture
def client(strict, tmp_path):
    return Client(tmp_path, strict.endpoint, strict.keys)


@pytest.fixture
def hostile(tmp_path):
    """Starts a store that says what a function says, with a client of it: `store, client = hostile(say)`."""
    stores = []

    def start(say=None, tls=None, **options):
        stores.append(HostileStore(say, tls).start())
        scheme = "https" if tls else "http"
        options = {"retries": 1, **options}
        return stores[-1], Client(tmp_path, f"{scheme}://127.0.0.1:{stores[-1].port}", **options)

    yield start
    for store in stores:
        store.stop()


# ---- A store as it should be.


def test_keeps_the_contract_of_object_stores(client):
    done = client("contract")
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


@pytest.mark.parametrize("count", [0, 1, MIB, 8 * MIB])
def test_objects_come_back_as_they_went(client, strict, count):
    data = os.urandom(count)
    assert client.put(f"blobs/{count}", data).returncode == 0
    assert client.get(f"blobs/{count}", count) == data
    # And another client sees them.
    assert strict.service("s3").get_object(Bucket="runs", Key=f"team/blobs/{count}")["Body"].read() == data
    assert client("remove", f"blobs/{count}").returncode == 0
    fails(client.get(f"blobs/{count}", count), BAD_INPUT, "404 NoSuchKey")


def test_lists_more_than_a_page(client, strict):
    assert client("fill", "many/", 2100, 0).returncode == 0
    keys = [f"many/{i:07}" for i in range(2100)]
    assert client("list", "many/", 10_000).stdout.split() == keys
    assert client("list", "many/", 1001).stdout.split() == keys[:1001]
    assert client("list", "many/00020", 10_000).stdout.split() == keys[2000:]
    strict.service("s3").put_object(Bucket="runs", Key="team/many/not one of ours?", Body=b"")
    assert client("list", "many/", 10_000).stdout.split() == keys


def test_wrong_keys_are_refused(strict, tmp_path):
    for keys in [(strict.keys[0], "wrong"), ("AKIANOBODYNOBODYNOBO", strict.keys[1])]:
        client = Client(tmp_path, strict.endpoint, keys)
        fails(client.put("a", b"1"), REFUSED, "403")
        fails(client.get("a", 1), REFUSED, "403")
        fails(client("list", "", 1), REFUSED, "403")
        fails(client("remove", "a"), REFUSED, "403")


def test_rights_end_at_the_prefix(strict, tmp_path):
    client = Client(tmp_path, strict.endpoint, strict.keys, prefix="teams")
    fails(client.put("a", b"1"), REFUSED, "403 AccessDenied")
    fails(client("remove", "a"), REFUSED, "403 AccessDenied")


def test_says_that_there_is_no_such_bucket(open_door, tmp_path):
    client = Client(tmp_path, open_door.endpoint, bucket="nobodys")
    for done in client.put("a", b"1"), client.get("a", 1), client("list", "", 1), client("remove", "a"):
        fails(done, BAD_INPUT, "NoSuchBucket", "make the bucket first")


def test_keys_of_the_environment(strict, tmp_path):
    client = Client(tmp_path, strict.endpoint, access_key_file="")
    names = {"AWS_ACCESS_KEY_ID": strict.keys[0], "AWS_SECRET_ACCESS_KEY": strict.keys[1]}
    assert client("list", "none/", 1, **names).returncode == 0
    fails(client("list", "none/", 1, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY=""), BAD_INPUT, "no access key")


def test_a_key_file_that_anybody_reads_is_refused(client, tmp_path):
    (tmp_path / "keys").chmod(0o604)
    fails(client("list", "", 1), BAD_INPUT, "anybody can read")
    client.options["access_key_file"] = str(tmp_path / "none")
    fails(client("list", "", 1), BAD_INPUT, "cannot be read")


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_presigns_as_botocore_does(client, strict, method):
    theirs = strict.service("s3").generate_presigned_url(
        {"GET": "get_object", "PUT": "put_object"}[method], {"Bucket": "runs", "Key": "team/a/b-c_d.e"}, ExpiresIn=90)
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(theirs).query)
    seconds = calendar.timegm(time.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ"))
    ours = client("presign", method, "a/b-c_d.e", 90, seconds).stdout.strip()
    assert ours.partition("?")[0] == theirs.partition("?")[0]
    assert urllib.parse.parse_qs(urllib.parse.urlsplit(ours).query) == query


def test_presigned_addresses_need_no_key(open_door, tmp_path):
    owner, guest = Client(tmp_path, open_door.endpoint), Client(tmp_path, open_door.endpoint, access_key_file="")
    now, data = int(time.time()), os.urandom(MIB)
    put, get = (owner("presign", method, "a", 600, now).stdout.strip() for method in ("PUT", "GET"))
    assert guest.put(put, data, word="put-presigned").returncode == 0
    assert guest.get(get, MIB, word="get-presigned") == data
    fails(guest.get(get, MIB - 1, word="get-presigned"), CORRUPT)
    gone = get.replace("/a?", "/b?")
    fails(guest.get(gone, MIB, word="get-presigned"), BAD_INPUT, "NoSuchKey")
    fails(guest.get(get.replace("127.0.0.1", "127.0.0.2"), 1, word="get-presigned"), BAD_INPUT)


def test_chunks_go_by_reference(client, tmp_path):
    (tmp_path / "blob").write_bytes(os.urandom(6 * MIB + 5))
    done = client("chunks", tmp_path / "blob")
    assert (done.returncode, done.stdout) == (0, "same, 7 objects\n"), done.stderr
    assert client("list", "chunks/", 10).stdout == ""


# ---- Stores that misbehave.


def test_comes_through_a_store_that_dies_and_comes_back(hostile):
    def say(store, request):
        if len(store.requests) == 1:  # the answer of a put is lost
            store.hang_up()
            return None
        whole = store.keep(request)
        if len(store.requests) == 3:  # an object is cut in its middle
            store.write(whole[: len(whole) // 2])
            store.hang_up()
            return None
        return whole

    store, client = hostile(say, retries=8)
    data = os.urandom(MIB)
    assert client.put("a", data).returncode == 0
    assert client.get("a", MIB) == data
    assert [request.method for request in store.requests] == ["PUT", "PUT", "GET", "GET"]
    # Nobody listens for a while.
    store.stop()
    timer = threading.Timer(1.5, store.start)
    timer.start()
    assert client.get("a", MIB) == data
    timer.join()


def test_a_store_that_stays_away_is_an_io_fault(hostile):
    store, client = hostile(retries=2)
    store.stop()
    fails(client.get("a", 1), IO, "after 3 tries")


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_tries_again_where_the_store_is_busy(hostile, status):
    store, client = hostile(lambda s, r: answer(status) if len(s.requests) < 3 else s.keep(r), retries=2)
    assert client.put("a", b"data").returncode == 0
    assert len(store.requests) == 3
    store, client = hostile(lambda s, r: answer(status), retries=1)
    fails(client.put("a", b"data"), IO, f"{status}", "after 2 tries")


def test_tries_only_once_what_cannot_pass(hostile):
    for said, status in [(complaint(403, "AccessDenied"), REFUSED), (complaint(404, "NoSuchKey"), BAD_INPUT),
                         (answer(400), BAD_INPUT), (answer(501), BAD_INPUT)]:  # fmt: skip
        store, client = hostile(lambda s, r, said=said: said, retries=5)
        fails(client.get("a", 1), status)
        assert len(store.requests) == 1


def test_bytes_that_change_on_the_way_are_sent_again(hostile):
    def say(store, request):
        if len(store.requests) == 1:
            request.body = request.body[:-1] + bytes([request.body[-1] ^ 1])
        return store.keep(request)

    store, client = hostile(say)
    assert client.put("a", b"data").returncode == 0
    assert len(store.requests) == 2
    store.objects["/runs/team/a"].body = b"dath"
    fails(client.get("a", 4), CORRUPT, "CRC-32C")


def test_a_redirect_is_not_followed(hostile):
    other, _ = hostile()
    store, client = hostile(lambda s, r: answer(307, headers=f"Location: http://127.0.0.1:{other.port}/x\r\n"))
    fails(client.put("a", b"data"), BAD_INPUT, "307", "endpoint and region")
    assert other.connections == 0


@pytest.mark.parametrize("garbage", [b"\0\xff" * 5000, b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 abc\r\n\r\n",
                                     b"HTTP/9.9 200 OK\r\nContent-Length: 1\r\n\r\nx",
                                     b"HTTP/1.1 200 OK\r\nContent-Length: -7\r\n\r\n",
                                     b"HTTP/1.1 200 OK\r\n\r\nuntil the end"])  # fmt: skip
def test_garbage_is_corrupt(hostile, garbage):
    def say(store, request):
        store.write(garbage)
        store.hang_up()

    _, client = hostile(say)
    fails(client.get("a", 1000), CORRUPT)


def silent(store, request):
    time.sleep(15)


def trickle(store, request):
    store.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(150):
        store.write(b"x")
        time.sleep(0.1)


@pytest.mark.parametrize("say", [silent, trickle])
def test_a_store_that_never_ends_is_left_in_time(hostile, say):
    _, client = hostile(say, timeout_ms=500, retries=2)
    began = time.monotonic()
    fails(client.get("a", 1000), IO, "after 3 tries")
    assert time.monotonic() - began < 12  # 3 x 0.5 s and two pauses of up to 0.2 s


def test_cancel_ends_a_call_that_waits(hostile):
    _, client = hostile(silent, timeout_ms=60_000)
    began = time.monotonic()
    fails(client("cancel", "a", 300), IO, "cancelled")
    assert time.monotonic() - began < 12


def endless(head: bytes, piece: bytes):
    def say(store, request):
        store.write(head)
        for _ in range(1000):  # a gigabyte, if it were taken
            store.write(piece)

    return say


CHUNK = b"100000\r\n" + b"x" * MIB + b"\r\n"
LINE = b"x-many: " + b"y" * 1000 + b"\r\n"


@pytest.mark.parametrize(
    ("head", "piece", "status"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", CHUNK, CORRUPT),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1048576000\r\n\r\n", b"x" * MIB, CORRUPT),
        (b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n", CHUNK, REFUSED),
        (b"HTTP/1.1 200 OK\r\n", LINE * 1000, CORRUPT),
        (b"HTTP/1.1 200 OK\r\nx-long: ", b"x" * MIB, CORRUPT),
    ],
    ids=["chunks", "promised", "complaint", "headers", "header"],
)
def test_more_than_allowed_is_not_taken(hostile, head, piece, status):
    store, client = hostile(endless(head, piece), retries=0)
    fails(client.get("a", 1000), status)
    fails(client("list", "", 10), status)
    assert store.sent < 100 * MIB


def test_what_is_promised_too_large_is_not_begun(hostile):
    store, client = hostile(endless(b"HTTP/1.1 200 OK\r\nContent-Length: 1048576000\r\n\r\n", b"x" * MIB))
    fails(client.get("a", 60 * MIB), CORRUPT)
    assert store.sent < 30 * MIB


def test_more_and_less_than_promised(hostile):
    _, client = hostile(lambda s, r: answer(200, b"0123456789", length=4))
    assert client.get("a", 100) == b"0123"

    def less(store, request):
        store.write(answer(200, b"0123", length=10))
        store.hang_up()

    def bad_chunk(store, request):
        store.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")

    for say in less, bad_chunk:
        _, client = hostile(say)
        fails(client.get("a", 100), IO)


def test_connections_are_kept(hostile):
    store, client = hostile()
    assert client("fill", "f/", 200, 0).returncode == 0
    assert len(store.objects) == 200
    assert store.connections <= 4  # one a thread
    store.connections = 0
    client.options["connections"] = 2
    assert client("fill", "g/", 200, 0).returncode == 0
    assert len(store.objects) == 400
    assert store.connections <= 2


def test_a_kept_connection_may_be_closed(hostile):
    def say(store, request):
        store.local.served = getattr(store.local, "served", 0) + 1
        return store.hang_up() if store.local.served > 1 else store.keep(request)

    store, client = hostile(say, retries=0)
    assert client("fill", "f/", 12, 200_000).returncode == 0
    assert [len(kept.body) for kept in store.objects.values()] == [200_000] * 12


# ---- Who it speaks to.


def test_plain_http_is_for_this_machine_only(client):
    for endpoint in "http://example.org", "http://127.0.0.1.example.org", "http://0.0.0.0:1":
        client.options["endpoint"] = endpoint
        fails(client("list", "", 1), BAD_INPUT, "endpoint")


def test_no_proxy_comes_between_this_machine_and_itself(hostile):
    store, client = hostile()
    proxy, _ = hostile()
    address = f"http://127.0.0.1:{proxy.port}"
    assert client("fill", "a/", 1, 0, http_proxy=address, all_proxy=address).returncode == 0
    assert proxy.connections == 0


def context(pem, key) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(pem, key)
    return made


def test_certificates_are_verified(hostile, tmp_path):
    pem, key = certificate(tmp_path, "127.0.0.1", "store")
    other, _ = certificate(tmp_path, "127.0.0.1", "other")
    store, client = hostile(tls=context(pem, key), authority_file=str(pem))
    assert client("fill", "a/", 3, 0).returncode == 0
    assert store.connections <= 4
    kept = len(store.requests)
    for authority in str(other), "":
        client.options["authority_file"] = authority
        fails(client.put("a", b"data"), REFUSED, "certificate")
    client.options["authority_file"] = str(pem)
    client.options["endpoint"] = f"https://localhost:{store.port}"
    fails(client.put("a", b"data"), REFUSED)
    assert len(store.requests) == kept


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_tls_is_not_spoken(hostile, tmp_path):
    pem, key = certificate(tmp_path, "127.0.0.1", "store")
    old = context(pem, key)
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    store, client = hostile(tls=old, authority_file=str(pem))
    fails(client.put("a", b"data"), IO, "after 2 tries")
    assert store.requests == []

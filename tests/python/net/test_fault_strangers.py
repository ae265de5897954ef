# SPDX-License-Identifier: Apache-2.0
"""The fault table: who must not come in, and who tells lies."""

import socket
import ssl

import pytest

from net.cluster import BRISK, PATIENT, REFUSED

pytestmark = pytest.mark.faults

DELAY_S = 0.02
# Handshakes and reasons; the model's state is ten times as much.
REFUSAL_BYTES_MAX = 16_384


def refused(run, number: int, **options) -> int:
    """Starts a worker that must be refused; how many bytes the hub has told it."""
    before = run.links[number].counters()["down"]["bytes_out"]
    child = run.start_worker(number, **options)
    assert child.wait() == REFUSED, child.tail()
    assert child.complaints().strip(), "it does not say why"
    return run.links[number].counters()["down"]["bytes_out"] - before


def test_who_has_no_right_is_refused_before_anything_is_told(start_run, fault_table):
    run = start_run(settings=PATIENT)
    run.start_hub()
    others = run.folder / "others"
    run.make_certificates(others, "site1", "site9")
    run.cert("revoke", run.certificate(2))
    told = {
        "of another authority": refused(run, 1, certificate=others / "site1.crt"),
        "revoked": refused(run, 2),
        "of another site": refused(run, 3, certificate=run.certificate(0)),
    }
    assert max(told.values()) < REFUSAL_BYTES_MAX, told
    log = run.decisions()
    assert not any(log.admissions(worker) for worker in run.worker_folders)
    assert run.hub.alive
    fault_table.add("bad certificate or token", done=f"certificates {', '.join(told)}",
                    lost=f"nothing: exit code 3, at most {max(told.values())} bytes were told")  # fmt: skip


def client_context(run, certificate=None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=run.certs / "authority.crt")
    context.set_alpn_protocols(["h2"])
    if certificate:
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    return context


def what_is_told(run, context) -> bytes:
    """What a client hears that begins to speak HTTP/2, until it is sent away."""
    host, port = run.address
    told = b""
    with socket.create_connection((host, port), timeout=60) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
                secure.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
                while part := secure.recv(65536):
                    told += part
        except (ssl.SSLError, ConnectionError):
            pass
    return told


def test_a_hostile_client_gets_no_further_than_the_handshake(start_run, fault_table):
    run = start_run(settings=PATIENT)
    run.start_hub()
    others = run.folder / "others"
    run.make_certificates(others, "site1")
    for certificate in (None, others / "site1.crt", run.certs / "hub.crt"):
        assert what_is_told(run, client_context(run, certificate)) == b"", f"{certificate} was told something"
    outdated = client_context(run, run.certificate(1))
    outdated.maximum_version = ssl.TLSVersion.TLSv1_2
    assert what_is_told(run, outdated) == b""
    assert run.decisions().of("admitted") == []
    fault_table.add("bad certificate or token", done="no certificate, a stranger's, the hub's own, TLS 1.2, by another client",
                    lost="nothing: no byte was told")  # fmt: skip


def test_a_revoked_worker_is_sent_away_and_the_run_goes_on(start_run, fault_table):
    run = start_run(settings=BRISK, delay_s=DELAY_S)
    run.start()
    run.wait_round(4)
    run.cert("revoke", run.certificate(3))
    run.workers[3].kill()
    assert run.restart_worker(3).wait() == REFUSED
    last = run.decisions().opened
    run.wait_for(lambda log: log.decided > last + 1, "the rounds to go on")
    del run.workers[3]
    log = run.finish().decisions
    assert log.absent(3)
    fault_table.add("bad certificate or token", done="a member's certificate was revoked in the middle of the run",
                    lost="its offers from then on, with reasons")  # fmt: skip


@pytest.mark.parametrize("lie", ["nan", "huge", "garbage"])
def test_a_malicious_update_is_kept_out(start_run, binary, fault_table, lie):
    """`lying_worker` takes a worker's command line, and `--lie KIND --at-round N`: it offers that once, under right
    checksums and digests. `nan`: one value is none; `huge`: all are 1e9; `garbage`: bytes that do not decode."""
    liar = binary.with_name("lying_worker")
    assert liar.is_file(), f"{liar} is not built"
    run = start_run(settings=BRISK | {"norm_max": 1e6}, delay_s=DELAY_S)
    run.start_hub()
    for number in (0, 1, 2):
        run.start_worker(number)
    run.start_worker(3, program=liar, more=["--lie", lie, "--at-round", 5])
    run.wait_for(lambda log: log.strikes(3), "the hub to see it")
    recovery_s = run.wait_back(3, 5)
    log = run.finish().decisions
    assert 3 not in log.members(5)
    assert log.absent(3)[5]
    assert len(log.strikes(3)) == 1
    fault = "corrupt payload" if lie == "garbage" else "malicious update"
    fault_table.add(fault, done=f"a worker offered {lie} under right digests: {log.strikes(3)[0]}",
                    lost="its offer of that round; it counts against it", recovery_s=recovery_s)  # fmt: skip

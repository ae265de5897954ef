# SPDX-License-Identifier: Apache-2.0
"""Runs whose bytes go through an object store, while it works, fails, forgets, and refuses."""

import json
import time

import pytest

from moto_store import MotoStore

from net.cluster import BAD_USAGE, REFUSED
from net.processes import wait_for
from net.store_run import WORKERS, StoreRun

AGAIN_S = 10  # StoreHealth::kAgainMs
QUICK = {"timeout_ms": 1500, "retries": 0}  # A store that fails is soon left.
STORE = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"]


def policy(*actions: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]})


@pytest.fixture(scope="module")
def moto(tmp_path_factory):
    server = MotoStore(tmp_path_factory.mktemp("moto"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A store that verifies signatures, and whose user may change its own rights."""
    server = MotoStore(tmp_path_factory.mktemp("strict"), policy(*STORE, "iam:*"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def plain_weights(tmp_path_factory):
    """Of a run of so many rounds without a store."""
    known = {}

    def weights(rounds: int) -> str:
        if rounds not in known:
            with StoreRun(tmp_path_factory.mktemp("plain"), rounds) as run:
                run.start_hub()
                for number in range(WORKERS):
                    run.start_worker(number)
                known[rounds] = run.finish()
        return known[rounds]

    return weights


@pytest.fixture
def start_run(tmp_path):
    runs = []

    def start(rounds: int = 8, **options) -> StoreRun:
        run = StoreRun(tmp_path / f"run{len(runs)}", rounds, **options)
        runs.append(run)
        return run

    yield start
    for run in runs:
        run.processes.close()


def keys_in(store: MotoStore, prefix: str = "team/") -> list[str]:
    listed = store.service("s3").list_objects_v2(Bucket="runs", Prefix=prefix)
    return [entry["Key"] for entry in listed.get("Contents", [])]


def test_some_use_the_store_and_some_do_not(moto, start_run, plain_weights):
    run = start_run()
    store = run.store_file("store", moto.endpoint)
    run.start_hub(store)
    for number in range(WORKERS):
        run.start_worker(number, store if number < 2 else None)
    run.wait_decided(3)
    assert any("/chunks/" in key for key in keys_in(moto))
    assert run.finish() == plain_weights(run.rounds)
    assert keys_in(moto) == []
    members = {member["worker"]: member for member in run.views()[-1]["members"]}
    offers = members[2]["up_bytes"]
    for number in 0, 1:
        assert members[number]["store_up_bytes"] > 0.9 * offers
        assert members[number]["store_down_bytes"] > 0.9 * members[2]["down_bytes"]
        for way in "up", "down":
            control = members[number][f"{way}_bytes"] - members[number][f"store_{way}_bytes"]
            assert control < 0.1 * members[2][f"{way}_bytes"], f"{control} bytes went {way} over the connection"
    assert members[2]["store_up_bytes"] == members[2]["store_down_bytes"] == 0
    for child in (run.hub, *run.workers.values()):
        assert "object" not in child.complaints(), child.tail()


def test_a_store_that_dies_is_done_without_until_it_is_back(moto, start_run, plain_weights, relay):
    run = start_run(rounds=50)
    host, port = moto.endpoint.removeprefix("http://").split(":")
    link = relay.link("store", (host, int(port)))
    store = run.store_file("store", f"http://127.0.0.1:{link.port}", **QUICK)
    link.heal()
    run.start_hub(store)
    for number in range(WORKERS):
        run.start_worker(number, store)
    run.wait_decided(2)
    link.cut()  # Refuses, and then says nothing at all.
    run.wait_decided(5)
    link.block()
    link.heal()
    link.block()
    run.wait_decided(8)
    link.heal()
    # No round ends without worker 2: the others' pauses pass.
    run.workers[2].stop()
    time.sleep(AGAIN_S + 2 * QUICK["timeout_ms"] / 1000)
    run.workers[2].resume()
    assert run.finish() == plain_weights(run.rounds)
    for worker in run.workers.values():
        assert "fails, all bytes" in worker.complaints(), worker.tail()
    events = run.events()
    assert "fails, all bytes go over the connection" in events
    assert "takes objects again" in events + "".join(worker.complaints() for worker in run.workers.values())
    first, last = (next(view for view in run.views() if view["decided_round"] >= at) for at in (8, run.rounds))
    assert last["store_up_bytes"] > first["store_up_bytes"], "nothing went through the store when it was back"
    assert keys_in(moto) == []


def test_objects_that_vanish_are_sent_over_the_connection(moto, start_run, plain_weights):
    run = start_run(rounds=20)
    store = run.store_file("store", moto.endpoint)
    service = moto.service("s3")
    run.start_hub(store)
    for number in range(WORKERS):
        run.start_worker(number, store)
    run.wait_decided(1)
    # The hub stands still with references that it has not looked at, whose objects go.
    while run.hub.alive and "could not be got" not in run.events():
        run.hub.stop()
        time.sleep(0.2)
        for key in keys_in(moto):
            service.delete_object(Bucket="runs", Key=key)
        run.hub.resume()
        time.sleep(0.05)
    assert run.finish() == plain_weights(run.rounds)
    told = run.events() + "".join(worker.complaints() for worker in run.workers.values())
    assert "could not be got" in told


def test_the_hub_is_killed_in_the_middle_of_a_round(moto, start_run, plain_weights):
    run = start_run(rounds=10)
    store = run.store_file("store", moto.endpoint)
    run.start_hub(store)
    for number in range(WORKERS):
        run.start_worker(number, store)
    for number in 3, 6:
        run.wait_decided(number - 1)
        run.workers[1].stop()
        run.wait_for(lambda log: log.opened > log.decided and log.holders(log.opened) >= {0, 2}, "a round's middle")
        run.hub.kill()
        run.start_hub(store)
        run.workers[1].resume()
    assert run.finish() == plain_weights(run.rounds)
    assert keys_in(moto) == []


def test_a_worker_is_killed_while_its_offer_goes_through_the_store(moto, start_run, plain_weights):
    run = start_run(rounds=10)
    store = run.store_file("store", moto.endpoint)
    run.start_hub(store)
    for number in range(WORKERS):
        run.start_worker(number, store)
    for number in 3, 6:
        run.wait_for(lambda log, at=number: log.opened >= at, f"round {number} to open")
        run.workers[1].kill()
        run.start_worker(1, store)
    assert run.finish() == plain_weights(run.rounds)
    assert keys_in(moto) == []


# ---- What is refused, and what is not.


def test_a_wrong_key_is_told_at_the_start(strict, start_run):
    run = start_run()
    wrong = run.store_file("wrong", strict.endpoint, keys=(strict.keys[0], "wrong"), **QUICK)
    right = run.store_file("right", strict.endpoint, keys=strict.keys)
    hub = run.start_hub(wrong, wait=False)
    assert hub.wait() == REFUSED, hub.tail()
    assert "the object store runs/team" in hub.complaints() and "403" in hub.complaints()
    run.start_hub(right)
    worker = run.start_worker(0, wrong)
    assert worker.wait() == REFUSED
    assert "the object store runs/team" in worker.complaints()
    assert keys_in(strict) == []


def test_mistakes_of_a_store_file_are_told_together(moto, start_run):
    run = start_run()
    file = run.store_file("store", moto.endpoint, chunks={"transfers": 0, "tranfers": 1}, regoin="x")
    hub = run.start_hub(file, wait=False)
    assert hub.wait() == BAD_USAGE
    for text in "transfers", "tranfers", "regoin", "store.toml:":
        assert text in hub.complaints()
    hub = run.start_hub(run.store_file("other", moto.endpoint, bucket="no-such-bucket"), wait=False)
    assert hub.wait() == BAD_USAGE
    assert "NoSuchBucket" in hub.complaints()


def test_a_key_that_loses_its_rights_is_done_without(strict, start_run, plain_weights):
    run = start_run(rounds=12)
    store = run.store_file("store", strict.endpoint, keys=strict.keys)
    run.start_hub(store)
    for number in range(WORKERS):
        run.start_worker(number, store)
    run.wait_decided(2)
    iam = strict.service("iam")
    iam.put_user_policy(UserName="site", PolicyName="site", PolicyDocument=policy("iam:*"))
    try:
        assert run.finish() == plain_weights(run.rounds)
    finally:
        iam.put_user_policy(UserName="site", PolicyName="site", PolicyDocument=policy(*STORE, "iam:*"))
    told = run.events() + "".join(worker.complaints() for worker in run.workers.values())
    assert "fails, all bytes" in told and "AccessDenied" in told
    assert "objects of this run are left in runs/team, under chunks/" in run.hub.complaints()
    for key in keys_in(strict):
        strict.service("s3").delete_object(Bucket="runs", Key=key)


def test_another_store_than_the_hubs_is_refused(moto, start_run):
    run = start_run()
    run.start_hub(run.store_file("store", moto.endpoint))
    worker = run.start_worker(0, run.store_file("other", moto.endpoint, prefix="other"))
    assert worker.wait() == REFUSED
    assert "the worker's object store is runs/other and the hub's runs/team" in worker.complaints()


def test_a_hub_without_a_store_takes_bytes_over_the_connection(moto, start_run, plain_weights):
    run = start_run()
    store = run.store_file("store", moto.endpoint)
    run.start_hub()
    for number in range(WORKERS):
        run.start_worker(number, store)
    assert run.finish() == plain_weights(run.rounds)
    for worker in run.workers.values():
        assert "the hub uses no object store" in worker.complaints()


def test_a_store_that_is_away_at_the_start_is_told(moto, start_run, plain_weights, relay):
    run = start_run(rounds=3)
    host, port = moto.endpoint.removeprefix("http://").split(":")
    link = relay.link("store", (host, int(port)))
    link.cut()
    store = run.store_file("store", f"http://127.0.0.1:{link.port}", **QUICK)
    run.start_hub(store)
    for number in range(WORKERS):
        run.start_worker(number, store)
    assert run.finish() == plain_weights(run.rounds)
    for child in (run.hub, *run.workers.values()):
        wait_for(lambda child=child: "until it answers" in child.complaints(), "the notice")

# SPDX-License-Identifier: Apache-2.0
"""The reader of the hub's log, on a log that the hub's own code wrote (the story of src/hub/ledger_test.cpp)."""

import pathlib
import shutil
import sqlite3

import pytest

from net.decisions import Decisions, LogError, entries_of

STORY = pathlib.Path(__file__).parent / "fixtures" / "story.log"


@pytest.fixture
def story(tmp_path):
    shutil.copy(STORY, tmp_path / "decisions.log")
    return Decisions.read(tmp_path)


def as_sqlite(path, entries) -> sqlite3.Connection:
    """As the hub does it; the connection holds its lock."""
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript("""
        PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL;
        CREATE TABLE log(sequence INTEGER PRIMARY KEY, crc INTEGER NOT NULL, bytes BLOB NOT NULL);""")
    database.executemany("INSERT INTO log VALUES(?, 0, ?)", enumerate(entries, 1))
    return database


def test_it_reads_every_kind_of_record(story):
    assert [record.kind for record in story.records] == [
        "started", "admitted", "admitted", "admitted", "opened", "held", "held", "struck", "closed", "committed",
        "sat_out", "opened", "removed", "aborted", "snapshot"]  # fmt: skip
    assert story.records[0].run == 7
    assert story.records[0].genesis.bytes == 30
    assert story.records[1].incarnation == 100
    parcel = story.of("held", worker=0)[0].parcels[0]
    assert (parcel.channel, parcel.weight, parcel.bytes) == (0, 10, 100)
    assert parcel.digest == f"{1:016x}{2:016x}"
    assert story.of("held", worker=1)[0].declined == "not finite"
    assert vars(story.of("committed")[0].folder) == {"digest": f"{6:016x}{6:016x}", "bytes": 60}
    assert vars(story.records[-1].blob) == {"digest": f"{8:016x}{8:016x}", "bytes": 80}
    assert story.of("sat_out")[0].offer_from == 4


def test_it_says_who_counted_and_why_others_did_not(story):
    assert story.opened == story.decided == 2
    assert story.committed == [1]
    assert story.aborted == {2: "no quorum"}
    assert story.holders(1) == {0, 1}
    assert story.members(1) == {0}
    assert story.absent(1) == {1: "declined"}
    assert story.absent(2) == {1: "garbage"}
    assert story.admissions(2) == [3]
    assert story.removals(1) == ["no word"]
    assert story.strikes(2) == ["garbage"]
    story.check()


def test_a_database_that_the_hub_has_locked_says_the_same(story, tmp_path):
    folder = tmp_path / "hub"
    folder.mkdir()
    entries = entries_of(STORY)
    with_lock = as_sqlite(folder / "log.sqlite", entries[:-3])
    assert len(Decisions.read(folder).records) == len(entries) - 3
    with_lock.executemany("INSERT INTO log VALUES(?, 0, ?)", enumerate(entries[-3:], 100))
    assert Decisions.read(folder).records == story.records
    with_lock.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert Decisions.read(folder).records == story.records
    with_lock.close()
    assert Decisions.read(folder).records == story.records


def test_nothing_is_decided_before_there_is_a_log(tmp_path):
    assert Decisions.read(tmp_path / "none").records == []
    assert Decisions.read(tmp_path).records == []
    sqlite3.connect(tmp_path / "log.sqlite").execute("PRAGMA user_version=1").connection.close()
    assert Decisions.read(tmp_path).records == []


@pytest.mark.parametrize("cut", [1, 40, 100])
def test_a_tail_that_is_being_written_is_left_out(tmp_path, story, cut):
    (tmp_path / "decisions.log").write_bytes(STORY.read_bytes()[:-cut])
    records = Decisions.read(tmp_path).records
    assert records == story.records[: len(records)]
    assert len(story.records) - 4 < len(records) < len(story.records)


def test_what_it_does_not_know_is_said():
    with pytest.raises(LogError, match="compacted"):
        Decisions([b"\2\1"])
    with pytest.raises(LogError, match="left over"):
        Decisions([entries_of(STORY)[4] + b"x"])
    with pytest.raises(LogError, match="a record of 9 bytes"):
        Decisions([entries_of(STORY)[4][:9]])


@pytest.mark.parametrize(
    ("kind", "field", "value", "said"),
    [
        ("closed", "round", 2, "never closed"),
        ("committed", "round", 2, "decided twice"),
        ("removed", "reason", "", "without a reason"),
        ("held", "epoch", 9, "never had whole"),
    ],
)
def test_a_log_that_breaks_a_promise_is_found(story, kind, field, value, said):
    setattr(story.of(kind)[0], field, value)
    with pytest.raises(AssertionError, match=said):
        story.check()

# SPDX-License-Identifier: Apache-2.0
"""Reads what a hub has decided from its durable log, while it runs or when it is gone: written from the log's format and
not with the hub's code, so that tests need not believe what the hub says of itself."""

import pathlib
import shutil
import sqlite3
import struct
import tempfile
import types

FILE_MARK = b"CWLOG\0\0\1"
FILE_HEAD = struct.Struct("<8sII")  # mark, bytes of a snapshot, checksum
ENTRY_HEAD = struct.Struct("<IIq")  # bytes, checksum, sequence
SQLITE_MARK = b"SQLite format 3\0"
COPIES_MAX = 100
RECORD_VERSION = 1


class LogError(Exception):
    """It is no log, or one of another version."""


class Fields:
    """Reads one record's fields, in their order on the disk."""

    def __init__(self, data: bytes):
        self._data, self._at = data, 0

    def number(self, format: str) -> int:
        value = struct.unpack_from("<" + format, self._data, self._at)[0]
        self._at += struct.calcsize("<" + format)
        return value

    def i32(self) -> int:
        return self.number("i")

    def i64(self) -> int:
        return self.number("q")

    def u64(self) -> int:
        return self.number("Q")

    def flag(self) -> bool:
        return bool(self.number("B"))

    def text(self) -> str:
        count = self.number("I")
        self._at += count
        return self._data[self._at - count : self._at].decode()

    def digest(self) -> str:
        """As `xxhsum -H2` prints it."""
        return f"{self.u64():016x}{self.u64():016x}"

    def many(self, one) -> list:
        return [one() for _ in range(self.number("I"))]

    def blob(self):
        return types.SimpleNamespace(digest=self.digest(), bytes=self.i64())

    def parcel(self):
        return types.SimpleNamespace(channel=self.i32(), weight=self.i64(), digest=self.digest(), bytes=self.i64())

    def parcels(self) -> list:
        return self.many(self.parcel)

    def members(self) -> list:
        return self.many(lambda: types.SimpleNamespace(worker=self.i32(), epoch=self.i64(), parcels=self.parcels()))

    def absent(self) -> list:
        return self.many(lambda: types.SimpleNamespace(worker=self.i32(), reason=self.text()))

    def end(self) -> None:
        if self._at != len(self._data):
            raise LogError(f"{len(self._data) - self._at} bytes are left over")


# By their numbers on the disk, from 1 on. A number never changes its meaning.
RECORDS = [
    ("started", {"run": Fields.u64, "plan": Fields.digest, "layout": Fields.digest, "genesis": Fields.blob}),
    ("admitted", {"worker": Fields.i32, "epoch": Fields.i64, "incarnation": Fields.u64, "offer_from": Fields.i64}),
    ("removed", {"worker": Fields.i32, "epoch": Fields.i64, "reason": Fields.text, "reload": Fields.flag}),
    ("opened", {"round": Fields.i64}),
    ("held", {"round": Fields.i64, "stage": Fields.i32, "worker": Fields.i32, "epoch": Fields.i64,
              "parcels": Fields.parcels, "declined": Fields.text}),
    ("struck", {"round": Fields.i64, "worker": Fields.i32, "epoch": Fields.i64, "reason": Fields.text}),
    ("closed", {"round": Fields.i64, "stage": Fields.i32, "members": Fields.members, "absent": Fields.absent}),
    ("committed", {"round": Fields.i64, "result": Fields.blob, "folder": Fields.blob}),
    ("aborted", {"round": Fields.i64, "reason": Fields.text}),
    ("snapshot", {"round": Fields.i64, "blob": Fields.blob, "forget": Fields.i64}),
    ("sat_out", {"worker": Fields.i32, "epoch": Fields.i64, "offer_from": Fields.i64}),
]  # fmt: skip


def decode(entry: bytes):
    """One record: `.kind`, and its fields."""
    fields = Fields(entry)
    try:
        version, number = fields.number("B"), fields.number("B")
        if version != RECORD_VERSION or not 1 <= number <= len(RECORDS):
            # So begins the state that replaces a log that has got long.
            raise LogError(f"kind {number} of version {version} is no record that this knows; is the log compacted?")
        kind, layout = RECORDS[number - 1]
        record = types.SimpleNamespace(kind=kind, **{name: read(fields) for name, read in layout.items()})
    except (struct.error, UnicodeDecodeError) as error:
        raise LogError(f"a record of {len(entry)} bytes: {error}") from error
    fields.end()
    return record


def file_entries(image: bytes) -> list[bytes]:
    """Of a log as a file. A tail that is not whole yet is left out."""
    entries, at = [], FILE_HEAD.size
    while at + ENTRY_HEAD.size <= len(image):
        count, _, _ = ENTRY_HEAD.unpack_from(image, at)
        at += ENTRY_HEAD.size
        if at + count > len(image):
            break
        entries.append(image[at : at + count])
        at += count
    return entries


def same_moment_copy(database: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """The hub keeps its database locked, so it is read from a copy. It changes only when its write-ahead log is moved
    into it: a copy during that is thrown away."""
    ahead = database.with_name(database.name + "-wal")
    for _ in range(COPIES_MAX):
        before = database.stat()
        copy = folder / database.name
        shutil.copyfile(database, copy)
        try:
            shutil.copyfile(ahead, copy.with_name(copy.name + "-wal"))
        except FileNotFoundError:
            copy.with_name(copy.name + "-wal").unlink(missing_ok=True)
        after = database.stat()
        if (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size):
            return copy
    raise LogError(f"{database} never stands still")


def sqlite_entries(path: pathlib.Path) -> list[bytes]:
    with tempfile.TemporaryDirectory(prefix="causeway-log-") as folder:
        connection = sqlite3.connect(same_moment_copy(path, pathlib.Path(folder)))
        try:
            return [row[0] for row in connection.execute("SELECT bytes FROM log ORDER BY sequence")]
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):  # It was just made.
                return []
            raise
        finally:
            connection.close()


def entries_of(path: pathlib.Path) -> list[bytes]:
    with open(path, "rb") as file:
        mark = file.read(len(SQLITE_MARK))
    if mark == SQLITE_MARK:
        return sqlite_entries(path)
    if mark.startswith(FILE_MARK):
        return file_entries(path.read_bytes())
    raise LogError(f"{path} is no log of decisions")


def find_log(folder: pathlib.Path) -> pathlib.Path | None:
    """The log among a hub's files, whatever its name and form."""
    for path in sorted(folder.glob("*")):
        if path.is_file() and path.suffix not in (".new", ".lock"):
            with open(path, "rb") as file:
                mark = file.read(len(SQLITE_MARK))
            if mark == SQLITE_MARK or mark.startswith(FILE_MARK):
                return path
    return None


class Decisions:
    """All that is on record, in order. A value: read anew to see more."""

    def __init__(self, entries: list[bytes]):
        self.records = [decode(entry) for entry in entries]

    @classmethod
    def read(cls, folder: pathlib.Path) -> "Decisions":
        """Of a hub's folder. Nothing is decided as long as there is no log."""
        path = find_log(folder) if folder.is_dir() else None
        return cls(entries_of(path) if path else [])

    def of(self, kind: str, **fields) -> list:
        """Records of a kind with these values: of("held", round=3)."""
        return [record for record in self.records
                if record.kind == kind and all(getattr(record, name) == value for name, value in fields.items())]  # fmt: skip

    @property
    def opened(self) -> int:
        """The newest round."""
        return max((record.round for record in self.of("opened")), default=0)

    @property
    def committed(self) -> list[int]:
        """Rounds, in the order of their commits."""
        return [record.round for record in self.of("committed")]

    @property
    def aborted(self) -> dict[int, str]:
        return {record.round: record.reason for record in self.of("aborted")}

    @property
    def decided(self) -> int:
        return max([0, *self.committed, *self.aborted])

    def holders(self, round: int) -> set[int]:
        """Whose offers the hub has whole."""
        return {record.worker for record in self.of("held", round=round)}

    def members(self, round: int) -> set[int]:
        """Who counts in a closed round."""
        return {member.worker for record in self.of("closed", round=round) for member in record.members}

    def absent(self, worker: int) -> dict[int, str]:
        """Rounds that were closed without the worker, with the reason."""
        return {record.round: one.reason for record in self.of("closed") for one in record.absent
                if one.worker == worker}  # fmt: skip

    def admissions(self, worker: int) -> list[int]:
        """Its epochs."""
        return [record.epoch for record in self.of("admitted", worker=worker)]

    def removals(self, worker: int) -> list[str]:
        return [record.reason for record in self.of("removed", worker=worker)]

    def strikes(self, worker: int) -> list[str]:
        return [record.reason for record in self.of("struck", worker=worker)]

    def check(self) -> None:
        """What must hold in any log: one decision for a round, in order; every absence and every loss has a reason."""
        closed = [record.round for record in self.of("closed")]
        assert len(closed) == len(set(closed)), "a round was closed twice"
        ended = [record.round for record in self.records if record.kind in ("committed", "aborted")]
        assert ended == sorted(set(ended)), f"rounds were decided twice or out of order: {ended}"
        assert set(self.committed) <= set(closed), "a round was committed and never closed"
        for record in self.of("closed"):
            workers = [one.worker for one in (*record.members, *record.absent)]
            assert len(workers) == len(set(workers)), f"round {record.round} has a worker twice"
            held = {(one.worker, one.epoch) for one in self.of("held", round=record.round)}
            for member in record.members:
                assert (member.worker, member.epoch) in held, f"round {record.round} counts what it never had whole"
            assert all(one.reason for one in record.absent), f"round {record.round} has an absence without a reason"
        assert all(record.reason for record in self.of("removed")), "a member was lost without a reason"

# SPDX-License-Identifier: Apache-2.0
"""`causeway prepare`: documents in, shards out; read back with numpy and compared with other packages."""

import gzip
import json
import pathlib
import random
import signal
import struct
import subprocess
import time

import numpy as np
import pytest
import zstandard
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END = "<|endoftext|>"
WORDS = "the causeway floods twice a day and dries again größer 日本 naïve café 🙂 3.14 x_y".split()


def documents(count: int, seed: int = 1, words: int = 60) -> list[str]:
    draw = random.Random(seed)
    return [f"{i}: " + " ".join(draw.choices(WORDS, k=draw.randint(3, words))) for i in range(count)]


def write_lines(path: pathlib.Path, texts: list[str], field: str = "text") -> pathlib.Path:
    path.write_text("".join(json.dumps({"id": i, field: text}) + "\n" for i, text in enumerate(texts)))
    return path


def read_shard(path: pathlib.Path) -> tuple[dict, list[np.ndarray]]:
    """By docs/formats.md: the header, and the tokens of each document."""
    data = path.read_bytes()
    magic, width, zero, tokens, count, vocabulary, high, low, last = struct.unpack("<8sII6Q", data[:64])
    assert (magic, zero, last) == (b"CWSHARD1", 0, 0)
    body = np.frombuffer(data, {2: np.uint16, 4: np.uint32}[width], tokens, 64)
    ends_at = 64 + (tokens * width + 7) // 8 * 8
    ends = np.frombuffer(data, np.uint64, count, ends_at)
    assert len(data) == ends_at + 8 * count
    assert not any(data[64 + tokens * width:ends_at])
    header = {"vocabulary": vocabulary, "width": width, "digest": f"{high:016x}{low:016x}"}
    return header, np.split(body, ends[:-1].astype(np.int64)) if count else []


def read_split(folder: pathlib.Path, split: str = "train") -> list[np.ndarray]:
    manifest = json.loads((folder / "manifest.json").read_text())
    return [tokens for shard in manifest["splits"][split]["shards"] for tokens in read_shard(folder / shard["name"])[1]]


def texts_of(folder: pathlib.Path, split: str = "train") -> list[str]:
    """Of a folder prepared with bytes."""
    return [tokens.astype(np.uint8).tobytes().decode() for tokens in read_split(folder, split)]


def files(folder: pathlib.Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def shards(folder: pathlib.Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.bin")}


@pytest.fixture
def prepare(causeway, tmp_path):
    """`prepare(out, *arguments)` runs to the end with bytes, unless told otherwise; gives the `end` event."""

    def call(out, *arguments, code: int = 0, tokenizer="bytes", **options):
        done = causeway("prepare", "--tokenizer", tokenizer, "--out", tmp_path / out, "--json", *arguments, **options)
        assert done.returncode == code, (done.returncode, done.stderr)
        call.stderr = done.stderr
        call.events = [json.loads(line) for line in done.stdout.splitlines()]
        return call.events[-1] if code in (0, 75) else None

    return call


def test_every_packing_gives_the_same_shards(prepare, tmp_path):
    texts = documents(3000)
    plain = write_lines(tmp_path / "a.jsonl", texts)
    data = plain.read_bytes()
    half = data.index(b"\n", len(data) // 2) + 1
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(data[:half]) + gzip.compress(data[half:]))
    pack = zstandard.ZstdCompressor(level=3).compress
    (tmp_path / "a.jsonl.zst").write_bytes(pack(data[:half]) + pack(data[half:]))
    prepare("plain", plain)
    assert texts_of(tmp_path / "plain") == texts
    for name in ("a.jsonl.gz", "a.jsonl.zst"):
        prepare(name + ".out", tmp_path / name)
        assert shards(tmp_path / (name + ".out")) == shards(tmp_path / "plain")


def test_standard_input_and_a_field(binary, tmp_path):
    texts = documents(200)
    lines = write_lines(tmp_path / "a.jsonl", texts, "body")
    with lines.open("rb") as source:
        subprocess.run([binary, "prepare", "--tokenizer", "bytes", "--out", tmp_path / "out", "--field", "body", "-"],
                       stdin=source, check=True, capture_output=True)  # fmt: skip
    assert texts_of(tmp_path / "out") == texts


def test_threads_change_nothing(prepare, tmp_path):
    lines = write_lines(tmp_path / "a.jsonl", documents(30_000))
    for threads in (1, 2, 4):
        prepare(f"out{threads}", lines, "--threads", threads, "--shard-bytes", "3MB", "--split", "valid=2%", "--dedup")
    assert len(files(tmp_path / "out1")) > 3
    assert files(tmp_path / "out1") == files(tmp_path / "out2") == files(tmp_path / "out4")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory) -> pathlib.Path:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator(documents(2000), trainers.BpeTrainer(vocab_size=600, special_tokens=[END],
                             initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))  # fmt: skip
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    made.save(str(path))
    return path


def test_tokens_are_those_of_the_tokenizers_package(prepare, tmp_path, tokenizer):
    reference = Tokenizer.from_file(str(tokenizer))
    texts = documents(500, seed=2)
    prepare("out", write_lines(tmp_path / "a.jsonl", texts), tokenizer=tokenizer)
    end = reference.token_to_id(END)
    wanted = [encoding.ids + [end] for encoding in reference.encode_batch(texts, add_special_tokens=False)]
    assert [list(tokens) for tokens in read_split(tmp_path / "out")] == wanted
    header, _ = read_shard(tmp_path / "out" / "train-00000.bin")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert header == {"vocabulary": 600, "width": 2, "digest": manifest["tokenizer"]["digest"]}
    assert manifest["tokenizer"]["end"] == end
    # The tokenizer that is kept beside the shards is the same one.
    kept = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    assert kept.encode(texts[0]).ids == reference.encode(texts[0]).ids


def test_the_manifest_says_what_is_there(prepare, tmp_path):
    texts = documents(2000)
    end = prepare("out", write_lines(tmp_path / "a.jsonl", texts), "--shard-bytes", "200kB", "--split", "valid=5%")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    names = {shard["name"]: shard["bytes"] for split in manifest["splits"].values() for shard in split["shards"]}
    assert names == {name: len(data) for name, data in shards(tmp_path / "out").items()}
    assert len(names) > 3 and max(names.values()) <= 200_000
    both = texts_of(tmp_path / "out"), texts_of(tmp_path / "out", "valid")
    assert sorted(both[0] + both[1]) == sorted(texts)
    assert manifest["totals"]["documents"] == end["documents"] == 2000
    assert manifest["totals"]["text_bytes"] == manifest["totals"]["tokens"] == sum(len(t.encode()) for t in texts)
    assert manifest["inputs"] == [{"path": str(tmp_path / "a.jsonl"), "bytes": (tmp_path / "a.jsonl").stat().st_size}]


def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(binary, prepare, tmp_path):
    texts = documents(60_000)
    for name, part in (("a", texts[:30_000]), ("b", texts[20_000:])):
        data = write_lines(tmp_path / f"{name}.jsonl", part).read_bytes()
        (tmp_path / f"{name}.jsonl.gz").write_bytes(gzip.compress(data, 1))
    arguments = [tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz", "--dedup", "--split", "valid=3%",
                 "--shard-bytes", "2MB", "--record-bytes", "300kB"]  # fmt: skip
    started = time.monotonic()
    prepare("whole", *arguments)
    whole_s = time.monotonic() - started
    draw = random.Random(7)
    killed = 0
    manifest, begun = tmp_path / "out" / "manifest.json", tmp_path / "out" / ".started.json"
    while killed < 40 and (begun.exists() or not manifest.exists()):
        running = subprocess.Popen([binary, "prepare", "--tokenizer", "bytes", "--out", tmp_path / "out",
                                    *map(str, arguments)], stdout=subprocess.DEVNULL)  # fmt: skip
        try:
            assert running.wait(draw.uniform(0.2, 0.9) * whole_s) == 0
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGKILL)
            running.wait()
            killed += 1
    if begun.exists() or not manifest.exists():
        prepare("out", *arguments)
    assert killed >= 1
    assert {name: data for name, data in files(tmp_path / "out").items() if name[0] != "."} == files(tmp_path / "whole")


def test_asked_to_stop_it_leaves_with_75_and_goes_on(binary, prepare, tmp_path):
    lines = write_lines(tmp_path / "a.jsonl", documents(120_000))
    prepare("whole", lines)
    command = [binary, "prepare", "--tokenizer", "bytes", "--out", tmp_path / "out", "--json", lines]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    while not (tmp_path / "out" / "tokenizer.json").exists():
        time.sleep(0.001)
    running.send_signal(signal.SIGTERM)
    last = json.loads(running.communicate()[0].splitlines()[-1])
    assert running.returncode == (0 if last["finished"] else 75)
    if not last["finished"]:
        assert prepare("out", lines)["finished"]
    assert files(tmp_path / "out") == files(tmp_path / "whole")


def test_policies_for_what_is_bad(prepare, tmp_path):
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(b'{"text":"one"}\n{"text":"tw\xff"}\nno json\n\n{"body":"x"}\n{"text":"\\ud800"}\n{"text":"six"}\n')
    prepare("out", bad, code=2)
    assert f"{bad}:2: " in prepare.stderr
    assert not (tmp_path / "out").exists()
    skipped = prepare("out", bad, "--on-bad", "skip")
    assert (skipped["documents"], skipped["skipped"], skipped["replaced"]) == (2, 4, 0)
    told = [event["text"] for event in prepare.events if event["event"] == "trouble"]
    assert [text.split(": ")[0] for text in told] == [f"{bad}:{line}" for line in (2, 3, 5, 6)]
    replaced = prepare("out", bad, "--on-bad", "replace", "--overwrite")
    assert (replaced["documents"], replaced["skipped"], replaced["replaced"]) == (4, 2, 2)
    assert texts_of(tmp_path / "out") == ["one", b"tw\xff".decode(errors="replace"), "\ufffd", "six"]


def test_a_document_never_changes_sides(prepare, tmp_path):
    texts = documents(4000)
    prepare("one", write_lines(tmp_path / "a.jsonl", texts), "--split", "valid=5%")
    mixed = texts + documents(1000, seed=9)
    random.Random(3).shuffle(mixed)
    prepare("two", write_lines(tmp_path / "b.jsonl", mixed[:2500]), write_lines(tmp_path / "0.jsonl", mixed[2500:]),
            "--split", "valid=5%")  # fmt: skip
    first = set(texts_of(tmp_path / "one", "valid"))
    assert 120 < len(first) < 280
    assert first == set(texts_of(tmp_path / "two", "valid")) & set(texts)


def test_equal_documents_are_kept_once(prepare, tmp_path):
    texts = documents(3000)
    end = prepare("out", write_lines(tmp_path / "a.jsonl", texts + texts[::2] + ["new"]), "--dedup")
    assert end["duplicates"] == 1500
    assert texts_of(tmp_path / "out") == texts + ["new"]


def test_damaged_input_is_told_by_name(prepare, tmp_path):
    data = gzip.compress(write_lines(tmp_path / "a.jsonl", documents(500)).read_bytes())
    (tmp_path / "cut.jsonl.gz").write_bytes(data[:-100])
    prepare("out", tmp_path / "cut.jsonl.gz", code=1)
    assert "cut.jsonl.gz" in prepare.stderr
    (tmp_path / "none.zst").write_bytes(b"this is no zstd")
    prepare("out", tmp_path / "none.zst", code=1)
    assert "none.zst" in prepare.stderr


@pytest.mark.parametrize("arguments, words", [
    (["--shard-bytes", "12 parsecs"], ["--shard-bytes", "12 parsecs"]),
    (["--shard-bytes", "1kB"], ["--shard-bytes", "4096"]),
    (["--split", "valid=60%"], ["--split", "50"]),
    (["--split", "test=1%"], ["--split", "valid=1%"]),
    (["--on-bad", "ignore"], ["--on-bad", "replace"]),
    (["--form", "csv"], ["--form", "jsonl"]),
    (["--end-token", "<nope>"], ["<nope>"]),
    (["--threads", "-1"], ["--threads"]),
    (["--nonsense"], ["--nonsense"]),
    (["*.nothing"], ["*.nothing"]),
])  # fmt: skip
def test_bad_usage_ends_with_2_and_writes_nothing(prepare, tmp_path, arguments, words):
    lines = write_lines(tmp_path / "a.jsonl", documents(10))
    prepare("out", lines, *arguments, code=2)
    assert all(word in prepare.stderr for word in words), prepare.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_is_not_overwritten_unasked(prepare, tmp_path):
    lines = write_lines(tmp_path / "a.jsonl", documents(10))
    prepare("out", lines)
    before = files(tmp_path / "out")
    prepare("out", lines, code=2)
    assert "--overwrite" in prepare.stderr
    assert files(tmp_path / "out") == before
    prepare("out", lines, "--overwrite", "--end-token", "none")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes").write_text("mine")
    prepare("other", lines, "--overwrite", code=2)
    assert (tmp_path / "other" / "notes").read_text() == "mine"


def test_memory_does_not_grow_with_the_input(prepare, tmp_path):
    texts = documents(20_000, words=120)
    line = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    peaks = []
    for megabytes in (10, 30):
        path = tmp_path / f"{megabytes}.jsonl.gz"
        with gzip.open(path, "wt", compresslevel=1) as out:
            for _ in range(megabytes * 1_000_000 // len(line) + 1):
                out.write(line)
        peaks.append(prepare(f"out{megabytes}", path, "--threads", 2)["peak_memory_bytes"])
    assert peaks[1] - peaks[0] < 8_000_000, peaks


def test_a_bomb_is_refused_in_little_memory(prepare, tmp_path):
    small = prepare("small", write_lines(tmp_path / "a.jsonl", documents(10)))["peak_memory_bytes"]
    with gzip.open(tmp_path / "bomb.jsonl.gz", "wb", compresslevel=9) as out:
        for _ in range(100):
            out.write(b" " * 1_000_000)
    (tmp_path / "both").mkdir()
    (tmp_path / "bomb.jsonl.gz").rename(tmp_path / "both" / "bomb.jsonl.gz")
    write_lines(tmp_path / "both" / "z.jsonl", documents(10))
    prepare("out", tmp_path / "both", "--document-bytes-max", "1MB", code=2)
    assert "bomb.jsonl.gz:1: a line of more than 1000000 bytes" in prepare.stderr
    end = prepare("out", tmp_path / "both", "--document-bytes-max", "1MB", "--on-bad", "skip")
    assert (end["skipped"], end["documents"]) == (1, 10)
    assert end["peak_memory_bytes"] - small < 16_000_000

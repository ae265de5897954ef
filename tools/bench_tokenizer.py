#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Encoding speed beside tokenizers and tiktoken, in one thread each, after checking that all three give equal tokens.

bench_tokenizer.py [--vocabulary N ...] [--learn FILE ...] [--repeats N] [--json] TEXT ...

Learns byte-level vocabularies with Llama 3's pattern from the texts of --learn (default: the texts themselves), then
encodes each TEXT as one whole and as documents of some lines. The runs of the three are interleaved; the best counts.
Needs build/release/tokenizer_bench: ninja -C build/release tokenizer_bench.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import time

# Before the packages are loaded, which read them once.
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import tiktoken  # noqa: E402
import tokenizers  # noqa: E402
from tokenizers import decoders, models, pre_tokenizers, trainers  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
           r"\s+(?!\S)|\s+")  # fmt: skip
DOCUMENT_LINES = 20


def learn(files: list[str], vocabulary: int) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(models.BPE())
    split = pre_tokenizers.Split(tokenizers.Regex(PATTERN), "isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train(files, trainers.BpeTrainer(vocab_size=vocabulary, show_progress=False,
                                               initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))  # fmt: skip
    return tokenizer


def as_tiktoken(tokenizer: tokenizers.Tokenizer) -> tiktoken.Encoding:
    """tiktoken merges by the number of the token that results, which our learning order makes the same."""
    symbols = {}
    extra = 256
    for byte in range(256):
        printable = 33 <= byte <= 126 or 161 <= byte <= 172 or byte >= 174
        symbols[chr(byte if printable else extra)] = byte
        extra += not printable
    ranks = {bytes(symbols[c] for c in token): number for token, number in tokenizer.get_vocab().items()}
    return tiktoken.Encoding("bench", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})


def documents_of(text: str) -> list[str]:
    lines = text.splitlines(keepends=True)
    return ["".join(lines[i : i + DOCUMENT_LINES]) for i in range(0, len(lines), DOCUMENT_LINES)]


def write_texts(path: pathlib.Path, texts: list[str]) -> None:
    with path.open("wb") as file:
        for text in texts:
            data = text.encode()
            file.write(b"%d\n" % len(data) + data)


def seconds(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


class Bench:
    def __init__(self, binary: pathlib.Path, folder: pathlib.Path, repeats: int):
        self.binary, self.folder, self.repeats = binary, folder, repeats

    def ours(self, mode: str) -> str:
        command = [self.binary, self.folder / "tokenizer.json", self.folder / "texts", mode]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def measure(self, tokenizer, encoding, texts: list[str]) -> dict:
        write_texts(self.folder / "texts", texts)
        wanted = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
        ours = [[int(token) for token in line.split()] for line in self.ours("ids").splitlines()]
        theirs = [encoding.encode_ordinary(text) for text in texts]
        assert ours == wanted, "our tokens differ from those of tokenizers"
        assert theirs == wanted, "the tokens of tiktoken differ from those of tokenizers"
        best = {"causeway": float("inf"), "tokenizers": float("inf"), "tiktoken": float("inf")}
        for _ in range(self.repeats):
            best["causeway"] = min(best["causeway"], *json.loads(self.ours("3"))["seconds"])
            for name, call in (
                ("tokenizers", lambda: [tokenizer.encode(text, add_special_tokens=False) for text in texts]),
                ("tiktoken", lambda: [encoding.encode_ordinary(text) for text in texts]),
            ):
                best[name] = min(best[name], seconds(call))
        size = sum(len(text.encode()) for text in texts)
        return {"bytes": size, "tokens": sum(map(len, wanted)), "texts": len(texts),
                "megabytes_per_second": {name: size / 1e6 / taken for name, taken in best.items()}}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="+", metavar="TEXT")
    parser.add_argument("--learn", nargs="+", metavar="FILE")
    parser.add_argument("--vocabulary", nargs="+", type=int, default=[8192, 32768], metavar="N")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    binary = pathlib.Path(os.environ.get("CAUSEWAY_BUILD", ROOT / "build" / "release")) / "tokenizer_bench"
    rows = []
    if not options.json:
        print(f"{'vocabulary':>10} {'text':<34} {'texts':>6} {'MB':>6} {'causeway':>9} {'tokenizers':>11} {'tiktoken':>9}"
              "   MB/s; ratios")  # fmt: skip
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(binary, pathlib.Path(temporary), options.repeats)
        for vocabulary in options.vocabulary:
            tokenizer = learn(options.learn or options.texts, vocabulary)
            tokenizer.save(str(bench.folder / "tokenizer.json"))
            encoding = as_tiktoken(tokenizer)
            for path in options.texts:
                text = pathlib.Path(path).read_text(encoding="utf-8")
                for texts in ([text], documents_of(text)):
                    row = {"vocabulary": vocabulary, "text": path, **bench.measure(tokenizer, encoding, texts)}
                    rows.append(row)
                    if options.json:
                        continue
                    speed = row["megabytes_per_second"]
                    ours, one, two = speed["causeway"], speed["tokenizers"], speed["tiktoken"]
                    name = "/".join(pathlib.Path(path).parts[-3:])
                    print(f"{vocabulary:>10} {name:<34} {row['texts']:>6} {row['bytes'] / 1e6:>6.2f} {ours:>9.1f} {one:>11.1f} "
                          f"{two:>9.1f}   {ours / one:.1f}x {ours / two:.1f}x", flush=True)  # fmt: skip
    if options.json:
        print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()

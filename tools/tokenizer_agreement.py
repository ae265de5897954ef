#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether our tokens are those of the tokenizers package: for kinds of tokenizers and scripts, how many texts differ.

tokenizer_agreement.py [--seed N]

Learns the tokenizers with the package from text written here, encodes the same texts with both, and prints a table.
Exit status 1 if any text differs. Needs build/release/tokenizer_bench: ninja -C build/release tokenizer_bench.
"""

import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unicodedata

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

ROOT = pathlib.Path(__file__).resolve().parents[1]
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
          r"\s+(?!\S)|\s+")  # fmt: skip
QWEN2 = LLAMA3.replace("{1,3}", "")

SENTENCES = {
    "English": "We've walked to the harbour; it's 12 miles, isn't it? THEY'LL say \"no\" - I'd rather wait.",
    "German": "Größere Schiffe fahren über Süßwasser, und 1.234,56 € sind kein Übel für Käpt'n Blaubär.",
    "Russian": "Съешь же ещё этих мягких французских булок, да выпей чаю. В 1812 году было иначе!",
    "Greek": "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία· πόσο κάνει; 42 ευρώ, παρακαλώ.",
    "Arabic": "نصٌّ حكيمٌ له سِرٌّ قاطِعٌ وَذُو شَأنٍ عَظيمٍ، في عام ١٩٩٨ كُتب.",
    "Hebrew": "דג סקרן שט בים מאוכזב ולפתע מצא חברה, בשנת 1948 הָיָה כָּךְ.",
    "Hindi": "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा का सर्वनाश करने वाले १२३ वीर।",
    "Thai": "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า กว่าบรรดาฝูงสัตว์เดรัจฉาน ๒๕๔๐",
    "Chinese": "视野无限广，窗外有蓝天。他在2024年买了三本书，花了99元！",
    "Japanese": "いろはにほへと ちりぬるを。カタカナとＡＢＣ、１２３と漢字が混ざる文です。",
    "Korean": "키스의 고유조건은 입술끼리 만나야 하고 특별한 기술은 필요치 않다. 한글과 100원.",
    "Vietnamese": unicodedata.normalize("NFD", "Tiếng Việt có nhiều dấu: ộ, ữ, ằ, ễ; năm 1975 là một mốc."),
}  # fmt: skip
CODE = 'int main(void) {\n\tfor (int i = 0; i < 0x7F; ++i)\r\n\t\tprintf("%d\\n", a[i]->b);  // it\'s\n    return 0;\n}\n'
EMOJI = "👩‍👩‍👧‍👦🏳️‍🌈 👍🏽🇩🇪🇫🇷 ❤️‍🔥 e\u0301a\u0300\u0327 \u200b\ufeff ½²Ⅷ٣ \x00\x01\x7f\x85 \u00a0\u2003\u3000 \u180e '\u017f 'S"


def random_code_points(draw: random.Random, count: int) -> str:
    ends = (0x80, 0x800, 0x10000, 0x110000)
    codes = (draw.randrange(draw.choice(ends)) for _ in range(count))
    return "".join(chr(code) if not 0xD800 <= code < 0xE000 else " " for code in codes)


def pieces(draw: random.Random, text: str, count: int) -> list[str]:
    """Random stretches of a text, joined by white space of many kinds."""
    blanks = ["", " ", "  ", "\n", "\r\n", "\t", " \n ", "\u00a0", "   \n\n", "<|x|>", " foo "]
    out = []
    for _ in range(count):
        parts = []
        for _ in range(draw.randrange(1, 6)):
            begin = draw.randrange(len(text))
            parts += [text[begin : begin + draw.randrange(1, 40)], draw.choice(blanks)]
        out.append("".join(parts))
    return out


def scripts(seed: int, count: int = 100) -> dict[str, list[str]]:
    """Texts by name: the same for the same seed."""
    draw = random.Random(seed)
    out = {name: [text, *pieces(draw, text, count)] for name, text in SENTENCES.items()}
    out["code"] = [CODE, *pieces(draw, CODE, count)]
    out["emoji, marks, controls"] = [EMOJI, *pieces(draw, EMOJI, count)]
    digits = "".join(draw.choice("0123456789.,- ") for _ in range(500))
    out["numbers"] = pieces(draw, digits, count)
    out["long runs"] = [" " * 100_000, "a" * 100_000, " \n" * 50_000, "\t" * 4097 + "x", "ab" * 20_000, "!" * 10_000]
    out["Latin-1 bytes"] = [draw.randbytes(draw.randrange(200)).decode("latin-1") for _ in range(count)]
    out["code points"] = [random_code_points(draw, draw.randrange(300)) for _ in range(3 * count)]
    return out


def made(kind: str) -> Tokenizer:
    """An empty tokenizer; the kind's first word is the pattern."""
    tokenizer = Tokenizer(models.BPE(ignore_merges="whole words" in kind))
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    first = kind.split()[0]
    if first == "gpt2":
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space="prefix" in kind)
    elif first == "digits":
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
    else:
        pattern = {"llama3": LLAMA3, "qwen2": QWEN2, "regex": rf"(?:{LLAMA3})"}[first]
        split = pre_tokenizers.Split(Regex(pattern), "isolated")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    if first == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


KINDS = ("gpt2", "gpt2 prefix", "llama3", "llama3 whole words", "llama3 added", "qwen2", "qwen2 added", "digits",
         "regex added")  # fmt: skip


def learnt(kind: str, vocabulary: int = 1200) -> Tokenizer:
    tokenizer = made(kind)
    texts = [*SENTENCES.values(), CODE, EMOJI] * 3
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=["<|endoftext|>"], show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())  # fmt: skip
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens(["<|x|>", "<|x"])
    if "added" in kind:
        tokenizer.add_tokens([
            AddedToken("foo", single_word=True), AddedToken("the", lstrip=True, normalized=False),
            AddedToken("é", normalized=True), AddedToken("ber", rstrip=True), AddedToken("\n", lstrip=True, rstrip=True),
            AddedToken("👍🏽", normalized=False), AddedToken("है"), AddedToken("  ", normalized=False),
        ])  # fmt: skip
    return tokenizer


def write_texts(path: pathlib.Path, texts: list[str]) -> None:
    with path.open("wb") as file:
        for text in texts:
            data = text.encode()
            file.write(b"%d\n" % len(data) + data)


def our_tokens(binary: pathlib.Path, folder: pathlib.Path, tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    tokenizer.save(str(folder / "tokenizer.json"))
    write_texts(folder / "texts", texts)
    command = [binary, folder / "tokenizer.json", folder / "texts", "ids"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [[int(token) for token in line.split()] for line in printed.split("\n")[:-1]]


def table(binary: pathlib.Path, folder: pathlib.Path, seed: int = 1):
    """Yields (kind, script, texts, tokens, differences)."""
    for kind in KINDS:
        tokenizer = learnt(kind)
        for script, texts in scripts(seed).items():
            wanted = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
            got = our_tokens(binary, folder, tokenizer, texts)
            differing = sum(a != b for a, b in zip(wanted, got, strict=True))
            yield kind, script, len(texts), sum(map(len, wanted)), differing


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    binary = pathlib.Path(os.environ.get("CAUSEWAY_BUILD", ROOT / "build" / "release")) / "tokenizer_bench"
    total = [0, 0, 0]
    print(f"{'kind':<20} {'script':<24} {'texts':>6} {'tokens':>9} {'differ':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for kind, script, *numbers in table(binary, pathlib.Path(folder), options.seed):
            print(f"{kind:<20} {script:<24} {numbers[0]:>6} {numbers[1]:>9} {numbers[2]:>7}", flush=True)
            total = [a + b for a, b in zip(total, numbers, strict=True)]
    print(f"{'all':<20} {'':<24} {total[0]:>6} {total[1]:>9} {total[2]:>7}")
    return 1 if total[2] else 0


if __name__ == "__main__":
    sys.exit(main())

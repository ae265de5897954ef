#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Gathers the demo's text: four unlike sites out of what the build's own Debian packages bring.

prepare_sites.py FOLDER [--recipe RECIPE] writes FOLDER/sites/NAME/{train,valid}.txt and a table, FOLDER/sites.txt.
Where a source is missing (some images leave out translations), the next candidate takes its place, the table says so,
and FOLDER/demo.toml is RECIPE with the new names. Fewer than four: exit status 1, and no table.

The same files give the same bytes, wherever they lie: a site's documents are ordered by digest.
"""

import argparse
import dataclasses
import hashlib
import os
import pathlib
import struct
import sys
import sysconfig
from collections.abc import Callable, Iterator

SITES = 4
BYTES_MIN = 400_000  # Less is no site: its validation loss would say nothing.
BYTES_MAX = 4_000_000
VALID_ONE_IN = 20
MESSAGE_BYTES_MIN = 40  # Shorter messages are menu entries and format strings.
CATALOGUE_MAGIC = 0x950412DE


@dataclasses.dataclass(frozen=True)
class Candidate:
    name: str
    meaning: str
    documents: Callable[[], Iterator[bytes]]


@dataclasses.dataclass(frozen=True)
class Site:
    candidate: Candidate
    documents: int
    train: bytes
    valid: bytes


def files_below(roots: list[pathlib.Path], suffixes: set[str], left_out: frozenset[str] = frozenset()) -> Iterator[bytes]:
    """The bytes of all regular files with one of the suffixes; `left_out` names folders that are not entered."""
    for root in roots:
        for folder, names, files in os.walk(root):
            names[:] = sorted(set(names) - left_out)
            for name in sorted(files):
                path = pathlib.Path(folder, name)
                if path.suffix in suffixes and path.is_file():
                    yield path.read_bytes()


def newest(folder: str, pattern: str) -> list[pathlib.Path]:
    """The last of the folders that match, by name; of several versions of one package only one counts."""
    return sorted(pathlib.Path(folder).glob(pattern))[-1:]


def translations(catalogue: bytes) -> Iterator[bytes]:
    """The translated messages of one GNU message catalogue (.mo). A file that is none gives nothing."""
    for order in "<>":
        if len(catalogue) >= 20 and struct.unpack_from(order + "I", catalogue)[0] == CATALOGUE_MAGIC:
            break
    else:
        return
    count, _, table = struct.unpack_from(order + "3I", catalogue, 8)
    # The first message is the catalogue's head.
    for index in range(1, count):
        entry = table + 8 * index
        if entry + 8 > len(catalogue):
            return
        length, begin = struct.unpack_from(order + "2I", catalogue, entry)
        # The forms of a plural are apart by a zero byte.
        yield from catalogue[begin : begin + length].split(b"\0")


def messages_in(language: str) -> Iterator[bytes]:
    for path in sorted(pathlib.Path("/usr/share/locale", language, "LC_MESSAGES").glob("*.mo")):
        for message in translations(path.read_bytes()):
            if len(message) >= MESSAGE_BYTES_MIN:
                yield message


def candidates() -> list[Candidate]:
    """In order of preference: four of the first four kinds on most machines."""
    python = pathlib.Path(sysconfig.get_path("stdlib"))
    # Tables of characters and the tests' odd strings are not the language.
    no_python = frozenset({"site-packages", "dist-packages", "test", "tests", "encodings", "__pycache__"})
    include = pathlib.Path("/usr/include")
    return [
        Candidate("cpp", "C++: the standard library's headers",
                  lambda: files_below(newest("/usr/include/c++", "*"), {"", ".h", ".hpp", ".tcc"})),
        Candidate("python", "Python: its standard library", lambda: files_below([python], {".py"}, no_python)),
        Candidate("manual", "English: the CMake manual",
                  lambda: files_below(newest("/usr/share", "cmake-*/Help"), {".rst"})),
        Candidate("french", "French: what this system's programs say", lambda: messages_in("fr")),
        Candidate("kernel", "C: the Linux kernel's headers",
                  lambda: files_below([include / "linux", include / "asm-generic"], {".h"})),
        Candidate("cmake", "CMake's language: its modules",
                  lambda: files_below(newest("/usr/share", "cmake-*/Modules"), {".cmake"})),
        Candidate("perl", "Perl: its standard library",
                  lambda: files_below(newest("/usr/share/perl", "5.*.*"), {".pm", ".pl", ".pod"})),
    ]  # fmt: skip


def is_text(document: bytes) -> bool:
    if not document.strip() or b"\0" in document:
        return False
    try:
        document.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def gather(candidate: Candidate, bytes_max: int = BYTES_MAX) -> Site:
    """Every document once, in order of digest, up to `bytes_max`; the next one that fits is held out whole whenever
    that leaves no more than one byte in VALID_ONE_IN held out."""
    unique = {hashlib.sha256(document).digest(): document for document in candidate.documents() if is_text(document)}
    train: list[bytes] = []
    valid: list[bytes] = []
    total = held_out = 0
    for _, document in sorted(unique.items()):
        text = document.replace(b"\r\n", b"\n").strip(b"\n") + b"\n\n"
        if total + len(text) > bytes_max:
            continue
        total += len(text)
        if (held_out + len(text)) * VALID_ONE_IN <= total:
            held_out += len(text)
            valid.append(text)
        else:
            train.append(text)
    return Site(candidate, len(train) + len(valid), b"".join(train), b"".join(valid))


def choose(wanted: list[Candidate]) -> tuple[list[Site], list[str]]:
    """The first SITES candidates that have enough text, and a line on each that has not."""
    sites, missing = [], []
    for candidate in wanted:
        site = gather(candidate)
        size = len(site.train) + len(site.valid)
        if size >= BYTES_MIN and site.train and site.valid:
            sites.append(site)
        else:
            missing.append(f"{candidate.name}: only {size:,} bytes here, left out ({candidate.meaning})")
        if len(sites) == SITES:
            break
    return sites, missing


def write_whole(path: pathlib.Path, content: bytes) -> None:
    """Readers see the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


def table(sites: list[Site], missing: list[str]) -> str:
    lines = [f"{'site':8} {'what it is':42} {'documents':>9} {'train bytes':>12} {'valid bytes':>12}"]
    for site in sites:
        lines.append(f"{site.candidate.name:8} {site.candidate.meaning:42} {site.documents:9,} "
                     f"{len(site.train):12,} {len(site.valid):12,}")  # fmt: skip
    return "\n".join(lines + missing) + "\n"


def renamed_recipe(recipe: str, sites: list[Site], preferred: list[Candidate]) -> str:
    """The recipe with each site that this machine lacks replaced by the one that took its place."""
    chosen = [site.candidate.name for site in sites]
    gone = [candidate.name for candidate in preferred[:SITES] if candidate.name not in chosen]
    new = [name for name in chosen if name not in {candidate.name for candidate in preferred[:SITES]}]
    for old_name, new_name in zip(gone, new):
        recipe = recipe.replace(f"/{old_name}/", f"/{new_name}/").replace(f'"{old_name}"', f'"{new_name}"')
    return recipe


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Gathers the text of the demo's four sites.")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--recipe", type=pathlib.Path, help="the demo's recipe, with the preferred sites' names")
    options = parser.parse_args(arguments)
    preferred = candidates()
    sites, missing = choose(preferred)
    if len(sites) < SITES:
        print("\n".join(missing), file=sys.stderr)
        print(f"prepare_sites: {len(sites)} sites found, {SITES} are needed", file=sys.stderr)
        return 1
    for site in sites:
        folder = options.folder / "sites" / site.candidate.name
        write_whole(folder / "train.txt", site.train)
        write_whole(folder / "valid.txt", site.valid)
    (options.folder / "demo.toml").unlink(missing_ok=True)
    if missing and options.recipe:
        text = renamed_recipe(options.recipe.read_text(encoding="utf-8"), sites, preferred)
        text = text.replace("../build/demo/", "")  # Its paths start at its own folder.
        write_whole(options.folder / "demo.toml", text.encode())
    # Last: while there is a table, all of it is there.
    text = table(sites, missing)
    write_whole(options.folder / "sites.txt", text.encode())
    print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: Apache-2.0
"""The demo's text: tools/prepare_sites.py."""

import gettext
import io
import pathlib
import random
import struct

import pytest


@pytest.fixture(scope="module")
def sites(tool):
    return tool("prepare_sites")


def candidate(sites, documents, name="site"):
    return sites.Candidate(name, "a test", lambda: iter(documents))


def prose(seed: int, count: int) -> list[bytes]:
    """Documents of 80 to 800 bytes, no two alike."""
    words = random.Random(seed)
    return [bytes(words.choices(b"abcdefgh \n", k=words.randint(80, 800))) for _ in range(count)]


def test_each_document_is_in_one_part_only_and_whole(sites):
    documents = prose(1, 500)
    site = sites.gather(candidate(sites, documents))
    for document in documents:
        text = document.strip(b"\n")
        assert (text in site.train) != (text in site.valid)
    assert site.documents == 500


def test_one_byte_in_twenty_is_held_out(sites):
    site = sites.gather(candidate(sites, prose(2, 2000)))
    share = len(site.valid) / (len(site.valid) + len(site.train))
    assert 0.048 < share <= 0.05


def test_copies_and_what_is_no_text_are_left_out(sites):
    documents = [b"one text\n"] * 3 + [b"\xff\xfe not UTF-8", b"zero \0 byte", b"  \n", "zażółć\n".encode()]
    site = sites.gather(candidate(sites, documents))
    assert site.documents == 2
    assert sorted((site.train + site.valid).split(b"\n\n")) == [b"", b"one text", "zażółć".encode()]


def test_the_order_of_the_files_does_not_matter(sites):
    documents = prose(3, 300)
    assert sites.gather(candidate(sites, documents)).train == sites.gather(candidate(sites, documents[::-1])).train


def test_a_site_is_capped(sites):
    site = sites.gather(candidate(sites, prose(4, 1000)), bytes_max=50_000)
    assert 49_000 < len(site.train) + len(site.valid) <= 50_000


def catalogue(messages: dict[bytes, bytes], order: str) -> bytes:
    """A GNU message catalogue, as GNU gettext's manual describes it."""
    items = sorted({b"": b"Content-Type: text/plain; charset=UTF-8\n"}.items()) + sorted(messages.items())
    count, start = len(items), 28
    tables, strings = {0: b"", 1: b""}, b""
    for part in (0, 1):
        for item in items:
            tables[part] += struct.pack(order + "2I", len(item[part]), start + 16 * count + len(strings))
            strings += item[part] + b"\0"
    head = struct.pack(order + "7I", 0x950412DE, 0, count, start, start + 8 * count, 0, 0)
    return head + tables[0] + tables[1] + strings


@pytest.mark.parametrize("order", ["<", ">"])
def test_translations_are_those_that_gettext_reads(sites, order):
    messages = {b"file not found": "fichier introuvable".encode(), b"one\0many": b"un\0des", b"yes": b"oui"}
    data = catalogue(messages, order)
    # Python's own reader, as the independent witness.
    witness = gettext.GNUTranslations(io.BytesIO(data))
    wanted = [witness.gettext("file not found"), witness.ngettext("one", "many", 1), witness.ngettext("one", "many", 2),
              witness.gettext("yes")]  # fmt: skip
    assert [text.decode() for text in sites.translations(data)] == wanted


def test_a_broken_catalogue_does_no_harm(sites):
    data = catalogue({b"a": b"b" * 50, b"c": b"d" * 50}, "<")
    for end in range(len(data)):
        for text in sites.translations(data[:end]):
            assert text in data
    assert list(sites.translations(b"\0" * 64)) == []


def test_a_missing_source_is_said_and_replaced(sites):
    wanted = [candidate(sites, prose(5 + index, 0 if index == 1 else 1200), f"s{index}") for index in range(6)]
    chosen, missing = sites.choose(wanted)
    assert [site.candidate.name for site in chosen] == ["s0", "s2", "s3", "s4"]
    assert len(missing) == 1 and missing[0].startswith("s1: only 0 bytes")
    recipe = 'name = "s1"\ntrain = ["build/demo/sites/s1/train.txt"]\nname = "s2"\n'
    wanted_recipe = 'name = "s4"\ntrain = ["build/demo/sites/s4/train.txt"]\nname = "s2"\n'
    assert sites.renamed_recipe(recipe, chosen, wanted) == wanted_recipe


def test_fewer_than_four_sites_is_a_failure(sites, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sites, "candidates", lambda: [candidate(sites, prose(1, 1200)), candidate(sites, [])])
    assert sites.main([str(tmp_path)]) == 1
    assert "4 are needed" in capsys.readouterr().err
    assert not (tmp_path / "sites.txt").exists()


def test_this_machine_has_four_sites_and_a_second_run_gives_the_same(sites, tmp_path):
    for name in ("first", "second"):
        assert sites.main([str(tmp_path / name)]) == 0
    first = sorted(path for path in (tmp_path / "first").rglob("*.txt"))
    assert len(first) == 2 * sites.SITES + 1
    for path in first:
        twin = tmp_path / "second" / path.relative_to(tmp_path / "first")
        assert path.read_bytes() == twin.read_bytes()
    folders = sorted({path.parent for path in first if path.name == "train.txt"})
    # Two sites that share documents would not be unlike.
    starts = [set(pathlib.Path(folder, "train.txt").read_bytes().split(b"\n\n")[:200]) for folder in folders]
    for index, paragraphs in enumerate(starts):
        for other in starts[index + 1 :]:
            assert len(paragraphs & other) < 20

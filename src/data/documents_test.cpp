// SPDX-License-Identifier: Apache-2.0
#include "data/documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/utf8.h"
#include "data/document_stream.h"
#include "data/packed_bytes.h"
#include "data/test_files.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::unique_ptr<DocumentReader> open_reader(const std::vector<std::string>& paths,
                                            const DocumentOptions& options = {}) {
  auto reader = DocumentReader::open(paths, options);
  EXPECT_TRUE(reader) << reader.error().message;
  return std::move(*reader);
}

std::vector<std::string> rest_of(DocumentReader& reader) {
  std::vector<std::string> out;
  RawDocument document;
  while (true) {
    const auto found = reader.next(document);
    EXPECT_TRUE(found) << found.error().message;
    if (!found || !*found) return out;
    out.push_back(document.bytes);
  }
}

TEST(Documents, ReadsFilesOfFoldersAndGlobsOnceByPath) {
  const std::string folder = test_folder();
  std::filesystem::create_directories(folder + "/b/deep");
  write_text(folder + "/b/deep/two.txt", "two");
  write_text(folder + "/a.txt", "one");
  write_text(folder + "/c.txt", "three");
  write_text(folder + "/empty.txt", "");
  ASSERT_EQ(::mkfifo((folder + "/b/pipe").c_str(), 0600), 0);
  std::filesystem::create_symlink(folder + "/b", folder + "/b/loop");
  const auto reader = open_reader({folder + "/[c]*", folder + "/c.txt", folder, folder + "/a.txt"});
  EXPECT_THAT(rest_of(*reader), ElementsAre("one", "two", "three"));
  EXPECT_EQ(reader->bytes_total(), 11);
  EXPECT_EQ(reader->bytes_read(), 11);
}

TEST(Documents, SaysWhichPathIsWrong) {
  const std::string folder = test_folder();
  const auto missing = DocumentReader::open({folder + "/no.txt"}, {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().fault, Fault::kIo);
  EXPECT_THAT(missing.error().message, HasSubstr("no.txt"));
  for (const std::vector<std::string>& paths :
       {std::vector<std::string>{}, {folder + "/*.txt"}, {folder}}) {
    const auto none = DocumentReader::open(paths, {});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().fault, Fault::kBadInput);
  }
}

TEST(Documents, TellsFormsByNames) {
  const std::string folder = test_folder(), lines = "{\"text\":\"a\"}\n\n \r\n{\"text\":\"b\"}";
  for (const char* name : {"1.jsonl", "2.ndjson", "3.json", "4.txt"})
    write_text(folder + "/" + name, lines);
  write_text(folder + "/5.jsonl.gz", gzip(lines));
  write_text(folder + "/6.jsonl.zst", zstd(lines));
  EXPECT_EQ(rest_of(*open_reader({folder})).size(), 5U * 2 + 1);
  EXPECT_EQ(rest_of(*open_reader({folder}, {.form = Form::kText})).size(), 6U);
  EXPECT_EQ(rest_of(*open_reader({folder}, {.form = Form::kJsonLines})).size(), 12U);
}

TEST(Documents, CutsLongTextsAtLinesElseBetweenCharacters) {
  const std::string path = test_folder() + "/a.txt";
  std::string text = "\xEF\xBB\xBF";
  for (int i = 0; i < 300; ++i) text += fmt::format("line {}\r\n", i);
  for (int i = 0; i < 2000; ++i) text += "\xE2\x82\xAC";  // no line's end for 6,000 bytes
  write_text(path, text);
  const auto reader = open_reader({path}, {.document_bytes_max = 1024});
  std::string joined;
  RawDocument document;
  int64_t parts = 0, lines = 1;
  while (*reader->next(document)) {
    EXPECT_LE(document.bytes.size(), 1024U);
    EXPECT_TRUE(is_utf8(document.bytes));
    EXPECT_EQ(document.continues, parts++ > 0);
    EXPECT_EQ(document.line, lines);
    lines += std::count(document.bytes.begin(), document.bytes.end(), '\n');
    EXPECT_TRUE(lines > 300 || document.bytes.back() == '\n');
    joined += document.bytes;
  }
  EXPECT_EQ(joined, text.substr(3));
  EXPECT_GE(parts, 9);
}

TEST(Documents, KeepsOnlyTheHeadOfALineThatIsTooLong) {
  const std::string path = test_folder() + "/a.jsonl";
  write_text(path, "{\"text\":\"a\"}\n{\"text\":\"" + std::string(3'000'000, 'x') +
                       "\"}\n{\"text\":\"b\"}\n{\"text\":\"" + std::string(2000, 'y') + "\"}");
  const DocumentOptions options{.on_bad = OnBad::kSkip, .document_bytes_max = 1024};
  const auto reader = open_reader({path}, options);
  std::vector<std::string> seen;
  RawDocument document;
  while (*reader->next(document)) {
    EXPECT_LE(document.bytes.size(), 1024U);
    const auto read = read_document(document, reader->files(), options);
    ASSERT_TRUE(read);
    seen.push_back(read->skipped ? fmt::format("{} skipped", document.line) : read->text);
  }
  EXPECT_THAT(seen, ElementsAre("a", "2 skipped", "b", "4 skipped"));
}

// Goal: a run goes on anywhere. Method: from every position to the end; all that was read before
// and what is read then must be the whole.
TEST(Documents, GoesOnFromEveryPosition) {
  const std::string folder = test_folder();
  std::string lines = "\xEF\xBB\xBF", text = "\xEF\xBB\xBF";
  for (int i = 0; i < 8; ++i) lines += fmt::format("{{\"text\":\"{}\"}}\n\n", i);
  for (int i = 0; i < 300; ++i) text += fmt::format("a line of text, number {}\n", i);
  write_text(folder + "/a.jsonl", lines);
  write_text(folder + "/b.jsonl.gz", gzip(lines));
  write_text(folder + "/c.txt", text);
  write_text(folder + "/d.txt.zst", zstd(text));
  write_text(folder + "/e.txt", "");
  const DocumentOptions options{.document_bytes_max = 2048};
  std::vector<std::string> all;
  std::vector<RawDocument> raws;
  std::vector<DocumentPosition> positions;
  const auto whole = open_reader({folder}, options);
  positions.push_back(whole->position());
  for (RawDocument raw; *whole->next(raw);) {
    raws.push_back(raw);
    positions.push_back(whole->position());
  }
  positions.push_back(whole->position());
  ASSERT_GT(raws.size(), 20U);
  for (size_t i = 0; i < positions.size(); ++i) {
    const auto reader = open_reader({folder}, options);
    const auto sought = reader->seek(positions[i]);
    ASSERT_TRUE(sought) << sought.error().message;
    for (size_t k = std::min(i, raws.size()); k < raws.size(); ++k) {
      RawDocument raw;
      ASSERT_TRUE(*reader->next(raw));
      EXPECT_EQ(raw.bytes, raws[k].bytes);
      EXPECT_EQ(raw.line, raws[k].line);
      EXPECT_EQ(raw.file, raws[k].file);
      EXPECT_EQ(raw.continues, raws[k].continues);
      EXPECT_EQ(reader->position(), positions[k + 1]);
    }
    RawDocument raw;
    EXPECT_FALSE(*reader->next(raw));
    EXPECT_EQ(reader->bytes_read(), reader->bytes_total());
  }
}

TEST(Documents, AreTheSameInWhateverPiecesTheyAreRead) {
  std::string bytes = "\xEF\xBB\xBF";
  for (int i = 0; i < 60; ++i)
    bytes +=
        std::string(static_cast<size_t>(i * 37 % 50), 'a' + i % 26) + (i % 3 == 0 ? "\r\n" : "\n");
  for (const bool json : {false, true}) {
    std::vector<std::string> whole;
    for (const size_t read_bytes : {1U << 20, 1U, 2U, 3U, 7U, 64U}) {
      DocumentStream stream(memory_input(std::as_bytes(std::span(bytes))), json, 0, 45, read_bytes);
      std::vector<std::string> seen;
      for (RawDocument raw; *stream.next(raw);)
        seen.push_back(
            fmt::format("{} {} {} {}", raw.line, raw.too_long, raw.bytes, stream.byte()));
      EXPECT_EQ(stream.byte(), std::ssize(bytes));
      if (whole.empty()) whole = seen;
      EXPECT_EQ(seen, whole) << read_bytes;
    }
    EXPECT_GT(whole.size(), 30U);
  }
}

TEST(Documents, RefusesPositionsThatAreNone) {
  const std::string path = test_folder() + "/a.txt";
  write_text(path, "text");
  for (const DocumentPosition at :
       {DocumentPosition{0, 5, 1}, {1, 1, 1}, {2, 0, 1}, {-1, 0, 1}, {0, -1, 1}, {0, 0, 0}}) {
    const auto sought = open_reader({path})->seek(at);
    ASSERT_FALSE(sought) << at.file << " " << at.byte;
    EXPECT_EQ(sought.error().fault, Fault::kBadInput);
  }
}

TEST(Documents, NamesADamagedFile) {
  const std::string path = test_folder() + "/a.txt.gz";
  const std::string packed = gzip("some text");
  write_text(path, packed.substr(0, packed.size() - 4));
  const auto reader = open_reader({path});
  RawDocument document;
  const auto found = reader->next(document);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().fault, Fault::kCorrupt);
  EXPECT_THAT(found.error().message, HasSubstr(path));
}

}  // namespace
}  // namespace causeway

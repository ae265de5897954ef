// SPDX-License-Identifier: Apache-2.0
#include "prepare/prepare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "core/random.h"
#include "data/shard.h"
#include "prepare/test_folder.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Bytes and an end mark, both shifted up.
class ShiftedBytes final : public Tokenizer {
 public:
  explicit ShiftedBytes(int32_t shift) : shift_(shift) {}
  class Shifter final : public Encoder {
   public:
    explicit Shifter(int32_t shift) : shift_(shift) {}
    void encode(std::string_view text, std::vector<int32_t>& tokens) override {
      for (const char byte : text) tokens.push_back(shift_ + static_cast<unsigned char>(byte));
    }

   private:
    const int32_t shift_;
  };
  int64_t vocabulary() const override { return shift_ + 257; }
  std::unique_ptr<Encoder> encoder() const override { return std::make_unique<Shifter>(shift_); }
  std::string_view bytes_of(int32_t) const override { return ""; }
  bool is_special(int32_t token) const override { return token == shift_ + 256; }
  std::optional<int32_t> find_added(std::string_view content) const override {
    return content == "<end>" ? std::optional(shift_ + 256) : std::nullopt;
  }
  std::optional<int32_t> end_of_text() const override { return shift_ + 256; }
  std::span<const int32_t> before() const override { return {}; }
  std::span<const int32_t> after() const override { return {}; }
  bool is_complete() const override { return true; }
  Digest digest() const override { return {7, static_cast<uint64_t>(shift_)}; }
  const std::string& json() const override { return json_; }

 private:
  const int32_t shift_;
  const std::string json_ = "{\"a\": 1}\n";
};

struct Call {
  std::vector<std::string> paths;
  std::string folder;
  std::shared_ptr<const Tokenizer> tokenizer = bytes_tokenizer();
  DocumentOptions documents;
  PrepareOptions options;
  int32_t threads = 2;
  PrepareEvents events;

  Result<PrepareSummary> operator()(const std::atomic<bool>& stop = false) const {
    Threads team(threads);
    return prepare(paths, folder, tokenizer, documents, options, team, events, stop);
  }
  PrepareSummary done() const {
    const auto summary = (*this)();
    EXPECT_TRUE(summary) << summary.error().message;
    return summary ? *summary : PrepareSummary{};
  }
};

/// Tokens of each document of a split.
std::vector<std::vector<int32_t>> documents_in(const PreparedSplit& split) {
  std::vector<std::vector<int32_t>> out;
  for (const std::string& path : split.files) {
    const auto shard = Shard::open(path);
    EXPECT_TRUE(shard) << shard.error().message;
    for (int64_t i = 0; i < shard->documents(); ++i) {
      const int64_t begin = i == 0 ? 0 : shard->document_end(i - 1);
      out.emplace_back(static_cast<size_t>(shard->document_end(i) - begin));
      shard->copy(begin, out.back());
    }
  }
  return out;
}

std::vector<std::string> texts_in(const PreparedSplit& split) {
  std::vector<std::string> out;
  for (const auto& tokens : documents_in(split)) out.push_back(decode(*bytes_tokenizer(), tokens));
  return out;
}

Prepared read(const std::string& folder) {
  const auto prepared = read_prepared(folder);
  EXPECT_TRUE(prepared) << prepared.error().message;
  return prepared ? *prepared : Prepared{};
}

nlohmann::json manifest_of(const std::string& folder) {
  return nlohmann::json::parse(read_text(folder + "/manifest.json"));
}

std::string text_at(int number) {
  std::string out = fmt::format("Document {}.", number);
  for (int i = 0; i < number * 31 % 97; ++i) out += fmt::format(" word{}", i * number);
  return out;
}

/// About a megabyte for 3,000 lines.
std::string long_text(int lines) {
  std::string out;
  for (int i = 0; i < lines; ++i) {
    out += fmt::format("{}: ", i);
    out.append(static_cast<size_t>(i * 31 % 700), static_cast<char>('a' + i % 26));
    out += '\n';
  }
  return out;
}

void write_lines(const std::string& path, const std::vector<int>& numbers) {
  std::string out;
  for (const int number : numbers) out += nlohmann::json({{"text", text_at(number)}}).dump() + "\n";
  write_text(path, out);
}

std::vector<int> numbers_to(int end) {
  std::vector<int> out;
  for (int i = 0; i < end; ++i) out.push_back(i);
  return out;
}

TEST(Prepare, WritesEveryDocumentOnceInOrder) {
  const std::string folder = test_folder();
  write_lines(folder + "/a.jsonl", numbers_to(500));
  write_text(folder + "/b.txt", "A text\nof two lines");
  const Call call{{folder + "/b.txt", folder + "/a.jsonl"}, folder + "/out"};
  const PrepareSummary summary = call.done();
  EXPECT_TRUE(summary.finished);
  EXPECT_EQ(summary.progress.documents, 501);
  const Prepared prepared = read(call.folder);
  const auto texts = texts_in(prepared.train);
  ASSERT_EQ(texts.size(), 501U);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(texts[static_cast<size_t>(i)], text_at(i));
  EXPECT_EQ(texts.back(), "A text\nof two lines");
  EXPECT_EQ(prepared.vocabulary, 256);
  EXPECT_EQ(prepared.tokenizer, bytes_tokenizer()->digest());
  EXPECT_EQ(prepared.train.tokens, summary.progress.tokens);
  EXPECT_EQ(prepared.valid.documents, 0);
  std::set<std::string> names;
  for (const auto& [name, text] : contents_of(call.folder)) names.insert(name);
  EXPECT_THAT(names, ElementsAre("manifest.json", "tokenizer.json", "train-00000.bin"));
  EXPECT_EQ(read_text(call.folder + "/tokenizer.json"), bytes_tokenizer()->json());
}

TEST(Prepare, PutsTheEndTokenAfterEachDocument) {
  const std::string folder = test_folder();
  write_text(folder + "/a.jsonl", "{\"text\":\"ab\"}\n{\"text\":\"c\"}\n");
  for (const auto& [name, shift] : {std::pair{"auto", 10},
                                    {"<end>", 100'000},
                                    {"none", 65'536 - 257},
                                    {"none", 65'536 - 256}}) {
    Call call{{folder + "/a.jsonl"}, folder + "/out", std::make_shared<ShiftedBytes>(shift)};
    call.options.end_token = name;
    call.done();
    std::vector<int32_t> first{shift + 'a', shift + 'b'}, second{shift + 'c'};
    if (name != std::string("none")) {
      first.push_back(shift + 256);
      second.push_back(shift + 256);
    }
    const Prepared prepared = read(call.folder);
    EXPECT_THAT(documents_in(prepared.train), ElementsAre(first, second));
    EXPECT_EQ(Shard::open(prepared.train.files[0])->token_bytes(), shift + 257 <= 65'536 ? 2 : 4);
    ASSERT_TRUE(discard_prepared(call.folder));
  }
  Call call{{folder + "/a.jsonl"}, folder + "/new", std::make_shared<ShiftedBytes>(10)};
  call.options.end_token = "<other>";
  EXPECT_EQ(call().error().fault, Fault::kBadInput);
  EXPECT_FALSE(std::filesystem::exists(call.folder));
}

TEST(Prepare, GivesTheSameBytesWithAnyThreads) {
  const std::string folder = test_folder();
  write_lines(folder + "/a.jsonl", numbers_to(3000));
  write_text(folder + "/b.txt", long_text(12'000));
  std::map<std::string, std::string> first;
  for (const int32_t threads : {1, 2, 5}) {
    Call call{{folder + "/a.jsonl", folder + "/b.txt"}, folder + "/out"};
    call.threads = threads;
    call.documents.document_bytes_max = 100'000;
    call.options.shard_bytes = 1'000'000;
    call.options.valid_percent = 10;
    call.options.deduplicate = true;
    call.done();
    const auto contents = contents_of(call.folder);
    EXPECT_GT(contents.size(), 5U);
    if (first.empty()) first = contents;
    EXPECT_EQ(contents, first);
    ASSERT_TRUE(discard_prepared(call.folder));
  }
}

TEST(Prepare, KeepsTheFirstOfEqualTexts) {
  const std::string folder = test_folder();
  std::vector<int> numbers = numbers_to(300);
  for (int i = 0; i < 300; i += 3) numbers.push_back(i);
  write_lines(folder + "/a.jsonl", numbers);
  Call call{{folder + "/a.jsonl"}, folder + "/out"};
  call.options.deduplicate = true;
  const PrepareSummary summary = call.done();
  EXPECT_EQ(summary.duplicates, 100);
  EXPECT_EQ(summary.progress.documents, 300);
  EXPECT_EQ(texts_in(read(call.folder).train).back(), text_at(299));
}

TEST(Prepare, ChoosesValidationByTheTextAlone) {
  const std::string folder = test_folder();
  std::vector<int> numbers = numbers_to(4000);
  write_lines(folder + "/a.jsonl", numbers);
  std::ranges::reverse(numbers);
  write_lines(folder + "/b.jsonl", numbers);
  std::set<std::string> sides[2];
  for (int i = 0; i < 2; ++i) {
    Call call{{folder + (i == 0 ? "/a.jsonl" : "/b.jsonl")}, folder + "/out" + std::to_string(i)};
    call.options.valid_percent = 5;
    call.options.deduplicate = i == 1;
    call.done();
    const Prepared prepared = read(call.folder);
    const auto valid = texts_in(prepared.valid);
    sides[i].insert(valid.begin(), valid.end());
    EXPECT_EQ(prepared.train.documents + prepared.valid.documents, 4000);
  }
  EXPECT_EQ(sides[0], sides[1]);
  // 200 are expected, with a standard deviation of 14.
  EXPECT_GT(sides[0].size(), 130U);
  EXPECT_LT(sides[0].size(), 270U);
}

TEST(Prepare, CountsWhatThePolicyDid) {
  const std::string folder = test_folder();
  std::string lines;
  for (int i = 0; i < 8; ++i) lines += "{\"text\":\"good\"}\n{\"text\":\"b\xFF\"}\nno json\n";
  write_text(folder + "/a.jsonl", lines);
  std::vector<std::string> troubles;
  Call call{{folder + "/a.jsonl"}, folder + "/out"};
  call.events.on_trouble = [&](const std::string& trouble) { troubles.push_back(trouble); };

  call.documents.on_bad = OnBad::kError;
  const auto refused = call();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::kBadInput);
  EXPECT_THAT(refused.error().message, HasSubstr("a.jsonl:2: "));
  EXPECT_FALSE(std::filesystem::exists(call.folder));

  call.documents.on_bad = OnBad::kSkip;
  const PrepareSummary skipped = call.done();
  EXPECT_EQ(skipped.progress.skipped, 16);
  EXPECT_EQ(skipped.progress.documents, 8);
  EXPECT_EQ(troubles.size(), 5U);
  EXPECT_THAT(troubles.back(), HasSubstr("a.jsonl:8: "));

  ASSERT_TRUE(discard_prepared(call.folder));
  call.documents.on_bad = OnBad::kReplace;
  const PrepareSummary replaced = call.done();
  EXPECT_EQ(replaced.progress.skipped, 8);
  EXPECT_EQ(replaced.replaced, 8);
  EXPECT_EQ(texts_in(read(call.folder).train)[1], "b\xEF\xBF\xBD");
  EXPECT_EQ(manifest_of(call.folder)["totals"]["replaced"], 8);
}

// Goal: whenever it is interrupted, the same bytes come out. Method: it is asked to stop after each
// wave, and its folder as it was at the last record is what a kill leaves; then it goes on.
TEST(Prepare, GoesOnAfterEveryStopWithTheSameBytes) {
  const std::string folder = test_folder();
  const std::string large = long_text(22'000);
  for (const char* name : {"a", "b"}) write_text(folder + "/" + name + ".txt", name + large);
  write_lines(folder + "/c.jsonl", numbers_to(500));
  Call call{{folder + "/a.txt", folder + "/b.txt", folder + "/c.jsonl"}, folder + "/whole"};
  call.documents.document_bytes_max = 60'000;
  call.options = {.shard_bytes = 1'000'000, .valid_percent = 10, .deduplicate = true};
  call.threads = 1;
  const PrepareSummary whole = call.done();
  EXPECT_GT(whole.shards, 5);

  call.folder = folder + "/parts";
  int calls = 0;
  for (bool finished = false; !finished; ++calls) {
    ASSERT_LT(calls, 50) << "it does not get on";
    std::atomic<bool> stop = true;
    const auto summary = call(stop);
    ASSERT_TRUE(summary) << summary.error().message;
    finished = summary->finished;
    EXPECT_EQ(std::filesystem::exists(call.folder + "/manifest.json"), finished);
    EXPECT_EQ(summary->progress.tokens == whole.progress.tokens, finished);
  }
  EXPECT_GT(calls, 5);
  EXPECT_EQ(contents_of(call.folder), contents_of(folder + "/whole"));
}

TEST(Prepare, GoesOnOnlyWithTheSameInputsAndOptions) {
  const std::string folder = test_folder();
  const std::string large = long_text(15'000);
  write_text(folder + "/a.txt", large);
  write_text(folder + "/b.txt", "b");
  Call call{{folder + "/a.txt"}, folder + "/out"};
  call.documents.document_bytes_max = 60'000;
  call.threads = 1;
  std::atomic<bool> stop = true;
  const auto begun = call(stop);
  ASSERT_TRUE(begun) << begun.error().message;
  ASSERT_FALSE(begun->finished);
  const auto before = contents_of(call.folder);
  const auto expect_refused = [&](const Call& other, const char* why) {
    const auto refused = other();
    ASSERT_FALSE(refused) << why;
    EXPECT_EQ(refused.error().fault, Fault::kBadInput);
    EXPECT_THAT(refused.error().message, HasSubstr(why));
    EXPECT_EQ(contents_of(call.folder), before);
  };
  Call other = call;
  other.options.shard_bytes = 5000;
  expect_refused(other, "`shard_bytes` was 268435456, now 5000");
  other = call;
  other.tokenizer = std::make_shared<ShiftedBytes>(9);
  expect_refused(other, "tokenizer");
  other = call;
  other.paths.push_back(folder + "/b.txt");
  expect_refused(other, "1 inputs, now 2");
  write_text(folder + "/a.txt", large + "x");
  expect_refused(call, "input 1 was");
  write_text(folder + "/a.txt", large);
  call.threads = 3;
  call.options.record_bytes = 5000;
  EXPECT_TRUE(call.done().finished);
}

TEST(Prepare, WritesOnlyWhereItMay) {
  const std::string folder = test_folder();
  write_text(folder + "/a.txt", "a");
  std::filesystem::create_directories(folder + "/out");
  write_text(folder + "/out/notes.md", "mine");
  const Call call{{folder + "/a.txt"}, folder + "/out"};
  const auto refused = call();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("notes.md"));
  std::filesystem::remove(folder + "/out/notes.md");
  call.done();
  const auto again = call();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().fault, Fault::kBadInput);
  EXPECT_THAT(again.error().message, HasSubstr("--overwrite"));
  write_text(folder + "/out/notes.md", "mine");
  ASSERT_TRUE(discard_prepared(call.folder));
  EXPECT_EQ(contents_of(call.folder).size(), 1U);
  EXPECT_TRUE(discard_prepared(folder + "/never"));
  for (const std::string& within : {folder + "/new", folder, folder + "/x/../y/z"}) {
    const auto mixed = Call{{folder}, within}();
    ASSERT_FALSE(mixed);
    EXPECT_THAT(mixed.error().message, HasSubstr("lies within"));
  }
}

TEST(Prepare, WantsText) {
  const std::string folder = test_folder();
  write_text(folder + "/a.jsonl", "\n{\"text\":\"\"}\n");
  const Call call{{folder + "/a.jsonl"}, folder + "/out"};
  const auto refused = call();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::kBadInput);
  EXPECT_FALSE(std::filesystem::exists(call.folder));
}

TEST(ReadPrepared, RefusesADamagedFolder) {
  const std::string folder = test_folder();
  write_lines(folder + "/a.jsonl", numbers_to(50));
  const Call call{{folder + "/a.jsonl"}, folder + "/out"};
  call.done();
  const std::string path = call.folder + "/manifest.json", good = read_text(path);
  for (size_t i = 0; i < good.size(); i += 23) {
    std::string bad = good;
    bad[i] = bad[i] == '1' ? '2' : '1';
    write_text(path, bad);
    EXPECT_FALSE(read_prepared(call.folder)) << i;
  }
  write_text(path, "[" + good + "]");
  EXPECT_FALSE(read_prepared(call.folder));
  write_text(path, good);
  EXPECT_TRUE(read_prepared(call.folder));
  write_text(call.folder + "/train-00000.bin", "short");
  EXPECT_EQ(read_prepared(call.folder).error().fault, Fault::kBadInput);
  std::filesystem::remove(call.folder + "/train-00000.bin");
  EXPECT_EQ(read_prepared(call.folder).error().fault, Fault::kIo);
  std::filesystem::remove(path);
  EXPECT_EQ(read_prepared(call.folder).error().fault, Fault::kIo);
}

}  // namespace
}  // namespace causeway

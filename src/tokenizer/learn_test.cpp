// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/learn.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "tokenizer/example_tokenizer.h"

namespace causeway {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using Merges = std::vector<std::vector<std::string>>;

WordCounts counted(std::string_view text, Words words = Words::kLlama3) {
  WordCounter counter(words);
  counter.add(text);
  return counter.counts();
}

json learnt(const WordCounts& counts, const LearnOptions& options) {
  const auto text = learn_tokenizer(counts, options);
  EXPECT_TRUE(text.ok()) << (text ? "" : text.error().message);
  return text ? json::parse(*text) : json();
}

TEST(Learn, CountsWords) {
  EXPECT_THAT(counted("a a 12a\xFF\xFE a").counts,
              ElementsAre(Pair(" ", 1), Pair(" a", 2), Pair("12", 1), Pair("a", 2)));
  EXPECT_THAT(counted("e\u0301\u00E9", Words::kQwen2).counts, ElementsAre(Pair("\u00E9\u00E9", 1)))
      << "as the tokenizer will see the text: normalised";
  WordCounter one(Words::kGpt2), two(Words::kGpt2);
  one.add("a b");
  two.add("a c");
  one.add(two);
  EXPECT_THAT(one.counts().counts, ElementsAre(Pair(" b", 1), Pair(" c", 1), Pair("a", 2)));
}

TEST(Learn, KeepsRareAndLongWordsBack) {
  const WordCounts counts{Words::kGpt2,
                          {{"rare", 4}, {"some", 5}, {"often", 1000}, {"long-long", 9}}};
  const WordCounts shared =
      shared_counts(counts, {.threshold = 5, .clip = 100, .word_bytes_max = 8});
  EXPECT_EQ(shared.words, Words::kGpt2);
  EXPECT_THAT(shared.counts, ElementsAre(Pair("often", 100), Pair("some", 5)));
}

TEST(Learn, MergesCounts) {
  const std::vector<WordCounts> sites = {{Words::kGpt2, {{"a", 1}, {"b", INT64_MAX}}},
                                         {Words::kGpt2, {{"a", 2}, {"b", 5}}}};
  const auto merged = merge_counts(sites);
  ASSERT_TRUE(merged.ok());
  EXPECT_THAT(merged->counts, ElementsAre(Pair("a", 3), Pair("b", INT64_MAX)));
  const std::vector<WordCounts> mixed = {{Words::kGpt2, {}}, {Words::kQwen2, {}}};
  EXPECT_THAT(merge_counts(mixed).error().message, HasSubstr("gpt2 and qwen2"));
  EXPECT_FALSE(merge_counts({}).ok());
}

class CountsFile : public testing::Test {
 public:
  std::string write(const std::string& text) const {
    std::ofstream(path_, std::ios::binary) << text;
    return path_;
  }
  std::string refusal(const std::string& text) const {
    const auto read = read_counts(write(text));
    if (read) return "";
    EXPECT_EQ(read.error().fault, Fault::kBadInput);
    return read.error().message;
  }

 protected:
  // Of this test alone: ctest runs the tests of a fixture side by side.
  const std::string path_ = testing::TempDir() + "counts_" +
                            testing::UnitTest::GetInstance()->current_test_info()->name() +
                            ".jsonl";
};

constexpr const char* kHead =
    "{\"format\": \"causeway word counts 1\", \"words\": \"gpt2\", \"entries\": 2}\n";

TEST_F(CountsFile, IsReadAsItWasWritten) {
  const WordCounts counts{Words::kGpt2, {{"a\n\"", 2}, {"b", 7}, {"\u00E9", 2}}};
  ASSERT_TRUE(write_counts(path_, counts).ok());
  const auto read = read_counts(path_);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->words, counts.words);
  EXPECT_EQ(read->counts, counts.counts);
  std::ifstream file(path_, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(text,
            "{\"format\": \"causeway word counts 1\", \"words\": \"gpt2\", \"entries\": 3}\n"
            "[\"b\", 7]\n[\"a\\n\\\"\", 2]\n[\"\u00E9\", 2]\n");
}

TEST_F(CountsFile, IsRefusedIfItIsWrong) {
  const std::string head = kHead;
  EXPECT_EQ(refusal(head + "[\"a\", 1]\n[\"b\", 2]\n"), "");
  EXPECT_THAT(refusal(""), HasSubstr("empty"));
  EXPECT_THAT(refusal("{}\n"), HasSubstr(":1: this is no file of word counts"));
  EXPECT_THAT(refusal(head + "[\"a\", 1]\n"), HasSubstr("cut short"));
  EXPECT_THAT(refusal(head + "[\"a\", 1]\n[\"b\", 2]"),
              HasSubstr(":3: the file ends within a line"));
  EXPECT_THAT(refusal(head + "[\"a\", 1]\n[\"a\", 2]\n"), HasSubstr(":3: the word is there twice"));
  for (const char* line : {"[\"a\"]\n", "[1, \"a\"]\n", "[\"a\", -1]\n", "[\"a\", 1.5]\n", "[[",
                           "\n", "[\"\xFF\", 1]\n", "{\"a\": 1}\n"})
    EXPECT_THAT(refusal(head + line + "\n"), HasSubstr(":2:")) << line;
  EXPECT_THAT(refusal(head + "[\"\", 1]\n"), HasSubstr("0"));
  EXPECT_THAT(refusal(head + "[\"a\", 0]\n"), HasSubstr("out of range"));
  EXPECT_THAT(refusal(head + "[\"a\", 9223372036854775808]\n"), HasSubstr("out of range"));
  EXPECT_THAT(refusal(head + std::string(1'000'000, '[') + "\n"), HasSubstr("too long"));
  EXPECT_THAT(refusal("{\"format\": \"causeway word counts 1\", \"words\": \"x\"}\n"),
              HasSubstr("`words`"));
  EXPECT_EQ(read_counts(path_ + ".none").error().fault, Fault::kIo);
}

TEST(Learn, MergesTheMostFrequentPairFirst) {
  // The example of the paper's algorithm 1, without its end-of-word mark.
  const WordCounts counts{Words::kGpt2, {{"low", 5}, {"lower", 2}, {"newest", 6}, {"widest", 3}}};
  const json made = learnt(counts, {.vocabulary = 262, .min_count = 1, .special = {"<s>"}});
  EXPECT_EQ(made["model"]["merges"],
            json(Merges{{"e", "s"}, {"es", "t"}, {"l", "o"}, {"lo", "w"}, {"e", "w"}}));
  EXPECT_EQ(made["model"]["vocab"]["<s>"], 0);
  EXPECT_EQ(made["model"]["vocab"]["!"], 1) << "bytes by the code points of their characters";
  EXPECT_EQ(made["model"]["vocab"]["es"], 257);
  EXPECT_EQ(made["added_tokens"][0]["content"], "<s>");
}

/// Goal: counting anew after each merge gives the same. Method: the definition, on small texts.
Merges merges_by_definition(const WordCounts& counts, size_t wanted) {
  std::vector<std::pair<std::vector<std::string>, int64_t>> words;
  std::map<std::string, int> rank;
  std::vector<std::string> alphabet;
  for (int byte = 0; byte < 256; ++byte)
    alphabet.push_back(byte_symbol(static_cast<uint8_t>(byte)));
  std::sort(alphabet.begin(), alphabet.end());
  for (size_t i = 0; i < alphabet.size(); ++i) rank[alphabet[i]] = static_cast<int>(i);
  for (const auto& [word, count] : counts.counts) {
    words.push_back({{}, count});
    for (const char byte : word)
      words.back().first.push_back(byte_symbol(static_cast<uint8_t>(byte)));
  }
  Merges merges;
  while (merges.size() < wanted) {
    std::map<std::pair<int, int>, std::pair<int64_t, std::vector<std::string>>> pairs;
    for (const auto& [symbols, count] : words)
      for (size_t i = 0; i + 1 < symbols.size(); ++i) {
        auto& pair = pairs[{rank[symbols[i]], rank[symbols[i + 1]]}];
        pair.first += count;
        pair.second = {symbols[i], symbols[i + 1]};
      }
    const auto best = std::max_element(
        pairs.begin(), pairs.end(),
        [](const auto& a, const auto& b) { return a.second.first < b.second.first; });
    if (best == pairs.end()) break;
    const std::vector<std::string> merge = best->second.second;
    const int next = static_cast<int>(rank.size());
    rank.emplace(merge[0] + merge[1], next);
    for (auto& [symbols, count] : words)
      for (size_t i = 0; i + 1 < symbols.size(); ++i)
        if (symbols[i] == merge[0] && symbols[i + 1] == merge[1]) {
          symbols[i] += symbols[i + 1];
          symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        }
    merges.push_back(merge);
  }
  return merges;
}

TEST(Learn, CountsPairsAsTheDefinitionDoes) {
  std::mt19937 draw(5);
  for (int round = 0; round < 20; ++round) {
    // Different letters side by side: the definition counts overlapping pairs of one letter twice.
    std::string text;
    for (int i = 0; i < 400; ++i) {
      text += "abcdefghij"[draw() % 10];
      text += draw() % 4 == 0 ? " " : std::string(1, "ABCDEFGHIJ"[draw() % 10]);
    }
    const WordCounts counts = counted(text);
    const json made = learnt(counts, {.vocabulary = 280, .min_count = 1, .special = {}});
    ASSERT_EQ(made["model"]["merges"], json(merges_by_definition(counts, 24))) << text;
  }
}

TEST(Learn, MakesATokenizerThatCanBeRead) {
  const std::string text = "the cat, the dog and the caf\u00E9; the end\n";
  for (const Words words : {Words::kGpt2, Words::kLlama3, Words::kQwen2}) {
    const auto made = learn_tokenizer(counted(text, words), {.vocabulary = 270, .min_count = 1});
    ASSERT_TRUE(made.ok());
    const auto tokenizer = parse_tokenizer(*made, "learnt");
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
    EXPECT_EQ((*tokenizer)->vocabulary(), 270);
    EXPECT_EQ((*tokenizer)->end_of_text(), 0);
    EXPECT_TRUE((*tokenizer)->is_complete());
    const auto tokens = encode(**tokenizer, text);
    EXPECT_LT(tokens.size(), text.size() - 5);
    EXPECT_EQ(decode(**tokenizer, tokens), text);
    EXPECT_EQ(*learn_tokenizer(counted(text, words), {.vocabulary = 270, .min_count = 1}), *made);
  }
}

TEST(Learn, StopsWherePairsAreRare) {
  const WordCounts counts{Words::kGpt2, {{"ab", 3}, {"cd", 2}}};
  EXPECT_EQ(learnt(counts, {.vocabulary = 400, .min_count = 3, .special = {}})["model"]["merges"],
            json(Merges{{"a", "b"}}));
}

TEST(Learn, RefusesWhatCannotBeLearnt) {
  EXPECT_THAT(learn_tokenizer({}, {}).error().message, HasSubstr("no word"));
  const WordCounts counts{Words::kGpt2, {{"ab", 3}}};
  EXPECT_THAT(learn_tokenizer(counts, {.special = {"a", "a"}}).error().message, HasSubstr("twice"));
  EXPECT_THAT(learn_tokenizer(counts, {.special = {""}}).error().message, HasSubstr("0"));
  EXPECT_THAT(learn_tokenizer(counts, {.vocabulary = 257, .special = {"x1", "x2"}}).error().message,
              HasSubstr("too small"));
}

}  // namespace
}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/bpe.h"

#include <gmock/gmock.h>

#include <random>

namespace causeway {
namespace {

/// Bytes 'a' to 'd' are tokens 0 to 3; random merges of tokens made so far follow.
struct Example {
  BpeModel model;
  std::vector<std::array<int32_t, 3>> merges;

  explicit Example(std::mt19937& draw, int count) {
    model.token_of_byte.fill(-1);
    for (int i = 0; i < 4; ++i) model.token_of_byte[static_cast<size_t>('a' + i)] = i;
    for (int i = 0; i < count; ++i) {
      const auto pick = [&] { return static_cast<int32_t>(draw() % static_cast<unsigned>(4 + i)); };
      const int32_t left = pick(), right = pick();
      model.merges.set(left, right, {static_cast<uint32_t>(i), 4 + i});
      merges.push_back({left, right, 4 + i});
    }
  }

  /// The definition: of all pairs the one merged first, leftmost; until there is none.
  std::vector<int32_t> encode_slowly(std::string_view word) const {
    std::vector<int32_t> out;
    for (const char byte : word) out.push_back(byte - 'a');
    while (true) {
      uint32_t best = MergeTable::kNever;
      size_t at = 0;
      for (size_t i = 0; i + 1 < out.size(); ++i)
        if (const auto merge = model.merges.find(out[i], out[i + 1]); merge.rank < best) {
          best = merge.rank;
          at = i;
        }
      if (best == MergeTable::kNever) return out;
      out[at] = model.merges.find(out[at], out[at + 1]).token;
      out.erase(out.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    }
  }
};

TEST(Bpe, MergesAsTheDefinitionSays) {
  std::mt19937 draw(1);
  for (int round = 0; round < 300; ++round) {
    const Example example(draw, 1 + static_cast<int>(draw() % 60));
    BpeMerger merger(example.model);
    std::string word(1 + draw() % 200, 'a');
    for (char& byte : word) byte = static_cast<char>('a' + draw() % 4);
    std::vector<int32_t> tokens = {77};
    merger.encode(word, tokens);
    std::vector<int32_t> wanted = example.encode_slowly(word);
    wanted.insert(wanted.begin(), 77);
    ASSERT_EQ(tokens, wanted) << word;
  }
}

TEST(Bpe, TakesLongWordsQuickly) {
  BpeModel model;
  model.token_of_byte.fill(0);
  for (int i = 0; i < 17; ++i) model.merges.set(i, i, {static_cast<uint32_t>(i), i + 1});
  std::vector<int32_t> tokens;
  BpeMerger(model).encode(std::string((size_t{1} << 18) + 1, ' '), tokens);
  EXPECT_THAT(tokens, testing::ElementsAre(17, 17, 0));
}

TEST(Bpe, TreatsBytesWithoutATokenAsThePackageDoes) {
  BpeModel model;
  model.token_of_byte.fill(-1);
  model.token_of_byte['a'] = 0;
  model.merges.set(9, 0, {0, 5});
  const auto encode = [&](std::string_view word) {
    std::vector<int32_t> tokens;
    BpeMerger(model).encode(word, tokens);
    return tokens;
  };
  EXPECT_THAT(encode("xxa"), testing::ElementsAre(0)) << "left out";
  model.unknown = 9;
  EXPECT_THAT(encode("xxa"), testing::ElementsAre(9, 5)) << "the unknown token merges too";
  EXPECT_THAT(encode("axx"), testing::ElementsAre(0, 9, 9));
  model.fuse_unknown = true;
  EXPECT_THAT(encode("xxaxx"), testing::ElementsAre(5, 9));
}

TEST(Bpe, ALaterMergeOfTheSamePairReplacesTheEarlier) {
  MergeTable table;
  for (int32_t i = 0; i < 1000; ++i) table.set(i, i + 1, {static_cast<uint32_t>(i), i});
  table.set(3, 4, {7000, 8});
  EXPECT_EQ(table.size(), 1000U);
  EXPECT_EQ(table.find(3, 4).rank, 7000U);
  EXPECT_EQ(table.find(999, 1000).token, 999);
  EXPECT_EQ(table.find(4, 3).rank, MergeTable::kNever);
}

}  // namespace
}  // namespace causeway

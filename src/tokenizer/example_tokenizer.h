// SPDX-License-Identifier: Apache-2.0
//
// A small tokenizer.json for tests to change.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "tokenizer/byte_symbols.h"
#include "tokenizer/tokenizer.h"

namespace causeway {

/// The 256 bytes as tokens 0 to 255, then "he", "the", "Ġthe" (with a space), "ll" and "12".
inline nlohmann::json example_json() {
  nlohmann::json vocabulary;
  for (int byte = 0; byte < 256; ++byte) vocabulary[byte_symbol(static_cast<uint8_t>(byte))] = byte;
  const std::string space = byte_symbol(' ');
  int next = 256;
  for (const std::string& text :
       {std::string("he"), std::string("the"), space + "the", std::string("ll"), std::string("12")})
    vocabulary[text] = next++;
  // Braces alone would make an object of pairs of texts.
  const std::vector<std::vector<std::string>> merges = {
      {"h", "e"}, {"t", "he"}, {space, "the"}, {"l", "l"}, {"1", "2"}};
  return {
      {"version", "1.0"},
      {"added_tokens", nlohmann::json::array()},
      {"normalizer", nullptr},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}},
      {"post_processor", nullptr},
      {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", merges}}}};
}

inline nlohmann::json added_token(int id, const std::string& content) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

inline std::shared_ptr<const Tokenizer> parsed(const nlohmann::json& json) {
  auto made = parse_tokenizer(json.dump(), "test.json");
  EXPECT_TRUE(made.ok()) << (made ? "" : made.error().message);
  return made ? *made : bytes_tokenizer();
}

inline std::vector<int32_t> encode(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<int32_t> tokens;
  tokenizer.encoder()->encode(text, tokens);
  return tokens;
}

/// Well-formed text of characters that patterns tell apart.
inline std::string random_text(std::mt19937& draw, size_t characters) {
  static const std::vector<std::string> kPieces = {"a",          "S",          "s",
                                                   "t",          "re",         "'",
                                                   "'s",         "\u017F",     "1",
                                                   "\u00BD",     "\u0664",     " ",
                                                   " ",          "\n",         "\r",
                                                   "\t",         "\u00A0",     "\u3000",
                                                   "\u180E",     "\u200D",     ".",
                                                   "-",          "\u00E9",     "e\u0301",
                                                   "\u4E2D",     "\u0434",     "\u0939\u0940",
                                                   "\U0001F600", "\U00016EA0", "\x01",
                                                   "\U0010FFFF"};
  std::string text;
  for (size_t i = 0; i < characters; ++i) text += kPieces[draw() % kPieces.size()];
  return text;
}

}  // namespace causeway

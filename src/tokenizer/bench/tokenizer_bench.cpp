// SPDX-License-Identifier: Apache-2.0
//
// tokenizer_bench TOKENIZER TEXTS ids      prints the tokens of each text, a line for each
// tokenizer_bench TOKENIZER TEXTS REPEATS  prints bytes, tokens and seconds of each repeat
//
// TEXTS is a file of texts: for each its length in bytes, in decimal, a line feed and the text.
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "tokenizer/tokenizer.h"

namespace {

using causeway::Tokenizer;

/// Empty if the file is not as it should be.
std::vector<std::string_view> texts_of(std::string_view all) {
  std::vector<std::string_view> texts;
  while (!all.empty()) {
    size_t bytes = 0;
    const auto [end, error] = std::from_chars(all.data(), all.data() + all.size(), bytes);
    const auto head = static_cast<size_t>(end - all.data()) + 1;
    if (error != std::errc() || head + bytes > all.size()) return {};
    texts.push_back(all.substr(head, bytes));
    all.remove_prefix(head + bytes);
  }
  return texts;
}

void print_tokens(const Tokenizer& tokenizer, const std::vector<std::string_view>& texts) {
  const auto encoder = tokenizer.encoder();
  std::vector<int32_t> tokens;
  for (const std::string_view text : texts) {
    tokens.clear();
    encoder->encode(text, tokens);
    fmt::print("{}\n", fmt::join(tokens, " "));
  }
}

void measure(const Tokenizer& tokenizer, const std::vector<std::string_view>& texts, int repeats) {
  size_t bytes = 0;
  for (const std::string_view text : texts) bytes += text.size();
  const auto encoder = tokenizer.encoder();
  std::vector<int32_t> tokens;
  fmt::print(R"({{"bytes": {}, "seconds": [)", bytes);
  size_t count = 0;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    count = 0;
    for (const std::string_view text : texts) {
      tokens.clear();
      encoder->encode(text, tokens);
      count += tokens.size();
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    fmt::print("{}{}", i > 0 ? ", " : "", taken.count());
  }
  fmt::print("], \"tokens\": {}}}\n", count);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    fmt::print(stderr, "tokenizer_bench TOKENIZER TEXTS ids|REPEATS\n");
    return 2;
  }
  const auto tokenizer = causeway::open_tokenizer(argv[1]);
  if (!tokenizer) {
    fmt::print(stderr, "{}\n", tokenizer.error().message);
    return 2;
  }
  std::ifstream file(argv[2], std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  const std::vector<std::string_view> texts = texts_of(all);
  if (texts.empty()) {
    fmt::print(stderr, "{}: no texts\n", argv[2]);
    return 2;
  }
  if (std::string_view(argv[3]) == "ids")
    print_tokens(**tokenizer, texts);
  else
    measure(**tokenizer, texts, std::atoi(argv[3]));
  return 0;
}

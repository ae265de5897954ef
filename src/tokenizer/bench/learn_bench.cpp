// SPDX-License-Identifier: Apache-2.0
//
// learn_bench gpt2|llama3|qwen2 VOCABULARY MIN_COUNT OUT TEXT ...
//
// Learns a tokenizer from whole files and prints the seconds that counting and learning took.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "tokenizer/learn.h"

int main(int argc, char** argv) {
  using causeway::Words;
  using Clock = std::chrono::steady_clock;
  if (argc < 6) {
    fmt::print(stderr, "learn_bench gpt2|llama3|qwen2 VOCABULARY MIN_COUNT OUT TEXT ...\n");
    return 2;
  }
  const std::string_view kind = argv[1];
  const Words words = kind == "gpt2"    ? Words::kGpt2
                      : kind == "qwen2" ? Words::kQwen2
                                        : Words::kLlama3;
  causeway::LearnOptions options;
  options.vocabulary = std::atoll(argv[2]);
  options.min_count = std::atoll(argv[3]);
  std::vector<std::string> texts;
  for (int i = 5; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    texts.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  const auto start = Clock::now();
  causeway::WordCounter counter(words);
  for (const std::string& text : texts) counter.add(text);
  const causeway::WordCounts counts = counter.counts();
  const auto counted = Clock::now();
  const auto json = causeway::learn_tokenizer(counts, options);
  const auto end = Clock::now();
  if (!json) {
    fmt::print(stderr, "{}\n", json.error().message);
    return 2;
  }
  std::ofstream(argv[4], std::ios::binary) << *json;
  fmt::print("{{\"words\": {}, \"count_s\": {:.3f}, \"learn_s\": {:.3f}}}\n", counts.counts.size(),
             std::chrono::duration<double>(counted - start).count(),
             std::chrono::duration<double>(end - counted).count());
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a file of word counts give a Result; what is read is written back, read again the
// same, and a tokenizer is learnt from it.
#include <unistd.h>

#include <fstream>

#include "tokenizer/learn.h"
#include "tokenizer/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace causeway;
  static const std::string path = "/tmp/counts_fuzz." + std::to_string(getpid());
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  const auto counts = read_counts(path);
  if (!counts) {
    CW_CHECK(counts.error().fault == Fault::kBadInput && counts.error().message.size() > 8);
    return 0;
  }
  CW_CHECK(write_counts(path, *counts).ok());
  const auto again = read_counts(path);
  CW_CHECK(again.ok() && again->counts == counts->counts && again->words == counts->words);
  LearnOptions options;
  options.vocabulary = 300;
  const auto json = learn_tokenizer(*counts, options);
  CW_CHECK(json.ok() == !counts->counts.empty());
  if (json) CW_CHECK(parse_tokenizer(*json, "learnt").ok());
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
//
// Any bytes give a Result; what parses can be read to its last token and document.
#include "data/shard.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace causeway;
  const auto shard = Shard::parse(std::as_bytes(std::span(data, size)), "fuzz");
  if (!shard) {
    CW_CHECK(shard.error().fault == Fault::kCorrupt && shard.error().message.size() > 8);
    return 0;
  }
  // Every token takes two bytes at least, so that a header cannot ask for much.
  CW_CHECK(shard->tokens() <= static_cast<int64_t>(size) / 2);
  std::vector<int32_t> tokens(static_cast<size_t>(shard->tokens()));
  shard->copy(0, tokens);
  uint32_t largest = 0;
  for (const int32_t token : tokens) largest = std::max(largest, static_cast<uint32_t>(token));
  CW_CHECK(largest == shard->largest_token());
  int64_t before = 0;
  for (int64_t i = 0; i < shard->documents(); ++i) {
    CW_CHECK(shard->document_end(i) > before && shard->document_end(i) <= shard->tokens());
    before = shard->document_end(i);
  }
  return 0;
}

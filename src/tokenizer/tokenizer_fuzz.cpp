// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a tokenizer.json give a Result; what parses encodes any text to tokens that exist.
// Where nothing in the file takes text away or adds it, decoding gives the text back. The input is
// the file up to its first zero byte and the text behind it.
#include <algorithm>

#include "tokenizer/tokenizer.h"

namespace {

/// Normalisers, prefixes, removed matches and added tokens that take white space change the text.
bool keeps_text(std::string_view json) {
  return std::ranges::none_of(
      std::initializer_list<std::string_view>{"NFC", "\\", "prefix_space\":true",
                                              "prefix_space\": true", "Removed", "strip\":true",
                                              "strip\": true"},
      [&](std::string_view part) { return json.find(part) != std::string_view::npos; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace causeway;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const size_t zero = std::min(all.find('\0'), size);
  const std::string_view json = all.substr(0, zero), text = all.substr(std::min(zero + 1, size));
  const auto tokenizer = parse_tokenizer(json, "fuzz");
  if (!tokenizer) {
    CW_CHECK(tokenizer.error().fault == Fault::kBadInput && tokenizer.error().message.size() > 8);
    return 0;
  }
  const auto encoder = (*tokenizer)->encoder();
  std::vector<int32_t> tokens, again;
  encoder->encode(text, tokens);
  encoder->encode(text, again);
  CW_CHECK(tokens == again);
  for (const int32_t token : tokens) CW_CHECK(token >= 0 && token < (*tokenizer)->vocabulary());
  if ((*tokenizer)->is_complete() && keeps_text(json))
    CW_CHECK(decode(**tokenizer, tokens) == text);
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
//
// The tokenizer whose tokens are bytes.
#include <array>
#include <nlohmann/json.hpp>

#include "tokenizer/byte_symbols.h"
#include "tokenizer/tokenizer.h"

namespace causeway {
namespace {

/// A byte-level BPE with the 256 bytes and no merge gives the same tokens.
std::string bytes_json() {
  nlohmann::ordered_json vocabulary;
  for (int byte = 0; byte < 256; ++byte) vocabulary[byte_symbol(static_cast<uint8_t>(byte))] = byte;
  const nlohmann::ordered_json level = {{"type", "ByteLevel"},
                                        {"add_prefix_space", false},
                                        {"trim_offsets", true},
                                        {"use_regex", false}};
  const nlohmann::ordered_json root = {{"version", "1.0"},
                                       {"truncation", nullptr},
                                       {"padding", nullptr},
                                       {"added_tokens", nlohmann::ordered_json::array()},
                                       {"normalizer", nullptr},
                                       {"pre_tokenizer", level},
                                       {"post_processor", nullptr},
                                       {"decoder", level},
                                       {"model",
                                        {{"type", "BPE"},
                                         {"dropout", nullptr},
                                         {"unk_token", nullptr},
                                         {"continuing_subword_prefix", nullptr},
                                         {"end_of_word_suffix", nullptr},
                                         {"fuse_unk", false},
                                         {"byte_fallback", false},
                                         {"ignore_merges", false},
                                         {"vocab", std::move(vocabulary)},
                                         {"merges", nlohmann::ordered_json::array()}}}};
  return root.dump(1) + "\n";
}

class ByteEncoder final : public Encoder {
 public:
  void encode(std::string_view text, std::vector<int32_t>& tokens) override {
    for (const char byte : text) tokens.push_back(static_cast<unsigned char>(byte));
  }
};

class ByteTokenizer final : public Tokenizer {
 public:
  ByteTokenizer() : json_(bytes_json()) {
    for (size_t i = 0; i < bytes_.size(); ++i) bytes_[i] = static_cast<char>(i);
  }

  int64_t vocabulary() const override { return 256; }
  std::unique_ptr<Encoder> encoder() const override { return std::make_unique<ByteEncoder>(); }
  std::string_view bytes_of(int32_t token) const override {
    if (token < 0 || token >= 256) return {};
    return {bytes_.data() + token, 1};
  }
  bool is_special(int32_t) const override { return false; }
  std::optional<int32_t> find_added(std::string_view) const override { return std::nullopt; }
  std::optional<int32_t> end_of_text() const override { return std::nullopt; }
  std::span<const int32_t> before() const override { return {}; }
  std::span<const int32_t> after() const override { return {}; }
  bool is_complete() const override { return true; }
  Digest digest() const override { return digest_of(std::string_view("bytes")); }
  const std::string& json() const override { return json_; }

 private:
  std::array<char, 256> bytes_{};
  const std::string json_;
};

}  // namespace

std::shared_ptr<const Tokenizer> bytes_tokenizer() { return std::make_shared<ByteTokenizer>(); }

std::string decode(const Tokenizer& tokenizer, std::span<const int32_t> tokens) {
  std::string out;
  for (const int32_t token : tokens) out += tokenizer.bytes_of(token);
  return out;
}

}  // namespace causeway

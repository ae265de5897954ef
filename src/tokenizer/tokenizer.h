// SPDX-License-Identifier: Apache-2.0
//
// Text as tokens. A tokenizer is either `bytes`, where a token is a byte, or a byte-level BPE as
// Hugging Face's tokenizer.json states it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/hash.h"

namespace causeway {

/// Encodes in one thread: holds scratch memory and a bounded cache of words. The tokenizer outlives
/// it. What was encoded before changes no result.
class Encoder {
 public:
  virtual ~Encoder() = default;

  /// Appends the tokens of `text`, without what the tokenizer puts around a text. Added tokens in
  /// the text are found as Hugging Face finds them. Any bytes are safe: a run of bytes that is no
  /// UTF-8 is encoded as those very bytes, so that decoding gives them back.
  virtual void encode(std::string_view text, std::vector<int32_t>& tokens) = 0;
};

/// Immutable and thread-safe.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// One more than the largest token.
  virtual int64_t vocabulary() const = 0;
  virtual std::unique_ptr<Encoder> encoder() const = 0;

  /// The bytes that a token stands for: for an added token its text, "" for a number that is no
  /// token. Decoding joins them.
  virtual std::string_view bytes_of(int32_t token) const = 0;
  /// Whether the token is an added one that is no text of its own, as an end-of-text mark is.
  virtual bool is_special(int32_t token) const = 0;
  /// The token of an added token's text.
  virtual std::optional<int32_t> find_added(std::string_view content) const = 0;
  /// The mark between documents: the first of <|endoftext|>, <|end_of_text|>, </s>,
  /// <|end▁of▁sentence|>, <eos> that is an added token. None for bytes.
  virtual std::optional<int32_t> end_of_text() const = 0;

  /// What the post-processor puts around a single text: tokenizers' `encode` adds them unless it is
  /// told not to.
  virtual std::span<const int32_t> before() const = 0;
  virtual std::span<const int32_t> after() const = 0;

  /// Whether every byte has a token. Where not, bytes without one become the unknown token, or
  /// nothing, as in Hugging Face's library.
  virtual bool is_complete() const = 0;

  /// Identity of the mapping from text to tokens: XXH3-128 of normaliser, pre-tokenizer, model and
  /// added tokens, whatever the file's layout.
  virtual Digest digest() const = 0;
  /// The text of a tokenizer.json with this mapping.
  virtual const std::string& json() const = 0;
};

/// A token is a byte. Its json() is a tokenizer.json with 256 tokens and no merge.
std::shared_ptr<const Tokenizer> bytes_tokenizer();

/// Reads a tokenizer.json; `name` is for messages. Any text is safe. Fault::kBadInput says what is
/// wrong or names what is not supported; at most 256 MB. What bytes_tokenizer() writes is read as
/// that.
Result<std::shared_ptr<const Tokenizer>> parse_tokenizer(std::string_view json,
                                                         const std::string& name);

/// "bytes", the path of a tokenizer.json, or of a folder with one. Fault::kIo or kBadInput.
Result<std::shared_ptr<const Tokenizer>> open_tokenizer(const std::string& name);

/// The bytes of `tokens`, joined.
std::string decode(const Tokenizer& tokenizer, std::span<const int32_t> tokens);

}  // namespace causeway

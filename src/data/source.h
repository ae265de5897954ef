// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/plugin.h"
#include "tokenizer/tokenizer.h"

namespace causeway {

/// Where a site's tokens come from. Immutable once opened; thread-safe.
class Source {
 public:
  virtual ~Source() = default;

  /// Opens what the options name. `base` is the folder that relative paths start from. Every
  /// validation token is below tokenizer->vocabulary() then; training tokens are for who reads them
  /// to check, since there may be more of them than anybody wants to read first.
  virtual Result<void> open(const std::string& base,
                            std::shared_ptr<const Tokenizer> tokenizer) = 0;
  /// Tokens of the training part, after open.
  virtual int64_t train_tokens() const = 0;
  /// Tokens of the validation part; 0 if there is none.
  virtual int64_t valid_tokens() const = 0;
  /// Copies training tokens [begin, begin + out.size()).
  virtual void train(int64_t begin, std::span<int32_t> out) const = 0;
  /// Copies validation tokens [begin, begin + out.size()).
  virtual void valid(int64_t begin, std::span<int32_t> out) const = 0;
  /// Bytes of memory that the tokens take, besides what is mapped from files.
  virtual int64_t held_bytes() const { return 0; }
};

/// Every source, sorted by name.
Entries<Source> sources();

}  // namespace causeway

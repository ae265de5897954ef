// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/random.h"
#include "data/source.h"

namespace causeway {

/// The training rows of one worker, in an order fixed by the seed and exactly resumable. One thread
/// at a time.
class Feed {
 public:
  virtual ~Feed() = default;

  /// Fills rows.size() / row_tokens rows of `row_tokens` = context + 1 tokens and moves on.
  /// Fault::kBadInput if a recorded feed has no more.
  virtual Result<void> next(std::span<int32_t> rows, int64_t row_tokens) = 0;
  /// The position, for checkpoints: a few integers.
  virtual std::vector<int64_t> cursor() const = 0;
  /// Goes to a position that cursor() gave. Fault::kBadInput if it is none of this feed.
  virtual Result<void> seek(std::span<const int64_t> cursor) = 0;
};

struct WeightedSource {
  std::shared_ptr<const Source> source;
  double weight = 1.0;                    ///< > 0; rows are drawn in this proportion
  std::string name;                       ///< for messages: the site
  int64_t vocabulary = int64_t{1} << 31;  ///< next() refuses tokens that are not below this
};

/// Draws each row from one of a site's sources, by weight; within a source every window of an epoch
/// comes once, in an order that each epoch shuffles anew. Sources are open; `worker` is 0 to 65535.
/// The cursor is the rows drawn in all, then those from each source. next() gives Fault::kBadInput
/// if a source has fewer tokens than a row, or a token that is not below its vocabulary.
std::unique_ptr<Feed> mixed_feed(std::vector<WeightedSource> sources, uint64_t seed,
                                 int32_t worker);

/// Batches recorded in a safetensors file: int32 `tokens` [steps, workers, rows, row tokens]. Step
/// t of the worker gives rows tokens[t, worker]. Memory-mapped. The cursor is t. Fault::kBadInput
/// if the file has no such worker; next() gives it if the batch has another shape or negative
/// tokens.
Result<std::unique_ptr<Feed>> recorded_feed(const std::string& path, int32_t worker);

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "site/ring.h"

#include <algorithm>

namespace causeway::site {

RingSchedule::RingSchedule(const Options& options) : options_(options) {
  CW_CHECK(options.count >= 0 && options.segment > 0, "{} values by {}", options.count,
           options.segment);
  CW_CHECK(options.size > 1 && options.rank >= 0 && options.rank < options.size, "rank {} of {}",
           options.rank, options.size);
  const int64_t part_max = (options.count + options.size - 1) / options.size;
  segments_ = std::max<int64_t>(1, (part_max + options.segment - 1) / options.segment);
}

Stretch RingSchedule::stretch(int32_t sender, int64_t transfer) const {
  const int64_t step = transfer / segments_, segment = transfer % segments_;
  const int64_t size = options_.size;
  const int64_t part = (sender - step + 2 * size) % size;
  const int64_t part_end = options_.count * (part + 1) / size;
  const int64_t begin = options_.count * part / size + segment * options_.segment;
  if (begin >= part_end) return {};
  return {begin, std::min(options_.segment, part_end - begin)};
}

}  // namespace causeway::site

// SPDX-License-Identifier: Apache-2.0
//
// An S3-compatible store over any wire and clock; open_s3 of object_store.h has the real ones.
#pragma once

#include <memory>

#include "core/clock.h"
#include "net/object_store.h"
#include "net/s3_sign.h"
#include "net/s3_wire.h"

namespace causeway {

struct S3Parts {
  S3Keys keys;
  std::unique_ptr<Wire> wire;
  std::unique_ptr<const Clock> clock;  ///< requests are dated by its unix_ms
  uint64_t seed = 0;
};

/// Fault::kBadInput: an option or a key is none.
Result<std::unique_ptr<ObjectStore>> s3_over(const S3Options& options, S3Parts parts);

/// The keys that `options` name. Fault::kBadInput: there are none, or others can read the file.
Result<S3Keys> read_s3_keys(const S3Options& options);

}  // namespace causeway

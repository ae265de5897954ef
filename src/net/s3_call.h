// SPDX-License-Identifier: Apache-2.0
//
// A request to a store until it is answered for good: what may pass is tried again, after pauses
// that double.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "core/random.h"
#include "net/s3_wire.h"

namespace causeway {

inline constexpr int64_t kPauseMsFirst = 100, kPauseMsMax = 10'000;

/// How long to wait before a try. Const methods are safe from many threads.
class Backoff {
 public:
  explicit Backoff(uint64_t seed) : random_(seed, Stream::kRetry) {}

  /// Before try `attempt` >= 1 of call number `call`: kPauseMsFirst doubled for each try before, at
  /// most kPauseMsMax, of which a half to all, by chance, so that many sites do not come back at
  /// the same instant.
  int64_t pause_ms(uint64_t call, int64_t attempt) const;

 private:
  Random random_;
};

/// What all calls of one store share. Safe from many threads.
struct CallPolicy {
  int64_t retries = 4;
  Backoff backoff;
  std::atomic<uint64_t> calls = 0;
};

struct Call {
  std::string what;  ///< for messages: method and key, never an address with its signature
  bool may_be_absent = false;  ///< 404 is a success, unless it is the bucket that is missing
  std::function<WireRequest()> request;  ///< made anew for each try: signatures age
};

/// The answer, whose status is a success. The faults are those of ObjectStore.
Result<WireAnswer> call_store(Wire& wire, CallPolicy& policy, const Call& call);

}  // namespace causeway

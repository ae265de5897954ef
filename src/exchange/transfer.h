// SPDX-License-Identifier: Apache-2.0
//
// One blob over a link that may lose, double and reorder: the receiver takes bytes in order and
// says how far it is; who sends goes on from there, at most a window ahead.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/hash.h"
#include "core/shared_bytes.h"
#include "exchange/messages.h"

namespace causeway {

/// When to repeat what was not answered: after `ms_min`, then twice as long each time, up to
/// `ms_max`.
class Retry {
 public:
  Retry(int64_t ms_min = 100, int64_t ms_max = 10'000) : ms_min_(ms_min), ms_max_(ms_max) {}

  bool due(int64_t now_ms) const { return now_ms >= at_ms_; }
  int64_t at_ms() const { return at_ms_; }
  /// It was said now.
  void said(int64_t now_ms) {
    delay_ms_ = delay_ms_ == 0 ? ms_min_ : std::min(2 * delay_ms_, ms_max_);
    at_ms_ = now_ms + delay_ms_;
  }
  /// There is news: the next wait is a short one again.
  void answered(int64_t now_ms) {
    delay_ms_ = 0;
    at_ms_ = now_ms + ms_min_;
  }
  /// Say it at once.
  void hurry() {
    delay_ms_ = 0;
    at_ms_ = 0;
  }

 private:
  int64_t ms_min_, ms_max_;
  int64_t delay_ms_ = 0, at_ms_ = 0;
};

struct TransferSizes {
  int64_t chunk_bytes = 0, window_bytes = 0;
};

/// Sends a blob that it holds, once the receiver has said where to begin.
class Upload {
 public:
  Upload(const Digest& digest, SharedBytes bytes, Retry retry)
      : digest_(digest), bytes_(std::move(bytes)), retry_(retry) {}

  const Digest& digest() const { return digest_; }
  const SharedBytes& bytes() const { return bytes_; }
  bool done() const { return durable_ >= bytes_.size(); }
  /// The receiver has so much. Less than before: it lost some. The same again while more is under
  /// way: something in between was lost.
  void acknowledged(int64_t now_ms, int64_t durable);
  /// The receiver asks for the bytes from `offset` on.
  void wanted(int64_t offset);
  /// What was under way is lost: the receiver says anew where to go on.
  void relinked() {
    invited_ = false;
    retry_.hurry();
  }
  /// The next chunks, or the last ones once more if nothing was acknowledged in time.
  void pump(int64_t now_ms, const TransferSizes& sizes, std::vector<Chunk>& out);
  int64_t wake_ms() const { return done() || !invited_ ? INT64_MAX : retry_.at_ms(); }

 private:
  Digest digest_;
  SharedBytes bytes_;
  int64_t durable_ = 0, sent_ = 0;
  int64_t resent_ = -1;   // from where it went back last, once for each place
  bool invited_ = false;  // the receiver has said how far it is
  Retry retry_;
};

/// Gets a blob whose digest and size are known.
class Download {
 public:
  Download(const Digest& digest, int64_t bytes, Retry retry)
      : digest_(digest), total_(bytes), retry_(retry) {}

  const Digest& digest() const { return digest_; }
  const Bytes& bytes() const { return bytes_; }
  /// Gives the bytes away, when it is done; nothing more is to be asked of it then.
  Bytes release() { return std::move(bytes_); }
  bool done() const { return static_cast<int64_t>(bytes_.size()) == total_; }
  /// Takes a chunk of it; anything but the next bytes is left out. When the last one has come, the
  /// whole is checked, and begun again if it is not what was wanted.
  void take(int64_t now_ms, const Chunk& chunk);
  /// What was under way is lost.
  void relinked() { retry_.hurry(); }
  /// What to ask for next, if it is time.
  std::optional<Get> pump(int64_t now_ms, const TransferSizes& sizes);
  int64_t wake_ms() const { return done() ? INT64_MAX : retry_.at_ms(); }

 private:
  Digest digest_;
  int64_t total_, asked_ = 0;
  Bytes bytes_;  // grows with what comes, so that a claimed size costs nothing
  Retry retry_;
};

}  // namespace causeway

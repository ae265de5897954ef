// SPDX-License-Identifier: Apache-2.0
//
// What the processes of a group tell each other while they meet. Rank 0 is the leader, the others
// follow: Hello to the leader; Reply with kCome at once; Reply with kSeat when all are there; then
// the Ends of every process's links to the leader, and those of its neighbours back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/error.h"
#include "core/hash.h"

namespace causeway::site {

inline constexpr size_t kGreetingBytesMax = 2048;
inline constexpr uint32_t kGroupVersion = 1;  ///< of all that the processes say to each other

struct Hello {
  uint32_t version = kGroupVersion;
  Digest run;  ///< of GroupPlace::run
  int32_t size = 0, rank = 0;
};

enum class Verdict : uint8_t {
  kCome = 1,   ///< you are on the roll
  kSeat = 2,   ///< all are here; `text` is the address at which your neighbours will reach you
  kAgain = 3,  ///< not me, or not now: look further
  kNever = 4,  ///< give up
};

struct Reply {
  Verdict verdict = Verdict::kNever;
  std::string text;  ///< why, or the address
};

/// The two ends of a process's links in the ring, as the transport names them.
struct Ends {
  Bytes to_previous, to_next;
};

Bytes encode(const Hello& hello);
Bytes encode(const Reply& reply);
Bytes encode(const Ends& ends);
/// The bytes come from a stranger: Fault::kCorrupt if they are not such a message.
Result<Hello> decode_hello(ByteSpan bytes);
Result<Reply> decode_reply(ByteSpan bytes);
Result<Ends> decode_ends(ByteSpan bytes);

/// Who has come to the leader. Pure.
class Roll {
 public:
  /// `run` and `size` are the leader's own; it is on the roll.
  Roll(const Digest& run, int32_t size);

  /// Puts a process on the roll, if the verdict is kCome.
  Reply enter(const Hello& hello);
  /// It may come again.
  void leave(int32_t rank);
  bool complete() const { return missing_ == 0; }
  /// "ranks 1, 3 of 4", at most 8 of them by number.
  std::string missing() const;

 private:
  Digest run_;
  std::vector<bool> here_;
  int32_t missing_;
};

}  // namespace causeway::site

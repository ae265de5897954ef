// SPDX-License-Identifier: Apache-2.0
//
// What the engine asks of an exchange. Implementations lie above, in exchange/.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/byte_source.h"
#include "core/hash.h"
#include "core/heap_bytes.h"
#include "sync/channel.h"

namespace causeway {

using WorkerId = int32_t;

/// A silent member: it trains nothing, offers nothing and applies every consensus.
inline constexpr WorkerId kFollower = -1;

/// One channel's part of an offer.
struct Part {
  int32_t channel = 0;  ///< index in the plan
  int64_t weight = 1;   ///< in [1, kWeightMax]
  Bytes bytes;          ///< codec/signal.h, by the channel's `up`
};

/// What a worker sends when channels fire. All channels of a round are one offer: the round commits
/// for all of them or for none.
struct Offer {
  int64_t round = 0;
  int64_t step = 0;  ///< that the hook belongs to, from 1
  Hook hook = Hook::kAfterUpdate;
  WorkerId worker = 0;
  std::vector<Part> parts;  ///< by channel index; empty if declined
  std::string declined;     ///< why this worker has nothing to offer; empty if it has
  int32_t stage = 0;        ///< of its channels' firing
};

struct Member {
  WorkerId id = 0;
  int64_t weight = 1;
  bool operator==(const Member&) const = default;
};

struct ChannelResult {
  int32_t channel = 0;
  std::vector<Member> members;  ///< ascending id: who was folded
  ByteSource bytes;             ///< codec/signal.h, by the channel's `down`
  int32_t part = 0;             ///< of the group: BoundPlan::parts
};

/// The one committed result of a round: the same bytes for every member.
struct Commit {
  int64_t round = 0;
  std::vector<ChannelResult> results;  ///< by channel index, then part
};

/// What it holds of the heap, itself included.
inline int64_t memory_bytes(const Commit& commit) {
  int64_t bytes = static_cast<int64_t>(sizeof(Commit)) + heap_bytes(commit.results);
  for (const ChannelResult& result : commit.results)
    bytes += heap_bytes(result.members) + result.bytes.memory_bytes();
  return bytes;
}

enum class Poll : uint8_t { kPending = 1, kReady = 2, kAborted = 3 };

/// Carries offers and brings back a consensus. Polled, so that one thread can run many workers.
/// Thread-safe across workers; one worker calls from one thread at a time.
class Exchange {
 public:
  virtual ~Exchange() = default;

  /// Takes the offer and returns at once. Launching the same offer again changes nothing.
  virtual void launch(Offer offer) = 0;
  /// kReady: `commit` stays valid until this worker calls settled. kAborted: nobody was folded.
  virtual Poll poll(int64_t round, WorkerId worker, const Commit*& commit) = 0;
  /// The worker has applied the round, or knows of its abort. `replicated` is the digest of its
  /// replicated states after that: an audit, the same for every member.
  virtual void settled(int64_t round, WorkerId worker, const Digest& replicated) = 0;
  /// False while this worker only follows: it trains nothing for that round and offers nothing, but
  /// takes the consensus. For one round it may change from true to false, never back.
  virtual bool expects(int64_t, WorkerId) const { return true; }
};

}  // namespace causeway

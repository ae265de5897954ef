// SPDX-License-Identifier: Apache-2.0
//
// Data parallelism inside a site. The leader trains as if it were alone; what it does to its
// replica the other processes do to theirs, and of each batch every process takes its share:
//
//   gradient   all compute that of their rows, and sum
//   update     all update, with the leader's rate and scale
//
// Before either, they take over what else has changed at the leader: what a consensus wrote, or all
// of it at the start. So replicas have the same bits wherever they are used, and a follower needs
// no text, no plan and no connection but to its site.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "site/orders.h"
#include "train/replica.h"

namespace causeway {

/// The leader's side, for one replica, which its own options count as one of as many parts as there
/// are processes. One thread at a time. Faults are the group's; Fault::kCorrupt besides if a
/// follower's replica has parted from this one.
class Followers {
 public:
  /// Orders and replica outlive it.
  Followers(Orders& orders, TrainReplica& replica) : orders_(orders), replica_(replica) {}

  /// Of `rows`, of `row_tokens` tokens each, that can be shared out evenly and are the model's:
  /// fills the gradient and returns the mean loss in nats, both of all rows.
  Result<double> loss_and_gradient(std::span<const int32_t> rows, int64_t row_tokens);
  /// As TrainReplica::update, everywhere.
  Result<void> update(double rate, double scale);

 private:
  Orders& orders_;
  TrainReplica& replica_;
  int64_t batches_ = 0;
};

/// A follower's side: does what the leader orders until it ends that, with this exit code.
/// `leaves`, once true, tells the leader with the next batch that it ought to come to an end. Any
/// orders are safe: Fault::kCorrupt.
Result<int32_t> follow(Orders& orders, TrainReplica& replica, const std::atomic<bool>& leaves);

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "net/inbox.h"

#include <utility>

namespace causeway {

std::shared_ptr<Inbox> Inbox::make(int64_t bytes_max, std::function<void(bool full)> turned) {
  return std::shared_ptr<Inbox>(new Inbox(bytes_max, std::move(turned)));
}

std::shared_ptr<const Bytes> Inbox::hold(std::shared_ptr<const Bytes> bytes) {
  const int64_t cost = std::ssize(*bytes) + kMessageCost;
  const Bytes* const held = bytes.get();
  count(cost);
  return {held, [self = shared_from_this(), cost, owner = std::move(bytes)](const Bytes*) mutable {
            owner.reset();
            self->count(-cost);
          }};
}

void Inbox::detach() {
  const std::lock_guard lock(mutex_);
  turned_ = nullptr;
}

bool Inbox::should_turn() const { return full_ ? bytes_ <= bytes_max_ / 2 : bytes_ > bytes_max_; }

/// Nothing is missed though most calls take no lock: who makes it full holds what did so, and lets
/// go of that later.
void Inbox::count(int64_t bytes) {
  bytes_ += bytes;
  if (!should_turn()) return;
  const std::lock_guard lock(mutex_);
  if (!should_turn()) return;
  const bool full = !full_;
  full_ = full;
  if (turned_) turned_(full);
}

}  // namespace causeway

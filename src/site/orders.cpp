// SPDX-License-Identifier: Apache-2.0
#include "site/orders.h"

namespace causeway {

Result<void> Orders::say(Head head) {
  CW_CHECK(group_.leads(), "rank {} gives no orders", group_.rank());
  CW_TRY(group_.broadcast(std::as_writable_bytes(std::span(&head, 1))));
  said_ns_ = clock_.now_ns();
  return {};
}

Result<void> Orders::give(ByteSpan order) {
  if (order.size() > kOrderBytesMax)
    return failure(Fault::kBadInput, "{} bytes for the site's processes; wanted: at most {}",
                   order.size(), kOrderBytesMax);
  CW_TRY(say({Kind::kOrder, order.size()}));
  // The leader's bytes are only read.
  return group_.broadcast({const_cast<std::byte*>(order.data()), order.size()});
}

Result<void> Orders::keep() {
  if (clock_.now_ns() - said_ns_ < quiet_ms_max_ * 1'000'000) return {};
  return say({Kind::kKeep, 0});
}

Result<void> Orders::end(int32_t exit_code) {
  return say({Kind::kEnd, static_cast<uint64_t>(exit_code)});
}

Result<Orders::Word> Orders::next() {
  CW_CHECK(!group_.leads(), "the leader takes no orders");
  Head head;
  do {
    CW_TRY(group_.broadcast(std::as_writable_bytes(std::span(&head, 1))));
  } while (head.kind == Kind::kKeep);
  if (head.kind == Kind::kEnd && head.value <= UINT8_MAX)
    return Word{{}, static_cast<int32_t>(head.value)};
  if (head.kind != Kind::kOrder || head.value > kOrderBytesMax)
    return failure(Fault::kCorrupt, "the site's leader said {} of {}, which is no order",
                   static_cast<uint64_t>(head.kind), head.value);
  Word word{Bytes(head.value), {}};
  CW_TRY(group_.broadcast(word.order));
  return word;
}

}  // namespace causeway

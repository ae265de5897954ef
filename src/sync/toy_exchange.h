// SPDX-License-Identifier: Apache-2.0
//
// For tests: an exchange behind which nothing comes about. Nothing but tests includes it.
#pragma once

#include "sync/exchange.h"

namespace causeway {

/// Aborts every round, at once.
class AbortingExchange final : public Exchange {
 public:
  void launch(Offer) override {}
  Poll poll(int64_t, WorkerId, const Commit*&) override { return Poll::kAborted; }
  void settled(int64_t, WorkerId, const Digest&) override {}
};

}  // namespace causeway

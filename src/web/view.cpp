// SPDX-License-Identifier: Apache-2.0
#include "web/view.h"

#include "core/check.h"

namespace causeway {

std::string_view member_status_name(MemberStatus status) {
  switch (status) {
    case MemberStatus::kJoining:
      return "joining";
    case MemberStatus::kTraining:
      return "training";
    case MemberStatus::kFollowing:
      return "following";
    case MemberStatus::kGone:
      return "gone";
    case MemberStatus::kExpected:
      return "expected";
  }
  CW_CHECK(false, "member status {}", static_cast<int>(status));
  return {};
}

std::string_view round_status_name(RoundStatus status) {
  switch (status) {
    case RoundStatus::kOpen:
      return "open";
    case RoundStatus::kClosed:
      return "closed";
    case RoundStatus::kCommitted:
      return "committed";
    case RoundStatus::kAborted:
      return "aborted";
  }
  CW_CHECK(false, "round status {}", static_cast<int>(status));
  return {};
}

}  // namespace causeway

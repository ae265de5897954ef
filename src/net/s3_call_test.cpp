// SPDX-License-Identifier: Apache-2.0
#include "net/s3_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/test_wire.h"

namespace causeway {
namespace {

using testing::HasSubstr;

class CallStore : public testing::Test {
 protected:
  Result<WireAnswer> call(std::deque<Result<WireAnswer>> answers, bool may_be_absent = false) {
    wire_.answers = std::move(answers);
    wire_.sent.clear();
    wire_.pauses_ms.clear();
    return call_store(wire_, policy_,
                      {.what = "GET a", .may_be_absent = may_be_absent, .request = [] {
                         return WireRequest{.method = "GET"};
                       }});
  }
  size_t tries() const { return wire_.sent.size(); }

  TestWire wire_;
  CallPolicy policy_{3, Backoff(1)};
};

TEST_F(CallStore, TriesAgainWhatMayPass) {
  const std::deque<Result<WireAnswer>> passing = {answer_of(500),
                                                  answer_of(503),
                                                  answer_of(429),
                                                  answer_of(408),
                                                  answer_of(409),
                                                  complaint_of(400, "BadDigest"),
                                                  complaint_of(400, "XAmzContentSHA256Mismatch"),
                                                  complaint_of(400, "RequestTimeout"),
                                                  failure(Fault::kTimeout, "late"),
                                                  failure(Fault::kPeerLost, "cut")};
  for (const auto& first : passing) {
    const auto answer = call({first, answer_of(200, "x")});
    ASSERT_TRUE(answer.ok());
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(tries(), 2);
    EXPECT_EQ(wire_.pauses_ms.size(), 1);
  }
}

TEST_F(CallStore, EndsAfterItsRetries) {
  for (const Result<WireAnswer>& always :
       {Result<WireAnswer>(answer_of(503)), Result<WireAnswer>(failure(Fault::kTimeout, "late"))}) {
    const auto answer = call({always});
    EXPECT_EQ(answer.error().fault, Fault::kIo);
    EXPECT_THAT(answer.error().message, HasSubstr("after 4 tries"));
    EXPECT_EQ(tries(), 4);
    EXPECT_EQ(wire_.pauses_ms.size(), 3);
  }
}

TEST_F(CallStore, SaysWhatCannotPassAtOnce) {
  const std::pair<Result<WireAnswer>, Fault> cases[] = {
      {complaint_of(403, "SignatureDoesNotMatch"), Fault::kRefused},
      {answer_of(401), Fault::kRefused},
      {complaint_of(404, "NoSuchBucket"), Fault::kBadInput},
      {complaint_of(404, "NoSuchKey"), Fault::kBadInput},
      {answer_of(301), Fault::kBadInput},
      {answer_of(400), Fault::kBadInput},
      {answer_of(501), Fault::kBadInput},
      {answer_of(100), Fault::kCorrupt},
      {failure(Fault::kCorrupt, "garbage"), Fault::kCorrupt},
      {failure(Fault::kRefused, "certificate"), Fault::kRefused},
      {failure(Fault::kIo, "cancelled"), Fault::kIo}};
  for (const auto& [said, fault] : cases) {
    const auto answer = call({said});
    EXPECT_EQ(answer.error().fault, fault) << answer.error().message;
    EXPECT_THAT(answer.error().message, HasSubstr("GET a: "));
    EXPECT_EQ(tries(), 1);
  }
}

TEST_F(CallStore, AbsentMayBeASuccess) {
  EXPECT_TRUE(call({complaint_of(404, "NoSuchKey")}, true).ok());
  EXPECT_TRUE(call({answer_of(404)}, true).ok());
  EXPECT_FALSE(call({complaint_of(404, "NoSuchBucket")}, true).ok());
}

TEST_F(CallStore, TellsWhatTheStoreSaid) {
  EXPECT_THAT(call({complaint_of(403, "RequestTimeTooSkewed")}).error().message,
              HasSubstr("403 RequestTimeTooSkewed m; set this machine's clock"));
}

TEST(Backoff, DoublesWithJitterUpToABound) {
  const Backoff backoff(1);
  int64_t full = kPauseMsFirst;
  for (int64_t attempt = 1; attempt <= 30; ++attempt) {
    for (uint64_t call = 0; call < 50; ++call) {
      EXPECT_GE(backoff.pause_ms(call, attempt), full / 2);
      EXPECT_LE(backoff.pause_ms(call, attempt), full);
    }
    full = std::min(2 * full, kPauseMsMax);
  }
  EXPECT_NE(backoff.pause_ms(0, 7), backoff.pause_ms(1, 7));
  EXPECT_NE(backoff.pause_ms(0, 7), Backoff(2).pause_ms(0, 7));
  EXPECT_EQ(backoff.pause_ms(5, 3), Backoff(1).pause_ms(5, 3));
}

}  // namespace
}  // namespace causeway

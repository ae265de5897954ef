// SPDX-License-Identifier: Apache-2.0
//
// A wire for tests: says what it is told to say, and remembers what it was asked.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "net/s3_wire.h"

namespace causeway {

/// One request as it went out.
struct SentRequest {
  std::string method, url;
  std::map<std::string, std::string> headers;
  Bytes body;
};

class TestWire final : public Wire {
 public:
  /// The next answers, in this order; the last one is said again and again.
  std::deque<Result<WireAnswer>> answers;
  std::vector<SentRequest> sent;
  std::vector<int64_t> pauses_ms;
  bool cancelled = false;

  Result<WireAnswer> exchange(const WireRequest& request) override {
    SentRequest one{request.method, request.url, {}, {request.body.begin(), request.body.end()}};
    for (const std::string& header : request.headers)
      one.headers[header.substr(0, header.find(": "))] = header.substr(header.find(": ") + 2);
    sent.push_back(std::move(one));
    CW_CHECK(!answers.empty());
    auto answer = answers.front();
    if (answers.size() > 1) answers.pop_front();
    return answer;
  }
  void pause(int64_t ms) override { pauses_ms.push_back(ms); }
  void cancel() override { cancelled = true; }
};

inline WireAnswer answer_of(int32_t status, const std::string& text = "") {
  const auto bytes = std::as_bytes(std::span(text));
  return {.status = status, .body = {bytes.begin(), bytes.end()}};
}

inline WireAnswer complaint_of(int32_t status, const std::string& code) {
  return answer_of(status, "<Error><Code>" + code + "</Code><Message>m</Message></Error>");
}

}  // namespace causeway

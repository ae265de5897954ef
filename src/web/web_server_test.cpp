// SPDX-License-Identifier: Apache-2.0
//
// What is refused before anything listens.
#include "web/web_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace causeway {
namespace {

using ::testing::HasSubstr;

void expect_refused(const WebOptions& options, const std::string& why) {
  const auto server = WebServer::start(options);
  ASSERT_FALSE(server.ok()) << why;
  EXPECT_EQ(server.error().fault, Fault::kBadInput);
  EXPECT_THAT(server.error().message, HasSubstr(why));
}

TEST(WebServer, RefusesPlainHttpBeyondLoopback) {
  for (const char* host : {"0.0.0.0", "::", "10.1.2.3", "192.0.2.1"})
    expect_refused({.host = host}, "plain HTTP is for loopback only");
}

TEST(WebServer, RefusesCertificatesThatCannotBeUsed) {
  expect_refused({.certificate_pem = "x"}, "give the key, too");
  expect_refused({.key_pem = "x"}, "give the certificate, too");
  expect_refused({.certificate_pem = "x", .key_pem = "y"}, "certificate cannot be used");
}

TEST(WebServer, RefusesOptionsOutOfRange) {
  expect_refused({.port = 70'000}, "port is 70000");
  expect_refused({.connections_max = 1}, "got 1");
  expect_refused({.history_max = 0}, "got 0");
}

}  // namespace
}  // namespace causeway

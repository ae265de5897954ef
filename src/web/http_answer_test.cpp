// SPDX-License-Identifier: Apache-2.0
//
// Requests and answers as bytes, without sockets: those are in tests/python/test_web.py.
#include "web/http_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "web/memory_stream.h"
#include "web/test_view.h"

namespace causeway {
namespace {

using ::testing::AllOf;
using testing::example_view;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Site {
  explicit Site(const std::string& token = {}, bool with_view = true)
      : site{run, Access(token, true), live_page()} {
    if (with_view) run.show(example_view());
  }
  // The whole answer. Followers are let go once they have the start.
  std::string ask(const std::string& request) {
    MemoryStream stream(request);
    answer_request(stream, site,
                   {[&] { ++asked; },
                    [&] {
                      run.close();
                      return may_follow;
                    }});
    return stream.written();
  }
  std::string get(const std::string& target, const std::string& headers = {}) {
    return ask("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n");
  }

  LiveRun run{100};
  HttpSite site;
  int asked = 0;
  bool may_follow = true;
};

TEST(HttpAnswer, ServesWhatThereIs) {
  Site site;
  EXPECT_THAT(site.get("/"), AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("<!doctype html>"),
                                   HasSubstr("Content-Type: text/html; charset=utf-8\r\n")));
  EXPECT_THAT(site.get("/status.json"), HasSubstr("\"run\":\"four-coasts\""));
  EXPECT_THAT(site.get("/metrics"), AllOf(HasSubstr("causeway_run_steps 2000\n"),
                                          HasSubstr("text/plain; version=0.0.4")));
  EXPECT_THAT(site.get("/healthz"), HasSubstr("\r\n\r\nok\n"));
  EXPECT_THAT(site.get("/else"), StartsWith("HTTP/1.1 404 "));
  EXPECT_EQ(site.asked, 5);
}

TEST(HttpAnswer, KeepsBrowsersStrict) {
  Site site;
  for (const char* target : {"/", "/status.json", "/metrics", "/healthz", "/else"})
    EXPECT_THAT(site.get(target),
                AllOf(HasSubstr("Content-Security-Policy: default-src 'none';"),
                      HasSubstr("X-Content-Type-Options: nosniff\r\n"),
                      HasSubstr("Cache-Control: no-store\r\n"),
                      HasSubstr("Referrer-Policy: no-referrer\r\n"),
                      HasSubstr("Cross-Origin-Resource-Policy: same-origin\r\n")));
}

TEST(HttpAnswer, SendsTheStartToWhoFollows) {
  Site site;
  EXPECT_THAT(site.get("/events"),
              AllOf(HasSubstr("Content-Type: text/event-stream\r\n"),
                    HasSubstr("Transfer-Encoding: chunked\r\n"),
                    HasSubstr("\r\nevent: start\ndata: {"), HasSubstr("\r\n0\r\n\r\n")));
  site.may_follow = false;
  EXPECT_THAT(site.get("/events"),
              AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("Retry-After: 10\r\n")));
}

TEST(HttpAnswer, SaysHowTheHubIs) {
  Site starting({}, false);
  for (const char* target : {"/healthz", "/status.json", "/metrics"})
    EXPECT_THAT(starting.get(target),
                AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("the hub is starting")));
  EXPECT_THAT(starting.get("/"), StartsWith("HTTP/1.1 200 "));
  Site halted;
  HubView view = example_view();
  view.halted = "the disk is full";
  halted.run.show(view);
  EXPECT_THAT(halted.get("/healthz"),
              AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("\r\n\r\nthe disk is full\n")));
}

TEST(HttpAnswer, WantsTheToken) {
  Site site("s3cret");
  for (const char* target : {"/", "/status.json", "/events", "/metrics", "/healthz", "/else"}) {
    EXPECT_THAT(site.get(target),
                AllOf(StartsWith("HTTP/1.1 401 "), HasSubstr("WWW-Authenticate: Bearer"),
                      Not(HasSubstr("four-coasts"))));
  }
  EXPECT_THAT(site.get("/status.json", "Authorization: Bearer s3cret\r\n"), HasSubstr(" 200 OK"));
  EXPECT_THAT(site.get("/status.json?token=s3cret"), HasSubstr(" 200 OK"));
  EXPECT_THAT(site.get("/status.json?token=s3cre"), HasSubstr(" 401 "));
  EXPECT_THAT(site.get("/status.json?token=wrong&token=s3cret"), HasSubstr(" 401 "));
}

TEST(HttpAnswer, IsNotForAnotherHost) {
  Site site;
  EXPECT_THAT(site.ask("GET /status.json HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 421 "), Not(HasSubstr("four-coasts"))));
}

TEST(HttpAnswer, TakesOnlyGetAndHead) {
  Site site;
  EXPECT_THAT(
      site.ask("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
      AllOf(StartsWith("HTTP/1.1 200 "), Not(HasSubstr("<!doctype")), HasSubstr("\r\n\r\n")));
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"}) {
    EXPECT_THAT(site.ask(std::string(method) +
                         " / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody"),
                AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, HEAD\r\n")));
  }
}

// What would make the library build large answers of small requests.
TEST(HttpAnswer, DoesNotAmplify) {
  Site site;
  const std::string plain = site.get("/");
  std::string ranges = "Range: bytes=0-";
  for (int i = 0; i < 2000; ++i) ranges += ",0-";
  EXPECT_EQ(site.get("/", ranges + "\r\n"), plain);
  EXPECT_EQ(site.get("/", "Accept-Encoding: br, gzip\r\n"), plain);
  EXPECT_EQ(site.get("/", "Expect: 100-continue\r\n"), plain);
}

TEST(HttpAnswer, RefusesGarbage) {
  Site site;
  for (const char* garbage :
       {"hello\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\r\n\r\n",
        "GET /a b HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"}) {
    EXPECT_THAT(site.ask(garbage), StartsWith("HTTP/1.1 400 ")) << garbage;
  }
  EXPECT_EQ(site.ask(""), "");
  EXPECT_THAT(site.ask("GET / HTTP/1.1\r\nHost: localhost\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(site.ask("GET /" + std::string(8200, 'a') + " HTTP/1.1\r\n\r\n"),
              StartsWith("HTTP/1.1 414 "));
}

}  // namespace
}  // namespace causeway

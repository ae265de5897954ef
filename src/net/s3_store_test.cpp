// SPDX-License-Identifier: Apache-2.0
//
// What the store says on the wire, and what it makes of the answers. tests/python has real servers.
#include "net/s3_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/hash.h"
#include "net/chunk_store.h"
#include "net/s3_presigned.h"
#include "net/test_wire.h"

namespace causeway {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const S3Options kOptions = {
    .endpoint = "https://s3.example.org:9000", .bucket = "runs", .prefix = "team"};

class S3Store : public testing::Test {
 protected:
  S3Store() { CW_CHECK(open(kOptions)); }

  Result<void> open(const S3Options& options, const std::string& token = "") {
    auto wire = std::make_unique<TestWire>();
    wire_ = wire.get();
    auto store = s3_over(options, {.keys = {"KEY", "SECRET", token},
                                   .wire = std::move(wire),
                                   .clock = std::make_unique<ManualClock>()});
    if (!store) return store.error();
    store_ = std::move(*store);
    return {};
  }
  void answer(std::deque<Result<WireAnswer>> answers) { wire_->answers = std::move(answers); }
  const SentRequest& last() const { return wire_->sent.back(); }

  std::unique_ptr<ObjectStore> store_;
  TestWire* wire_ = nullptr;
};

std::string page(const std::vector<std::string>& keys, const std::string& continuation = "") {
  std::string xml = "<ListBucketResult>";
  for (const auto& key : keys) xml += "<Contents><Key>" + key + "</Key></Contents>";
  if (!continuation.empty())
    xml += "<NextContinuationToken>" + continuation + "</NextContinuationToken>";
  return xml + "<IsTruncated>" + (continuation.empty() ? "false" : "true") +
         "</IsTruncated></ListBucketResult>";
}

TEST_F(S3Store, PutsWithTheDigestOfTheBody) {
  answer({answer_of(200)});
  const std::string body = "123456789";
  ASSERT_TRUE(store_->put("a/b", std::as_bytes(std::span(body))).ok());
  EXPECT_EQ(last().method, "PUT");
  EXPECT_EQ(last().url, "https://s3.example.org:9000/runs/team/a/b");
  const auto& headers = last().headers;
  EXPECT_EQ(headers.at("host"), "s3.example.org:9000");
  EXPECT_EQ(headers.at("x-amz-date"), "19700101T000000Z");
  // `printf 123456789 | sha256sum`, and the check value of CRC-32C.
  EXPECT_EQ(headers.at("x-amz-content-sha256"),
            "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225");
  EXPECT_EQ(headers.at("x-amz-meta-crc32c"), "e3069283");
  EXPECT_THAT(headers.at("Authorization"),
              HasSubstr("Credential=KEY/19700101/us-east-1/s3/aws4_request, SignedHeaders="
                        "host;x-amz-content-sha256;x-amz-date;x-amz-meta-crc32c, "));
  EXPECT_EQ(last().body.size(), 9);
}

TEST_F(S3Store, APrefixIsAFolder) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "/runs/a"}, {"b/c", "/runs/b/c/a"}, {"b/c/", "/runs/b/c/a"}};
  for (const auto& [prefix, path] : cases) {
    S3Options options = kOptions;
    options.prefix = prefix;
    ASSERT_TRUE(open(options).ok());
    answer({answer_of(200)});
    ASSERT_TRUE(store_->put("a", {}).ok());
    EXPECT_EQ(last().url, kOptions.endpoint + path);
  }
}

TEST_F(S3Store, SendsASessionToken) {
  ASSERT_TRUE(open(kOptions, "TOKEN").ok());
  answer({answer_of(200)});
  ASSERT_TRUE(store_->get("a", 10).ok());
  EXPECT_EQ(last().headers.at("x-amz-security-token"), "TOKEN");
  EXPECT_THAT(last().headers.at("Authorization"), HasSubstr(";x-amz-security-token, "));
}

TEST_F(S3Store, ComparesWhatItGetsWithWhatWasPut) {
  WireAnswer got = answer_of(200, "123456789");
  answer({got});
  EXPECT_TRUE(store_->get("a", 10).ok());
  got.crc32c = "e3069283";
  answer({got});
  EXPECT_TRUE(store_->get("a", 10).ok());
  got.body.pop_back();
  answer({got});
  EXPECT_EQ(store_->get("a", 10).error().fault, Fault::kCorrupt);
}

TEST_F(S3Store, ListsPageByPage) {
  answer({answer_of(200, page({"team/a", "team/b"}, "to/k+n")),
          answer_of(200, page({"team/b c", "team/b/", "team/c"}))});
  EXPECT_THAT(store_->list("", 2500).value(), ElementsAre("a", "b", "c"));
  ASSERT_EQ(wire_->sent.size(), 2);
  EXPECT_EQ(wire_->sent[0].url,
            "https://s3.example.org:9000/runs?list-type=2&max-keys=1000&prefix=team%2F");
  EXPECT_EQ(wire_->sent[1].url,
            "https://s3.example.org:9000/runs?continuation-token=to%2Fk%2Bn&list-type=2"
            "&max-keys=1000&prefix=team%2F");
}

TEST_F(S3Store, ListsNoMoreThanAskedFor) {
  answer({answer_of(200, page({"team/a", "team/b", "team/c"}, "more"))});
  EXPECT_THAT(store_->list("", 2).value(), ElementsAre("a", "b"));
  EXPECT_EQ(wire_->sent.size(), 1);
  EXPECT_THAT(last().url, HasSubstr("max-keys=2&"));
}

TEST_F(S3Store, RefusesAListingThatDoesNotGoOn) {
  for (const auto& second : {page({"team/b"}, "again"), page({"team/a"}), page({"other/c"})}) {
    answer({answer_of(200, page({"team/a", "team/b"}, "again")), answer_of(200, second)});
    EXPECT_EQ(store_->list("", 1'000'000).error().fault, Fault::kCorrupt);
  }
  answer({answer_of(200, page({}, "again"))});
  EXPECT_EQ(store_->list("", 10).error().fault, Fault::kCorrupt);
  answer({answer_of(200, "<html/>")});
  EXPECT_EQ(store_->list("", 10).error().fault, Fault::kCorrupt);
}

TEST_F(S3Store, SignsEveryTryAnew) {
  answer({answer_of(500), answer_of(200)});
  ASSERT_TRUE(store_->put("a", {}).ok());
  EXPECT_EQ(wire_->sent.size(), 2);
  EXPECT_EQ(wire_->pauses_ms.size(), 1);
}

TEST_F(S3Store, RefusesOptionsThatAreNone) {
  const auto refused = [&](auto change) {
    S3Options options = kOptions;
    change(options);
    const auto opened = open(options);
    return !opened && opened.error().fault == Fault::kBadInput;
  };
  EXPECT_FALSE(refused([](auto&) {}));
  for (const auto* bucket : {"", "../x", "Upper", "a/b", "a b", ".."})
    EXPECT_TRUE(refused([&](auto& o) { o.bucket = bucket; })) << bucket;
  EXPECT_TRUE(refused([](auto& o) { o.region = "us east"; }));
  EXPECT_TRUE(refused([](auto& o) { o.prefix = "/a"; }));
  EXPECT_TRUE(refused([](auto& o) { o.authority_file = "/no/such/file"; }));
  for (const auto* endpoint : {"",
                               "s3.example.org",
                               "ftp://a",
                               "https://",
                               "https://a/",
                               "https://a/b",
                               "https://a?b",
                               "https://u@a",
                               "https://a:0",
                               "https://a:65536",
                               "https://a:x",
                               "https://a:",
                               "https://a b",
                               "http://example.org",
                               "http://127.example.org",
                               "http://127.0.0.1.example.org",
                               "http://localhost.example.org",
                               "http://10.0.0.1",
                               "http://127.0.0.1@example.org",
                               "https://[::1",
                               "HTTPS://a"})
    EXPECT_TRUE(refused([&](auto& o) { o.endpoint = endpoint; })) << endpoint;
}

template <class Options>
void expect_documented() {
  std::ifstream file(CAUSEWAY_SOURCE "/docs/object-store.md");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  for (const OptionInfo& option : describe_options<Options>())
    EXPECT_THAT(text, HasSubstr(fmt::format("| `{}` | {} | `{}` | {} | {} | {} |\n", option.name,
                                            option.type, option.fallback, option.range, option.unit,
                                            option.meaning)));
}

TEST(ObjectStoreOptions, AreDocumentedAsTheyAre) {
  expect_documented<S3Options>();
  expect_documented<ChunkStoreOptions>();
}

TEST(Endpoint, HasTheHostThatIsSigned) {
  EXPECT_EQ(read_endpoint("https://a.b")->host, "a.b");
  EXPECT_EQ(read_endpoint("https://a.b:443")->host, "a.b");
  EXPECT_EQ(read_endpoint("https://a.b:80")->host, "a.b:80");
  EXPECT_EQ(read_endpoint("http://localhost:80")->host, "localhost");
  EXPECT_EQ(read_endpoint("http://127.0.0.2:9000")->host, "127.0.0.2:9000");
  EXPECT_EQ(read_endpoint("http://[::1]:9000")->host, "[::1]:9000");
}

TEST_F(S3Store, PresignedObjectsStayAtTheirStore) {
  auto wire = std::make_unique<TestWire>();
  TestWire& sent = *wire;
  sent.answers = {answer_of(200, "123456789")};
  const auto objects =
      std::move(presigned_over({.endpoint = kOptions.endpoint}, std::move(wire), 1).value());
  const std::string url = store_->presign("GET", "a", 60, 0).value();
  EXPECT_THAT(url, StartsWith("https://s3.example.org:9000/runs/team/a?X-Amz-Algorithm="));
  EXPECT_EQ(objects->get_presigned(url, 10)->size(), 9);
  EXPECT_EQ(sent.sent[0].url, url);
  EXPECT_TRUE(sent.sent[0].headers.empty());
  for (const auto* other :
       {"https://s3.example.org/runs/team/a?x", "https://s3.example.org:9000.evil.org/a",
        "http://s3.example.org:9000/runs", "https://s3.example.org:9000/a\r\nb: c", ""})
    EXPECT_EQ(objects->put_presigned(other, {}).error().fault, Fault::kBadInput) << other;
  EXPECT_EQ(sent.sent.size(), 1);
}

TEST_F(S3Store, NoMessageShowsAPresignedAddress) {
  auto wire = std::make_unique<TestWire>();
  wire->answers = {complaint_of(403, "AccessDenied")};
  const auto objects =
      std::move(presigned_over({.endpoint = kOptions.endpoint}, std::move(wire), 1).value());
  const auto refused = objects->get_presigned("https://s3.example.org:9000/runs/a?SECRET", 10);
  EXPECT_EQ(refused.error().fault, Fault::kRefused);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr("GET /runs/a: "), Not(HasSubstr("SECRET"))));
}

}  // namespace
}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
//
// Signatures that AWS publishes: the examples of "Signature Calculations for the Authorization
// Header" and of "Authenticating Requests: Using Query Parameters" of S3's reference, and of the
// test suite of Signature Version 4. tests/python compares with botocore.
#include "net/s3_sign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace causeway {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

constexpr int64_t kMay2013 = 1'369'353'600;     // 2013-05-24 00:00:00
constexpr int64_t kAugust2015 = 1'440'938'160;  // 2015-08-30 12:36:00

const char* const kEmptySha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const S3Keys kS3Keys = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
const S3Keys kSuiteKeys = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};

UnsignedRequest s3_request(const std::string& method, const std::string& path,
                           const std::string& sha256 = kEmptySha256) {
  return {.method = method,
          .path = path,
          .headers = {{"host", "examplebucket.s3.amazonaws.com"},
                      {"x-amz-content-sha256", sha256},
                      {"x-amz-date", "20130524T000000Z"}},
          .payload_sha256 = sha256};
}

std::string s3_authorization(const UnsignedRequest& request) {
  return authorization(request, kS3Keys, {.region = "us-east-1", .unix_s = kMay2013});
}

std::string suite_signature(UnsignedRequest request) {
  request.headers["host"] = "example.amazonaws.com";
  request.headers["x-amz-date"] = "20150830T123600Z";
  request.payload_sha256 = kEmptySha256;
  const std::string value = authorization(
      request, kSuiteKeys, {.region = "us-east-1", .service = "service", .unix_s = kAugust2015});
  return value.substr(value.rfind('=') + 1);
}

TEST(S3Sign, GetsAnObjectAsAwsDoes) {
  UnsignedRequest request = s3_request("GET", "/test.txt");
  request.headers["range"] = "bytes=0-9";
  EXPECT_EQ(s3_authorization(request),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

// With a path that needs an escape, and a body.
TEST(S3Sign, PutsAnObjectAsAwsDoes) {
  const std::string body = "Welcome to Amazon S3.";
  const std::string sha256 = sha256_hex(std::as_bytes(std::span(body)));
  EXPECT_EQ(sha256, "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
  UnsignedRequest request = s3_request("PUT", "/test$file.text", sha256);
  request.headers["date"] = "Fri, 24 May 2013 00:00:00 GMT";
  request.headers["x-amz-storage-class"] = "REDUCED_REDUNDANCY";
  EXPECT_THAT(s3_authorization(request),
              EndsWith("98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

TEST(S3Sign, ListsABucketAsAwsDoes) {
  UnsignedRequest request = s3_request("GET", "/");
  request.query = {{"prefix", "J"}, {"max-keys", "2"}};
  EXPECT_THAT(s3_authorization(request),
              EndsWith("34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
  request.query = {{"lifecycle", ""}};
  EXPECT_THAT(s3_authorization(request),
              EndsWith("fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
}

TEST(S3Sign, PresignsAsAwsDoes) {
  const UnsignedRequest request{.method = "GET",
                                .path = "/test.txt",
                                .headers = {{"host", "examplebucket.s3.amazonaws.com"}}};
  EXPECT_EQ(presigned_query(request, kS3Keys, {.region = "us-east-1", .unix_s = kMay2013}, 86'400),
            "X-Amz-Algorithm=AWS4-HMAC-SHA256"
            "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
            "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
            "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST(S3Sign, PresignsWithASessionToken) {
  S3Keys keys = kS3Keys;
  keys.session_token = "a/b+c==";
  const UnsignedRequest request{.method = "GET", .headers = {{"host", "h"}}};
  EXPECT_THAT(presigned_query(request, keys, {.region = "r", .unix_s = 0}, 1),
              HasSubstr("&X-Amz-Security-Token=a%2Fb%2Bc%3D%3D&X-Amz-SignedHeaders=host&"));
}

// get-vanilla, post-vanilla, get-vanilla-query-order-key-case, get-unreserved, get-utf8,
// get-vanilla-utf8-query, post-header-key-sort.
TEST(S3Sign, SignsTheTestSuiteOfAws) {
  EXPECT_EQ(suite_signature({.method = "GET"}),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  EXPECT_EQ(suite_signature({.method = "POST"}),
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
  EXPECT_EQ(
      suite_signature({.method = "GET", .query = {{"Param2", "value2"}, {"Param1", "value1"}}}),
      "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
  EXPECT_EQ(suite_signature({.method = "GET",
                             .path = "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "abcdefghijklmnopqrstuvwxyz"}),
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f");
  EXPECT_EQ(suite_signature({.method = "GET", .path = "/\u1234"}),
            "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85");
  EXPECT_EQ(suite_signature({.method = "GET", .query = {{"\u1234", "bar"}}}),
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04");
  EXPECT_EQ(suite_signature({.method = "POST", .headers = {{"my-header1", "value1"}}}),
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c");
}

TEST(S3Sign, DatesAreThoseOfTheCalendar) {
  EXPECT_EQ(amz_date(0), "19700101T000000Z");
  EXPECT_EQ(amz_date(kMay2013), "20130524T000000Z");
  EXPECT_EQ(amz_date(1'709'251'199), "20240229T235959Z");  // as `date -u -d @1709251199`
}

}  // namespace
}  // namespace causeway

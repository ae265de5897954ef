// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/documents.h"
#include "data/json_line.h"

namespace causeway {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::vector<std::string> kFiles{"a.jsonl", "b.txt"};

Result<Document> read(const std::string& bytes, OnBad on_bad, bool json = true) {
  RawDocument raw;
  raw.bytes = bytes;
  raw.json = json;
  raw.file = json ? 0 : 1;
  raw.line = 7;
  return read_document(raw, kFiles, {.on_bad = on_bad});
}

std::string document_text(const std::string& line) {
  const auto document = read(line, OnBad::kError);
  EXPECT_TRUE(document) << document.error().message;
  return document ? document->text : "(none)";
}

TEST(ReadDocument, TakesTheFieldOfTheTopLevel) {
  EXPECT_EQ(document_text(R"({"text":"plain"})"), "plain");
  EXPECT_EQ(document_text(R"( {"id":[1,{"text":"no"}],"text":"yes","more":{"text":"no"}} )"),
            "yes");
  EXPECT_EQ(document_text(R"({"text":"first","text":"last"})"), "last");
  EXPECT_EQ(document_text(R"({"text":3,"text":"last"})"), "last");
  EXPECT_EQ(document_text(R"({"\u0074ext":"a\tb\n\"\\\u00e9\ud83d\ude00\u0000"})"),
            std::string("a\tb\n\"\\\xC3\xA9\xF0\x9F\x98\x80\0", 13));
  EXPECT_EQ(document_text(R"({"text":""})"), "");
  RawDocument raw;
  raw.json = true;
  raw.bytes = R"({"text":"a","body":"b"})";
  EXPECT_EQ(read_document(raw, kFiles, {.field = "body"})->text, "b");
}

struct Bad {
  std::string line, why;
};

TEST(ReadDocument, RefusesWhatHasNoTextByThePolicy) {
  const std::string deep = "{\"a\":" + std::string(300, '[') + std::string(300, ']') + "}";
  const Bad bad[] = {{R"({"text":"a")", "no JSON at byte 12"},
                     {R"({"text":"a"} x)", "no JSON"},
                     {R"({"text":'a'})", "no JSON"},
                     {"{\"text\":\"a\tb\"}", "no JSON"},
                     {R"(["text"])", "no JSON object"},
                     {R"("text")", "no JSON object"},
                     {"3", "no JSON object"},
                     {R"({"body":"a"})", "no field `text`"},
                     {R"({"a":{"text":"b"}})", "no field `text`"},
                     {R"({"text":null})", "is null"},
                     {R"({"text":12})", "is a number"},
                     {R"({"text":{"text":"a"}})", "is an object"},
                     {R"({"text":["a"]})", "is a list"},
                     {R"({"text":"a","text":1.5})", "is a number"},
                     {deep, "256 deep"}};
  for (const Bad& one : bad) {
    const auto refused = read(one.line, OnBad::kError);
    ASSERT_FALSE(refused) << one.line;
    EXPECT_EQ(refused.error().fault, Fault::kBadInput);
    EXPECT_THAT(refused.error().message, StartsWith("a.jsonl:7: "));
    EXPECT_THAT(refused.error().message, HasSubstr(one.why));
    for (const OnBad policy : {OnBad::kSkip, OnBad::kReplace}) {
      const auto skipped = read(one.line, policy);
      ASSERT_TRUE(skipped);
      EXPECT_TRUE(skipped->skipped);
      EXPECT_EQ(skipped->trouble, refused.error().message);
    }
  }
}

TEST(ReadDocument, TreatsBadUtf8ByThePolicy) {
  const std::string text = "one\ntwo\n\xE9t\xC3\xA9";
  EXPECT_EQ(read(text, OnBad::kError, false).error().message, "b.txt:9: byte 0xE9 is no UTF-8");
  EXPECT_TRUE(read(text, OnBad::kSkip, false)->skipped);
  const auto replaced = read(text, OnBad::kReplace, false);
  EXPECT_EQ(replaced->text, "one\ntwo\n\xEF\xBF\xBDt\xC3\xA9");
  EXPECT_FALSE(replaced->skipped);
  EXPECT_EQ(replaced->trouble, "b.txt:9: byte 0xE9 is no UTF-8");

  const std::string line = "{\"text\":\"a\xFF\"}";
  EXPECT_THAT(read(line, OnBad::kError).error().message, StartsWith("a.jsonl:7: "));
  EXPECT_EQ(read(line, OnBad::kReplace)->text, "a\xEF\xBF\xBD");
  EXPECT_TRUE(read("\xFF" + line, OnBad::kReplace)->skipped);
}

TEST(ReadDocument, TreatsLoneSurrogatesAsBadUtf8) {
  const std::string line = R"({"text":"a\ud800b\\ud800\uDFFF\ud800\ud83d\ude00\uD8"})";
  EXPECT_FALSE(read(line, OnBad::kError));
  const std::string whole = R"({"text":"a\ud800b\\ud800\uDFFF\ud800\ud83d\ude00"})";
  EXPECT_THAT(read(whole, OnBad::kError).error().message, HasSubstr("surrogate"));
  EXPECT_TRUE(read(whole, OnBad::kSkip)->skipped);
  const auto replaced = read(whole, OnBad::kReplace);
  EXPECT_EQ(replaced->text,
            "a\xEF\xBF\xBD"
            "b\\ud800\xEF\xBF\xBD\xEF\xBF\xBD\xF0\x9F\x98\x80");
  EXPECT_NE(replaced->trouble, "");
}

TEST(ReadDocument, CountsWhatItMends) {
  std::string pair = R"("\ud83d\ude00 \\ud800 \n")";
  const std::string before = pair;
  EXPECT_EQ(mend_lone_surrogates(pair), 0);
  EXPECT_EQ(pair, before);
  std::string lone = R"(\udc00\ud800)";
  EXPECT_EQ(mend_lone_surrogates(lone), 2);
  EXPECT_EQ(lone, R"(\uFFFD\uFFFD)");
  for (std::string cut : {"\\", "\\u", "\\ud", "\\ud80", "\\ud800\\u", "\\ud800\\udc0"})
    mend_lone_surrogates(cut);  // no byte beyond the end is read
}

}  // namespace
}  // namespace causeway

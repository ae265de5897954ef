// SPDX-License-Identifier: Apache-2.0
#include "net/s3_xml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// As AWS writes it, from its reference of ListObjectsV2.
constexpr std::string_view kPage = R"(<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
  <Name>quotes</Name><Prefix>E</Prefix>
  <NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=</NextContinuationToken>
  <KeyCount>2</KeyCount><MaxKeys>2</MaxKeys><IsTruncated>true</IsTruncated>
  <Contents>
    <Key>ExampleObject.txt</Key><LastModified>2013-09-17T18:07:53.000Z</LastModified>
    <ETag>&quot;599bab3ed2c697f1d26842727561fd94&quot;</ETag><Size>857</Size>
    <StorageClass>REDUCED_REDUNDANCY</StorageClass>
  </Contents>
  <Contents><Key>E&amp;&#x3c;&#65;&#8364;</Key><Owner><ID>Key</ID></Owner></Contents>
  <CommonPrefixes><Prefix>Else/</Prefix></CommonPrefixes>
</ListBucketResult>
)";

TEST(S3Xml, ReadsAPage) {
  const auto page = read_list_page(kPage);
  ASSERT_TRUE(page.ok()) << page.error().message;
  EXPECT_THAT(page->keys, ElementsAre("ExampleObject.txt", "E&<A\u20AC"));
  EXPECT_TRUE(page->truncated);
  EXPECT_EQ(page->continuation, "1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=");
}

TEST(S3Xml, ReadsAPageOfNothing) {
  const auto page = read_list_page(
      "\xEF\xBB\xBF<!-- c --><ListBucketResult a='>' b=\"/>\"><Prefix/><Prefix />"
      "<IsTruncated>fal<!-- > -->se</IsTruncated></ListBucketResult>");
  ASSERT_TRUE(page.ok()) << page.error().message;
  EXPECT_THAT(page->keys, IsEmpty());
  EXPECT_FALSE(page->truncated);
}

// Every beginning of a page is none: the whole is read, or nothing.
TEST(S3Xml, ACutPageIsNone) {
  const size_t whole = kPage.rfind('>') + 1;
  for (size_t count = 0; count < whole; ++count)
    EXPECT_FALSE(read_list_page(kPage.substr(0, count)).ok()) << count;
  EXPECT_TRUE(read_list_page(kPage.substr(0, whole)).ok());
}

std::string around(const std::string& inner) {
  return "<ListBucketResult><IsTruncated>false</IsTruncated>" + inner + "</ListBucketResult>";
}

TEST(S3Xml, RefusesWhatIsNotWellFormed) {
  ASSERT_TRUE(read_list_page(around("<a>&lt;</a>")).ok());
  for (const auto* inner : {"<a>", "</a>", "<a></b>", "<a></a/>", "<>", "< a></a>", "<a",
                            "<a b='></a>", "<a <b/></a>", "&unknown;", "&#xD800;", "&#1114112;",
                            "&#x;", "&#-1;", "&lt", "&;", "<![CDATA[x]]>", "<!ENTITY x 'y'>"})
    EXPECT_EQ(read_list_page(around(inner)).error().fault, Fault::kCorrupt) << inner;
  for (const std::string& xml :
       {std::string("<!DOCTYPE a [<!ENTITY b 'c'>]>") + around(""), "text" + around(""),
        around("") + "text", around("") + around(""), std::string("<a/>"),
        std::string("<Error><Code>x</Code></Error>"), std::string("<ListBucketResult/>")})
    EXPECT_FALSE(read_list_page(xml).ok()) << xml;
}

TEST(S3Xml, RefusesWhatIsTooLarge) {
  const auto nested = [](size_t depth) {
    std::string open, close;
    for (size_t i = 0; i < depth; ++i) {
      open += "<a>";
      close += "</a>";
    }
    return around(open + close);
  };
  EXPECT_TRUE(read_list_page(nested(kXmlDepthMax - 1)).ok());
  EXPECT_FALSE(read_list_page(nested(kXmlDepthMax)).ok());
  EXPECT_TRUE(read_list_page(around("<a>" + std::string(kXmlTextBytesMax, 'x') + "</a>")).ok());
  EXPECT_FALSE(
      read_list_page(around("<a>" + std::string(kXmlTextBytesMax + 1, 'x') + "</a>")).ok());
  EXPECT_FALSE(read_list_page(around("<" + std::string(65, 'x') + "/>")).ok());
  std::string contents;
  for (int64_t i = 0; i < kListPageKeysMax; ++i) contents += "<Contents><Key>k</Key></Contents>";
  EXPECT_TRUE(read_list_page(around(contents)).ok());
  EXPECT_FALSE(read_list_page(around(contents + "<Contents><Key>k</Key></Contents>")).ok());
}

TEST(S3Xml, WantsToKnowWhetherThereIsMore) {
  EXPECT_FALSE(read_list_page("<ListBucketResult><IsTruncated>true</IsTruncated>"
                              "</ListBucketResult>")
                   .ok());
  EXPECT_FALSE(read_list_page("<ListBucketResult><IsTruncated>yes</IsTruncated>"
                              "</ListBucketResult>")
                   .ok());
}

TEST(S3Xml, ReadsAComplaint) {
  const StoreComplaint complaint = read_complaint(
      "<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code><Message>not\x1b[31m here</Message>"
      "<Resource>/a</Resource></Error>");
  EXPECT_EQ(complaint.code, "NoSuchKey");
  EXPECT_EQ(complaint.message, "not?[31m here");
  EXPECT_EQ(read_complaint("<html>404</html>").code, "");
  EXPECT_EQ(read_complaint("<Error><Code>NoSuchKey</Code>").code, "");
  EXPECT_EQ(read_complaint("<Error><Message>" + std::string(1000, 'x') + "</Message></Error>")
                .message.size(),
            256);
}

}  // namespace
}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <cstring>

#include "data/shard.h"
#include "data/source.h"
#include "data/test_files.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A shard of one document, of the byte tokenizer unless told otherwise.
std::string shard_text(const std::vector<uint16_t>& tokens,
                       Digest tokenizer = bytes_tokenizer()->digest()) {
  ShardHeader header;
  header.tokens = static_cast<int64_t>(tokens.size());
  header.documents = 1;
  header.vocabulary = 256;
  header.tokenizer = tokenizer;
  Bytes bytes = shard_header(header);
  ByteWriter writer(bytes);
  for (const uint16_t token : tokens) writer.put(token);
  while (bytes.size() % 8 != 0) bytes.push_back(std::byte{0});
  writer.put(static_cast<uint64_t>(tokens.size()));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// llm.c's: 256 int32 of header, then tokens.
std::string llmc_text(const std::vector<uint16_t>& tokens) {
  std::string out(1024, '\0');
  const int32_t head[3] = {20240520, 1, static_cast<int32_t>(tokens.size())};
  std::memcpy(out.data(), head, sizeof(head));
  out.append(reinterpret_cast<const char*>(tokens.data()), tokens.size() * 2);
  return out;
}

std::unique_ptr<Source> make_shards(const std::vector<std::string>& train,
                                    const std::vector<std::string>& valid = {}) {
  Value options;
  options.set("train", Value::Array(train.begin(), train.end()));
  options.set("valid", Value::Array(valid.begin(), valid.end()));
  Mistakes mistakes;
  auto source = make_plugin(sources(), "source", {"shards", options}, mistakes);
  EXPECT_TRUE(mistakes.empty()) << mistakes.text();
  return source;
}

std::vector<int32_t> train_tokens(const Source& source, int64_t begin, int64_t count) {
  std::vector<int32_t> out(static_cast<size_t>(count));
  source.train(begin, out);
  return out;
}

TEST(Shards, AreOneSequenceInTheOrderGiven) {
  const std::string folder = test_folder();
  write_text(folder + "/a.bin", shard_text({1, 2, 3}));
  write_text(folder + "/b.bin", llmc_text({40, 50}));
  write_text(folder + "/c.bin", shard_text({6, 7, 8, 9}));
  const auto source = make_shards({"a.bin", "b.bin", folder + "/c.bin"}, {"b.bin"});
  const auto opened = source->open(folder, bytes_tokenizer());
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(source->train_tokens(), 9);
  EXPECT_EQ(source->valid_tokens(), 2);
  EXPECT_THAT(train_tokens(*source, 0, 9), ElementsAre(1, 2, 3, 40, 50, 6, 7, 8, 9));
  EXPECT_THAT(train_tokens(*source, 2, 4), ElementsAre(3, 40, 50, 6));
  EXPECT_THAT(train_tokens(*source, 8, 1), ElementsAre(9));
}

TEST(Shards, OfAnotherTokenizerAreRefused) {
  const std::string folder = test_folder();
  write_text(folder + "/a.bin", shard_text({1, 2, 3}, digest_of(std::string_view("other"))));
  const auto opened = make_shards({"a.bin"})->open(folder, bytes_tokenizer());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().fault, Fault::kBadInput);
  EXPECT_THAT(opened.error().message, HasSubstr("a.bin: its tokens are of tokenizer"));
}

TEST(Shards, ValidationTokensBeyondTheVocabularyAreRefused) {
  const std::string folder = test_folder();
  write_text(folder + "/a.bin", llmc_text({1, 2}));
  write_text(folder + "/b.bin", llmc_text({3, 256}));
  const auto opened = make_shards({"a.bin"}, {"b.bin"})->open(folder, bytes_tokenizer());
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("b.bin: has token 256"));
}

}  // namespace
}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "prepare/shard_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "prepare/test_folder.h"

namespace causeway {
namespace {

using Documents = std::vector<std::vector<uint16_t>>;

ShardKind kind_of(int64_t shard_bytes) { return {2, 1000, {3, 4}, shard_bytes}; }

std::unique_ptr<ShardWriter> open_writer(const std::string& folder, int64_t shard_bytes,
                                         ShardProgress progress = {}) {
  auto writer = ShardWriter::open(folder, "train", kind_of(shard_bytes), std::move(progress));
  EXPECT_TRUE(writer) << writer.error().message;
  return std::move(*writer);
}

int64_t add(ShardWriter& writer, const std::vector<uint16_t>& document) {
  const auto cuts = writer.add(std::as_bytes(std::span(document)));
  EXPECT_TRUE(cuts) << cuts.error().message;
  return cuts ? *cuts : -1;
}

Documents documents_of(int count) {
  Documents out;
  for (int i = 0; i < count; ++i)
    out.emplace_back(static_cast<size_t>(1 + i * i * 37 % 211), static_cast<uint16_t>(i % 1000));
  return out;
}

/// What the shards hold, read by the class that readers use.
Documents read_back(const std::string& folder, const ShardProgress& progress) {
  Documents out;
  for (const ShardEntry& entry : progress.closed) {
    const auto shard = Shard::open(folder + "/" + entry.name);
    EXPECT_TRUE(shard) << shard.error().message;
    EXPECT_EQ(shard->tokens(), entry.tokens);
    EXPECT_EQ(shard->documents(), entry.documents);
    EXPECT_EQ(shard->vocabulary(), 1000);
    EXPECT_EQ(*shard->tokenizer(), (Digest{3, 4}));
    const std::string bytes = read_text(folder + "/" + entry.name);
    EXPECT_EQ(std::ssize(bytes), entry.bytes);
    EXPECT_EQ(digest_of(bytes), entry.digest);
    for (int64_t i = 0; i < shard->documents(); ++i) {
      const int64_t begin = i == 0 ? 0 : shard->document_end(i - 1);
      std::vector<int32_t> tokens(static_cast<size_t>(shard->document_end(i) - begin));
      shard->copy(begin, tokens);
      out.emplace_back(tokens.begin(), tokens.end());
    }
  }
  return out;
}

TEST(ShardWriter, WritesWhatIsReadBackAndNoFileIsTooLarge) {
  for (const int64_t limit : {4096, 4097, 5000, 1 << 20}) {
    const std::string folder = test_folder();
    const Documents documents = documents_of(150);
    const auto writer = open_writer(folder, limit);
    for (const auto& document : documents) EXPECT_EQ(add(*writer, document), 0);
    ASSERT_TRUE(writer->finish());
    ASSERT_TRUE(writer->recorded());
    EXPECT_EQ(read_back(folder, writer->progress()), documents);
    EXPECT_EQ(contents_of(folder).size(), writer->progress().closed.size());
    for (const ShardEntry& entry : writer->progress().closed) EXPECT_LE(entry.bytes, limit);
    EXPECT_EQ(writer->progress().closed.size() > 1, limit <= 5000);
  }
}

TEST(ShardWriter, FillsAShardToItsLastByte) {
  const std::string folder = test_folder();
  const auto writer = open_writer(folder, 4096);
  // 64 bytes of header, 8 for each document's end: 4,096 bytes in all.
  add(*writer, std::vector<uint16_t>(1000, 7));
  add(*writer, std::vector<uint16_t>((4096 - 64 - 16) / 2 - 1000, 8));
  add(*writer, {9});
  ASSERT_TRUE(writer->finish());
  ASSERT_EQ(writer->progress().closed.size(), 2U);
  EXPECT_EQ(writer->progress().closed[0].bytes, 4096);
}

TEST(ShardWriter, CutsWhatFitsIntoNoShard) {
  const std::string folder = test_folder();
  const auto writer = open_writer(folder, 4096);
  std::vector<uint16_t> large(5000);
  for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<uint16_t>(i % 1000);
  add(*writer, {1, 2});
  EXPECT_EQ(add(*writer, large), 2);
  ASSERT_TRUE(writer->finish());
  const Documents read = read_back(folder, writer->progress());
  ASSERT_EQ(read.size(), 4U);
  std::vector<uint16_t> joined;
  for (size_t i = 1; i < read.size(); ++i)
    joined.insert(joined.end(), read[i].begin(), read[i].end());
  EXPECT_EQ(joined, large);
}

// Goal: a writer goes on from any record whatever was written since. Method: a record after
// document r, more documents until k, then another writer from the record; the files must be those
// of a writer that was never interrupted.
TEST(ShardWriter, GoesOnFromARecordWithTheSameFiles) {
  const Documents documents = documents_of(60);
  const std::string whole = test_folder() + "/whole", folder = test_folder() + "/parts";
  const auto run = [&](const std::string& path, ShardWriter& writer, size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) add(writer, documents[i]);
    return path;
  };
  for (size_t r = 0; r < documents.size(); r += 11)
    for (size_t k = r; k < documents.size(); k += 16) {
      std::filesystem::remove_all(folder);
      std::filesystem::remove_all(whole);
      std::filesystem::create_directories(folder);
      std::filesystem::create_directories(whole);
      ShardProgress progress;
      {
        const auto writer = open_writer(folder, 4096);
        run(folder, *writer, 0, r);
        ASSERT_TRUE(writer->sync());
        progress = writer->progress();
        ASSERT_TRUE(writer->recorded());
        run(folder, *writer, r, k);
        ASSERT_TRUE(k % 2 == 1 || writer->finish());
      }
      const auto writer = open_writer(folder, 4096, progress);
      run(folder, *writer, r, documents.size());
      ASSERT_TRUE(writer->finish());
      ASSERT_TRUE(writer->recorded());
      const auto reference = open_writer(whole, 4096);
      run(whole, *reference, 0, documents.size());
      ASSERT_TRUE(reference->finish());
      ASSERT_TRUE(reference->recorded());
      ASSERT_EQ(contents_of(folder), contents_of(whole)) << r << " " << k;
    }
}

TEST(ShardWriter, SaysWhatIsGone) {
  const std::string folder = test_folder();
  ShardProgress progress;
  {
    const auto writer = open_writer(folder, 4096);
    for (const auto& document : documents_of(60)) add(*writer, document);
    ASSERT_TRUE(writer->sync());
    progress = writer->progress();
  }
  ASSERT_FALSE(progress.closed.empty());
  std::filesystem::remove(folder + "/" + progress.closed[0].name);
  const auto writer = ShardWriter::open(folder, "train", kind_of(4096), progress);
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().fault, Fault::kCorrupt);
  EXPECT_THAT(writer.error().message, testing::HasSubstr("train-00000.bin"));
}

}  // namespace
}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "store/blob_reader.h"

#include <gtest/gtest.h>

#include "store/posix_disk.h"
#include "store/test_disk.h"

namespace causeway {
namespace {

constexpr size_t kLarge = size_t{9} << 20;  // so that its file's place is used again

BlobId put(Spool& spool, const Bytes& bytes) {
  const auto writer = spool.begin(std::ssize(bytes)).value();
  EXPECT_TRUE(writer->append(bytes).ok());
  return writer->finish().value();
}

Bytes bytes_at(BlobReader& reader, const BlobId& id, int64_t offset, int64_t bytes) {
  const SharedBytes read = reader.read(id, offset, bytes).value();
  return {read.view().begin(), read.view().end()};
}

TEST(BlobReader, NeverGivesWhatCameToLieInABlobsPlace) {
  const std::string folder = fresh_folder("blob_reader");
  const auto disk = open_posix_disk(folder).value();
  const auto spool = disk_spool(*disk, int64_t{1} << 30).value();
  BlobReader reader(folder);
  const Bytes first(kLarge, std::byte{1}), second(kLarge, std::byte{2});
  const BlobId one = put(*spool, first);
  EXPECT_EQ(bytes_at(reader, one, 5, 100), Bytes(100, std::byte{1}));
  ASSERT_TRUE(spool->drop(one).ok());
  const BlobId two = put(*spool, second);
  const auto gone = reader.read(one, 6, 100);
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().fault, Fault::kIo);
  EXPECT_EQ(bytes_at(reader, two, std::ssize(second) - 3, 100), Bytes(3, std::byte{2}));
  // The same blob again, elsewhere.
  EXPECT_EQ(put(*spool, first), one);
  EXPECT_EQ(bytes_at(reader, one, 0, 10), Bytes(10, std::byte{1}));
}

TEST(BlobReader, SharesWhatManyReadSideBySide) {
  const std::string folder = fresh_folder("blob_reader_shares");
  const auto disk = open_posix_disk(folder).value();
  const auto spool = disk_spool(*disk, int64_t{1} << 30).value();
  BlobReader reader(folder);
  Bytes bytes(1000);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i / 10);
  const BlobId id = put(*spool, bytes);
  const SharedBytes held = reader.read(id, 0, 10).value();
  for (int64_t i = 1; i < 100; ++i)
    EXPECT_EQ(bytes_at(reader, id, 10 * i, 10), Bytes(10, static_cast<std::byte>(i)));
  EXPECT_EQ(reader.read(id, 0, 10).value().view().data(), held.view().data());  // still held
  const std::byte* const recent = reader.read(id, 990, 10).value().view().data();
  EXPECT_EQ(reader.read(id, 990, 10).value().view().data(), recent);
  EXPECT_EQ(reader.read(id, 0, 20).value().size(), 20);  // more than what is held
}

}  // namespace
}  // namespace causeway

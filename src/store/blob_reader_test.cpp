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

TEST(BlobReader, NeverGivesWhatCameToLieInABlobsPlace) {
  const std::string folder = fresh_folder("blob_reader");
  const auto disk = open_posix_disk(folder).value();
  const auto spool = disk_spool(*disk, int64_t{1} << 30).value();
  BlobReader reader(folder);
  const Bytes first(kLarge, std::byte{1}), second(kLarge, std::byte{2});
  const BlobId one = put(*spool, first);
  EXPECT_EQ(reader.read(one, 5, 100).value(), Bytes(100, std::byte{1}));
  ASSERT_TRUE(spool->drop(one).ok());
  const BlobId two = put(*spool, second);
  const auto gone = reader.read(one, 5, 100);
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().fault, Fault::kIo);
  EXPECT_EQ(reader.read(two, std::ssize(second) - 3, 100).value(), Bytes(3, std::byte{2}));
  // The same blob again, elsewhere.
  EXPECT_EQ(put(*spool, first), one);
  EXPECT_EQ(reader.read(one, 0, 10).value(), Bytes(10, std::byte{1}));
}

}  // namespace
}  // namespace causeway

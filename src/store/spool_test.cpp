// SPDX-License-Identifier: Apache-2.0
//
// The contract of Spool over memory, a simulated disk and a real folder.
#include "store/spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "sim/sim_disk.h"
#include "store/posix_disk.h"
#include "store/test_spool.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A spool and what it lies on.
struct Place {
  std::unique_ptr<Disk> disk;
  std::unique_ptr<Spool> spool;
};

struct SpoolKind {
  const char* name;
  std::function<Place()> make;
};

Place over(std::unique_ptr<Disk> disk) {
  Place place{std::move(disk), nullptr};
  place.spool = disk_spool(*place.disk, kMax).value();
  return place;
}

const SpoolKind kSpoolKinds[] = {
    {"Memory", [] { return Place{nullptr, memory_spool(kMax)}; }},
    {"SimDisk", [] { return over(std::make_unique<SimDisk>(1)); }},
    {"PosixDisk", [] { return over(open_posix_disk(fresh_folder("spool")).value()); }},
};

class EverySpool : public testing::TestWithParam<SpoolKind> {
 protected:
  Place place_ = GetParam().make();
  Spool& spool_ = *place_.spool;
};

TEST_P(EverySpool, TakesABlobInChunks) {
  const Bytes bytes = noise(10'000, 1);
  const BlobId id = id_of(bytes);
  EXPECT_FALSE(spool_.progress(id).has_value());
  EXPECT_EQ(spool_.open(id, 10'000).value(), 0);
  for (size_t at = 0; at < bytes.size(); at += 3'000) {
    ASSERT_TRUE(spool_.write(id, static_cast<int64_t>(at), part(bytes, at, 3'000)).ok());
    const size_t received = std::min(at + 3'000, bytes.size());
    EXPECT_EQ(copy(spool_.view(id).value()), copy(part(bytes, 0, received)));
    EXPECT_EQ(spool_.open(id, 10'000).value(), static_cast<int64_t>(received));
    EXPECT_EQ(spool_.durable(id), 0);
  }
  EXPECT_EQ(spool_.sync(id).value(), 10'000);
  EXPECT_EQ(spool_.progress(id), (BlobProgress{10'000, 10'000, 10'000}));
  EXPECT_TRUE(spool_.verify(id).ok());
  EXPECT_EQ(copy(spool_.view(id).value()), bytes);
}

TEST_P(EverySpool, IgnoresDuplicatesAndRefusesGaps) {
  const Bytes bytes = noise(1'000, 1);
  const BlobId id = id_of(bytes);
  ASSERT_TRUE(spool_.open(id, 1'000).ok());
  ASSERT_TRUE(spool_.write(id, 0, part(bytes, 0, 400)).ok());
  const Bytes wrong = noise(300, 2);
  EXPECT_TRUE(spool_.write(id, 0, wrong).ok());
  EXPECT_TRUE(spool_.write(id, 399, wrong).ok());
  for (const auto& [offset, size] : std::vector<std::pair<int64_t, size_t>>{
           {401, 10}, {1'000, 1}, {-1, 10}, {400, 601}, {INT64_MAX, 1}, {INT64_MIN, 1}}) {
    const auto refused = spool_.write(id, offset, noise(size, 2));
    ASSERT_FALSE(refused.ok()) << offset;
    EXPECT_EQ(refused.error().fault, Fault::kBadInput);
  }
  EXPECT_EQ(copy(spool_.view(id).value()), copy(part(bytes, 0, 400)));
  EXPECT_TRUE(spool_.write(id, 400, part(bytes, 400, 600)).ok());
  EXPECT_TRUE(spool_.verify(id).ok());
}

TEST_P(EverySpool, SetsRoomAsideWhenABlobIsOpened) {
  const BlobId a{1, {0, 1}}, b{1, {0, 2}}, c{2, {0, 1}};
  ASSERT_TRUE(spool_.open(a, 60'000).ok());
  ASSERT_TRUE(spool_.open(b, 30'000).ok());
  EXPECT_EQ(spool_.bytes_reserved(), 90'000);
  const auto refused = spool_.open(c, 10'001);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().fault, Fault::kRefused);
  EXPECT_THAT(refused.error().message, HasSubstr("spool is full: 90000 of 100000 bytes"));
  EXPECT_FALSE(spool_.open(c, INT64_MAX).ok());
  EXPECT_EQ(spool_.open(c, -1).error().fault, Fault::kBadInput);
  EXPECT_EQ(spool_.open(a, 60'001).error().fault, Fault::kBadInput);
  EXPECT_TRUE(spool_.open(a, 60'000).ok());
  EXPECT_TRUE(spool_.open(c, 10'000).ok());
  EXPECT_EQ(spool_.bytes_reserved(), kMax);
  EXPECT_EQ(spool_.bytes_max(), kMax);
  EXPECT_THAT(spool_.ids(), ElementsAre(a, b, c));
  ASSERT_TRUE(spool_.drop(a).ok());
  EXPECT_EQ(spool_.bytes_reserved(), 40'000);
  EXPECT_THAT(spool_.ids(), ElementsAre(b, c));
}

TEST_P(EverySpool, KnowsNothingOfWhatIsNotOpen) {
  const BlobId id{4, {1, 2}};
  for (const Error& error : {spool_.write(id, 0, noise(1, 1)).error(), spool_.sync(id).error(),
                             spool_.view(id).error(), spool_.verify(id).error()}) {
    EXPECT_EQ(error.fault, Fault::kBadInput);
    EXPECT_THAT(error.message, HasSubstr(id.digest.hex()));
    EXPECT_THAT(error.message, HasSubstr("of worker 4"));
  }
  EXPECT_EQ(spool_.durable(id), 0);
  EXPECT_TRUE(spool_.drop(id).ok());
}

TEST_P(EverySpool, DropsABlobAndTakesItAgain) {
  const Bytes bytes = noise(5'000, 1);
  const BlobId id = id_of(bytes);
  ASSERT_TRUE(spool_.put(id, bytes).ok());
  ASSERT_TRUE(spool_.drop(id).ok());
  EXPECT_FALSE(spool_.view(id).ok());
  EXPECT_EQ(spool_.open(id, 5'000).value(), 0);
  EXPECT_TRUE(spool_.view(id).value().empty());
  ASSERT_TRUE(spool_.write(id, 0, part(bytes, 0, 10)).ok());
  ASSERT_TRUE(spool_.put(id, bytes).ok()) << "from where it is";
  EXPECT_EQ(copy(spool_.view(id).value()), bytes);
  EXPECT_TRUE(spool_.put(id, bytes).ok());
}

TEST_P(EverySpool, PutsBlobsOfItsOwn) {
  const Bytes small = noise(1, 1), none;
  const BlobId a = id_of(small, kHubOwner), b = id_of(none, kHubOwner);
  ASSERT_TRUE(spool_.put(a, small).ok());
  ASSERT_TRUE(spool_.put(b, none).ok());
  EXPECT_EQ(spool_.durable(a), 1);
  EXPECT_TRUE(spool_.progress(b)->complete());
  EXPECT_TRUE(spool_.verify(a).ok() && spool_.verify(b).ok());
  EXPECT_EQ(spool_.put(id_of(noise(kMax, 2)), noise(kMax, 2)).error().fault, Fault::kRefused);
}

// Goal: any piece is what was written there. Method: all pairs of places around the edges of
// chunks.
TEST_P(EverySpool, ReadsAnyPiece) {
  const Bytes bytes = noise(10'000, 1);
  const BlobId id = id_of(bytes);
  EXPECT_EQ(spool_.read(id, 0, 1).error().fault, Fault::kBadInput);
  ASSERT_TRUE(spool_.open(id, 10'000).ok());
  EXPECT_TRUE(spool_.read(id, 0, 10).value().empty());
  for (size_t at = 0; at < 9'000; at += 3'000)
    ASSERT_TRUE(spool_.write(id, static_cast<int64_t>(at), part(bytes, at, 3'000)).ok());
  const std::vector<int64_t> places{0, 1, 2'999, 3'000, 3'001, 6'000, 8'999, 9'000, 9'500, 20'000};
  for (const int64_t begin : places)
    for (const int64_t count : places) {
      const auto from = static_cast<size_t>(std::min<int64_t>(begin, 9'000));
      const auto size = std::min<size_t>(static_cast<size_t>(count), 9'000 - from);
      EXPECT_EQ(spool_.read(id, begin, count).value(), copy(part(bytes, from, size)))
          << begin << ", " << count;
    }
}

TEST_P(EverySpool, FindsALiar) {
  const Bytes bytes = noise(9'000, 1);
  const BlobId id{3, digest_of(noise(9'000, 2))};
  ASSERT_TRUE(spool_.open(id, 9'000).ok());
  ASSERT_TRUE(spool_.write(id, 0, part(bytes, 0, 8'999)).ok());
  EXPECT_EQ(spool_.verify(id).error().fault, Fault::kBadInput) << "it is not complete";
  EXPECT_EQ(spool_.progress(id)->received, 8'999);
  ASSERT_TRUE(spool_.write(id, 8'999, part(bytes, 8'999, 1)).ok());
  ASSERT_TRUE(spool_.sync(id).ok());
  EXPECT_EQ(spool_.verify(id).error().fault, Fault::kCorrupt);
  EXPECT_EQ(spool_.progress(id), (BlobProgress{9'000, 0, 0}));
  ASSERT_TRUE(spool_.write(id, 0, noise(9'000, 2)).ok()) << "it may try again";
  EXPECT_TRUE(spool_.verify(id).ok());
}

TEST_P(EverySpool, RefusesAFloodOfTinyChunks) {
  const Bytes bytes = noise(50'000, 1);
  const BlobId id = id_of(bytes);
  ASSERT_TRUE(spool_.open(id, 50'000).ok());
  for (size_t at = 0; at < 1024; ++at)
    ASSERT_TRUE(spool_.write(id, static_cast<int64_t>(at), part(bytes, at, 1)).ok());
  EXPECT_EQ(spool_.write(id, 1024, part(bytes, 1024, 4095)).error().fault, Fault::kRefused);
  EXPECT_TRUE(spool_.write(id, 1024, part(bytes, 1024, 4096)).ok());
  EXPECT_TRUE(spool_.write(id, 5120, part(bytes, 5120, 50'000)).ok());
  EXPECT_TRUE(spool_.verify(id).ok());
}

TEST_P(EverySpool, KeepsWorkersApart) {
  const Bytes bytes = noise(100, 1);
  const BlobId a = id_of(bytes, 1), b = id_of(bytes, 2);
  ASSERT_TRUE(spool_.put(a, bytes).ok());
  EXPECT_EQ(spool_.open(b, 100).value(), 0);
  ASSERT_TRUE(spool_.drop(b).ok());
  EXPECT_TRUE(spool_.verify(a).ok());
}

using EverySpoolDeathTest = EverySpool;

TEST_P(EverySpoolDeathTest, ItsOwnBlobsAreWhatTheyAreCalled) {
  EXPECT_DEATH((void)spool_.put({kHubOwner, {1, 2}}, noise(3, 1)).ok(), "of the hub has digest");
}

const auto kSpoolName = [](const auto& test) { return test.param.name; };
INSTANTIATE_TEST_SUITE_P(Spools, EverySpool, testing::ValuesIn(kSpoolKinds), kSpoolName);
INSTANTIATE_TEST_SUITE_P(Spools, EverySpoolDeathTest, testing::ValuesIn(kSpoolKinds), kSpoolName);

}  // namespace
}  // namespace causeway

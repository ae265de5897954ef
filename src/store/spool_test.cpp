// SPDX-License-Identifier: Apache-2.0
//
// The contract of Spool over memory, a simulated disk and a real folder; and what crashes, full
// disks and rotten bits do to the one on disks.
#include "store/spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "sim/sim_disk.h"
#include "store/posix_disk.h"
#include "store/test_disk.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr int64_t kMax = 100'000;

BlobId id_of(const Bytes& bytes, int32_t owner = 3) { return {owner, digest_of(bytes)}; }
Bytes copy(ByteSpan bytes) { return {bytes.begin(), bytes.end()}; }
ByteSpan part(const Bytes& bytes, size_t offset, size_t count) {
  return ByteSpan(bytes).subspan(offset, std::min(count, bytes.size() - offset));
}

/// A spool and what it lies on.
struct Place {
  std::unique_ptr<Disk> disk;
  std::unique_ptr<Spool> spool;
};

struct Kind {
  const char* name;
  std::function<Place()> make;
};

Place over(std::unique_ptr<Disk> disk) {
  Place place{std::move(disk), nullptr};
  place.spool = disk_spool(*place.disk, kMax).value();
  return place;
}

const Kind kKinds[] = {
    {"Memory", [] { return Place{nullptr, memory_spool(kMax)}; }},
    {"SimDisk", [] { return over(std::make_unique<SimDisk>(1)); }},
    {"PosixDisk", [] { return over(open_posix_disk(fresh_folder("spool")).value()); }},
};

class EverySpool : public testing::TestWithParam<Kind> {
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

const auto kNameOf = [](const auto& test) { return test.param.name; };
INSTANTIATE_TEST_SUITE_P(Spools, EverySpool, testing::ValuesIn(kKinds), kNameOf);
INSTANTIATE_TEST_SUITE_P(Spools, EverySpoolDeathTest, testing::ValuesIn(kKinds), kNameOf);

// ---- on disks

std::unique_ptr<Spool> opened(Disk& disk) { return disk_spool(disk, kMax).value(); }

TEST(DiskSpool, FindsWhatSurvivedARestart) {
  SimDisk disk(1);
  const Bytes bytes = noise(20'000, 1), other = noise(500, 2);
  const BlobId id = id_of(bytes), own = id_of(other, kHubOwner), empty{0, {7, 0}};
  {
    const auto spool = opened(disk);
    ASSERT_TRUE(spool->open(id, 20'000).ok());
    ASSERT_TRUE(spool->write(id, 0, part(bytes, 0, 12'000)).ok());
    ASSERT_TRUE(spool->sync(id).ok());
    ASSERT_TRUE(spool->put(own, other).ok());
    ASSERT_TRUE(spool->open(empty, 40'000).ok());
    ASSERT_TRUE(spool->sync(empty).ok());
    ASSERT_TRUE(disk.append("log", other).ok() && disk.sync("log").ok());
  }
  disk.crash();
  const auto spool = opened(disk);
  EXPECT_THAT(spool->ids(), ElementsAre(own, empty, id));
  EXPECT_EQ(spool->progress(id), (BlobProgress{20'000, 12'000, 12'000}));
  EXPECT_EQ(spool->progress(empty), (BlobProgress{40'000, 0, 0}));
  EXPECT_EQ(spool->bytes_reserved(), 60'500);
  EXPECT_TRUE(spool->verify(own).ok());
  ASSERT_TRUE(spool->write(id, 12'000, part(bytes, 12'000, 8'000)).ok());
  EXPECT_TRUE(spool->verify(id).ok());
  EXPECT_TRUE(disk.size("log").ok()) << "not the spool's";
  for (const BlobId& one : spool->ids()) ASSERT_TRUE(spool->drop(one).ok());
  EXPECT_THAT(disk.list().value(), ElementsAre("log"));
}

TEST(DiskSpool, TakesUpWhatIsMoreThanItMayHave) {
  SimDisk disk(1);
  ASSERT_TRUE(opened(disk)->put(id_of(noise(900, 1)), noise(900, 1)).ok());
  const auto spool = disk_spool(disk, 500).value();
  EXPECT_EQ(spool->bytes_reserved(), 900);
  EXPECT_EQ(spool->open({1, {}}, 0).error().fault, Fault::kRefused);
  ASSERT_TRUE(spool->drop(spool->ids().front()).ok());
  EXPECT_TRUE(spool->open({1, {}}, 500).ok());
}

// Goal: a crash at any point loses nothing that sync acknowledged and keeps nothing that is torn.
// Method: the machine stops after every number of changes to its disk, on many seeds; afterwards
// each blob is a true prefix, and goes on to its end.
TEST(DiskSpool, ACrashAtAnyPointLosesNothingAcknowledged) {
  const std::vector<Bytes> blobs = {noise(900, 1), noise(5'000, 2), noise(12'345, 3)};
  int64_t torn = 0, survived = 0;
  for (uint64_t seed = 0; seed < 25; ++seed) {
    for (int64_t stop = 0; stop < 60; ++stop) {
      SimDisk disk(seed);
      std::vector<int64_t> acknowledged(blobs.size());
      {
        const auto spool = opened(disk);
        disk.stop_after(stop);
        for (size_t step = 0; step < 8; ++step)
          for (size_t i = 0; i < blobs.size(); ++i) {
            const BlobId id = id_of(blobs[i], static_cast<int32_t>(i));
            const auto at = spool->open(id, std::ssize(blobs[i]));
            if (!at || !spool->write(id, *at, part(blobs[i], static_cast<size_t>(*at), 2'000)))
              continue;
            if ((step + i) % 2 == 0 && spool->sync(id))
              acknowledged[i] = std::max(acknowledged[i], spool->durable(id));
          }
        const BlobId first = id_of(blobs[0], 0);
        // Dropped or not if this is where it stops.
        acknowledged[0] = 0;
        [[maybe_unused]] const auto dropped = spool->drop(first);
      }
      disk.crash();
      torn += disk.counts().torn;
      const auto spool = opened(disk);
      for (size_t i = 0; i < blobs.size(); ++i) {
        const BlobId id = id_of(blobs[i], static_cast<int32_t>(i));
        const int64_t received = spool->open(id, std::ssize(blobs[i])).value();
        ASSERT_GE(received, acknowledged[i]) << seed << ", " << stop;
        survived += received > acknowledged[i] ? 1 : 0;
        EXPECT_EQ(copy(spool->view(id).value()),
                  copy(part(blobs[i], 0, static_cast<size_t>(received))))
            << seed << ", " << stop;
        EXPECT_TRUE(spool->put(id, blobs[i]).ok());
        EXPECT_TRUE(spool->verify(id).ok());
      }
      EXPECT_THAT(disk.list().value(), SizeIs(2 * blobs.size()));
    }
  }
  EXPECT_GT(torn, 100) << "crashes tear";
  EXPECT_GT(survived, 100) << "and keep some of what was not synced";
}

// What was read after a restart stays after the next one.
TEST(DiskSpool, WhatItFoundIsDurable) {
  SimDisk disk(1);
  const Bytes bytes = noise(9'000, 1);
  const BlobId id = id_of(bytes);
  auto spool = opened(disk);
  ASSERT_TRUE(spool->open(id, 9'000).ok());
  ASSERT_TRUE(spool->write(id, 0, part(bytes, 0, 5'000)).ok());
  spool = opened(disk);  // the process was killed, the machine was not
  EXPECT_EQ(spool->durable(id), 5'000);
  spool.reset();
  disk.crash();
  EXPECT_EQ(opened(disk)->durable(id), 5'000);
}

TEST(DiskSpool, FindsBitsThatRotted) {
  const Bytes bytes = noise(10'000, 1);
  const BlobId id = id_of(bytes);
  for (uint64_t bit = 0; bit < 80'000; bit += 997) {
    SimDisk disk(1);
    const auto spool = opened(disk);
    ASSERT_TRUE(spool->open(id, 10'000).ok());
    for (size_t at = 0; at < bytes.size(); at += 1'000)
      ASSERT_TRUE(spool->write(id, static_cast<int64_t>(at), part(bytes, at, 1'000)).ok());
    ASSERT_TRUE(spool->sync(id).ok());
    ASSERT_TRUE(disk.flip_bit(disk.list()->front(), bit));
    const int64_t chunk = static_cast<int64_t>(bit / 8 / 1'000 * 1'000);
    EXPECT_EQ(spool->verify(id).error().fault, Fault::kCorrupt);
    ASSERT_EQ(spool->progress(id), (BlobProgress{10'000, chunk, chunk})) << bit;
    EXPECT_EQ(opened(disk)->progress(id), spool->progress(id));
    ASSERT_TRUE(spool->put(id, bytes).ok());
    EXPECT_TRUE(spool->verify(id).ok());
  }
}

TEST(DiskSpool, ARottenChecksumCostsAPrefixAndARottenHeadABlob) {
  const Bytes bytes = noise(4'000, 1);
  const BlobId id = id_of(bytes);
  for (uint64_t bit = 0; bit < 8 * (40 + 4 * 8); ++bit) {
    SimDisk disk(1);
    {
      const auto spool = opened(disk);
      ASSERT_TRUE(spool->open(id, 4'000).ok());
      for (size_t at = 0; at < bytes.size(); at += 1'000)
        ASSERT_TRUE(spool->write(id, static_cast<int64_t>(at), part(bytes, at, 1'000)).ok());
      ASSERT_TRUE(spool->sync(id).ok());
    }
    ASSERT_TRUE(disk.flip_bit(disk.list()->back(), bit));
    const auto spool = opened(disk);
    if (bit < 320) {
      EXPECT_THAT(spool->ids(), IsEmpty());
      EXPECT_THAT(disk.list().value(), IsEmpty());
    } else {
      const auto kept = static_cast<int64_t>((bit - 320) / 64 * 1'000);
      EXPECT_EQ(spool->progress(id), (BlobProgress{4'000, kept, kept})) << bit;
    }
  }
}

TEST(DiskSpool, AFullDiskLeavesTheBlobAsItWas) {
  const Bytes bytes = noise(10'000, 1);
  const BlobId id = id_of(bytes);
  for (int64_t room = 0; room < 2'200; room += 7) {
    SimDisk disk(1);
    const auto spool = opened(disk);
    ASSERT_TRUE(spool->open(id, 10'000).ok());
    ASSERT_TRUE(spool->write(id, 0, part(bytes, 0, 2'000)).ok());
    disk.set_capacity(disk.bytes_used() + room);
    const auto written = spool->write(id, 2'000, part(bytes, 2'000, 2'000));
    ASSERT_EQ(written.ok(), room >= 2'008) << room;
    if (!written) {
      EXPECT_THAT(written.error().message, HasSubstr("no space left"));
    }
    EXPECT_EQ(spool->progress(id)->received, written ? 4'000 : 2'000);
    disk.set_capacity(SimDisk::kNoLimit);
    ASSERT_TRUE(spool->put(id, bytes).ok());
    EXPECT_TRUE(spool->verify(id).ok());
    EXPECT_TRUE(opened(disk)->verify(id).ok());
  }
}

TEST(DiskSpool, AFailedSyncFallsBackToWhatWasDurable) {
  SimDisk disk(1);
  const Bytes bytes = noise(9'000, 1);
  const BlobId id = id_of(bytes);
  const auto spool = opened(disk);
  ASSERT_TRUE(spool->open(id, 9'000).ok());
  ASSERT_TRUE(spool->write(id, 0, part(bytes, 0, 3'000)).ok() && spool->sync(id).ok());
  ASSERT_TRUE(spool->write(id, 3'000, part(bytes, 3'000, 3'000)).ok());
  disk.stop_after(1);  // the bytes are synced, their checksums are not
  EXPECT_FALSE(spool->sync(id).ok());
  disk.stop_after(SimDisk::kNoLimit);
  EXPECT_EQ(spool->progress(id), (BlobProgress{9'000, 3'000, 3'000}));
  ASSERT_TRUE(spool->put(id, bytes).ok());
  EXPECT_TRUE(opened(disk)->verify(id).ok());
}

TEST(DiskSpool, IsNotMisledByStrangeFiles) {
  SimDisk disk(1);
  const std::string digest(32, '0');
  for (const std::string& name :
       {std::string("blob_"), "blob_1_" + digest.substr(1), "blob_x_" + digest, "blob_1_" + digest,
        "blob_2_" + digest + ".sums", "blob_99999999999_" + digest, "blob_01_" + digest,
        "blob_1_" + std::string(32, 'G'), std::string(".sums")})
    ASSERT_TRUE(disk.append(name, noise(100, 1)).ok());
  EXPECT_THAT(opened(disk)->ids(), IsEmpty());
  // Only what has a blob's name and no good head was the spool's to remove.
  EXPECT_THAT(disk.list().value(), SizeIs(7));
}

}  // namespace
}  // namespace causeway

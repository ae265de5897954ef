// SPDX-License-Identifier: Apache-2.0
//
// What crashes, full disks and rotten bits do to a spool on a disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/sim_disk.h"
#include "store/spool.h"
#include "store/test_spool.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

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

TEST(DiskSpool, ReadsNothingThatRotted) {
  const Bytes bytes = noise(10'000, 1);
  const BlobId id = id_of(bytes);
  SimDisk disk(1);
  const auto spool = opened(disk);
  ASSERT_TRUE(spool->open(id, 10'000).ok());
  for (size_t at = 0; at < bytes.size(); at += 2'500)
    ASSERT_TRUE(spool->write(id, static_cast<int64_t>(at), part(bytes, at, 2'500)).ok());
  ASSERT_TRUE(spool->sync(id).ok());
  ASSERT_TRUE(disk.flip_bit(disk.list().value().front(), 8 * 6'000));
  EXPECT_EQ(spool->read(id, 0, 5'000).value(), copy(part(bytes, 0, 5'000)));
  EXPECT_EQ(spool->read(id, 4'999, 2).error().fault, Fault::kCorrupt);
  EXPECT_EQ(spool->progress(id), (BlobProgress{10'000, 5'000, 5'000}));
  ASSERT_TRUE(spool->put(id, bytes).ok());
  EXPECT_EQ(spool->read(id, 4'999, 2).value(), copy(part(bytes, 4'999, 2)));
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

// Goal: totals that no spool sets aside do not add up to nonsense. Method: heads as they would be.
TEST(DiskSpool, GivesUpBlobsOfImpossibleSize) {
  SimDisk disk(1);
  for (const int64_t total :
       {INT64_MAX, INT64_MAX - 1, kBlobBytesMax + 1, int64_t{-1}, int64_t{7}}) {
    const BlobId id{1, {static_cast<uint64_t>(total), 0}};
    Bytes head;
    ByteWriter writer(head);
    writer.put(uint64_t{0x0001'4c4f'4f50'5357});
    writer.put(total);
    writer.put(id.digest.high);
    writer.put(id.digest.low);
    writer.put(id.owner);
    writer.put(crc32c(head));
    ASSERT_TRUE(disk.append(fmt::format("blob_1_{}.sums", id.digest.hex()), head).ok());
  }
  const auto spool = opened(disk);
  EXPECT_EQ(spool->bytes_reserved(), 7);
  EXPECT_THAT(spool->ids(), SizeIs(1));
  const auto wide = memory_spool(INT64_MAX);
  EXPECT_EQ(wide->open({1, {}}, kBlobBytesMax + 1).error().fault, Fault::kBadInput);
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

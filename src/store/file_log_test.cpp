// SPDX-License-Identifier: Apache-2.0
//
// What crashes, full disks and damage do to a log in a file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "sim/sim_disk.h"
#include "store/log.h"
#include "store/test_log.h"

namespace causeway {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::SizeIs;

constexpr int64_t kHeadBytes = 16;

Bytes image_of(SimDisk& disk) { return disk.read("log", 0, disk.size("log").value()).value(); }

/// Opens a log whose file is `image`.
Result<Log> open_image(const Bytes& image, std::unique_ptr<SimDisk>& disk) {
  disk = std::make_unique<SimDisk>(1);
  CW_CHECK(disk->append("log", image).ok());
  return open_file_log(*disk, "log");
}

/// A snapshot and three entries.
Bytes example_image() {
  SimDisk disk(1);
  const Log log = open_file_log(disk, "log").value();
  CW_CHECK(log->restart(100, entry_of(100).bytes).ok());
  for (const LogEntry& entry : entries_of(101, 103))
    CW_CHECK(log->append(entry.sequence, entry.bytes).ok());
  return image_of(disk);
}

// Recovery from any prefix: exactly the entries that lie whole before the cut.
TEST(FileLog, OpensWithTheEntriesBeforeAnyCut) {
  SimDisk source(1);
  const Log log = open_file_log(source, "log").value();
  std::vector<size_t> ends{static_cast<size_t>(kHeadBytes)};
  for (int64_t sequence = 1; sequence <= 6; ++sequence) {
    append(*log, sequence, sequence);
    ends.push_back(image_of(source).size());
  }
  const Bytes image = image_of(source);
  for (size_t cut = 0; cut <= image.size(); ++cut) {
    std::unique_ptr<SimDisk> disk;
    const auto got = open_image({image.begin(), image.begin() + static_cast<ptrdiff_t>(cut)}, disk);
    if (cut < ends.front()) {
      // The head was durable before the file had its name.
      ASSERT_FALSE(got.ok());
      EXPECT_EQ(got.error().fault, Fault::kCorrupt);
      continue;
    }
    const auto whole = std::upper_bound(ends.begin(), ends.end(), cut) - ends.begin() - 1;
    ASSERT_TRUE(got.ok()) << cut << ": " << got.error().message;
    EXPECT_EQ(got.value()->entries(), entries_of(1, whole)) << cut;
    EXPECT_EQ(got.value()->torn_bytes(),
              static_cast<int64_t>(cut - ends[static_cast<size_t>(whole)]));
    EXPECT_EQ(disk->size("log").value(), static_cast<int64_t>(ends[static_cast<size_t>(whole)]));
  }
}

TEST(FileLog, ReportsEveryFlippedBitButThoseOfItsLastEntry) {
  const Bytes image = example_image();
  const size_t last = image.size() - 16 - entry_of(103).bytes.size();
  for (size_t bit = 0; bit < 8 * image.size(); ++bit) {
    Bytes damaged = image;
    damaged[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    std::unique_ptr<SimDisk> disk;
    const auto got = open_image(damaged, disk);
    if (bit / 8 < last) {
      ASSERT_FALSE(got.ok()) << "bit " << bit;
      EXPECT_THAT(got.error().fault, AnyOf(Fault::kCorrupt, Fault::kBadInput));
      EXPECT_EQ(image_of(*disk), damaged) << "what is damaged is left for people to look at";
    } else {
      ASSERT_TRUE(got.ok()) << "bit " << bit;
      EXPECT_EQ(got.value()->entries().size(), 3U) << "bit " << bit;
      EXPECT_EQ(got.value()->entries().back(), entry_of(102));
      EXPECT_EQ(got.value()->torn_bytes(), static_cast<int64_t>(image.size() - last));
    }
  }
}

TEST(FileLog, NamesThePlaceOfDamage) {
  const Bytes image = example_image();
  std::unique_ptr<SimDisk> disk;
  Bytes damaged = image;
  const size_t second = kHeadBytes + 16 + entry_of(100).bytes.size();
  damaged[second + 3] ^= std::byte{0x7f};
  EXPECT_THAT(open_image(damaged, disk).error().message,
              HasSubstr(fmt::format("damaged from byte {} on, after entry 100", second)));
  damaged = image;
  damaged[kHeadBytes + 20] ^= std::byte{1};
  EXPECT_THAT(open_image(damaged, disk).error().message, HasSubstr("snapshot at byte 16"));
  EXPECT_THAT(open_image(bytes_of("A letter of 20 bytes"), disk).error().message,
              HasSubstr("is no log"));
}

TEST(FileLog, RefusesEntriesOfAnotherOrder) {
  const Bytes image = example_image();
  // The second entry is cut out: what follows is good, but is not the next.
  const auto second = static_cast<ptrdiff_t>(kHeadBytes + 16 + entry_of(100).bytes.size());
  Bytes damaged = image;
  damaged.erase(damaged.begin() + second,
                damaged.begin() + second + 16 + std::ssize(entry_of(101).bytes));
  std::unique_ptr<SimDisk> disk;
  EXPECT_THAT(open_image(damaged, disk).error().message, HasSubstr("entry 102 follows entry 100"));
}

// A number that no log gave would leave none for what follows.
TEST(FileLog, RefusesNumbersThatNoLogGives) {
  const Bytes example = example_image();
  for (const int64_t sequence : {int64_t{-5}, int64_t{0}, INT64_MAX - 1, INT64_MAX}) {
    Bytes image(example.begin(), example.begin() + kHeadBytes);
    const Bytes bytes = entry_of(100).bytes;
    ByteWriter writer(image);
    writer.put(static_cast<uint32_t>(bytes.size()));
    writer.put(log_entry_crc(sequence, bytes));
    writer.put(sequence);
    writer.put(bytes);
    std::unique_ptr<SimDisk> disk;
    const auto got = open_image(image, disk);
    ASSERT_FALSE(got.ok()) << sequence;
    EXPECT_EQ(got.error().fault, Fault::kCorrupt) << sequence;
  }
}

TEST(FileLog, GivesUpOnAFileThatIsMadeToKeepItBusy) {
  Bytes image = example_image();
  image.resize(static_cast<size_t>(kHeadBytes) + 16 + entry_of(100).bytes.size());
  // Everywhere lies the head of an entry that claims most of what follows and may come next.
  for (int64_t i = 0; i < 60'000; ++i) {
    ByteWriter writer(image);
    writer.put(static_cast<uint32_t>(400'000));
    writer.put(uint32_t{0});
    writer.put(int64_t{200});
  }
  std::unique_ptr<SimDisk> disk;
  EXPECT_EQ(open_image(image, disk).error().fault, Fault::kCorrupt);
}

// Goal: a crash at any point of any call loses nothing that was acknowledged. Method: the machine
// stops after every number of changes to its disk, on many seeds.
TEST(FileLog, ACrashAtAnyPointLosesNothingDurable) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    for (int64_t stop = 0; stop < 26; ++stop) {
      SimDisk disk(seed);
      disk.stop_after(stop);
      int64_t durable = 0, appended = 0, snapshot = 0, next_snapshot = 0;
      if (auto opened = open_file_log(disk, "log")) {
        DurableLog& log = **opened;
        for (int64_t sequence = 1; sequence <= 12; ++sequence) {
          const Bytes bytes = entry_of(sequence).bytes;
          if (sequence % 5 == 0) {
            next_snapshot = sequence;
            if (!log.restart(sequence, bytes)) break;
            snapshot = durable = appended = sequence;
          } else {
            if (!log.append(sequence, bytes)) break;
            appended = sequence;
            if (sequence % 2 == 0 && log.sync()) durable = sequence;
          }
        }
        EXPECT_EQ(log.durable_sequence(), durable);
      }
      disk.crash();
      const auto again = open_file_log(disk, "log");
      ASSERT_TRUE(again.ok()) << seed << ", " << stop << ": " << again.error().message;
      const Entries& got = again.value()->entries();
      const int64_t last = got.empty() ? 0 : got.back().sequence;
      const int64_t first = got.empty() ? 1 : got.front().sequence;
      EXPECT_GE(last, durable) << seed << ", " << stop;
      EXPECT_LE(last, std::max(appended, next_snapshot));
      EXPECT_TRUE(first == std::max<int64_t>(snapshot, 1) || first == next_snapshot) << first;
      EXPECT_EQ(got, entries_of(first, last)) << seed << ", " << stop;
      EXPECT_THAT(disk.list().value(), SizeIs(1));
    }
  }
}

// The process was killed, the machine was not; what was read then outlives the machine's crash.
TEST(FileLog, WhatItFoundIsDurable) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    SimDisk disk(seed);
    append(*open_file_log(disk, "log").value(), 1, 5);
    EXPECT_EQ(open_file_log(disk, "log").value()->durable_sequence(), 5);
    disk.crash();
    EXPECT_EQ(open_file_log(disk, "log").value()->entries(), entries_of(1, 5));
  }
}

TEST(FileLog, GoesOnWhenAFullDiskHasRoomAgain) {
  SimDisk disk(1);
  const Log log = open_file_log(disk, "log").value();
  append(*log, 1, 3);
  ASSERT_TRUE(log->sync().ok());
  disk.set_capacity(disk.bytes_used() + 8);
  const auto refused = log->append(4, entry_of(4).bytes);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().fault, Fault::kIo);
  EXPECT_FALSE(log->restart(3, noise(50, 1)).ok());
  EXPECT_EQ(log->last_sequence(), 3);
  disk.set_capacity(SimDisk::kNoLimit);
  append(*log, 4, 4);
  ASSERT_TRUE(log->sync().ok());
  EXPECT_EQ(open_file_log(disk, "log").value()->entries(), entries_of(1, 4));
}

TEST(FileLog, TrustsNothingAfterAFailedSync) {
  SimDisk disk(1);
  Log log = open_file_log(disk, "log").value();
  append(*log, 1, 2);
  disk.stop_after(0);
  EXPECT_FALSE(log->sync().ok());
  disk.stop_after(SimDisk::kNoLimit);
  EXPECT_THAT(log->sync().error().message, HasSubstr("opened anew"));
  EXPECT_FALSE(log->append(3, {}).ok());
  EXPECT_FALSE(log->restart(3, {}).ok());
  EXPECT_EQ(log->durable_sequence(), 0);
}

}  // namespace
}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "codec/indices.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "codec/bits.h"
#include "codec/draws.h"
#include "core/random.h"

namespace causeway {
namespace {

constexpr IndexCoding kAll[] = {IndexCoding::kAuto, IndexCoding::kRice, IndexCoding::kBitmap,
                                IndexCoding::kRaw};

std::unique_ptr<Selection> selection_of(const std::vector<size_t>& indices) {
  auto selection = std::make_unique<Selection>();
  for (const size_t index : indices)
    selection->indices[selection->count++] = static_cast<uint16_t>(index);
  return selection;
}

Bytes written(const Selection& selection, size_t values, IndexCoding coding) {
  Bytes bytes;
  write_indices(selection, values, coding, bytes);
  return bytes;
}

// Reads them back with other bytes behind.
void expect_read(const Selection& selection, size_t values, IndexCoding coding) {
  Bytes bytes = written(selection, values, coding);
  EXPECT_LE(std::ssize(bytes), index_bytes_max(static_cast<int64_t>(values),
                                               static_cast<int64_t>(selection.count), coding));
  const size_t size = bytes.size();
  bytes.push_back(std::byte{0xff});
  const auto got = std::make_unique<Selection>();
  const auto read = read_indices(bytes, values, *got);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(*read, size);
  EXPECT_TRUE(std::ranges::equal(got->view(), selection.view()));
}

TEST(Bits, ComeBackInOrder) {
  const Random random(3, Stream::kSample);
  Bytes bytes;
  BitWriter writer(bytes);
  const auto width = [&](uint64_t i) { return static_cast<int>(random.below(2 * i, 33)); };
  const auto value = [&](uint64_t i) {
    return static_cast<uint32_t>(random.bits(2 * i + 1) & ((uint64_t{1} << width(i)) - 1));
  };
  for (uint64_t i = 0; i < 3000; ++i) writer.put(value(i), width(i));
  for (const uint32_t ones : {0, 1, 31, 32, 33, 100}) writer.put_unary(ones);
  writer.finish();
  BitReader reader(bytes);
  for (uint64_t i = 0; i < 3000; ++i) ASSERT_EQ(reader.get(width(i)), value(i)) << i;
  for (const uint32_t ones : {0u, 1u, 31u, 32u, 33u, 100u}) ASSERT_EQ(reader.get_unary(1000), ones);
  EXPECT_TRUE(reader.valid());
  EXPECT_EQ(reader.bytes(), bytes.size());
  reader.skip(32);
  EXPECT_FALSE(reader.valid());
}

TEST(Indices, ComeBackAtEveryDensity) {
  const Random random(5, Stream::kSample);
  uint64_t position = 0;
  for (const size_t values : {1, 2, 7, 64, 1000, 16'384})
    for (const double part : {0.0, 1e-4, 0.001, 0.01, 0.1, 0.3, 0.5, 0.9, 1.0}) {
      std::vector<size_t> indices;
      for (size_t i = 0; i < values; ++i)
        if (random.uniform(position++) < part) indices.push_back(i);
      for (const IndexCoding coding : kAll) expect_read(*selection_of(indices), values, coding);
    }
}

// Runs at either end are what Rice codes take most bytes for.
TEST(Indices, StayWithinTheirBound) {
  for (const size_t values : {1, 5, 64, 333, 16'384})
    for (size_t count = 1; count <= values; count += 1 + values / 150) {
      std::vector<size_t> first, last, ends;
      for (size_t i = 0; i < count; ++i) {
        first.push_back(i);
        last.push_back(values - count + i);
        ends.push_back(i < count / 2 ? i : values - count + i);
      }
      for (const auto& indices : {first, last, ends})
        for (const IndexCoding coding : kAll) {
          const auto size = std::ssize(written(*selection_of(indices), values, coding));
          for (const size_t most : {count, std::min(values, count + 9), values})
            ASSERT_LE(size, index_bytes_max(static_cast<int64_t>(values),
                                            static_cast<int64_t>(most), coding))
                << count << " of " << values;
        }
    }
}

// The entropy at 1 % is 8.08 bits, at 0.1 % 11.41.
TEST(Indices, TakeAboutTheirEntropy) {
  const Random random(6, Stream::kSample);
  for (const auto& [part, bits] : {std::pair(0.01, 8.2), std::pair(0.001, 11.6)}) {
    size_t bytes = 0, count = 0;
    for (uint64_t block = 0; block < 100; ++block) {
      std::vector<size_t> indices;
      for (size_t i = 0; i < 16'384; ++i)
        if (random.uniform(block * 16'384 + i) < part) indices.push_back(i);
      bytes += written(*selection_of(indices), 16'384, IndexCoding::kAuto).size() - 4;
      count += indices.size();
    }
    EXPECT_LT(8 * static_cast<double>(bytes) / static_cast<double>(count), bits);
  }
}

TEST(Indices, StateTheirLayout) {
  const auto selection = selection_of({1, 4, 5});
  const auto bytes_of = [](std::initializer_list<int> list) {
    Bytes bytes;
    for (const int one : list) bytes.push_back(static_cast<std::byte>(one));
    return bytes;
  };
  // floor(ln 2 * 8) = 5, divided by 3: parameter 0. Gaps 1, 2, 0: bits 10 110 0.
  EXPECT_EQ(written(*selection, 8, IndexCoding::kRice), bytes_of({3, 0, 0, 0b10110000}));
  // floor(ln 2 * 20) = 13, divided by 3: parameter 2: bits 0 01, 0 10, 0 00.
  EXPECT_EQ(written(*selection, 20, IndexCoding::kRice), bytes_of({3, 0, 2, 0b00101000, 0}));
  EXPECT_EQ(written(*selection, 8, IndexCoding::kBitmap), bytes_of({3, 0, 32, 0b00110010}));
  EXPECT_EQ(written(*selection, 8, IndexCoding::kRaw), bytes_of({3, 0, 33, 1, 0, 4, 0, 5, 0}));
  EXPECT_EQ(written(*selection_of({}), 8, IndexCoding::kAuto), bytes_of({0, 0}));
}

TEST(Indices, AreDrawnAgainFromTheirSeed) {
  auto selection = selection_of({});
  selection->drawn = true;
  selection->seed = 77;
  selection->count = 500;
  draw_positions(77, 5000, 500, selection->indices);
  const auto view = selection->view();
  EXPECT_EQ(std::set<uint16_t>(view.begin(), view.end()).size(), 500u);
  EXPECT_LT(*std::max_element(view.begin(), view.end()), 5000);
  const Bytes bytes = written(*selection, 5000, IndexCoding::kAuto);
  EXPECT_EQ(std::ssize(bytes), kDrawnIndexBytes);
  const auto got = std::make_unique<Selection>();
  ASSERT_TRUE(read_indices(bytes, 5000, *got).ok());
  EXPECT_TRUE(std::ranges::equal(got->view(), view));
}

TEST(Indices, RefuseWhatIsOutOfRangeOrNotAscending) {
  const auto refuses = [](std::vector<int> list, size_t values) {
    Bytes bytes;
    for (const int one : list) bytes.push_back(static_cast<std::byte>(one));
    const auto got = std::make_unique<Selection>();
    const auto result = read_indices(bytes, values, *got);
    return !result.ok() && result.error().fault == Fault::kCorrupt;
  };
  EXPECT_FALSE(refuses({2, 0, 33, 1, 0, 4, 0}, 8));
  EXPECT_TRUE(refuses({2, 0, 33, 1, 0, 1, 0}, 8));    // twice
  EXPECT_TRUE(refuses({2, 0, 33, 4, 0, 1, 0}, 8));    // descending
  EXPECT_TRUE(refuses({2, 0, 33, 1, 0, 8, 0}, 8));    // out of range
  EXPECT_TRUE(refuses({2, 0, 33, 1, 0, 4}, 8));       // cut
  EXPECT_TRUE(refuses({9, 0, 32, 255, 1}, 8));        // more than there are
  EXPECT_TRUE(refuses({2, 0, 32, 0b111}, 8));         // another number of bits
  EXPECT_TRUE(refuses({2, 0, 32, 0b11000000}, 7));    // a bit out of range
  EXPECT_TRUE(refuses({1, 0, 0, 0b11111111, 0}, 8));  // a gap out of range
  EXPECT_TRUE(refuses({1, 0, 0, 0b10000001}, 8));     // the rest of a byte
  EXPECT_TRUE(refuses({1, 0, 14, 0}, 8));             // too few bits
  EXPECT_TRUE(refuses({1, 0, 15, 0, 0}, 8));          // no such kind
  EXPECT_TRUE(refuses({1, 0, 34, 0, 0}, 8));          // half a seed
  EXPECT_TRUE(refuses({1}, 8));
}

}  // namespace
}  // namespace causeway

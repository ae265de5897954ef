// SPDX-License-Identifier: Apache-2.0
//
// The contract of Disk, over a real folder and over the simulator's disk.
#include "store/disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include "sim/sim_disk.h"
#include "store/posix_disk.h"
#include "store/test_disk.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct DiskKind {
  const char* name;
  std::function<std::unique_ptr<Disk>()> make;
};

const DiskKind kDiskKinds[] = {
    {"Posix", [] { return open_posix_disk(fresh_folder("disk")).value(); }},
    {"Sim", [] { return std::make_unique<SimDisk>(1); }},
};

class EveryDisk : public testing::TestWithParam<DiskKind> {
 protected:
  std::unique_ptr<Disk> disk_ = GetParam().make();
};

Bytes whole(const Disk& disk, const std::string& name) {
  return disk.read(name, 0, disk.size(name).value()).value();
}

TEST_P(EveryDisk, ReadsAtOnceWhatWasAppended) {
  EXPECT_THAT(disk_->list().value(), IsEmpty());
  ASSERT_TRUE(disk_->append("b", bytes_of("one ")).ok());
  ASSERT_TRUE(disk_->append("b", bytes_of("two")).ok());
  ASSERT_TRUE(disk_->append("a", {}).ok());
  EXPECT_EQ(whole(*disk_, "b"), bytes_of("one two"));
  EXPECT_EQ(disk_->read("b", 2, 4).value(), bytes_of("e tw"));
  EXPECT_EQ(disk_->read("b", 7, 0).value(), Bytes());
  EXPECT_EQ(disk_->size("a").value(), 0);
  EXPECT_THAT(disk_->list().value(), ElementsAre("a", "b"));
  EXPECT_TRUE(disk_->sync("b").ok());
  EXPECT_EQ(whole(*disk_, "b"), bytes_of("one two"));
}

TEST_P(EveryDisk, NeverReadsPastTheEnd) {
  ASSERT_TRUE(disk_->append("a", bytes_of("four")).ok());
  for (const auto& [offset, count] : std::vector<std::pair<int64_t, int64_t>>{
           {0, 5}, {4, 1}, {5, 0}, {-1, 2}, {0, -1}, {1, INT64_MAX}, {INT64_MAX, 1}}) {
    const auto got = disk_->read("a", offset, count);
    ASSERT_FALSE(got.ok()) << offset << ", " << count;
    EXPECT_EQ(got.error().fault, Fault::kIo);
    EXPECT_THAT(got.error().message, HasSubstr("has 4 bytes"));
  }
  EXPECT_FALSE(disk_->view("a", 5).ok());
  EXPECT_FALSE(disk_->view("a", -1).ok());
}

TEST_P(EveryDisk, ViewsGrowWithTheFile) {
  const Bytes first = noise(10'000, 1), second = noise(5'000, 2);
  ASSERT_TRUE(disk_->append("a", first).ok());
  const ByteSpan view = disk_->view("a", 9'000).value();
  EXPECT_TRUE(std::equal(view.begin(), view.end(), first.begin(), first.begin() + 9'000));
  ASSERT_TRUE(disk_->append("a", second).ok());
  Bytes all = first;
  all.insert(all.end(), second.begin(), second.end());
  const ByteSpan longer = disk_->view("a", 15'000).value();
  EXPECT_EQ(Bytes(longer.begin(), longer.end()), all);
  EXPECT_TRUE(disk_->view("a", 0).value().empty());
  ASSERT_TRUE(disk_->remove("a").ok());
  ASSERT_TRUE(disk_->append("a", second).ok());
  const ByteSpan other = disk_->view("a", 5'000).value();
  EXPECT_EQ(Bytes(other.begin(), other.end()), second);
}

TEST_P(EveryDisk, MayBeginToSyncAtAnyTime) {
  disk_->begin_sync("a");  // there is none
  ASSERT_TRUE(disk_->append("a", bytes_of("one")).ok());
  disk_->begin_sync("a");
  ASSERT_TRUE(disk_->append("a", bytes_of("two")).ok());
  disk_->begin_sync("../a");
  EXPECT_EQ(whole(*disk_, "a"), bytes_of("onetwo"));
}

TEST_P(EveryDisk, CutsAndGoesOn) {
  ASSERT_TRUE(disk_->append("a", bytes_of("abcdef")).ok());
  ASSERT_TRUE(disk_->truncate("a", 2).ok());
  ASSERT_TRUE(disk_->append("a", bytes_of("xy")).ok());
  EXPECT_EQ(whole(*disk_, "a"), bytes_of("abxy"));
  EXPECT_FALSE(disk_->truncate("a", 5).ok()) << "it would grow";
  EXPECT_FALSE(disk_->truncate("a", -1).ok());
  EXPECT_EQ(whole(*disk_, "a"), bytes_of("abxy"));
}

TEST_P(EveryDisk, RenamesOverWhatIsThere) {
  ASSERT_TRUE(disk_->append("new", bytes_of("new")).ok());
  ASSERT_TRUE(disk_->append("old", bytes_of("older")).ok());
  ASSERT_TRUE(disk_->rename("new", "old").ok());
  EXPECT_THAT(disk_->list().value(), ElementsAre("old"));
  EXPECT_EQ(whole(*disk_, "old"), bytes_of("new"));
  ASSERT_TRUE(disk_->rename("old", "old").ok());
  EXPECT_EQ(whole(*disk_, "old"), bytes_of("new"));
  ASSERT_TRUE(disk_->remove("old").ok());
  EXPECT_THAT(disk_->list().value(), IsEmpty());
}

TEST_P(EveryDisk, SaysWhichFileIsMissing) {
  EXPECT_THAT(disk_->read("gone", 0, 1).error().message, HasSubstr("gone"));
  for (const Error& error : {disk_->size("gone").error(), disk_->sync("gone").error(),
                             disk_->remove("gone").error(), disk_->truncate("gone", 0).error(),
                             disk_->rename("gone", "b").error(), disk_->view("gone", 0).error()})
    EXPECT_EQ(error.fault, Fault::kIo) << error.message;
  EXPECT_THAT(disk_->list().value(), IsEmpty());
}

TEST_P(EveryDisk, StaysInItsFolder) {
  ASSERT_TRUE(disk_->append("a", bytes_of("x")).ok());
  for (const std::string& name :
       {std::string("../a"), std::string("/tmp/a"), std::string(".."), std::string("."),
        std::string(), std::string("a/b"), std::string("a\0b", 3), std::string(201, 'a')}) {
    for (const Error& error :
         {disk_->append(name, bytes_of("x")).error(), disk_->sync(name).error(),
          disk_->read(name, 0, 0).error(), disk_->view(name, 0).error(), disk_->size(name).error(),
          disk_->truncate(name, 0).error(), disk_->rename(name, "b").error(),
          disk_->rename("a", name).error(), disk_->remove(name).error()})
      EXPECT_EQ(error.fault, Fault::kBadInput) << error.message;
  }
  EXPECT_THAT(disk_->list().value(), ElementsAre("a"));
}

INSTANTIATE_TEST_SUITE_P(Disks, EveryDisk, testing::ValuesIn(kDiskKinds),
                         [](const auto& test) { return test.param.name; });

// An expected file is as any other, whether or not it lies where a removed one lay.
TEST_P(EveryDisk, AnExpectedFileHasOnlyItsOwnBytes) {
  const Bytes old(size_t{9} << 20, std::byte{7});
  disk_->expect("old", std::ssize(old));
  ASSERT_TRUE(disk_->append("old", old).ok());
  ASSERT_TRUE(disk_->remove("old").ok());
  EXPECT_THAT(disk_->list().value(), IsEmpty());
  disk_->expect("new", std::ssize(old));
  ASSERT_TRUE(disk_->append("new", bytes_of("one ")).ok());
  ASSERT_TRUE(disk_->append("new", bytes_of("two")).ok());
  ASSERT_TRUE(disk_->sync("new").ok());
  EXPECT_EQ(whole(*disk_, "new"), bytes_of("one two"));
  EXPECT_FALSE(disk_->read("new", 0, 8).ok());
  EXPECT_FALSE(disk_->view("new", 8).ok());
  const ByteSpan view = disk_->view("new", 7).value();
  EXPECT_EQ(Bytes(view.begin(), view.end()), bytes_of("one two"));
  ASSERT_TRUE(disk_->truncate("new", 4).ok());
  ASSERT_TRUE(disk_->append("new", bytes_of("more")).ok());
  EXPECT_EQ(whole(*disk_, "new"), bytes_of("one more"));
}

TEST_P(EveryDisk, AnExpectedFileIsRenamedAsItIs) {
  const Bytes old(size_t{9} << 20, std::byte{7});
  disk_->expect("old", std::ssize(old));
  ASSERT_TRUE(disk_->append("old", old).ok());
  ASSERT_TRUE(disk_->remove("old").ok());
  disk_->expect("new", std::ssize(old));
  ASSERT_TRUE(disk_->append("new", bytes_of("one")).ok());
  ASSERT_TRUE(disk_->rename("new", "end").ok());
  EXPECT_THAT(disk_->list().value(), ElementsAre("end"));
  EXPECT_EQ(whole(*disk_, "end"), bytes_of("one"));
  ASSERT_TRUE(disk_->append("end", bytes_of(" two")).ok());
  EXPECT_EQ(whole(*disk_, "end"), bytes_of("one two"));
}

TEST(PosixDisk, HasOneOwner) {
  const std::string folder = fresh_folder("disk");
  auto first = open_posix_disk(folder);
  ASSERT_TRUE(first.ok());
  const auto second = open_posix_disk(folder);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().fault, Fault::kIo);
  EXPECT_THAT(second.error().message, HasSubstr("in use by another process"));
  first->reset();
  EXPECT_TRUE(open_posix_disk(folder).ok());
}

TEST(PosixDisk, PutsAnExpectedFileWhereARemovedOneLay) {
  const std::string folder = fresh_folder("disk_spares");
  const auto inode = [&](const std::string& name) {
    struct stat info{};
    EXPECT_EQ(::stat((folder + "/" + name).c_str(), &info), 0);
    return info.st_ino;
  };
  const Bytes bytes(size_t{9} << 20);
  {
    const auto disk = open_posix_disk(folder).value();
    disk->expect("one", std::ssize(bytes));
    ASSERT_TRUE(disk->append("one", bytes).ok());
    const auto place = inode("one");
    ASSERT_TRUE(disk->remove("one").ok());
    disk->expect("large", 4 * std::ssize(bytes));
    ASSERT_TRUE(disk->append("large", bytes_of("not there")).ok());
    disk->expect("two", std::ssize(bytes));
    ASSERT_TRUE(disk->append("two", bytes).ok());
    EXPECT_EQ(inode("two"), place);
    EXPECT_NE(inode("large"), place);
    ASSERT_TRUE(disk->remove("two").ok());
  }
  const auto left = [&] {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      names.insert(entry.path().filename().string());
    return names;
  };
  EXPECT_THAT(left(), ElementsAre("large"));
  std::ofstream(folder + "/.spare_3") << "of a process that was killed";
  ASSERT_TRUE(open_posix_disk(folder).ok());
  EXPECT_THAT(left(), ElementsAre("large"));
}

TEST(PosixDisk, KeepsItsFilesAndFollowsNoLinks) {
  const std::string folder = fresh_folder("disk"), outside = fresh_folder("outside");
  ASSERT_TRUE(open_posix_disk(folder).value()->append("a", bytes_of("kept")).ok());
  std::ofstream(outside) << "theirs";
  std::filesystem::create_symlink(outside, folder + "/link");
  std::filesystem::create_directory(folder + "/folder");
  const auto disk = open_posix_disk(folder).value();
  EXPECT_EQ(whole(*disk, "a"), bytes_of("kept"));
  EXPECT_THAT(disk->list().value(), ElementsAre("a"));
  EXPECT_FALSE(disk->append("link", bytes_of("ours")).ok());
  EXPECT_FALSE(disk->size("link").ok());
  EXPECT_FALSE(disk->read("folder", 0, 0).ok());
  EXPECT_EQ(std::filesystem::file_size(outside), 6U);
}

TEST(PosixDisk, SaysWhyAFolderCannotBeUsed) {
  const std::string file = fresh_folder("file");
  std::ofstream(file) << "x";
  EXPECT_EQ(open_posix_disk(file).error().fault, Fault::kIo);
  EXPECT_EQ(open_posix_disk(file + "/below").error().fault, Fault::kIo);
}

}  // namespace
}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "data/corpus.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "data/test_files.h"

namespace causeway {
namespace {

using testing::AllOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

std::string corpus_text(const Corpus& corpus, int64_t begin, int64_t size) {
  std::vector<uint8_t> bytes(static_cast<size_t>(size));
  corpus.copy(begin, bytes);
  return {bytes.begin(), bytes.end()};
}
std::string corpus_text(const Corpus& corpus) {
  return corpus_text(corpus, 0, corpus.size_bytes());
}

TEST(Corpus, JoinsFilesInTheOrderGivenAndSkipsEmptyOnes) {
  const std::string folder = test_folder();
  write_text(folder + "/b", "beta");
  write_text(folder + "/none", "");
  write_text(folder + "/a", "alpha");
  const auto corpus = Corpus::open({folder + "/b", folder + "/none", folder + "/a"});
  ASSERT_TRUE(corpus) << corpus.error().message;
  EXPECT_EQ((*corpus)->files(), 2);
  EXPECT_EQ(corpus_text(**corpus), "betaalpha");
}

TEST(Corpus, CopiesAnyPartAcrossFiles) {
  const std::string folder = test_folder();
  std::string whole;
  std::vector<std::string> paths;
  for (size_t i = 0; i < 7; ++i) {
    const std::string part(1 + 3 * i % 5, static_cast<char>('a' + i));
    paths.push_back(folder + "/" + std::to_string(i));
    write_text(paths.back(), part);
    whole += part;
  }
  const auto corpus = Corpus::open(paths);
  ASSERT_TRUE(corpus) << corpus.error().message;
  ASSERT_EQ((*corpus)->size_bytes(), static_cast<int64_t>(whole.size()));
  for (size_t begin = 0; begin <= whole.size(); ++begin)
    for (size_t size = 0; begin + size <= whole.size(); ++size)
      ASSERT_EQ(corpus_text(**corpus, static_cast<int64_t>(begin), static_cast<int64_t>(size)),
                whole.substr(begin, size));
  EXPECT_DEATH(corpus_text(**corpus, 1, (*corpus)->size_bytes()), "check failed");
  EXPECT_DEATH(corpus_text(**corpus, -1, 1), "check failed");
}

TEST(Corpus, ReadsAFolderSortedByPathWithAllBelowIt) {
  const std::string folder = test_folder();
  fs::create_directories(folder + "/m/deep");
  write_text(folder + "/z", "4");
  write_text(folder + "/m/deep/x", "3");
  write_text(folder + "/m/b", "2");
  write_text(folder + "/m-first", "1");  // '-' sorts before '/'
  ASSERT_EQ(::mkfifo((folder + "/pipe").c_str(), 0600), 0);
  const auto corpus = Corpus::open({folder});
  ASSERT_TRUE(corpus) << corpus.error().message;
  EXPECT_EQ(corpus_text(**corpus), "1234");
}

TEST(Corpus, EndsInALoopOfLinks) {
  const std::string folder = test_folder();
  fs::create_directories(folder + "/a/b");
  write_text(folder + "/a/b/text", "once");
  fs::create_directory_symlink("../..", folder + "/a/b/up");
  fs::create_directory_symlink("b", folder + "/a/c");
  const auto corpus = Corpus::open({folder});
  ASSERT_TRUE(corpus) << corpus.error().message;
  EXPECT_EQ(corpus_text(**corpus), "once");
}

TEST(Corpus, RefusesFoldersThatLieTooDeep) {
  const std::string folder = test_folder();
  std::string path = folder;
  for (int depth = 0; depth < 40; ++depth) path += "/d";
  fs::create_directories(path);
  write_text(path + "/text", "deep");
  const auto corpus = Corpus::open({folder});
  ASSERT_FALSE(corpus);
  EXPECT_EQ(corpus.error().fault, Fault::kBadInput);
  EXPECT_THAT(corpus.error().message, HasSubstr("more than 32 deep"));
  EXPECT_TRUE(Corpus::open({folder + "/d/d/d/d/d/d/d/d/d/d"}));
}

TEST(Corpus, NamesThePathThatCannotBeRead) {
  const std::string folder = test_folder();
  const auto missing = Corpus::open({folder + "/missing"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().fault, Fault::kIo);
  EXPECT_THAT(missing.error().message, AllOf(HasSubstr(folder + "/missing"), HasSubstr("No such")));

  // A link to nowhere would be text silently lost.
  fs::create_symlink("nowhere", folder + "/broken");
  const auto broken = Corpus::open({folder});
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message, HasSubstr(folder + "/broken"));

  // Opening a pipe must not wait for a writer.
  ASSERT_EQ(::mkfifo((folder + "/pipe").c_str(), 0600), 0);
  const auto pipe = Corpus::open({folder + "/pipe"});
  ASSERT_FALSE(pipe);
  EXPECT_EQ(pipe.error().fault, Fault::kIo);
  EXPECT_THAT(pipe.error().message, HasSubstr("no regular file"));
}

TEST(Corpus, RefusesACorpusWithoutAByte) {
  const std::string folder = test_folder();
  write_text(folder + "/empty", "");
  for (const auto& paths : {std::vector<std::string>{}, {folder}}) {
    const auto corpus = Corpus::open(paths);
    ASSERT_FALSE(corpus);
    EXPECT_EQ(corpus.error().fault, Fault::kBadInput);
  }
}

// Whatever the fraction, both parts join to the whole, and neither begins inside a character.
TEST(Corpus, CutsBetweenCharacters) {
  const std::string path = test_folder() + "/text";
  const std::string text = "aé€😀zß—𝄞";  // of 1, 2, 3, 4, 1, 2, 3, 4 bytes
  ASSERT_EQ(text.size(), 20u);
  write_text(path, text);
  const std::set<size_t> starts{0, 1, 3, 6, 10, 11, 13, 16, 20};
  for (int byte = 0; byte <= 20; ++byte) {
    const double at = byte / 20.0;
    const auto first = Corpus::open({path}, {0, at});
    const auto second = Corpus::open({path}, {at, 1});
    const std::string head = first ? corpus_text(**first) : "";
    const std::string tail = second ? corpus_text(**second) : "";
    EXPECT_EQ(head + tail, text);
    EXPECT_EQ(head.size(), *starts.lower_bound(static_cast<size_t>(byte))) << byte;
  }
}

TEST(Corpus, CutsBytesThatAreNoTextWhereAsked) {
  const std::string path = test_folder() + "/bytes";
  write_text(path, std::string(100, '\x80'));
  const auto half = Corpus::open({path}, {0, 0.5});
  ASSERT_TRUE(half);
  EXPECT_EQ((*half)->size_bytes(), 50);
}

// A file with more bytes than the machine has memory opens, so none of it is copied.
TEST(Corpus, HoldsNothingOfTheFile) {
  const std::string path = test_folder() + "/sparse";
  constexpr int64_t kSize = int64_t{1} << 40;
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT, 0600);
  const bool made = file >= 0 && ::pwrite(file, "end", 3, kSize - 3) == 3;
  ::close(file);
  ASSERT_TRUE(made) << "wanted: a temporary folder that takes sparse files";
  const auto corpus = Corpus::open({path});
  ASSERT_TRUE(corpus) << corpus.error().message;
  EXPECT_EQ(corpus_text(**corpus, kSize - 4, 4), std::string("\0end", 4));
  fs::remove(path);
}

TEST(MappedFile, OpensAnEmptyFileAsNoBytes) {
  const std::string path = test_folder() + "/empty";
  write_text(path, "");
  const auto file = MappedFile::open(path);
  ASSERT_TRUE(file);
  EXPECT_TRUE((*file)->bytes().empty());
  EXPECT_EQ((*file)->path(), path);
}

}  // namespace
}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "data/source.h"
#include "data/test_files.h"

namespace causeway {
namespace {

using testing::HasSubstr;

Value list(const std::vector<std::string>& paths) {
  return Value(Value::Array(paths.begin(), paths.end()));
}

std::unique_ptr<Source> make_text(const Value& options, std::string* mistakes_text = nullptr) {
  Mistakes mistakes;
  auto source = make_plugin(sources(), "source", {"text", options}, mistakes);
  if (mistakes_text != nullptr)
    *mistakes_text = mistakes.text();
  else
    EXPECT_TRUE(mistakes.empty()) << mistakes.text();
  return source;
}

std::string train_text(const Source& source) {
  std::vector<int32_t> tokens(static_cast<size_t>(source.train_tokens()));
  source.train(0, tokens);
  return {tokens.begin(), tokens.end()};
}
std::string valid_text(const Source& source) {
  std::vector<int32_t> tokens(static_cast<size_t>(source.valid_tokens()));
  source.valid(0, tokens);
  return {tokens.begin(), tokens.end()};
}

TEST(Text, GivesEachByteAsAToken) {
  const std::string folder = test_folder();
  // 257 is coprime to any power of two, so that a copy which repeats or skips a block shows.
  constexpr size_t kSize = 40 * 257;
  const auto byte_at = [](size_t i) { return static_cast<int32_t>(i % 257 % 256); };
  std::string every;
  for (size_t i = 0; i < kSize; ++i) every += static_cast<char>(byte_at(i));
  write_text(folder + "/bytes", every);
  Value options;
  options.set("train", list({"bytes"}));
  const auto source = make_text(options);
  ASSERT_TRUE(source->open(folder, bytes_tokenizer()));
  ASSERT_EQ(source->train_tokens(), static_cast<int64_t>(kSize));
  EXPECT_EQ(source->valid_tokens(), 0);
  std::vector<int32_t> tokens(kSize - 3);
  source->train(3, tokens);
  for (size_t i = 0; i < tokens.size(); ++i) ASSERT_EQ(tokens[i], byte_at(i + 3)) << i;
}

TEST(Text, ReadsPathsFromTheBaseOrFromTheRoot) {
  const std::string folder = test_folder();
  std::filesystem::create_directories(folder + "/sub");
  write_text(folder + "/sub/train", "near");
  write_text(folder + "/valid", "far");
  Value options;
  options.set("train", list({"sub/train"}));
  options.set("valid", list({folder + "/valid"}));
  options.set("valid_percent", 50);  // of no effect beside `valid`
  const auto source = make_text(options);
  ASSERT_TRUE(source->open(folder, bytes_tokenizer()));
  EXPECT_EQ(train_text(*source), "near");
  EXPECT_EQ(valid_text(*source), "far");
}

TEST(Text, HoldsTheLastPartOfEachFileBack) {
  const std::string folder = test_folder();
  write_text(folder + "/a", "0123456789");
  write_text(folder + "/b", "abcdefghijklmnopqrst");
  Value options;
  options.set("train", list({"a", "b"}));
  options.set("valid_percent", 20);
  const auto source = make_text(options);
  ASSERT_TRUE(source->open(folder, bytes_tokenizer()));
  EXPECT_EQ(train_text(*source), "01234567abcdefghijklmnop");
  EXPECT_EQ(valid_text(*source), "89qrst");
}

TEST(Text, SaysWhichFileIsMissing) {
  const std::string folder = test_folder();
  write_text(folder + "/train", "text");
  Value options;
  options.set("train", list({"train"}));
  options.set("valid", list({"lost"}));
  const auto opened = make_text(options)->open(folder, bytes_tokenizer());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().fault, Fault::kIo);
  EXPECT_THAT(opened.error().message, HasSubstr(folder + "/lost"));
}

TEST(Text, RefusesOptionsThatMakeNoSense) {
  std::string mistakes;
  Value options;
  options.set("valid_percent", 60);
  make_text(options, &mistakes);
  EXPECT_THAT(mistakes, HasSubstr("`train` is missing"));
  EXPECT_THAT(mistakes, HasSubstr("0 to 50"));
}

}  // namespace
}  // namespace causeway

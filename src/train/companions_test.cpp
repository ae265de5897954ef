// SPDX-License-Identifier: Apache-2.0
#include "train/companions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/test_files.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Companions : public testing::Test {
 protected:
  Companions() {
    fs::create_directories(source_ + "/additional_chat_templates");
    fs::create_directories(target_);
    write_text(source_ + "/config.json", "{}");
    write_text(source_ + "/model.safetensors", "weights");
    write_text(source_ + "/README.md", "card");
    write_text(source_ + "/secret.txt", "not the model's");
    write_text(source_ + "/tokenizer.json", "tokens");
    write_text(source_ + "/adapter_model.safetensors", "adapter");
    write_text(source_ + "/additional_chat_templates/tool.jinja", "tool");
    write_text(source_ + "/additional_chat_templates/tool.py", "code");
  }

  const std::string folder_ = test_folder();
  const std::string source_ = folder_ + "/source", target_ = folder_ + "/target";
};

TEST_F(Companions, AreWhatTravelsWithAModel) {
  EXPECT_THAT(companions(source_),
              ElementsAre("adapter_model.safetensors", "additional_chat_templates/tool.jinja",
                          "tokenizer.json"));
  EXPECT_THAT(companions(folder_ + "/nowhere"), IsEmpty());
}

TEST_F(Companions, AreCopiedOrLinked) {
  ASSERT_TRUE(carry_companions(source_, target_).ok());
  EXPECT_EQ(companions(target_), companions(source_));
  EXPECT_EQ(read_text(target_ + "/additional_chat_templates/tool.jinja"), "tool");
  EXPECT_EQ(fs::hard_link_count(target_ + "/tokenizer.json"), 1u);
  EXPECT_FALSE(fs::exists(target_ + "/config.json"));

  const std::string linked = folder_ + "/linked";
  fs::create_directories(linked);
  ASSERT_TRUE(carry_companions(source_, linked, true).ok());
  EXPECT_EQ(fs::hard_link_count(linked + "/tokenizer.json"), 2u);
  EXPECT_TRUE(carry_companions(folder_ + "/nowhere", linked).ok());
}

TEST_F(Companions, AreTheFilesThatLinksLeadTo) {
  fs::create_symlink("tokenizer.json", source_ + "/vocab.json");
  fs::create_symlink("lost.txt", source_ + "/merges.txt");
  ASSERT_TRUE(carry_companions(source_, target_, true).ok());
  EXPECT_FALSE(fs::is_symlink(target_ + "/vocab.json"));
  EXPECT_EQ(read_text(target_ + "/vocab.json"), "tokens");
  EXPECT_FALSE(fs::exists(target_ + "/merges.txt"));
}

TEST_F(Companions, TellWhatCannotBeWritten) {
  const auto carried = carry_companions(source_, folder_ + "/nowhere");
  ASSERT_FALSE(carried.ok());
  EXPECT_EQ(carried.error().fault, Fault::kIo);
}

TEST(AdaptedConfig, ChangesOnlyWhatDiffers) {
  const std::string same = R"({"b": 1e-05, "max_position_embeddings":  64, "dtype": "float32"})";
  EXPECT_EQ(adapted_config(same, 64, "float32", "").value(), same);
  EXPECT_EQ(adapted_config(same, 64, "", "").value(), same);
  EXPECT_EQ(
      adapted_config(same, 32, "float32", "").value(),
      "{\n  \"b\": 1e-05,\n  \"max_position_embeddings\": 32,\n  \"dtype\": \"float32\"\n}\n");
  const std::string old = R"({"torch_dtype": "bfloat16", "max_position_embeddings": 64})";
  EXPECT_EQ(adapted_config(old, 64, "float16", "").value(),
            "{\n  \"torch_dtype\": \"float16\",\n  \"max_position_embeddings\": 64\n}\n");
  EXPECT_THAT(adapted_config(R"({"max_position_embeddings": 64})", 64, "float16", "").value(),
              HasSubstr(R"("dtype": "float16")"));
  EXPECT_THAT(adapted_config("[", 64, "", "a.json").error().message, HasSubstr("a.json"));
}

}  // namespace
}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "train/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "data/test_files.h"
#include "train/half.h"

namespace causeway {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

/// Three tensors, the last tied to the first.
Layout small_layout() {
  Layout layout;
  layout.add("embed", {2, 3}, Role::kEmbedding, -1);
  layout.add("norm", {3}, Role::kNorm, -1);
  layout.add_alias("head", "embed");
  return layout;
}

class Weights : public testing::Test {
 protected:
  /// Tensors of 32-bit floats; `shapes` beside `values`.
  void write(const std::string& name, const std::map<std::string, std::vector<float>>& tensors,
             const std::map<std::string, std::vector<int64_t>>& shapes = {}) {
    std::vector<TensorToWrite> entries;
    for (const auto& [tensor, values] : tensors) {
      const auto shape = shapes.find(tensor);
      entries.push_back({tensor, DType::kF32,
                         shape == shapes.end()
                             ? std::vector<int64_t>{static_cast<int64_t>(values.size())}
                             : shape->second,
                         std::as_bytes(std::span(values))});
    }
    ASSERT_TRUE(write_safetensors(folder_ + "/" + name, entries).ok());
  }
  void write_index(const json& map) {
    write_text(folder_ + "/model.safetensors.index.json", json{{"weight_map", map}}.dump());
  }
  std::string problem(const std::string& name = "") {
    const auto read = read_weights(name.empty() ? folder_ : folder_ + "/" + name, x_);
    return read ? "" : read.error().message;
  }

  const std::string folder_ = test_folder();
  Arena x_{std::make_shared<const Placement>(small_layout())};
  const std::vector<float> embed_{1, 2, 3, 4, 5, 6}, norm_{7, 8, 9};
  const std::map<std::string, std::vector<int64_t>> shapes_{{"embed", {2, 3}}, {"head", {2, 3}}};
};

TEST_F(Weights, AreReadFromAFileOrAFolder) {
  write("model.safetensors", {{"embed", embed_}, {"norm", norm_}}, shapes_);
  EXPECT_EQ(problem("model.safetensors"), "");
  EXPECT_EQ(x_[0][1][2].item<float>(), 6);
  x_.flat().zero_();
  EXPECT_EQ(problem(), "");
  EXPECT_EQ(x_[0][1][2].item<float>(), 6);
  EXPECT_EQ(x_[1][2].item<float>(), 9);
}

TEST_F(Weights, TellTheirTypes) {
  std::vector<uint16_t> half(6);
  to_half(embed_, half);
  const std::vector<TensorToWrite> entries{
      {"embed", DType::kF16, {2, 3}, std::as_bytes(std::span(half))},
      {"norm", DType::kF32, {3}, std::as_bytes(std::span(norm_))}};
  ASSERT_TRUE(write_safetensors(folder_ + "/model.safetensors", entries).ok());
  const auto dtypes = read_weights(folder_, x_);
  ASSERT_TRUE(dtypes.ok()) << dtypes.error().message;
  EXPECT_THAT(*dtypes, ElementsAre(DType::kF16, DType::kF32, DType::kF16));
  EXPECT_EQ(x_[0][1][2].item<float>(), 6);
}

TEST_F(Weights, AreReadFromShards) {
  write("one.safetensors", {{"embed", embed_}}, shapes_);
  write("two.safetensors", {{"norm", norm_}});
  write_index({{"embed", "one.safetensors"}, {"norm", "two.safetensors"}});
  EXPECT_EQ(problem(), "");
  EXPECT_EQ(x_[0][1][2].item<float>(), 6);
  EXPECT_EQ(x_[1][2].item<float>(), 9);
}

// Goal: an index from a stranger leads to no file but those beside it.
TEST_F(Weights, RefuseAnIndexThatLeadsElsewhere) {
  std::filesystem::create_directories(folder_ + "/below");
  write("below/one.safetensors", {{"embed", embed_}, {"norm", norm_}}, shapes_);
  for (const std::string& path :
       {std::string("below/one.safetensors"), folder_ + "/below/one.safetensors",
        std::string("../one.safetensors"), std::string(".."), std::string(""),
        std::string("below\\one.safetensors"), std::string("/etc/passwd"),
        std::string("config.json"), std::string("x\0.safetensors", 14)}) {
    write_index({{"embed", path}, {"norm", path}});
    EXPECT_THAT(problem(), HasSubstr("in the same folder")) << path;
  }
}

TEST_F(Weights, RefuseAnIndexThatDoesNotFitItsFiles) {
  write("one.safetensors", {{"embed", embed_}, {"norm", norm_}}, shapes_);
  write("two.safetensors", {{"norm", norm_}});
  write_index({{"embed", "one.safetensors"}});
  EXPECT_THAT(problem(), HasSubstr("does not place there"));
  write_index({{"embed", "one.safetensors"}, {"norm", "two.safetensors"}});
  EXPECT_THAT(problem(), HasSubstr("\"norm\"")) << "norm is in both files";
  write("one.safetensors", {{"embed", embed_}}, shapes_);
  write_index({{"embed", "one.safetensors"}, {"norm", "one.safetensors"}});
  EXPECT_THAT(problem(), HasSubstr("\"norm\" is not in \"one.safetensors\""));
  write_index({{"embed", "one.safetensors"}, {"norm", "lost.safetensors"}});
  EXPECT_THAT(problem(), HasSubstr("lost.safetensors"));
  for (const char* text : {"", "[]", "{}", R"({"weight_map": []})", R"({"weight_map": {}})",
                           R"({"weight_map": {"embed": 7}})"}) {
    write_text(folder_ + "/model.safetensors.index.json", text);
    EXPECT_THAT(problem(), HasSubstr("index.json")) << text;
  }
}

TEST_F(Weights, RefuseTensorsThatAreNotTheModels) {
  write("model.safetensors", {{"embed", embed_}, {"gain", norm_}}, shapes_);
  EXPECT_THAT(problem(), HasSubstr("has no tensor `norm`; it has `\"gain\"`, which is no part"));
  write("model.safetensors", {{"embed", embed_}, {"norm", embed_}}, shapes_);
  EXPECT_THAT(problem(), HasSubstr("`norm` has shape [6]; this model wants [3]"));
  write("model.safetensors", {{"embed", embed_}, {"norm", norm_}, {"a.rotary_emb.inv_freq", norm_}},
        shapes_);
  EXPECT_EQ(problem(), "");
}

TEST_F(Weights, TakeATiedTensorOnlyIfItIsItsTarget) {
  write("model.safetensors", {{"embed", embed_}, {"norm", norm_}, {"head", embed_}}, shapes_);
  EXPECT_EQ(problem(), "");
  std::vector<float> other = embed_;
  other[0] = -1;
  write("model.safetensors", {{"embed", embed_}, {"norm", norm_}, {"head", other}}, shapes_);
  EXPECT_THAT(problem(), HasSubstr("`head` is not `embed`"));
}

TEST_F(Weights, SayWhatAFolderWithoutThemHas) {
  EXPECT_THAT(problem(), HasSubstr("neither model.safetensors nor"));
  write("adapter_model.safetensors", {{"a", norm_}});
  EXPECT_THAT(problem(), HasSubstr("adapter"));
}

}  // namespace
}  // namespace causeway

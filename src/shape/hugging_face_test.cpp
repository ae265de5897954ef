// SPDX-License-Identifier: Apache-2.0
#include "shape/hugging_face.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "shape/shape.h"

namespace causeway {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// A folder with a config.json, gone with the test.
class Folder {
 public:
  explicit Folder(const std::string& text) {
    std::filesystem::create_directories(path_);
    write("config.json", text);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/" + name, std::ios::binary) << text;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = testing::TempDir() + "hugging_face_" +
                      testing::UnitTest::GetInstance()->current_test_info()->name();
};

json small(const std::string& type) {
  return {{"model_type", type},       {"vocab_size", 300},
          {"hidden_size", 64},        {"num_hidden_layers", 2},
          {"num_attention_heads", 4}, {"num_key_value_heads", 2},
          {"intermediate_size", 96},  {"max_position_embeddings", 128},
          {"rms_norm_eps", 1e-5},     {"rope_theta", 10000.0}};
}

json with(json config, const json& changes) {
  config.update(changes);
  return config;
}

std::string refusal(const json& config, int64_t context = 0) {
  const Folder folder(config.dump());
  const auto read = read_config(folder.path(), context);
  return read ? "" : read.error().message;
}

/// What the model that the config asks for would write.
json understood(const json& config) {
  const Folder folder(config.dump());
  const auto read = read_config(folder.path());
  if (!read) return read.error().message;
  Mistakes mistakes;
  const auto model = make_plugin(shapes(), "model", {read->preset, read->options}, mistakes);
  return mistakes.empty() ? json::parse(model->config_json()) : json(mistakes.text());
}

TEST(ReadConfig, ReadsEveryKind) {
  for (const char* type : {"llama", "mistral", "qwen2", "qwen3"}) {
    const json got = understood(small(type));
    EXPECT_EQ(got["model_type"], type);
    EXPECT_EQ(got["hidden_size"], 64);
    EXPECT_EQ(got["num_key_value_heads"], 2);
    EXPECT_EQ(got["rms_norm_eps"], 1e-5);
    EXPECT_EQ(got["max_position_embeddings"], 128);
    EXPECT_EQ(got["head_dim"], std::string(type) == "qwen3" ? 128 : 16);
  }
}

TEST(ReadConfig, ReadsWhatTheModelWrites) {
  for (const char* type : {"llama", "mistral", "qwen2", "qwen3"}) {
    const json wrote = understood(with(small(type), {{"tie_word_embeddings", true}}));
    EXPECT_EQ(understood(wrote), wrote) << type;
  }
  const json llama3 =
      understood(with(small("llama"), {{"rope_scaling",
                                        {{"rope_type", "llama3"},
                                         {"factor", 8},
                                         {"low_freq_factor", 1.5},
                                         {"high_freq_factor", 4},
                                         {"original_max_position_embeddings", 64}}}}));
  EXPECT_EQ(llama3["rope_parameters"]["factor"], 8);
  EXPECT_EQ(llama3["rope_parameters"]["low_freq_factor"], 1.5);
  EXPECT_EQ(llama3["rope_parameters"]["original_max_position_embeddings"], 64);
  EXPECT_EQ(understood(llama3), llama3);
}

// Goal: absent fields have the defaults of transformers' classes, null the general rule.
TEST(ReadConfig, FillsInWhatTheClassAssumes) {
  const auto kv_heads = [](const char* type, bool null) {
    json config = with(small(type), {{"num_attention_heads", 64}, {"hidden_size", 256}});
    config.erase("num_key_value_heads");
    if (null) config["num_key_value_heads"] = nullptr;
    return understood(config)["num_key_value_heads"].get<int>();
  };
  EXPECT_EQ(kv_heads("llama", false), 64);
  EXPECT_EQ(kv_heads("mistral", false), 8);
  EXPECT_EQ(kv_heads("qwen2", false), 32);
  EXPECT_EQ(kv_heads("qwen3", false), 32);
  for (const char* type : {"llama", "mistral", "qwen2", "qwen3"})
    EXPECT_EQ(kv_heads(type, true), 64) << type;
  json config = with(small("qwen3"), {{"head_dim", nullptr}});
  config.erase("rms_norm_eps");
  config.erase("rope_theta");
  const json got = understood(config);
  EXPECT_EQ(got["head_dim"], 16);
  EXPECT_EQ(got["rms_norm_eps"], 1e-6);
  EXPECT_EQ(got["rope_theta"], 10'000);
  EXPECT_EQ(got["tie_word_embeddings"], false);
}

TEST(ReadConfig, ReadsBothFormsOfRope) {
  json config = small("llama");
  config.erase("rope_theta");
  config["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 500.0}};
  EXPECT_EQ(understood(config)["rope_theta"], 500.0);
  config["rope_theta"] = 600.0;
  EXPECT_THAT(refusal(config), HasSubstr("`rope_theta` is stated twice: 600 and 500"));
}

TEST(ReadConfig, TellsTypeTextAndEndTokens) {
  const std::string text = with(small("llama"), {{"torch_dtype", "bfloat16"}}).dump(3);
  const Folder folder(text);
  EXPECT_EQ(read_config(folder.path())->json, text);
  EXPECT_EQ(read_config(folder.path())->dtype, "bfloat16");
  EXPECT_TRUE(read_config(folder.path())->end_tokens.empty());
  folder.write("config.json", with(small("llama"), {{"eos_token_id", 7}}).dump());
  EXPECT_EQ(read_config(folder.path())->end_tokens, std::vector<int64_t>{7});
  folder.write("generation_config.json", R"({"eos_token_id": [9, 8]})");
  EXPECT_EQ(read_config(folder.path())->end_tokens, (std::vector<int64_t>{9, 8}));
  folder.write("generation_config.json", R"({"eos_token_id": null})");
  EXPECT_EQ(read_config(folder.path())->end_tokens, std::vector<int64_t>{7});
  folder.write("generation_config.json", R"({"eos_token_id": "end"})");
  EXPECT_THAT(read_config(folder.path()).error().message, HasSubstr("`eos_token_id` is \"end\""));
}

TEST(ReadConfig, PassesOverWhatDoesNotMatter) {
  EXPECT_EQ(refusal(with(small("llama"), {{"architectures", {"LlamaForCausalLM"}},
                                          {"id2label", {{"0", "LABEL_0"}}},
                                          {"attention_dropout", 0.1},
                                          {"use_cache", true},
                                          {"hidden_act", "swish"},
                                          {"rope_scaling", nullptr},
                                          {"pretraining_tp", 4},
                                          {"new_text", "some"},
                                          {"new_flag", false},
                                          {"new_null", nullptr},
                                          {"new_table", json::object()}})),
            "");
  const json layers = {"full_attention", "full_attention"};
  EXPECT_EQ(refusal(with(small("qwen2"), {{"layer_types", layers}, {"max_window_layers", 2}})), "");
  EXPECT_EQ(refusal(with(small("qwen2"), {{"attention_bias", true}})), "") << "it has them anyway";
}

TEST(ReadConfig, RefusesByNameWhatChangesTheMathematics) {
  const std::pair<json, const char*> changes[] = {
      {{{"hidden_act", "gelu"}}, "`hidden_act` is \"gelu\""},
      {{{"attention_bias", true}}, "`attention_bias`"},
      {{{"mlp_bias", true}}, "`mlp_bias`"},
      {{{"partial_rotary_factor", 0.5}}, "`partial_rotary_factor` is 0.5"},
      {{{"rope_parameters", {{"partial_rotary_factor", 0.25}}}}, "`partial_rotary_factor` is 0.25"},
      {{{"rope_scaling", {{"type", "linear"}, {"factor", 2.0}}}}, "`rope_type` is \"linear\""},
      {{{"rope_scaling", {{"rope_type", "yarn"}, {"factor", 2.0}}}}, "`rope_type` is \"yarn\""},
      {{{"rope_scaling", {{"rope_type", "llama3"}, {"factor", 2.0}}}}, "no `low_freq_factor`"},
      {{{"rope_parameters", {{"mrope_section", {1, 2}}}}}, "mrope_section"},
      {{{"rope_parameters", {{"full_attention", {{"rope_theta", 1.0}}}}}}, "full_attention"},
      {{{"sliding_window", 64}}, "`sliding_window` is 64"},
      {{{"layer_types", {"full_attention", "linear_attention"}}}, "`layer_types`"},
      {{{"quantization_config", {{"bits", 4}}}}, "quantization_config"},
      {{{"num_experts", 8}}, "num_experts"},
      {{{"final_logit_softcapping", 30.0}}, "final_logit_softcapping"},
      {{{"embedding_multiplier", 12}}, "embedding_multiplier"},
      {{{"brand_new_scale", 0.5}}, "\"brand_new_scale\"` is 0.5: not known to this program"},
      {{{"brand_new_flag", true}}, "brand_new_flag"},
      {{{"brand_new_list", {1}}}, "brand_new_list"},
  };
  for (const auto& [change, wanted] : changes)
    EXPECT_THAT(refusal(with(small("llama"), change)), HasSubstr(wanted)) << change;
  EXPECT_THAT(refusal(with(small("qwen3"), {{"attention_bias", true}})),
              HasSubstr("attention_bias"));
  EXPECT_THAT(refusal({{"model_type", "gpt2"}}), HasSubstr("`model_type` is \"gpt2\""));
  EXPECT_THAT(refusal(json::object()), HasSubstr("`model_type` is missing"));
}

TEST(ReadConfig, TellsAllProblemsAtOnce) {
  json config = with(small("llama"), {{"hidden_act", "relu"},
                                      {"num_experts", 8},
                                      {"hidden_size", "wide"},
                                      {"intermediate_size", 0},
                                      {"max_position_embeddings", 1.5},
                                      {"tie_word_embeddings", "yes"}});
  config.erase("vocab_size");
  EXPECT_THAT(refusal(config),
              AllOf(HasSubstr("hidden_act"), HasSubstr("num_experts"), HasSubstr("hidden_size"),
                    HasSubstr("intermediate_size"), HasSubstr("max_position_embeddings"),
                    HasSubstr("tie_word_embeddings"), HasSubstr("`vocab_size` is missing")));
  json many = small("llama");
  for (int i = 0; i < 1000; ++i) many["field" + std::to_string(i)] = i;
  EXPECT_THAT(refusal(many), HasSubstr("and more"));
  EXPECT_LT(refusal(many).size(), 10'000u);
}

// Goal: a window matters only if it is shorter than the context, and where the class uses it.
TEST(ReadConfig, RefusesWindowsThatMatter) {
  EXPECT_EQ(refusal(with(small("mistral"), {{"sliding_window", 128}})), "");
  EXPECT_EQ(refusal(with(small("mistral"), {{"sliding_window", nullptr}})), "");
  const json mistral = with(small("mistral"), {{"sliding_window", 127}});
  EXPECT_THAT(refusal(mistral), HasSubstr("`sliding_window` is 127"));
  EXPECT_EQ(refusal(mistral, 127), "") << "the caller's context is short enough";
  EXPECT_THAT(refusal(mistral, 500), HasSubstr("context of 500"));
  EXPECT_THAT(refusal(with(small("mistral"), {{"max_position_embeddings", 8192}})),
              HasSubstr("`sliding_window` is 4096 where it is not stated"));

  const json qwen = with(small("qwen2"), {{"sliding_window", 64}, {"max_window_layers", 1}});
  EXPECT_EQ(refusal(qwen), "") << "it is not switched on";
  const json on = with(qwen, {{"use_sliding_window", true}});
  EXPECT_THAT(refusal(on), HasSubstr("`sliding_window` is 64"));
  EXPECT_EQ(refusal(with(on, {{"max_window_layers", 2}})), "") << "no layer uses it";
  EXPECT_EQ(refusal(with(on, {{"layer_types", {"full_attention", "full_attention"}}})), "");
  EXPECT_THAT(refusal(with(on, {{"layer_types", {"full_attention", "sliding_attention"}}})),
              HasSubstr("sliding_window"));
}

TEST(ReadConfig, TakesTheCallersContext) {
  const Folder folder(small("llama").dump());
  const auto read = read_config(folder.path(), 24);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->options.find("context")->integer(), 24);
  const auto longer = read_config(folder.path(), 1 << 20);
  ASSERT_FALSE(longer.ok());
  EXPECT_THAT(longer.error().message, HasSubstr("a context of 1048576 is asked for"));
}

TEST(ReadConfig, SurvivesHostileText) {
  const auto message = [](const std::string& text) {
    const Folder folder(text);
    const auto read = read_config(folder.path());
    return read ? "" : read.error().message;
  };
  std::string deep = R"({"model_type": "llama", "x": )" + std::string(1'000'000, '[');
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), std::string("null"),
        std::string("\xff"), std::string("{\"model_type\": \"llama\0\"}", 24),
        std::string(R"({"model_type": ["llama"]})"), deep,
        deep + std::string(1'000'000, ']') + "}"})
    EXPECT_THAT(message(text), HasSubstr("config.json")) << text.substr(0, 40);
  EXPECT_THAT(message(deep + std::string(1'000'000, ']') + "}"), HasSubstr("deep"));
  EXPECT_THAT(message(std::string(17 << 20, ' ')), HasSubstr("more than"));
  for (const char* number : {"1e400", "-1", "18446744073709551615", "1e30", "{}", "[]", "true"})
    EXPECT_NE(message(R"({"model_type": "llama", "hidden_size": )" + std::string(number) + "}"),
              "");
  EXPECT_EQ(read_config("/nowhere/at/all").error().fault, Fault::kIo);
}

// Method: bytes of a good config changed; a config or an error are both right.
TEST(ReadConfig, SurvivesChangedBytes) {
  const std::string good =
      with(small("llama"), {{"rope_scaling", {{"rope_type", "llama3"}, {"factor", 8}}},
                            {"layer_types", {"full_attention"}},
                            {"eos_token_id", {1, 2}}})
          .dump();
  const Folder folder(good);
  constexpr std::string_view kBytes("\"9[\0\xff]", 6);
  for (size_t i = 0; i < good.size(); i += 2) {
    std::string text = good;
    text[i] = kBytes[i / 2 % kBytes.size()];
    folder.write("config.json", text);
    const auto read = read_config(folder.path());
    if (!read) {
      EXPECT_THAT(read.error().message, HasSubstr("config.json"));
    }
  }
}

}  // namespace
}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
//
// Defaults of absent fields are those of the configuration classes of transformers 5.
#include "shape/hugging_face.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "shape/hugging_face_fields.h"
#include "shape/json_file.h"

namespace causeway {
namespace {

using nlohmann::json;

constexpr size_t kConfigBytesMax = size_t{16} << 20;
constexpr size_t kEndTokensMax = 1000;

/// What a class assumes where its config.json is silent.
struct Kind {
  std::string_view name;
  int64_t kv_heads;        ///< 0: as many as heads
  int64_t head_width;      ///< 0: width / heads
  int64_t window;          ///< 0: none
  bool window_wants_flag;  ///< only use_sliding_window switches it on, and for some layers
  bool may_have_biases;    ///< attention_bias would put them on the output as well
};
constexpr Kind kKinds[] = {
    {"llama", 0, 0, 0, false, true},
    {"mistral", 8, 0, 4096, false, false},
    {"qwen2", 32, 0, 4096, true, false},
    {"qwen3", 32, 128, 4096, true, true},
};

constexpr std::string_view kRead[] = {"attention_bias",
                                      "head_dim",
                                      "hidden_act",
                                      "hidden_activation",
                                      "hidden_size",
                                      "intermediate_size",
                                      "layer_types",
                                      "max_position_embeddings",
                                      "mlp_bias",
                                      "num_attention_heads",
                                      "num_hidden_layers",
                                      "num_key_value_heads",
                                      "partial_rotary_factor",
                                      "rms_norm_eps",
                                      "rope_parameters",
                                      "rope_scaling",
                                      "rope_theta",
                                      "sliding_window",
                                      "tie_word_embeddings",
                                      "use_sliding_window",
                                      "vocab_size"};
constexpr std::string_view kRopeRead[] = {"rope_theta", "partial_rotary_factor"};
constexpr std::string_view kLlama3Read[] = {"factor",
                                            "high_freq_factor",
                                            "low_freq_factor",
                                            "original_max_position_embeddings",
                                            "partial_rotary_factor",
                                            "rope_theta"};

/// One config.json as options of the llama plug-in. Collects what is wrong.
class Reader {
 public:
  Reader(const json& config, const Kind& kind, std::string path)
      : config_(config), kind_(kind), where_{std::move(path), 0} {}

  Value options(int64_t context);
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  template <class T>
  void set(std::string_view name, T value) {
    Value one(std::move(value));
    one.where = where_;
    options_.set(name, std::move(one));
  }
  template <class... Args>
  void refuse(fmt::format_string<Args...> format, Args&&... args) {
    problems_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }
  /// The field, or null if it is absent or null.
  static const json* find(const json& table, const char* name) {
    const auto found = table.find(name);
    return found == table.end() || found->is_null() ? nullptr : &*found;
  }
  std::optional<int64_t> count(const json& table, const char* name);
  std::optional<double> number(const json& table, const char* name);
  bool flag(const char* name);
  void required(const char* name, const char* option);
  void read_sizes(int64_t context);
  void read_rope();
  void read_llama3(const json& rope);
  void refuse_other_layers(int64_t context);
  void refuse_window(int64_t context);
  bool any_layer_slides();

  const json& config_;
  const Kind& kind_;
  const Location where_;
  Value options_ = Value::Table{};
  std::vector<std::string> problems_;
};

std::optional<int64_t> Reader::count(const json& table, const char* name) {
  const json* field = find(table, name);
  if (field == nullptr) return {};
  constexpr int64_t kMost = int64_t{1} << 40;  // options have bounds of their own
  if (field->is_number_integer() && *field >= 1 && *field <= kMost) return field->get<int64_t>();
  refuse("`{}` is {}; wanted: a whole number, 1 or more", name, shown(*field));
  return {};
}

std::optional<double> Reader::number(const json& table, const char* name) {
  const json* field = find(table, name);
  if (field == nullptr) return {};
  if (field->is_number()) return field->get<double>();
  refuse("`{}` is {}; wanted: a number", name, shown(*field));
  return {};
}

bool Reader::flag(const char* name) {
  const json* field = find(config_, name);
  if (field == nullptr) return false;
  if (field->is_boolean()) return field->get<bool>();
  refuse("`{}` is {}; wanted: true or false", name, shown(*field));
  return false;
}

void Reader::required(const char* name, const char* option) {
  if (const auto value = count(config_, name))
    set(option, *value);
  else if (find(config_, name) == nullptr)
    refuse("`{}` is missing", name);
}

void Reader::read_sizes(int64_t context) {
  required("num_hidden_layers", "layers");
  required("hidden_size", "width");
  required("num_attention_heads", "heads");
  required("intermediate_size", "inner");
  required("vocab_size", "vocabulary");
  required("max_position_embeddings", "context");
  const Value* longest = options_.find("context");
  if (longest != nullptr && context > longest->integer())
    refuse("a context of {} is asked for; `max_position_embeddings` is {}", context,
           longest->integer());
  else if (context != 0)
    set("context", context);
  // null means the general rule, an absent field the class's own default.
  const auto or_default = [&](const char* name, const char* option, int64_t fallback) {
    const auto value = count(config_, name);
    set(option, value ? *value : config_.contains(name) ? int64_t{0} : fallback);
  };
  or_default("num_key_value_heads", "kv_heads", kind_.kv_heads);
  or_default("head_dim", "head_width", kind_.head_width);
  set("norm_eps", number(config_, "rms_norm_eps").value_or(1e-6));
  set("tied", flag("tie_word_embeddings"));
}

/// transformers 4 writes rope_theta and rope_scaling, transformers 5 rope_parameters; where both
/// tables are, transformers takes rope_scaling.
void Reader::read_rope() {
  static const json nothing = json::object();
  const json* table = &nothing;
  for (const char* name : {"rope_parameters", "rope_scaling"}) {
    const json* field = find(config_, name);
    if (field == nullptr || field->empty()) continue;
    if (field->is_object())
      table = field;
    else
      refuse("`{}` is {}; wanted: a table", name, shown(*field));
  }
  const auto own = number(*table, "rope_theta"), outer = number(config_, "rope_theta");
  if (own && outer && *own != *outer)
    refuse("`rope_theta` is stated twice: {} and {}", *outer, *own);
  set("rope_theta", own ? *own : outer.value_or(10'000.0));
  for (const json* place : {&config_, table})
    if (const auto share = number(*place, "partial_rotary_factor"); share && *share != 1)
      refuse("`partial_rotary_factor` is {}; this program turns whole heads: 1", *share);

  const json* type = find(*table, "rope_type");
  if (type == nullptr) type = find(*table, "type");
  if (type != nullptr && *type == "llama3") return read_llama3(*table);
  if (type != nullptr && *type != "default")
    refuse(R"(`rope_type` is {}; this program has: "default", "llama3")", shown(*type));
  if (type == nullptr || *type == "default")
    refuse_unknown(*table, kRopeRead, "rope parameter ", problems_);
}

void Reader::read_llama3(const json& rope) {
  const auto take = [&](const char* name, const char* option) {
    if (const auto value = number(rope, name))
      set(option, *value);
    else if (find(rope, name) == nullptr)
      refuse("rope_type \"llama3\" has no `{}`", name);
  };
  take("factor", "rope_factor");
  take("low_freq_factor", "rope_low_freq_factor");
  take("high_freq_factor", "rope_high_freq_factor");
  if (const auto value = number(rope, "factor"); value && *value < 1)
    refuse("`factor` of the rope parameters is {}; wanted: 1 or more", *value);
  // Without it transformers takes the model's own context.
  auto original = count(rope, "original_max_position_embeddings");
  if (!original) original = count(config_, "max_position_embeddings");
  if (original) set("rope_original_context", *original);
  refuse_unknown(rope, kLlama3Read, "rope parameter ", problems_);
}

/// Whether some layer would look through the window. Layers of another kind are refused.
bool Reader::any_layer_slides() {
  if (const json* types = find(config_, "layer_types")) {
    for (const json& type : *types)
      if (!types->is_array() || (type != "full_attention" && type != "sliding_attention")) {
        refuse("`layer_types` is {}; wanted: a list of \"full_attention\"", shown(*types));
        break;
      }
    return !kind_.window_wants_flag ||
           std::ranges::find(*types, "sliding_attention") != types->end();
  }
  if (!kind_.window_wants_flag) return true;
  const json* layers = find(config_, "num_hidden_layers");
  return layers != nullptr && layers->is_number() &&
         layers->get<double>() > number(config_, "max_window_layers").value_or(28);
}

void Reader::refuse_window(int64_t context) {
  const bool slides = any_layer_slides();
  const bool on = !kind_.window_wants_flag || flag("use_sliding_window");
  const bool stated = config_.contains("sliding_window");
  if (!slides || !on || (stated && config_["sliding_window"].is_null())) return;
  const int64_t window = count(config_, "sliding_window").value_or(stated ? 0 : kind_.window);
  const Value* read = options_.find("context");
  const int64_t longest = read != nullptr ? read->integer() : context;
  if (window != 0 && window < longest)
    refuse(
        "`sliding_window` is {}{}: this program attends to the whole context of {}; set the "
        "context to {} or less",
        window, stated ? "" : " where it is not stated", longest, window);
}

void Reader::refuse_other_layers(int64_t context) {
  for (const char* name : {"hidden_act", "hidden_activation"})
    if (const json* act = find(config_, name); act != nullptr && *act != "silu" && *act != "swish")
      refuse("`{}` is {}; this program has: \"silu\"", name, shown(*act));
  if (kind_.may_have_biases && flag("attention_bias"))
    refuse("`attention_bias` is true: biases of attention's output, which this program has not");
  if (flag("mlp_bias")) refuse("`mlp_bias` is true: biases which this program has not");
  refuse_window(context);
}

Value Reader::options(int64_t context) {
  set("architecture", std::string(kind_.name));
  read_sizes(context);
  read_rope();
  refuse_other_layers(context);
  refuse_unknown(config_, kRead, "", problems_);
  return std::move(options_);
}

std::string stored_dtype(const json& config) {
  for (const char* name : {"dtype", "torch_dtype"}) {
    const auto field = config.find(name);
    if (field == config.end() || !field->is_string()) continue;
    std::string text = field->get<std::string>();
    if (text.starts_with("torch.")) text = text.substr(6);
    if (text == "bfloat16" || text == "float16") return text;
  }
  return "float32";
}

/// One token or a list of tokens; none where the field is absent or null.
Result<std::vector<int64_t>> end_tokens(const json& table, const std::string& path) {
  const auto field = table.find("eos_token_id");
  if (field == table.end() || field->is_null()) return std::vector<int64_t>{};
  const json list = field->is_array() ? *field : json::array({*field});
  const bool right = list.size() <= kEndTokensMax && std::ranges::all_of(list, [](const json& one) {
                       return one.is_number_integer() && one >= -1 && one <= INT32_MAX;
                     });
  if (!right)
    return failure(Fault::kBadInput, "{}: `eos_token_id` is {}; wanted: a token, or a list of them",
                   path, shown(*field));
  std::vector<int64_t> out;
  for (const json& one : list)
    if (one >= 0) out.push_back(one.get<int64_t>());
  return out;
}

Result<const Kind*> kind_of(const json& config, const std::string& path) {
  const auto type = config.find("model_type");
  if (type != config.end())
    for (const Kind& kind : kKinds)
      if (*type == kind.name) return &kind;
  return failure(Fault::kBadInput,
                 "{}: `model_type` is {}; this program has: \"llama\", \"mistral\", \"qwen2\", "
                 "\"qwen3\"",
                 path, type == config.end() ? "missing" : shown(*type));
}

}  // namespace

Result<FolderConfig> read_config(const std::string& folder, int64_t context) {
  const std::string path = folder + "/config.json";
  FolderConfig out;
  CW_ASSIGN(out.json, read_text(path, kConfigBytesMax));
  CW_ASSIGN(const json config, parse_object(out.json, path));
  CW_ASSIGN(const Kind* kind, kind_of(config, path));
  Reader reader(config, *kind, path);
  out.preset = "llama";
  out.options = reader.options(context);
  if (const auto& problems = reader.problems(); !problems.empty()) {
    const auto told = std::span(problems).first(std::min(problems.size(), kProblemsMax));
    return failure(Fault::kBadInput, "{}:\n  {}{}", path, fmt::join(told, "\n  "),
                   told.size() < problems.size() ? "\n  and more" : "");
  }
  out.dtype = stored_dtype(config);
  CW_ASSIGN(out.end_tokens, end_tokens(config, path));
  const std::string generation_path = folder + "/generation_config.json";
  std::error_code none;
  if (std::filesystem::exists(generation_path, none)) {
    CW_ASSIGN(const json generation, read_object(generation_path, kConfigBytesMax));
    CW_ASSIGN(auto tokens, end_tokens(generation, generation_path));
    if (!tokens.empty()) out.end_tokens = std::move(tokens);
  }
  return out;
}

}  // namespace causeway

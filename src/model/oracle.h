// SPDX-License-Identifier: Apache-2.0
//
// For tests: the golden trace of the forward pass, and the fixtures that it was made with. Both are
// known to be right, so nothing here is prepared for a damaged file.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "model/model.h"

namespace causeway::oracle {

inline std::string read_file(const std::string& name) {
  std::ifstream file(std::string(CAUSEWAY_SOURCE) + "/tests/oracle/" + name, std::ios::binary);
  CW_CHECK(file.good(), "no {}", name);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline nlohmann::json read_trace(const std::string& name) {
  return nlohmann::json::parse(read_file("traces/" + name + ".json"));
}

/// Every tensor of a fixture, F32 or I32.
inline std::map<std::string, at::Tensor> read_tensors(const std::string& name) {
  std::string bytes = read_file("fixtures/" + name + ".safetensors");
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), sizeof(header_bytes));
  char* data = bytes.data() + sizeof(header_bytes) + header_bytes;
  std::map<std::string, at::Tensor> tensors;
  const auto header = nlohmann::json::parse(bytes.substr(sizeof(header_bytes), header_bytes));
  for (const auto& [key, entry] : header.items()) {
    if (key == "__metadata__") continue;
    const auto dtype = entry["dtype"] == "F32" ? at::kFloat : at::kInt;
    tensors[key] = at::from_blob(data + entry["data_offsets"][0].get<int64_t>(),
                                 entry["shape"].get<std::vector<int64_t>>(), dtype)
                       .clone();
  }
  return tensors;
}

inline std::unique_ptr<Model> make_llama(const Value& options) {
  Mistakes mistakes;
  auto model = make_plugin(models(), "model", Plugin{"llama", options}, mistakes);
  CW_CHECK(mistakes.empty() && model != nullptr, "{}", mistakes.text());
  return model;
}

/// The model of tiny.config.json.
inline std::unique_ptr<Model> tiny_model() {
  const auto config = nlohmann::json::parse(read_file("fixtures/tiny.config.json"));
  Value options;
  options.set("layers", config["num_hidden_layers"].get<int64_t>());
  options.set("width", config["hidden_size"].get<int64_t>());
  options.set("heads", config["num_attention_heads"].get<int64_t>());
  options.set("kv_heads", config["num_key_value_heads"].get<int64_t>());
  options.set("head_width", config["head_dim"].get<int64_t>());
  options.set("inner", config["intermediate_size"].get<int64_t>());
  options.set("context", config["max_position_embeddings"].get<int64_t>());
  options.set("vocabulary", config["vocab_size"].get<int64_t>());
  options.set("rope_theta", config["rope_theta"].get<double>());
  options.set("norm_eps", config["rms_norm_eps"].get<double>());
  return make_llama(options);
}

/// Its weights, by name.
inline void load_tiny(Arena& x) {
  const auto weights = read_tensors("tiny");
  const std::vector<Tensor>& tensors = x.placement().layout().tensors();
  CW_CHECK(weights.size() == tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) x[i].copy_(weights.at(tensors[i].name));
}

/// The rows [16, 33] on which the trace's loss is taken.
inline at::Tensor validation_rows() { return read_tensors("batches").at("valid").to(at::kLong); }

}  // namespace causeway::oracle

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "codec/codec.h"
#include "optim/inner.h"
#include "oracle/cases.h"
#include "sync/outer.h"

namespace causeway::oracle {
namespace {

template <class Interface>
bool known(Entries<Interface> entries, const std::string& name) {
  return std::ranges::any_of(entries, [&](const auto* entry) { return entry->name == name; });
}

Value model_table(const json& config, const Fixtures& fixtures) {
  Value model;
  const std::pair<const char*, const char*> kNames[] = {{"layers", "num_hidden_layers"},
                                                        {"width", "hidden_size"},
                                                        {"heads", "num_attention_heads"},
                                                        {"kv_heads", "num_key_value_heads"},
                                                        {"head_width", "head_dim"},
                                                        {"inner", "intermediate_size"},
                                                        {"context", "max_position_embeddings"},
                                                        {"vocabulary", "vocab_size"},
                                                        {"rope_theta", "rope_theta"},
                                                        {"norm_eps", "rms_norm_eps"},
                                                        {"tied", "tie_word_embeddings"}};
  for (const auto& [ours, theirs] : kNames)
    if (config.contains(theirs) && !config[theirs].is_null())
      model.set(ours, to_value(config[theirs]));
  model.set("init", fixtures.weights);
  return model;
}

/// Adds the codec of a fedopt case; false if there is none of its name.
bool set_codec(const json& codec, Value& sync) {
  const std::string name = codec.at("name").get<std::string>();
  if (name != "int8_absmax") return false;
  Value up;
  up.set("name", "int8");
  up.set("block", to_value(codec.at("block")));
  sync.set("up", std::move(up));
  if (codec.value("error_feedback", false)) sync.set("feedback", "ef");
  return true;
}

void set_periods(const json& periods, Value& sync) {
  Value moments = Value::Table{};
  sync.set("period", 0);
  for (const auto& [state, period] : periods.items()) {
    const Value steps = period.is_null() ? Value(0) : to_value(period);
    if (state == "x")
      sync.set("period", steps);
    else
      moments.set(state, steps);
  }
  sync.set("periods", std::move(moments));
}

std::variant<Value, Skipped> sync_table(const json& trace) {
  const json& method = trace.at("method");
  const std::string name = method.at("name").get<std::string>();
  Value sync;
  if (name == "local") {
    sync.set("preset", "none");
  } else if (name == "ddp") {
    sync.set("preset", "ddp");
  } else if (name == "fedavg" || name == "local_adam") {
    sync.set("preset", name);
    sync.set("period", to_value(method.at("period")));
    if (method.contains("reset_inner")) sync.set("reset_inner", to_value(method["reset_inner"]));
  } else if (name == "fedopt") {
    const json& outer = method.at("outer");
    if (!known(outer_optimizers(), outer.at("name").get<std::string>()))
      return Skipped{"outer optimizer " + outer.at("name").get<std::string>() + " is not known"};
    sync.set("preset", "fedopt");
    sync.set("period", to_value(method.at("period")));
    sync.set("outer", to_value(outer));
    if (method.contains("codec") && method["codec"].is_object() &&
        !set_codec(method["codec"], sync))
      return Skipped{"codec " + method["codec"].at("name").get<std::string>() + " is not known"};
  } else if (name == "streaming") {
    if (method.at("codec") != "fp32")
      return Skipped{"codec " + method["codec"].get<std::string>() + " is not known"};
    sync.set("preset", "streaming_diloco");
    sync.set("fragments", Value(static_cast<int64_t>(method.at("fragments").size())));
    for (const char* option : {"period", "delay", "mix", "outer", "phases"})
      sync.set(option, to_value(method.at(option)));
  } else if (name == "des_loc") {
    sync.set("preset", "des_loc");
    set_periods(method.at("periods"), sync);
    sync.set("ordering", to_value(method.at("ordering")));
    if (method.contains("server") && method["server"].is_object())
      sync.set("server", to_value(method["server"]));
  } else {
    return Skipped{"method " + name + " is not known"};
  }
  const bool weighted = trace.contains("weights") && trace["weights"].is_array();
  sync.set("weight", weighted ? "fixed" : "equal");
  sync.set("workers", to_value(trace.at("workers")));
  return sync;
}

Value data_table(const json& trace, const Fixtures& fixtures) {
  Value data;
  data.set("recorded", fixtures.batches);
  if (!trace.contains("weights") || !trace["weights"].is_array()) return data;
  Value::Array sites;
  for (const json& weight : trace["weights"]) {
    Value site;
    site.set("name", fmt::format("worker-{}", sites.size()));
    site.set("weight", to_value(weight));
    sites.push_back(std::move(site));
  }
  data.set("site", std::move(sites));
  return data;
}

}  // namespace

Value to_value(const json& from) {
  switch (from.type()) {
    case json::value_t::boolean:
      return from.get<bool>();
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
      return from.get<int64_t>();
    case json::value_t::number_float:
      return from.get<double>();
    case json::value_t::string:
      return from.get<std::string>();
    case json::value_t::array: {
      Value::Array out;
      for (const json& entry : from) out.push_back(to_value(entry));
      return out;
    }
    case json::value_t::object: {
      Value::Table out;
      for (const auto& [key, entry] : from.items())
        if (!entry.is_null()) out.emplace_back(key, to_value(entry));
      return out;
    }
    default:
      return {};
  }
}

std::variant<Value, Skipped> recipe_of(const json& trace, const Fixtures& fixtures) {
  const std::string inner = trace.at("inner").at("name").get<std::string>();
  if (!known(inner_optimizers(), inner)) return Skipped{"optimizer " + inner + " is not known"};
  auto sync = sync_table(trace);
  if (std::holds_alternative<Skipped>(sync)) return std::get<Skipped>(sync);
  Value optimizer = to_value(trace.at("inner"));
  optimizer.set("decay_all", true);
  Value train;
  train.set("optimizer", std::move(optimizer));
  train.set("schedule", to_value(trace.at("schedule")));
  train.set("clip", trace.at("clip").is_null() ? Value(0) : to_value(trace.at("clip")));
  train.set("batch_tokens", fixtures.batch_tokens);
  Value run;
  run.set("name", to_value(trace.at("name")));
  run.set("steps", to_value(trace.at("steps")));
  Value recipe;
  recipe.set("run", std::move(run));
  recipe.set("model", model_table(fixtures.config, fixtures));
  recipe.set("data", data_table(trace, fixtures));
  recipe.set("train", std::move(train));
  recipe.set("sync", std::get<Value>(std::move(sync)));
  return recipe;
}

}  // namespace causeway::oracle

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

/// Ours of the oracle's codec, or empty.
std::string codec_named(const std::string& name, const json& block) {
  const std::string values = block.is_null() ? "4096" : block.dump();
  if (name == "fp32") return name;
  if (name == "int8_absmax") return fmt::format("int8(block={})", values);
  if (name == "e3m0_absmax") return fmt::format("e3m0(block={})", values);
  return {};
}

/// Adds the codec of a fedopt case; false if there is none of its name.
bool set_codec(const json& codec, Value& sync) {
  const std::string up = codec_named(codec.at("name").get<std::string>(),
                                     codec.contains("block") ? codec["block"] : json());
  if (up.empty()) return false;
  sync.set("up", up);
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

/// What a method's case sets beside the [sync] table.
struct Method {
  Value sync;
  Value optimizer;  ///< in place of the case's inner optimizer, if it is a table
};
using MethodOf = std::variant<Method, Skipped>;

void copy_options(const json& from, std::initializer_list<const char*> names, Value& to) {
  for (const char* name : names)
    if (from.contains(name) && !from[name].is_null()) to.set(name, to_value(from[name]));
}

MethodOf averaging(const json& method) {
  Method out;
  out.sync.set("preset", to_value(method.at("name")));
  copy_options(method, {"period", "reset_inner"}, out.sync);
  return out;
}

MethodOf fedopt(const json& method) {
  Method out;
  const json& outer = method.at("outer");
  if (!known(outer_optimizers(), outer.at("name").get<std::string>()))
    return Skipped{"outer optimizer " + outer.at("name").get<std::string>() + " is not known"};
  out.sync.set("preset", "fedopt");
  copy_options(method, {"period", "outer"}, out.sync);
  if (method.contains("codec") && method["codec"].is_object() &&
      !set_codec(method["codec"], out.sync))
    return Skipped{"codec " + method["codec"].at("name").get<std::string>() + " is not known"};
  return out;
}

/// A channel for each list of tensors, as the preset streaming_diloco has them for its own lists.
MethodOf streaming(const json& method) {
  const std::string codec = method.at("codec").is_object()
                                ? method["codec"].at("name").get<std::string>()
                                : method["codec"].get<std::string>();
  const json block = method["codec"].is_object() ? method["codec"]["block"] : json();
  const std::string up = codec_named(codec, block);
  if (up.empty()) return Skipped{"codec " + codec + " is not known"};
  Method out;
  out.sync.set("preset", "none");
  Value::Array channels;
  for (size_t part = 0; part < method.at("fragments").size(); ++part) {
    Value port;
    port.set("name", "outer");
    port.set("optimizer", to_value(method.at("outer")));
    port.set("mix", to_value(method.at("mix")));
    Value channel;
    channel.set("name", fmt::format("x{}", part));
    channel.set(
        "region",
        fmt::format("tensor {}",
                    fmt::join(method["fragments"][part].get<std::vector<std::string>>(), ", ")));
    channel.set("port", std::move(port));
    channel.set("up", up);
    channel.set("phase", to_value(method.at("phases").at(part)));
    copy_options(method, {"period", "delay"}, channel);
    channels.push_back(std::move(channel));
  }
  out.sync.set("channel", std::move(channels));
  return out;
}

MethodOf des_loc(const json& method) {
  Method out;
  out.sync.set("preset", "des_loc");
  set_periods(method.at("periods"), out.sync);
  copy_options(method, {"ordering"}, out.sync);
  if (method.contains("server") && method["server"].is_object())
    out.sync.set("server", to_value(method["server"]));
  return out;
}

MethodOf plain_preset(const json& method, const char* preset,
                      std::initializer_list<const char*> options) {
  Method out;
  out.sync.set("preset", preset);
  copy_options(method, options, out.sync);
  return out;
}

/// The part of each tensor that gives these numbers when it is rounded up, or 0.
double keep_of(const json& numbers, const json& shapes) {
  double low = 0, high = 1;
  for (const auto& [name, k] : numbers.items()) {
    double count = 1;
    for (const json& extent : shapes.at(name)) count *= extent.get<double>();
    low = std::max(low, (k.get<double>() - 1) / count);
    high = std::min(high, k.get<double>() / count);
  }
  return low < high ? (low + high) / 2 : 0;
}

MethodOf dgc(const json& method, const Fixtures& fixtures) {
  Method out;
  out.sync.set("preset", "dgc");
  out.sync.set("warmup", 0);
  copy_options(method, {"momentum"}, out.sync);
  const json& clip = method.at("local_clip");
  out.sync.set("local_clip", clip.is_null() ? Value(0) : to_value(clip));
  if (method.at("scope") == "all") {
    out.sync.set("up", fmt::format("topk(k={}, scope=signal)|fp32", method.at("k").dump()));
    return out;
  }
  const double keep = keep_of(method.at("k"), fixtures.shapes);
  if (keep == 0) return Skipped{"k by tensor that is no part of each"};
  out.sync.set("up", fmt::format("topk(keep={:.17g}, scope=layer)|fp32", keep));
  return out;
}

MethodOf with_top_k(const json& method, const char* preset) {
  Method out;
  out.sync.set("preset", preset);
  if (method.contains("eta")) out.sync.set("eta", to_value(method["eta"]));
  out.sync.set("up", fmt::format("topk(k={}, scope=signal)|fp32", method.at("k").dump()));
  return out;
}

MethodOf demo(const json& method, const json& inner) {
  Method out = std::get<Method>(plain_preset(method, "demo", {"decay", "chunk", "k"}));
  const auto dense = method.at("dense").get<std::vector<std::string>>();
  if (!dense.empty()) out.sync.set("dense", fmt::format("tensor {}", fmt::join(dense, ", ")));
  out.optimizer = to_value(inner);
  out.optimizer.set("weight_decay", to_value(method.at("weight_decay")));
  return out;
}

MethodOf co2(const json& method) {
  return plain_preset(method, "co2", {"period", "lr", "momentum", "gap_penalty", "limit"});
}

MethodOf noloco(const json& method) {
  Method out =
      std::get<Method>(plain_preset(method, "noloco", {"period", "alpha", "beta", "gamma"}));
  Value group;
  group.set("name", "pairs");
  group.set("rounds", to_value(method.at("groups")));
  out.sync.set("group", std::move(group));
  return out;
}

MethodOf lordo(const json& method, const json& inner) {
  Method out = std::get<Method>(plain_preset(method, "lordo", {"refresh"}));
  Value moments = Value::Table{};
  for (const auto& [state, period] : method.at("periods").items())
    if (state == "x")
      out.sync.set("period", to_value(period));
    else
      moments.set(state, period.is_null() ? Value(0) : to_value(period));
  out.sync.set("periods", std::move(moments));
  out.optimizer.set("name", "lordo");
  out.optimizer.set("lr", to_value(inner.at("lr")));
  copy_options(method, {"rank", "betas", "eps", "omega", "bias_correction"}, out.optimizer);
  return out;
}

MethodOf method_of(const json& trace, const Fixtures& fixtures) {
  const json& method = trace.at("method");
  const std::string name = method.at("name").get<std::string>();
  if (name == "local") return plain_preset(method, "none", {});
  if (name == "ddp") return plain_preset(method, "ddp", {});
  if (name == "fedavg" || name == "local_adam") return averaging(method);
  if (name == "fedopt") return fedopt(method);
  if (name == "streaming") return streaming(method);
  if (name == "des_loc") return des_loc(method);
  if (name == "eager") return plain_preset(method, "eager", {"period", "outer"});
  if (name == "co2") return co2(method);
  if (name == "dgc") return dgc(method, fixtures);
  if (name == "powersgd") return plain_preset(method, "powersgd", {"rank"});
  if (name == "ef21" || name == "econtrol") return with_top_k(method, name.c_str());
  if (name == "demo") return demo(method, trace.at("inner"));
  if (name == "sparseloco")
    return plain_preset(method, "sparseloco",
                        {"period", "lr", "decay", "chunk", "k", "two_bit", "mean_over"});
  if (name == "noloco") return noloco(method);
  if (name == "lordo") return lordo(method, trace.at("inner"));
  return Skipped{"method " + name + " is not known"};
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
  auto found = method_of(trace, fixtures);
  if (std::holds_alternative<Skipped>(found)) return std::get<Skipped>(found);
  Method method = std::get<Method>(std::move(found));
  const bool weighted = trace.contains("weights") && trace["weights"].is_array();
  const char* weight = weighted ? "fixed" : "equal";
  method.sync.set("weight", weight);
  if (Value* channels = method.sync.find("channel"))
    for (Value& channel : channels->array()) channel.set("weight", weight);
  method.sync.set("workers", to_value(trace.at("workers")));
  Value optimizer = method.optimizer.is(Value::Kind::kTable) ? std::move(method.optimizer)
                                                             : to_value(trace.at("inner"));
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
  recipe.set("sync", std::move(method.sync));
  return recipe;
}

}  // namespace causeway::oracle

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "codec/chain.h"
#include "codec/signal.h"
#include "core/low_rank.h"
#include "core/squared_norm.h"
#include "optim/clip.h"
#include "optim/inner.h"
#include "optim/schedule.h"
#include "oracle/cases.h"
#include "sync/outer.h"
#include "sync/port.h"

namespace causeway::oracle {
namespace {

using Vector = std::vector<float>;

/// Vectors of single numbers: a few roundings of float32 apart.
constexpr double kRelative = 1e-6, kAbsolute = 1e-7;

Vector floats(const json& from) {
  Vector out;
  for (const json& value : from) out.push_back(static_cast<float>(value.get<double>()));
  return out;
}

void compare(const std::string& what, const json& wanted, std::span<const float> got,
             Tally& tally) {
  for (size_t i = 0; i < got.size(); ++i) {
    const double value = wanted.at(i).get<double>();
    tally.add(what, std::abs(value - got[i]), kAbsolute + kRelative * std::abs(value));
  }
}

std::vector<std::span<float>> views(std::vector<Vector>& vectors) {
  return {vectors.begin(), vectors.end()};
}

void compare_inner(const json& trace, const json& one, Tally& tally) {
  Mistakes mistakes;
  Plugin plugin;
  options_detail::read(to_value(one.at("options")), plugin);
  const auto optimizer = make_plugin(inner_optimizers(), "optimizer", plugin, mistakes);
  if (!mistakes.empty()) return tally.add(mistakes.text(), 1, 0);
  const auto names = optimizer->states();
  Vector x = floats(trace.at("x0"));
  std::vector<Vector> states(names.size(), Vector(x.size()));
  for (size_t t = 0; t < one.at("after").size(); ++t) {
    optimizer->step({static_cast<int64_t>(t), trace.at("rates").at(t).get<double>(), 1.0, true}, x,
                    floats(trace.at("gradients").at(t)), views(states));
    const json& after = one["after"][t];
    compare("inner " + plugin.name, after.at("x"), x, tally);
    for (size_t s = 0; s < names.size(); ++s)
      compare("inner " + plugin.name, after.at(names[s]), states[s], tally);
  }
}

void compare_outer(const json& trace, const json& one, Tally& tally) {
  Mistakes mistakes;
  Plugin plugin;
  options_detail::read(to_value(one.at("options")), plugin);
  const auto optimizer = make_plugin(outer_optimizers(), "outer optimizer", plugin, mistakes);
  if (!mistakes.empty()) return tally.add(mistakes.text(), 1, 0);
  const auto names = optimizer->buffers();
  Vector anchor = floats(trace.at("anchor0"));
  std::vector<Vector> buffers(names.size(), Vector(anchor.size()));
  for (size_t t = 0; t < one.at("after").size(); ++t) {
    optimizer->step(static_cast<int64_t>(t) + 1, floats(trace.at("deltas").at(t)), anchor,
                    views(buffers));
    const json& after = one["after"][t];
    compare("outer " + plugin.name, after.at("x"), anchor, tally);
    for (size_t s = 0; s < names.size(); ++s)
      compare("outer " + plugin.name, after.at(std::string(names[s])), buffers[s], tally);
  }
}

void compare_schedule(const json& one, Tally& tally) {
  Schedule schedule;
  Mistakes mistakes;
  read_options(to_value(one.at("options")), schedule, mistakes);
  if (!mistakes.empty()) return tally.add(mistakes.text(), 1, 0);
  for (size_t t = 0; t < one.at("factors").size(); ++t)
    tally.add("schedule",
              std::abs(one["factors"][t].get<double>() - schedule.factor(static_cast<int64_t>(t))),
              1e-12);
}

void compare_clip(const json& one, Tally& tally) {
  Vector values = floats(one.at("input"));
  const double scale = clip_scale(std::sqrt(squared_norm(values)), one.at("limit").get<double>());
  for (float& value : values) value = static_cast<float>(value * scale);
  compare("clip", one.at("output"), values, tally);
}

/// The number behind `key=` in "top_k k=3"; 0 if there is none.
int64_t number_of(const std::string& name, const std::string& key) {
  const size_t found = name.find(key + "=");
  return found == std::string::npos ? 0 : std::stol(name.substr(found + key.size() + 1));
}

/// Ours of the trace's codec, as "int8_absmax block=5"; empty if it is not known.
std::string chain_of(const std::string& name) {
  const int64_t block = number_of(name, " block"), k = number_of(name, " k");
  const int64_t chunk = number_of(name, " chunk");
  if (name.starts_with("int8_absmax ")) return fmt::format("int8(block={})", block);
  if (name.starts_with("e3m0_absmax ")) return fmt::format("e3m0(block={})", block);
  if (name.starts_with("top_k ")) return fmt::format("topk(k={}, scope=signal)|fp32", k);
  const std::string selected = fmt::format("topk(k={}, scope=chunk, chunk={})|", k, chunk);
  if (name.starts_with("chunk_top_k ")) return selected + "fp32";
  if (name.starts_with("two_bit ")) return selected + "two_bit";
  return {};
}

void compare_codecs(const json& codecs_of_trace, Tally& tally) {
  const Vector input = floats(codecs_of_trace.at("input"));
  for (const auto& [name, wanted] : codecs_of_trace.items()) {
    if (name == "input") continue;
    Mistakes mistakes;
    const auto codec = make_codec({chain_of(name), {}}, mistakes);
    if (!mistakes.empty()) return tally.add(name + ": " + mistakes.text(), 1, 0);
    Vector decoded(input.size());
    const Bytes bytes = encode_signal(*codec, input, 0);
    tally.add("codec decodes", decode_signal(*codec, bytes, decoded).ok() ? 0 : 1, 0);
    // Selections are given as masks.
    if (wanted.at(0).is_boolean()) {
      for (size_t i = 0; i < input.size(); ++i)
        tally.add("selection", decoded[i] == (wanted[i].get<bool>() ? input[i] : 0.0F) ? 0 : 1, 0);
      continue;
    }
    compare("codec", wanted, decoded, tally);
  }
}

Vector flat(const json& rows) {
  Vector out;
  for (const json& row : rows)
    for (const json& value : row) out.push_back(static_cast<float>(value.get<double>()));
  return out;
}

/// Gram-Schmidt of PowerSGD. The trace's matrix, sin(1), sin(2), ... row by row, has rank 2: what
/// is left of a third column is the rounding of its input to float32, so two are compared.
void compare_basis(const json& one, Tally& tally) {
  Vector matrix = flat(one.at("input"));
  const auto rows = std::ssize(one["input"]), columns = std::ssize(one["input"].at(0));
  orthonormalise(matrix, rows, columns);
  const Vector wanted = flat(one.at("output"));
  for (size_t i = 0; i < wanted.size(); ++i)
    if (static_cast<int64_t>(i) % columns < 2)
      tally.add("orthonormalise", std::abs(wanted[i] - matrix[i]), 2e-6);
}

/// DeMo's transform, by its port.
void compare_dct(const json& one, Tally& tally) {
  const Vector input = flat(one.at("input")), wanted = flat(one.at("coefficients"));
  Layout layout;
  layout.add("w", {std::ssize(one["input"]), std::ssize(one["input"].at(0))}, Role::kMatrix, 0);
  Plugin plugin{"demo", {}};
  plugin.options.set("chunk", to_value(one.at("limit")));
  Mistakes mistakes;
  const auto port = make_plugin(ports(), "port", plugin, mistakes);
  const Region all{{{0, layout.count()}}};
  const VirtualClock clock;
  port->bind({layout, all, 1, clock});
  struct Gradient final : Replica {
    explicit Gradient(const Vector& g) : values(g) {}
    std::vector<std::string> states() const override { return {"g"}; }
    void read(std::string_view, const Region&, std::span<float> packed) const override {
      std::ranges::copy(values, packed.begin());
    }
    void write(std::string_view, const Region&, std::span<const float>) override {}
    void reset_optimizer() override {}
    const Vector& values;
  };
  Gradient replica(input);
  Firing firing;
  firing.rate = 1;
  States states;
  for (StateSpec& spec : port->states(layout.count())) states.declare(std::move(spec));
  port->begin(firing, all, replica, states);
  Vector got(wanted.size());
  port->offer(firing, all, replica, states, got);
  for (size_t i = 0; i < wanted.size(); ++i) tally.add("dct", std::abs(wanted[i] - got[i]), 2e-6);
}

}  // namespace

Outcome run_units(const json& trace) {
  Tally tally;
  for (const json& one : trace.at("inner")) compare_inner(trace, one, tally);
  for (const json& one : trace.at("outer")) compare_outer(trace, one, tally);
  for (const json& one : trace.at("schedules")) compare_schedule(one, tally);
  for (const json& one : trace.at("clip")) compare_clip(one, tally);
  compare_codecs(trace.at("codecs"), tally);
  if (trace.contains("orthonormalise")) compare_basis(trace["orthonormalise"], tally);
  if (trace.contains("dct")) compare_dct(trace["dct"], tally);
  return tally;
}

}  // namespace causeway::oracle

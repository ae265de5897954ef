// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "codec/signal.h"
#include "core/squared_norm.h"
#include "optim/clip.h"
#include "optim/inner.h"
#include "optim/schedule.h"
#include "oracle/cases.h"
#include "sync/outer.h"

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

/// "int8_absmax block=5": the codecs known here; the trace has others too.
void compare_codecs(const json& codecs_of_trace, Tally& tally) {
  const Vector input = floats(codecs_of_trace.at("input"));
  for (const auto& [name, wanted] : codecs_of_trace.items()) {
    constexpr std::string_view kInt8 = "int8_absmax block=";
    if (!name.starts_with(kInt8)) continue;
    Plugin plugin{"int8", {}};
    plugin.options.set("block", std::stol(name.substr(kInt8.size())));
    Mistakes mistakes;
    const auto codec = make_plugin(codecs(), "codec", plugin, mistakes);
    if (!mistakes.empty()) return tally.add(mistakes.text(), 1, 0);
    Bytes bytes;
    codec->encode(input, 0, bytes);
    Vector decoded(input.size());
    tally.add("codec int8 decodes", codec->decode(bytes, decoded).ok() ? 0 : 1, 0);
    compare("codec int8", wanted, decoded, tally);
  }
}

}  // namespace

Outcome run_units(const json& trace) {
  Tally tally;
  for (const json& one : trace.at("inner")) compare_inner(trace, one, tally);
  for (const json& one : trace.at("outer")) compare_outer(trace, one, tally);
  for (const json& one : trace.at("schedules")) compare_schedule(one, tally);
  for (const json& one : trace.at("clip")) compare_clip(one, tally);
  compare_codecs(trace.at("codecs"), tally);
  return tally;
}

}  // namespace causeway::oracle

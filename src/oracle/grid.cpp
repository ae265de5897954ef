// SPDX-License-Identifier: Apache-2.0
#include <ATen/ops/empty.h>

#include <algorithm>

#include "aggregate/rule.h"
#include "oracle/cases.h"
#include "sync/port.h"

namespace causeway::oracle {
namespace {

using Vectors = std::map<int32_t, std::vector<float>>;

/// Bytes as numbers / 256, which are exact; means of them are rounded.
constexpr double kGridRelative = 1e-6;

Vectors first_vectors(const json& trace, const Fixtures& fixtures) {
  Vectors out;
  for (const json& peer : trace.at("method").at("peers")) {
    const json& place = trace.at("vectors").at(peer.get<size_t>());
    const at::Tensor tokens =
        fixtures.tokens[place.at(0).get<int64_t>()][place.at(1).get<int64_t>()].contiguous();
    auto& values = out[peer.get<int32_t>()];
    for (int64_t i = 0; i < tokens.numel(); ++i)
      values.push_back(static_cast<float>(tokens.data_ptr<int32_t>()[i]) / 256);
  }
  return out;
}

std::vector<double> mean_of(const Vectors& vectors) {
  std::vector<double> out(vectors.begin()->second.size());
  for (const auto& [peer, values] : vectors)
    for (size_t i = 0; i < out.size(); ++i)
      out[i] += values[i] / static_cast<double>(vectors.size());
  return out;
}

double variance(const Vectors& vectors, const std::vector<double>& centre) {
  double sum = 0;
  for (const auto& [peer, values] : vectors)
    for (size_t i = 0; i < centre.size(); ++i)
      sum += (values[i] - centre[i]) * (values[i] - centre[i]);
  return sum / static_cast<double>(vectors.size() * centre.size());
}

void compare(const json& wanted, const Vectors& vectors, const std::vector<double>& centre,
             Tally& tally) {
  tally.add("variance", std::abs(wanted.at("variance").get<double>() - variance(vectors, centre)),
            1e-8);
  for (const auto& [peer, values] : vectors) {
    double squares = 0, sum = 0;
    for (const double value : values) squares += value * value, sum += value;
    const json& one = wanted.at("peers").at(std::to_string(peer));
    const double norm = one.at("norm").get<double>();
    tally.add("norm", std::abs(norm - std::sqrt(squares)) / norm, kGridRelative);
    tally.add("sum", std::abs(one.at("sum").get<double>() - sum) / norm, kGridRelative);
  }
}

}  // namespace

Outcome run_grid(const json& trace, const Fixtures& fixtures) {
  Tally tally;
  const json& method = trace.at("method");
  Mistakes mistakes;
  Plugin plugin{"grid", {}};
  for (const char* option : {"side", "dimensions"})
    plugin.options.set(option, to_value(method.at(option)));
  plugin.options.set("turns", true);
  const auto group = make_plugin(groups(), "group", plugin, mistakes);
  const auto mean = make_plugin(rules(), "rule", Plugin{"mean", {}}, mistakes);
  if (!mistakes.empty()) {
    tally.add(mistakes.text(), 1, 0);
    return tally;
  }
  int32_t places = 1;
  for (int64_t i = 0; i < method.at("dimensions").get<int64_t>(); ++i)
    places *= method.at("side").get<int32_t>();
  Vectors vectors = first_vectors(trace, fixtures);
  const auto centre = mean_of(vectors);
  compare(trace.at("rounds_done").at(0), vectors, centre, tally);
  for (int64_t round = 1; round <= trace.at("rounds").get<int64_t>(); ++round) {
    Vectors after = vectors;
    json lines = json::array();
    for (auto line : group->parts({round, 0, places, 0})) {
      std::erase_if(line, [&](int32_t peer) { return !vectors.contains(peer); });
      if (line.empty()) continue;
      std::vector<std::span<const float>> rows;
      for (const int32_t peer : line) rows.emplace_back(vectors.at(peer));
      std::vector<float> out(rows.front().size());
      mean->fold(rows, std::vector<int64_t>(rows.size(), 1), out);
      for (const int32_t peer : line) after.at(peer) = out;
      lines.push_back(line);
    }
    std::sort(lines.begin(), lines.end());
    vectors = std::move(after);
    const json& wanted = trace.at("rounds_done").at(static_cast<size_t>(round));
    tally.add("lines", wanted.at("lines") == lines ? 0 : 1, 0);
    compare(wanted, vectors, centre, tally);
  }
  return tally;
}

}  // namespace causeway::oracle

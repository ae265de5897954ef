// SPDX-License-Identifier: Apache-2.0
#include "lab/mixing.h"

#include <span>

#include "aggregate/rule.h"
#include "core/random.h"
#include "sync/port.h"

namespace causeway {
namespace {

template <class Interface>
std::unique_ptr<Interface> valid_plugin(Entries<Interface> entries, std::string_view kind,
                                        const Plugin& plugin) {
  Mistakes mistakes;
  auto out = make_plugin(entries, kind, plugin, mistakes);
  CW_CHECK(mistakes.empty(), "{}", mistakes.text());
  return out;
}

void take_mean(const Rule& rule, const std::vector<int32_t>& part, PeerValues& peers) {
  std::vector<std::span<const float>> rows;
  for (const int32_t member : part) {
    const auto& values = peers[static_cast<size_t>(member)];
    if (!values.empty()) rows.emplace_back(values);
  }
  if (rows.empty()) return;
  std::vector<float> mean(rows.front().size());
  rule.fold(rows, std::vector<int64_t>(rows.size(), 1), mean);
  for (const int32_t member : part)
    if (auto& values = peers[static_cast<size_t>(member)]; !values.empty()) values = mean;
}

}  // namespace

PeerValues draw_peers(const Mixing& mixing, int64_t size, uint64_t seed) {
  const auto places = static_cast<uint64_t>(mixing.places);
  const Random who(seed, Stream::kCoin);
  PeerValues out(places);
  for (int64_t i = 0; i < mixing.peers; ++i) {
    const uint64_t place = who.permute(static_cast<uint64_t>(i), places, 0);
    const Random random(seed, Stream::kSample, static_cast<uint32_t>(place));
    for (int64_t k = 0; k < size; ++k)
      out[place].push_back(static_cast<float>(random.normal(static_cast<uint64_t>(k))));
  }
  return out;
}

double variance_of(const PeerValues& peers) {
  std::vector<double> mean;
  double count = 0;
  for (const auto& values : peers) {
    if (values.empty()) continue;
    mean.resize(values.size());
    ++count;
    for (size_t i = 0; i < values.size(); ++i) mean[i] += values[i];
  }
  for (double& one : mean) one /= count;
  double sum = 0;
  for (const auto& values : peers)
    for (size_t i = 0; i < values.size(); ++i)
      sum += (values[i] - mean[i]) * (values[i] - mean[i]) / count;
  return sum;
}

void mix(const Mixing& mixing, PeerValues& peers, int64_t rounds, uint64_t seed,
         const std::function<void()>& after) {
  const VirtualClock clock(std::vector<double>(static_cast<size_t>(mixing.places), 1.0));
  const auto group = valid_plugin(groups(), "group", mixing.group);
  const auto rule = valid_plugin(rules(), "rule", Plugin{"mean", {}});
  group->bind(clock, 1);
  group->seed(seed);
  for (int64_t round = 1; round <= rounds; ++round) {
    const Gathering gathering{round, static_cast<int32_t>(round - 1),
                              static_cast<int32_t>(mixing.places), seed};
    for (const auto& part : group->parts(gathering)) take_mean(*rule, part, peers);
    if (after) after();
  }
}

std::vector<double> variances_of(const Mixing& mixing, PeerValues peers, int64_t rounds,
                                 uint64_t seed) {
  const double first = variance_of(peers);
  CW_CHECK(first > 0, "{}: all peers have the same values", mixing.name);
  std::vector<double> out{1};
  mix(mixing, peers, rounds, seed, [&] { out.push_back(variance_of(peers) / first); });
  return out;
}

double dealt_factor(int64_t peers, int64_t groups) {
  return static_cast<double>(groups - 1) / static_cast<double>(peers - 1);
}

double moshpit_factor(int64_t peers, int64_t groups) {
  const auto n = static_cast<double>(peers), r = static_cast<double>(groups);
  return (r - 1) / n + r / (n * n);
}

}  // namespace causeway

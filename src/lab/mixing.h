// SPDX-License-Identifier: Apache-2.0
//
// Averaging alone, without training: what a group plug-in makes of vectors that its members hold.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/options.h"

namespace causeway {

/// Who averages with whom.
struct Mixing {
  std::string name;
  Plugin group;
  int64_t places = 0;  ///< workers that the group knows
  int64_t peers = 0;   ///< of those, how many are there, drawn by the seed; the others never come
};

/// A vector for each place; empty where nobody is.
using PeerValues = std::vector<std::vector<float>>;

/// So many normal values for each peer.
PeerValues draw_peers(const Mixing& mixing, int64_t size, uint64_t seed);

/// Mean squared distance of the peers' vectors from the mean of all.
double variance_of(const PeerValues& peers);

/// So many rounds: whoever is there of a part takes its mean, by the rule `mean`. A round of a grid
/// is one axis. `group` is a valid plug-in. `after` is called after each round.
void mix(const Mixing& mixing, PeerValues& peers, int64_t rounds, uint64_t seed,
         const std::function<void()>& after = {});

/// The variance after each of so many rounds as a part of the first one, which comes first and is
/// 1, and must be above 0.
std::vector<double> variances_of(const Mixing& mixing, PeerValues peers, int64_t rounds,
                                 uint64_t seed);

/// What the variance is multiplied by, in the mean, when all peers are dealt into `groups` groups
/// of given sizes and each takes its mean: (r - 1) / (N - 1). A peer of a group of size M has the
/// variance of a mean of M out of N drawn without replacement, (N - M) / (N - 1) / M of that of
/// one; weighted by M / N and summed over r groups the sizes cancel.
double dealt_factor(int64_t peers, int64_t groups);

/// The same as Moshpit SGD has it: (r - 1) / N + r / N^2. Never less.
double moshpit_factor(int64_t peers, int64_t groups);

}  // namespace causeway

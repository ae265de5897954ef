// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "sim/scenario.h"

namespace causeway {

/// A world drawn at random, a pure function of the seed. Swarm-tested (Groce and others, "Swarm
/// Testing", ISSTA 2012): first it is drawn which features and which kinds of faults there are at
/// all, each with an even chance, then how they look; so worlds differ in kind, and what one fault
/// would hide is met without it.
///
/// All faults end, no quorum needs a worker that may be refused for good, and disks have room for
/// what is kept: so every such world must finish, with identical replicas, and checks that. Every
/// fourth is patient: its deadlines and leases never end and its faults take no worker's state, so
/// that every round must have everybody and the bits must be those of the undisturbed world.
Scenario random_scenario(uint64_t seed);

}  // namespace causeway

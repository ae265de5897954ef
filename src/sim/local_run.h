// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "exchange/trainer.h"

namespace causeway {

/// The parameters that `workers` workers of a course end with when the exchange of one process
/// carries their offers: what a world must come to if nothing fails.
std::vector<Digest> local_weights(const Course& course, int32_t workers);

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "train/export.h"

namespace causeway {

/// README.md of an exported model: how to load it and, if it is a checkpoint of a run, the data,
/// the method, the bytes that were sent, the losses, the hashes and the recipe, from the files of
/// the run's folder. What is not known is said to be unknown.
std::string model_card(const SavedModel& saved, const Exported& exported);

}  // namespace causeway

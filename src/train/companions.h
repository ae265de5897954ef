// SPDX-License-Identifier: Apache-2.0
//
// Files of a model's folder that travel with it and are kept, not interpreted: its tokenizer and
// chat templates, its generation_config.json, its adapters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace causeway {

/// Those that `folder` has, as paths below it, sorted. config.json, the weights and README.md are
/// not among them.
std::vector<std::string> companions(const std::string& folder);

/// Carries them all to the folder `target`, which exists. Copies, synced; with `may_link` hard
/// links where the file system has them: only for folders of one run, whose files nobody writes to
/// again. A `source` that does not exist has none. Fault::kIo.
Result<void> carry_companions(const std::string& source, const std::string& target,
                              bool may_link = false);

/// The text of a config.json with this context and, unless it is empty, this dtype ("float32");
/// everything else stays, unknown fields and order included. A text that says so already is
/// returned as it is. Fault::kBadInput if it is no JSON object; `name` is for messages.
Result<std::string> adapted_config(const std::string& json, int64_t context, std::string_view dtype,
                                   const std::string& name);

}  // namespace causeway

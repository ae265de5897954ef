// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "core/error.h"

namespace causeway {

/// Whether a tokenizer.json's `normalizer` asks for NFC. Fault::kBadInput for a normaliser that is
/// neither null, NFC nor a Sequence of these.
Result<bool> parse_normalizer(const nlohmann::json& value, const std::string& name);

/// The text in Unicode's normalisation form C. `text` is well-formed UTF-8; the result is `text`
/// itself where nothing changes, else `scratch`. Takes O(n log n) time.
std::string_view normalize_nfc(std::string_view text, std::string& scratch);

}  // namespace causeway

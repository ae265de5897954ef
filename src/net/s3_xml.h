// SPDX-License-Identifier: Apache-2.0
//
// What S3 says in XML: pages of a listing, and errors. A parser of our own, as the answers are flat
// and a stranger may write them: no entities but the five and numbers, no document types, bounds on
// depth and length, nothing held but what is asked for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace causeway {

inline constexpr size_t kXmlDepthMax = 8;
inline constexpr size_t kXmlTextBytesMax = 8192;  ///< of one element
inline constexpr int64_t kListPageKeysMax = 1000;

/// One answer of ListObjectsV2.
struct ListPage {
  std::vector<std::string> keys;  ///< at most kListPageKeysMax; of any characters
  bool truncated = false;         ///< there are more, after `continuation`
  std::string continuation;       ///< not empty if truncated
};

/// Any bytes are safe: Fault::kCorrupt if they are no page.
Result<ListPage> read_list_page(std::string_view xml);

/// Why a store refuses: its code, such as NoSuchBucket, and words for people.
struct StoreComplaint {
  std::string code, message;
};

/// Any bytes are safe; empty texts if they are no complaint. Printable ASCII, at most 64 and 256.
StoreComplaint read_complaint(std::string_view xml);

}  // namespace causeway

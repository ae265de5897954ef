// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "service/store_access.h"

namespace causeway {

/// The store of that store.toml, tried as open_store says; null if no file is named. One that does
/// not answer is told on standard error, and used when it does. Fault::kBadInput with all mistakes
/// of the file; others as open_store.
Result<std::shared_ptr<StoreAccess>> use_store(const std::string& path, const std::string& who,
                                               bool removes);

}  // namespace causeway

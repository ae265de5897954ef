// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "store/disk.h"

namespace causeway {

/// A folder of the file system, made if there is none, and locked while the object lives:
/// Fault::kIo if another process, or another object of this one, has it.
///
/// Views are mappings of the file: what they show lies in the system's page cache, not in this
/// process's own memory. If the device fails under a view, the system ends the process.
Result<std::unique_ptr<Disk>> open_posix_disk(const std::string& folder);

}  // namespace causeway

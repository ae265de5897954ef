// SPDX-License-Identifier: Apache-2.0
//
// Objects by presigned addresses (ObjectStore::presign), for sites that have no keys.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/bytes.h"
#include "core/error.h"
#include "net/s3_wire.h"

namespace causeway {

struct PresignedOptions {
  std::string endpoint;        ///< as S3Options has it: addresses elsewhere are refused
  std::string authority_file;  ///< as S3Options has it
  int64_t timeout_ms = 30'000, retries = 4, connections = 8;
};

/// Calls block and end within their deadline, as those of ObjectStore do, with its faults; an
/// address whose time is over, or that is for another method, is Fault::kRefused. Safe from many
/// threads. No message shows an address: whoever has it has the right.
class PresignedObjects {
 public:
  virtual ~PresignedObjects() = default;

  virtual Result<void> put_presigned(const std::string& url, ByteSpan bytes) = 0;
  /// More than `bytes_max` is Fault::kCorrupt, before it is held.
  virtual Result<Bytes> get_presigned(const std::string& url, int64_t bytes_max) = 0;
  /// As ObjectStore::cancel.
  virtual void cancel() = 0;
};

/// Makes no request. Fault::kBadInput: an option is none.
Result<std::unique_ptr<PresignedObjects>> open_presigned(const PresignedOptions& options,
                                                         uint64_t seed = 0);
/// The same over another wire, for tests.
Result<std::unique_ptr<PresignedObjects>> presigned_over(const PresignedOptions& options,
                                                         std::unique_ptr<Wire> wire, uint64_t seed);

}  // namespace causeway

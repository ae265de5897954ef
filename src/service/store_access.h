// SPDX-License-Identifier: Apache-2.0
//
// The object store of a place, as its store.toml says: options of object_store.h, and those of
// chunk_store.h in a table `chunks`.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "net/chunk_store.h"

namespace causeway {

/// What store.toml says. Files that it names without a slash in front lie beside it.
struct StoreOptions {
  S3Options s3;
  ChunkStoreOptions chunks;
};

/// Reads the file; mistakes of both tables are told together.
StoreOptions read_store_file(const std::string& path, Mistakes& mistakes);

/// A store that was tried.
struct StoreAccess {
  std::unique_ptr<ObjectStore> store;
  ChunkStoreOptions chunks;
  std::string name;           ///< BUCKET/PREFIX: what hub and workers must have in common
  std::optional<Error> away;  ///< it did not answer: it may later
};

/// Opens the store, puts an object, gets it and removes it. `who` names the object, and is made of
/// [a-z0-9-]; `removes`: whether it is a mistake that the key has no right to. Fault::kRefused: the
/// key has not the rights, or the certificate is not trusted; kBadInput: no such bucket, or options
/// that are none; kCorrupt: what answers is no such store.
Result<StoreAccess> open_store(const StoreOptions& options, const std::string& who, bool removes);

}  // namespace causeway

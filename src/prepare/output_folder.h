// SPDX-License-Identifier: Apache-2.0
//
// The folder that a preparation writes: who may write there, and how far it is.
#pragma once

#include <memory>
#include <string>

#include "core/error.h"

namespace causeway {

inline constexpr const char* kManifestName = "manifest.json";  ///< there: finished
inline constexpr const char* kStartedName = ".started.json";   ///< there: begun, and with what
inline constexpr const char* kJournalName = ".progress.json";  ///< how far
inline constexpr const char* kSeenName = ".seen";
inline constexpr const char* kTokenizerName = "tokenizer.json";

/// Holds the folder for one process as long as it lives.
class OutputFolder {
 public:
  /// Makes the folder if it is missing. Fault::kBadInput if another process writes there.
  static Result<std::unique_ptr<OutputFolder>> open(const std::string& path);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  const std::string& path() const { return path_; }
  bool has(const std::string& name) const;
  /// Fault::kBadInput names a file that no preparation writes.
  Result<void> expect_nothing_else() const;
  /// Removes what preparations write; the folder too if this object made it and it is empty.
  Result<void> discard() const;
  /// Removes what only an unfinished preparation needs.
  Result<void> tidy() const;

 private:
  OutputFolder(int number, std::string path, bool is_new)
      : number_(number), path_(std::move(path)), is_new_(is_new) {}

  const int number_;
  const std::string path_;
  const bool is_new_;
};

}  // namespace causeway

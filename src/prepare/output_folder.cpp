// SPDX-License-Identifier: Apache-2.0
#include "prepare/output_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

#include "core/durable.h"
#include "prepare/growing_file.h"
#include "prepare/prepare.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;

bool is_shard(std::string_view name) {
  for (const std::string_view split : {"train-", "valid-"}) {
    if (!name.starts_with(split) || !name.ends_with(".bin")) continue;
    const std::string_view number = name.substr(split.size(), name.size() - split.size() - 4);
    return number.size() >= 5 && number.find_first_not_of("0123456789") == number.npos;
  }
  return false;
}

bool is_internal(std::string_view name) {
  return name == kStartedName || name == kJournalName || name == kSeenName ||
         name.starts_with(kAside);
}

bool is_ours(std::string_view name) {
  return name == kManifestName || name == kTokenizerName || is_shard(name) || is_internal(name);
}

Result<std::vector<std::string>> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error); !error && at != fs::directory_iterator();
       at.increment(error))
    names.push_back(at->path().filename().string());
  if (error) return failure(Fault::kIo, "{}: cannot be listed: {}", folder, error.message());
  std::ranges::sort(names);
  return names;
}

Result<void> remove_file(const std::string& path) {
  std::error_code error;
  fs::remove(path, error);
  if (error) return failure(Fault::kIo, "{}: cannot be removed: {}", path, error.message());
  return {};
}

}  // namespace

Result<std::unique_ptr<OutputFolder>> OutputFolder::open(const std::string& path) {
  std::error_code error;
  const bool is_new = fs::create_directories(path, error);
  if (error) return failure(Fault::kIo, "{}: cannot be made: {}", path, error.message());
  const int number = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (number < 0)
    return failure(Fault::kIo, "{}: cannot be opened: {}", path,
                   std::generic_category().message(errno));
  std::unique_ptr<OutputFolder> folder(new OutputFolder(number, path, is_new));
  if (::flock(number, LOCK_EX | LOCK_NB) != 0)
    return failure(Fault::kBadInput, "{}: another process is writing there", path);
  return folder;
}

OutputFolder::~OutputFolder() { ::close(number_); }

bool OutputFolder::has(const std::string& name) const {
  return ::access((path_ + "/" + name).c_str(), F_OK) == 0;
}

Result<void> OutputFolder::expect_nothing_else() const {
  CW_ASSIGN(const auto names, names_in(path_));
  for (const std::string& name : names)
    if (!is_ours(name))
      return failure(Fault::kBadInput,
                     "{}: has something else in it, `{}`; give a new or an empty folder", path_,
                     name);
  return {};
}

Result<void> OutputFolder::discard() const {
  CW_ASSIGN(const auto names, names_in(path_));
  // First what says that it is complete, last what says that it is ours.
  for (const char* name : {kManifestName, kJournalName}) CW_TRY(remove_file(path_ + "/" + name));
  CW_TRY(sync_path(path_));
  for (const std::string& name : names)
    if (is_ours(name) && name != kStartedName) CW_TRY(remove_file(path_ + "/" + name));
  CW_TRY(remove_file(path_ + "/" + kStartedName));
  if (is_new_) ::rmdir(path_.c_str());
  return {};
}

Result<void> OutputFolder::tidy() const {
  CW_ASSIGN(const auto names, names_in(path_));
  CW_TRY(remove_file(path_ + "/" + kStartedName));
  for (const std::string& name : names)
    if (is_internal(name)) CW_TRY(remove_file(path_ + "/" + name));
  return {};
}

Result<void> discard_prepared(const std::string& folder) {
  std::error_code error;
  if (!fs::exists(folder, error)) return {};
  CW_ASSIGN(const auto output, OutputFolder::open(folder));
  return output->discard();
}

}  // namespace causeway

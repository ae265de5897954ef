// SPDX-License-Identifier: Apache-2.0
#include "data/document_files.h"

#include <fmt/ranges.h>
#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>

namespace causeway {
namespace {

namespace fs = std::filesystem;

// The only part of memory that grows with the number of files.
constexpr size_t kDocumentFilesMax = 1'000'000;

struct Found {
  std::string path;
  int64_t size;
};

class Lister {
 public:
  Result<void> add(const std::string& path) {
    if (path == "-") return add_file({path, 0});
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) {
      const int code = errno;
      if (path.find_first_of("*?[") != path.npos) return add_glob(path);
      return failure(Fault::kIo, "{}: cannot be read: {}; check the path and its rights", path,
                     std::generic_category().message(code));
    }
    return S_ISDIR(info.st_mode) ? add_folder(path) : add_once(path, info);
  }

  Result<FileList> take() {
    std::ranges::sort(files_, {}, &Found::path);
    FileList out;
    for (Found& file : files_) {
      out.paths.push_back(std::move(file.path));
      out.sizes.push_back(file.size);
    }
    return out;
  }

 private:
  Result<void> add_file(Found file) {
    if (files_.size() == kDocumentFilesMax)
      return failure(Fault::kBadInput, "{}: more than {} files; join them into fewer, larger ones",
                     file.path, kDocumentFilesMax);
    if (file.path != "-" || !has_standard_input_) files_.push_back(file);
    has_standard_input_ |= file.path == "-";
    return {};
  }

  Result<void> add_once(const std::string& path, const struct stat& info) {
    if (!seen_.emplace(info.st_dev, info.st_ino).second) return {};
    return add_file({path, S_ISREG(info.st_mode) ? info.st_size : 0});
  }

  Result<void> add_folder(const std::string& folder) {
    std::error_code error;
    fs::recursive_directory_iterator entry(folder, error);
    // Sorted before files are told apart: which of two hard links counts must not be chance.
    std::vector<std::string> paths;
    while (!error && entry != fs::recursive_directory_iterator()) {
      std::error_code ignored;
      if (entry->is_regular_file(ignored)) paths.push_back(entry->path().string());
      if (paths.size() > kDocumentFilesMax) break;
      entry.increment(error);
    }
    if (error)
      return failure(Fault::kIo, "{}: cannot list this folder: {}; check its rights", folder,
                     error.message());
    std::ranges::sort(paths);
    for (const std::string& path : paths) CW_TRY(add(path));
    return {};
  }

  Result<void> add_glob(const std::string& pattern) {
    glob_t matches{};
    const int code = ::glob(pattern.c_str(), GLOB_NOSORT | GLOB_ERR, nullptr, &matches);
    std::vector<std::string> paths;
    for (size_t i = 0; code == 0 && i < matches.gl_pathc; ++i)
      paths.emplace_back(matches.gl_pathv[i]);
    ::globfree(&matches);
    if (code == GLOB_NOMATCH) return failure(Fault::kBadInput, "{}: no file matches", pattern);
    if (code != 0) return failure(Fault::kIo, "{}: a folder cannot be listed", pattern);
    std::ranges::sort(paths);
    for (const std::string& path : paths) CW_TRY(add(path));
    return {};
  }

  std::vector<Found> files_;
  std::set<std::pair<dev_t, ino_t>> seen_;
  bool has_standard_input_ = false;
};

}  // namespace

Result<FileList> list_documents(const std::vector<std::string>& paths) {
  if (paths.empty())
    return failure(Fault::kBadInput,
                   "no input; give files, folders, globs, or - for standard input");
  Lister lister;
  std::vector<std::string> sorted = paths;
  std::ranges::sort(sorted);
  for (const std::string& path : sorted) CW_TRY(lister.add(path));
  CW_ASSIGN(FileList files, lister.take());
  if (files.paths.empty())
    return failure(Fault::kBadInput, "{}: no file in there", fmt::join(paths, ", "));
  return files;
}

}  // namespace causeway

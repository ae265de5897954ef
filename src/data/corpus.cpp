// SPDX-License-Identifier: Apache-2.0
#include "data/corpus.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

namespace causeway {
namespace {

// Each file is one mapping, and Linux grants a process 65,530 of them.
constexpr size_t kCorpusFilesMax = 30'000;
constexpr int kFolderDepthMax = 32;
// Reading ahead pays for files that fit the page cache many times over; larger ones are read as
// used.
constexpr size_t kReadAheadBytesMax = size_t{64} << 20;

std::string call_reason(int code) { return std::generic_category().message(code); }

struct Descriptor {
  int number = -1;
  explicit Descriptor(int opened) : number(opened) {}
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
};

/// The regular files below one path, and the folders seen on the way.
struct Listing {
  std::vector<std::string> files;
  std::set<std::pair<dev_t, ino_t>> folders;
};

Result<std::vector<std::string>> entries_of(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> paths;
  std::filesystem::directory_iterator entry(folder, error);
  while (!error && entry != std::filesystem::directory_iterator()) {
    paths.push_back(entry->path().string());
    entry.increment(error);
  }
  if (error)
    return failure(Fault::kIo, "{}: cannot list this folder: {}; check its rights", folder,
                   error.message());
  std::sort(paths.begin(), paths.end());
  return paths;
}

Result<void> list_files(const std::string& path, int depth, Listing& listing) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0)
    return failure(Fault::kIo, "{}: cannot be read: {}; check the path and its rights", path,
                   call_reason(errno));
  if (!S_ISDIR(info.st_mode)) {
    // Below a folder only regular files count; a path the user names is opened, and refused there.
    if (depth > 0 && !S_ISREG(info.st_mode)) return {};
    if (listing.files.size() == kCorpusFilesMax)
      return failure(Fault::kBadInput, "{}: more than {} files; join them into fewer, larger ones",
                     path, kCorpusFilesMax);
    listing.files.push_back(path);
    return {};
  }
  // A folder reached again through a link is read once, so that a loop of links ends.
  if (!listing.folders.emplace(info.st_dev, info.st_ino).second) return {};
  if (depth == kFolderDepthMax)
    return failure(Fault::kBadInput,
                   "{}: folders lie more than {} deep; name a folder further down", path,
                   kFolderDepthMax);
  CW_ASSIGN(const std::vector<std::string> entries, entries_of(path));
  for (const std::string& entry : entries) CW_TRY(list_files(entry, depth + 1, listing));
  return {};
}

/// The byte at which a part beginning at `fraction` starts: the first start of a UTF-8 character at
/// or after it. Where no start is within the three bytes that UTF-8 allows, the text is none, and
/// the cut stays.
size_t cut(std::span<const std::byte> bytes, double fraction) {
  const double place = fraction * static_cast<double>(bytes.size());
  const size_t raw = std::min(static_cast<size_t>(place), bytes.size());
  for (size_t at = raw; at < bytes.size() && at <= raw + 3; ++at)
    if ((bytes[at] & std::byte{0xC0}) != std::byte{0x80}) return at;
  return raw + 3 < bytes.size() ? raw : bytes.size();
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path) {
  // Without O_NONBLOCK a named pipe would wait here for its writer.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.number < 0)
    return failure(Fault::kIo, "{}: cannot be opened: {}; check the path and its rights", path,
                   call_reason(errno));
  struct stat info{};
  if (::fstat(file.number, &info) != 0)
    return failure(Fault::kIo, "{}: cannot be read: {}", path, call_reason(errno));
  if (!S_ISREG(info.st_mode))
    return failure(Fault::kIo, "{}: is no regular file; give the path of a file", path);
  std::shared_ptr<MappedFile> mapped(new MappedFile);
  mapped->path_ = path;
  const auto size = static_cast<size_t>(info.st_size);
  if (size > 0) {
    void* start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.number, 0);
    if (start == MAP_FAILED)
      return failure(Fault::kIo, "{}: cannot be mapped into memory: {}", path, call_reason(errno));
    if (size <= kReadAheadBytesMax) ::madvise(start, size, MADV_WILLNEED);
    mapped->bytes_ = {static_cast<const std::byte*>(start), size};
  }
  return std::shared_ptr<const MappedFile>(std::move(mapped));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

Result<std::shared_ptr<const Corpus>> Corpus::open(const std::vector<std::string>& paths,
                                                   Slice slice) {
  CW_CHECK(0 <= slice.begin && slice.begin <= slice.end && slice.end <= 1, "slice {} to {}",
           slice.begin, slice.end);
  const auto corpus = std::make_shared<Corpus>();
  for (const std::string& path : paths) {
    Listing listing;
    CW_TRY(list_files(path, 0, listing));
    std::sort(listing.files.begin(), listing.files.end());
    for (const std::string& name : listing.files) {
      CW_ASSIGN(std::shared_ptr<const MappedFile> file, MappedFile::open(name));
      const size_t begin = cut(file->bytes(), slice.begin);
      const size_t end = cut(file->bytes(), slice.end);
      if (begin == end) continue;
      if (corpus->pieces_.size() == kCorpusFilesMax)
        return failure(Fault::kBadInput,
                       "{}: more than {} files; join them into fewer, larger ones", name,
                       kCorpusFilesMax);
      const auto bytes = file->bytes().subspan(begin, end - begin);
      corpus->pieces_.push_back({std::move(file), bytes, corpus->size_bytes_});
      corpus->size_bytes_ += static_cast<int64_t>(bytes.size());
    }
  }
  if (corpus->size_bytes_ == 0)
    return failure(Fault::kBadInput, "{}: no text from {:g} % to {:g} % of each file; give more",
                   paths.empty() ? "no paths" : fmt::format("{}", fmt::join(paths, ", ")),
                   100 * slice.begin, 100 * slice.end);
  return std::shared_ptr<const Corpus>(corpus);
}

void Corpus::copy(int64_t begin, std::span<uint8_t> out) const {
  CW_CHECK(
      begin >= 0 && begin <= size_bytes_ && out.size() <= static_cast<size_t>(size_bytes_ - begin),
      "{} bytes from {} of {}", out.size(), begin, size_bytes_);
  if (out.empty()) return;
  auto piece = std::upper_bound(pieces_.begin(), pieces_.end(), begin,
                                [](int64_t at, const Piece& one) { return at < one.begin; });
  --piece;
  auto skip = static_cast<size_t>(begin - piece->begin);
  for (; !out.empty(); ++piece, skip = 0) {
    const size_t count = std::min(out.size(), piece->bytes.size() - skip);
    std::memcpy(out.data(), piece->bytes.data() + skip, count);
    out = out.subspan(count);
  }
}

}  // namespace causeway

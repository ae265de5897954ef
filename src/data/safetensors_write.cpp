// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <utility>

#include "data/safetensors.h"

namespace causeway {
namespace {

constexpr size_t kWrittenHeaderBytesMax = 100'000'000;
constexpr size_t kTensorAlignment = 8;
// Linux writes at most 2^31 - 4096 bytes at once.
constexpr size_t kWriteBytesMax = size_t{1} << 30;

/// The text as a JSON string.
Result<std::string> quoted(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::type_error&) {
    return failure(Fault::kBadInput, "a name or metadata is no UTF-8");
  }
}

Result<std::string> written_header(std::span<const TensorToWrite> tensors,
                                   const std::map<std::string, std::string>& metadata) {
  std::string header = "{";
  if (!metadata.empty()) {
    header += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) {
      CW_ASSIGN(const std::string key_text, quoted(key));
      CW_ASSIGN(const std::string value_text, quoted(value));
      header += fmt::format("{}{}:{}", header.back() == '{' ? "" : ",", key_text, value_text);
    }
    header += '}';
  }
  std::set<std::string_view> names{"__metadata__"};
  size_t begin = 0;
  for (const TensorToWrite& tensor : tensors) {
    CW_CHECK(names.insert(tensor.name).second, "tensor `{}` twice", tensor.name);
    const TensorView view{tensor.dtype, tensor.shape, tensor.bytes};
    CW_CHECK(static_cast<int64_t>(tensor.bytes.size()) == view.count() * dtype_bytes(tensor.dtype),
             "tensor `{}` has {} bytes", tensor.name, tensor.bytes.size());
    CW_ASSIGN(const std::string name, quoted(tensor.name));
    const size_t end = begin + tensor.bytes.size();
    header += fmt::format(R"({}{}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                          header.size() == 1 ? "" : ",", name, dtype_name(tensor.dtype),
                          fmt::join(tensor.shape, ","), begin, end);
    begin = end;
  }
  header += '}';
  // With the data on a multiple of 8, a mapped file's values are aligned.
  header.resize((header.size() + kTensorAlignment - 1) / kTensorAlignment * kTensorAlignment, ' ');
  if (header.size() > kWrittenHeaderBytesMax)
    return failure(Fault::kBadInput, "a header of {} bytes, at most {} wanted", header.size(),
                   kWrittenHeaderBytesMax);
  return header;
}

/// A file being written. Unless finished, it is removed again.
class NewFile {
 public:
  explicit NewFile(const std::string& path) : path_(path) {}
  ~NewFile() {
    if (number_ >= 0) ::close(number_);
    if (made_) ::unlink(path_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  Result<void> open() {
    number_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0666);
    struct stat info{};
    if (number_ < 0 || ::fstat(number_, &info) != 0) return failed("cannot be made");
    // A device or pipe is nothing to remove on failure.
    if (!S_ISREG(info.st_mode))
      return failure(Fault::kIo, "{}: is no regular file; give the path of a file", path_);
    made_ = true;
    return {};
  }

  Result<void> write(ByteSpan bytes) {
    hasher_.add(bytes);
    while (!bytes.empty()) {
      const ssize_t count = ::write(number_, bytes.data(), std::min(bytes.size(), kWriteBytesMax));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failed("cannot be written");
      bytes = bytes.subspan(static_cast<size_t>(count));
    }
    return {};
  }

  /// The digest of all bytes, once they and the folder's entry are on the disk.
  Result<Digest> finish() {
    if (::fsync(number_) != 0) return failed("cannot be synced to disk");
    if (::close(std::exchange(number_, -1)) != 0) return failed("cannot be closed");
    const std::string parent = std::filesystem::path(path_).parent_path().string();
    const int folder =
        ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return failed("its folder cannot be opened");
    const bool synced = ::fsync(folder) == 0;
    const int code = errno;
    ::close(folder);
    errno = code;
    if (!synced) return failed("its folder cannot be synced to disk");
    made_ = false;
    return hasher_.digest();
  }

 private:
  Error failed(std::string_view what) const {
    return failure(Fault::kIo, "{}: {}: {}", path_, what, std::generic_category().message(errno));
  }

  const std::string path_;
  int number_ = -1;
  bool made_ = false;
  Hasher hasher_;
};

}  // namespace

Result<Digest> write_safetensors(const std::string& path, std::span<const TensorToWrite> tensors,
                                 const std::map<std::string, std::string>& metadata) {
  const Result<std::string> header = written_header(tensors, metadata);
  if (!header) return failure(header.error().fault, "{}: {}", path, header.error().message);
  NewFile file(path);
  CW_TRY(file.open());
  const uint64_t size = header->size();
  CW_TRY(file.write(std::as_bytes(std::span(&size, 1))));
  CW_TRY(file.write(std::as_bytes(std::span(*header))));
  for (const TensorToWrite& tensor : tensors) CW_TRY(file.write(tensor.bytes));
  return file.finish();
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
//
// For fuzzers: files in memory that never fail, and damage as the fuzzer's bytes say.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "store/disk.h"

namespace causeway {

class FuzzDisk final : public Disk {
 public:
  Result<void> append(const std::string& name, ByteSpan bytes) override {
    CW_TRY(check_file_name(name));
    Bytes& held = files[name];
    held.insert(held.end(), bytes.begin(), bytes.end());
    return {};
  }
  Result<void> sync(const std::string& name) override { return there(name); }
  Result<void> read_into(const std::string& name, int64_t offset,
                         std::span<std::byte> out) const override {
    CW_TRY(there(name));
    const Bytes& held = files.at(name);
    if (offset < 0 || offset + std::ssize(out) > std::ssize(held))
      return failure(Fault::kIo, "{}: too short", name);
    std::copy_n(held.begin() + offset, out.size(), out.begin());
    return {};
  }
  Result<ByteSpan> view(const std::string& name, int64_t count) override {
    CW_TRY(there(name));
    if (count < 0 || count > std::ssize(files[name]))
      return failure(Fault::kIo, "{}: too short", name);
    return ByteSpan(files[name]).first(static_cast<size_t>(count));
  }
  Result<int64_t> size(const std::string& name) const override {
    CW_TRY(there(name));
    return static_cast<int64_t>(files.at(name).size());
  }
  Result<void> truncate(const std::string& name, int64_t size) override {
    CW_TRY(there(name));
    if (size < 0 || size > std::ssize(files[name])) return failure(Fault::kIo, "{}: short", name);
    files[name].resize(static_cast<size_t>(size));
    return {};
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    CW_TRY(there(from));
    CW_TRY(check_file_name(to));
    Bytes moved = std::move(files[from]);
    files.erase(from);
    files[to] = std::move(moved);
    return {};
  }
  Result<void> remove(const std::string& name) override {
    CW_TRY(there(name));
    files.erase(name);
    return {};
  }
  Result<std::vector<std::string>> list() const override {
    std::vector<std::string> names;
    for (const auto& [name, bytes] : files) names.push_back(name);
    return names;
  }

  std::map<std::string, Bytes> files;

 private:
  Result<void> there(const std::string& name) const {
    CW_TRY(check_file_name(name));
    if (files.contains(name)) return {};
    return failure(Fault::kIo, "{}: there is no such file", name);
  }
};

/// The fuzzer's bytes, taken from the front; zeros when there are no more.
class FuzzInput {
 public:
  FuzzInput(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  template <class T>
  T take() {
    T out{};
    const size_t count = std::min(sizeof(T), size_);
    if (count > 0) std::memcpy(&out, data_, count);
    data_ += count;
    size_ -= count;
    return out;
  }
  bool empty() const { return size_ == 0; }
  Bytes rest() {
    Bytes out(size_);
    if (size_ > 0) std::memcpy(out.data(), data_, size_);
    size_ = 0;
    return out;
  }

 private:
  const uint8_t* data_;
  size_t size_;
};

/// One damage: a bit, a byte or a number is another; bytes are lost at the end, or follow.
inline void damage(FuzzInput& input, Bytes& bytes) {
  const auto kind = input.take<uint8_t>();
  const auto where = input.take<uint16_t>();
  const size_t at = bytes.empty() ? 0 : where % bytes.size();
  const auto put = [&](auto value) {
    if (bytes.empty()) return;
    std::memcpy(bytes.data() + at, &value, std::min(sizeof(value), bytes.size() - at));
  };
  switch (kind % 6) {
    case 0:
      if (!bytes.empty()) bytes[at] ^= static_cast<std::byte>(1U << (kind / 6 % 8));
      return;
    case 1:
      return put(input.take<uint8_t>());
    case 2:
      return put(input.take<uint32_t>());
    case 3:
      return put(input.take<uint64_t>());
    case 4:
      bytes.resize(at);
      return;
    default:
      for (int i = kind / 6; i >= 0; --i) bytes.push_back(input.take<std::byte>());
  }
}

}  // namespace causeway

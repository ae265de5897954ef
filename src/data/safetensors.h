// SPDX-License-Identifier: Apache-2.0
//
// The safetensors format: u64 little-endian header length | JSON header | data. Checked on reading:
// header at most 100 MB and within the file, offsets in range, without gap or overlap, sizes that
// fit shape and dtype, no duplicate names.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/hash.h"
#include "data/corpus.h"

namespace causeway {

enum class DType : uint8_t { kF64 = 1, kF32 = 2, kF16 = 3, kBf16 = 4, kI64 = 5, kI32 = 6, kU8 = 7 };
int64_t dtype_bytes(DType dtype);
std::string_view dtype_name(DType dtype);  ///< "F32", as in the header

struct TensorView {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  ByteSpan bytes;  ///< may be unaligned
  int64_t count() const;
};

/// A parsed file. Borrows the bytes, or holds the mapping if opened by path. Thread-safe.
class Safetensors {
 public:
  static Result<Safetensors> open(const std::string& path);
  /// Any bytes are safe: Fault::kCorrupt says what is wrong. `name` is for messages.
  static Result<Safetensors> parse(ByteSpan bytes, const std::string& name);

  const std::map<std::string, TensorView, std::less<>>& tensors() const { return tensors_; }
  const std::map<std::string, std::string, std::less<>>& metadata() const { return metadata_; }
  /// The tensor, or Fault::kBadInput with the nearest name.
  Result<TensorView> find(std::string_view name) const;
  /// Converts F64, F32, F16 or BF16 to float. Fault::kBadInput for another dtype or count, or a
  /// finite value beyond float.
  Result<void> read_floats(std::string_view name, std::span<float> out) const;

 private:
  std::shared_ptr<const MappedFile> file_;
  std::string name_;
  std::map<std::string, TensorView, std::less<>> tensors_;
  std::map<std::string, std::string, std::less<>> metadata_;
};

struct TensorToWrite {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  ByteSpan bytes;
};

/// Writes a file (not atomically: see write_folder in train/checkpoint) in the order given, synced
/// to disk, and returns the digest of its bytes. Fault::kIo with the reason, and no file, on
/// failure.
Result<Digest> write_safetensors(const std::string& path, std::span<const TensorToWrite> tensors,
                                 const std::map<std::string, std::string>& metadata = {});

}  // namespace causeway

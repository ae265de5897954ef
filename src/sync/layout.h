// SPDX-License-Identifier: Apache-2.0
//
// What the model is, apart from where its values lie. Wire, codecs, checkpoints and hashes speak of
// this one global, unpadded order: embedding, then each layer's matrices and norms, final norm,
// head.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/hash.h"

namespace causeway {

/// What a tensor does in the model. Values are fixed: the layout's digest has them.
enum class Role : uint8_t { kMatrix = 1, kEmbedding = 2, kNorm = 3, kBias = 4, kHead = 5 };

std::string_view role_name(Role role);

struct Tensor {
  std::string name;            ///< Hugging Face's
  std::vector<int64_t> shape;  ///< row-major
  Role role = Role::kMatrix;
  int32_t layer = -1;    ///< -1: outside the blocks
  int64_t begin = 0;     ///< global index of the first value
  int64_t count = 0;     ///< product of the shape
  std::string alias_of;  ///< tied weights: the tensor whose values these are; then count is 0
};

struct Span {
  int64_t begin = 0, count = 0;  ///< global indices
  bool operator==(const Span&) const = default;
};

/// Part of a layout: sorted, disjoint, touching spans merged. Packing concatenates them.
struct Region {
  std::vector<Span> spans;
  int64_t count() const;
  /// The part that packs to the values `begin` to `begin + size` of the whole's packing.
  Region part(int64_t begin, int64_t size) const;
  bool operator==(const Region&) const = default;
};

class Layout {
 public:
  /// Appends a tensor after the last one; `shape` not empty, extents > 0, the name new.
  void add(std::string name, std::vector<int64_t> shape, Role role, int32_t layer);
  /// Appends a name that shares the values of `target`.
  void add_alias(std::string name, std::string_view target);

  const std::vector<Tensor>& tensors() const { return tensors_; }
  int64_t count() const { return count_; }
  const Tensor* find(std::string_view name) const;
  Digest digest() const;

  /// The region that a selector names: `all`, `role=matrix`, `layers 0..3` (both ends in),
  /// `fragment 1/4` (one of 4 parts, counted from 0: layer i is in part i mod 4, what comes before
  /// the layers in the first, what comes after them in the last), `tensor a, b` (by name), each
  /// with a leading `!` for the rest, joined by `&`. An empty or unknown selection is
  /// Fault::kBadInput.
  Result<Region> select(std::string_view selector) const;

 private:
  std::vector<Tensor> tensors_;
  int64_t count_ = 0;
};

}  // namespace causeway

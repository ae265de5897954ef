// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include "core/bytes.h"

namespace causeway {

/// A piece of bytes that never change and are shared, so that a blob goes to a thousand receivers
/// without a copy. Cheap to copy; equal if the bytes are.
class SharedBytes {
 public:
  SharedBytes() = default;
  /// The memory of many bytes is kept for others when the last sharer is gone: core/spare_bytes.h.
  SharedBytes(Bytes bytes);
  SharedBytes(std::shared_ptr<const Bytes> owner) : owner_(std::move(owner)) {
    if (owner_ != nullptr) view_ = *owner_;
  }

  /// A part of what `owner` has.
  SharedBytes(std::shared_ptr<const Bytes> owner, ByteSpan view)
      : owner_(std::move(owner)), view_(view) {}

  ByteSpan view() const { return view_; }
  int64_t size() const { return static_cast<int64_t>(view_.size()); }
  /// At most `count` bytes from `offset` on; both are cut to what there is.
  SharedBytes slice(int64_t offset, int64_t count) const {
    SharedBytes out = *this;
    const auto begin = static_cast<size_t>(std::min(std::max<int64_t>(offset, 0), size()));
    out.view_ = view_.subspan(begin, std::min(static_cast<size_t>(count), view_.size() - begin));
    return out;
  }
  bool operator==(const SharedBytes& other) const {
    return std::equal(view_.begin(), view_.end(), other.view_.begin(), other.view_.end());
  }

 private:
  std::shared_ptr<const Bytes> owner_;
  ByteSpan view_;
};

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "tensor/arena.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/check.h"
#include "core/memory.h"

namespace causeway {
namespace {

constexpr int64_t kArenaAlignBytes = 128;
constexpr int64_t kAlignValues = kArenaAlignBytes / static_cast<int64_t>(sizeof(float));

int64_t padded(int64_t count) { return (count + kAlignValues - 1) / kAlignValues * kAlignValues; }

bool decays(Role role) { return role == Role::kMatrix || role == Role::kHead; }

/// `count` zeros of which the first lies on kArenaAlignBytes.
at::Tensor aligned_zeros(int64_t count, at::ScalarType dtype) {
  const auto bytes = static_cast<int64_t>(c10::elementSize(dtype));
  at::Tensor storage =
      at::empty({count + kArenaAlignBytes / bytes}, at::device(at::kCPU).dtype(dtype));
  want_large_pages(storage.data_ptr(), storage.nbytes());
  storage.zero_();
  const auto past =
      static_cast<int64_t>(reinterpret_cast<uintptr_t>(storage.data_ptr()) % kArenaAlignBytes);
  return storage.narrow(0, past == 0 ? 0 : (kArenaAlignBytes - past) / bytes, count);
}

template <class T>
void copy(const T* source, T* target, int64_t count) {
  std::memcpy(target, source, static_cast<size_t>(count) * sizeof(T));
}
template <class S, class T>
void copy(const S* source, T* target, int64_t count) {
  for (int64_t i = 0; i < count; ++i) target[i] = static_cast<T>(source[i]);
}

/// Calls visit(offset in the arena, offset in the packed values, count) for each run of the region.
template <class Visit>
void each_run(const Placement& placement, const Region& region, Visit&& visit) {
  const std::vector<Tensor>& tensors = placement.layout().tensors();
  size_t tensor = 0;
  int64_t packed = 0;
  for (const Span& span : region.spans) {
    int64_t begin = span.begin;
    const int64_t end = span.begin + span.count;
    CW_CHECK(begin >= 0 && span.count >= 0 && end <= placement.layout().count(),
             "span [{}, {}) of {} values", begin, end, placement.layout().count());
    while (begin < end) {
      // Spans are sorted, so the search goes on where it ended; aliases own no values.
      while (tensors[tensor].begin + tensors[tensor].count <= begin) ++tensor;
      const Tensor& one = tensors[tensor];
      CW_CHECK(begin >= one.begin, "a region's spans are sorted");
      const int64_t count = std::min(end, one.begin + one.count) - begin;
      visit(placement.offset(tensor) + begin - one.begin, packed, count);
      begin += count;
      packed += count;
    }
  }
}

}  // namespace

Placement::Placement(const Layout& layout) : layout_(layout) {
  for (const Tensor& tensor : layout_.tensors()) {
    if (!tensor.alias_of.empty()) {
      const auto target =
          static_cast<size_t>(layout_.find(tensor.alias_of) - layout_.tensors().data());
      offsets_.push_back(offsets_[target]);
      continue;
    }
    const int64_t count = padded(tensor.count);
    offsets_.push_back(size_);
    if (groups_.empty() || groups_.back().decays != decays(tensor.role))
      groups_.push_back({size_, 0, decays(tensor.role)});
    groups_.back().count += count;
    size_ += count;
  }
}

Arena::Arena(std::shared_ptr<const Placement> placement, at::ScalarType dtype)
    : placement_(std::move(placement)) {
  CW_CHECK(dtype == at::kFloat || dtype == at::kDouble, "an arena holds float or double");
  flat_ = aligned_zeros(placement_->size(), dtype);
  const std::vector<Tensor>& tensors = placement_->layout().tensors();
  for (size_t i = 0; i < tensors.size(); ++i) {
    int64_t count = 1;
    for (const int64_t extent : tensors[i].shape) count *= extent;
    views_.push_back(flat_.narrow(0, placement_->offset(i), count).view(tensors[i].shape));
  }
}

std::span<float> Arena::values() {
  return {flat_.data_ptr<float>(), static_cast<size_t>(placement_->size())};
}

std::span<const float> Arena::values() const {
  return {flat_.const_data_ptr<float>(), static_cast<size_t>(placement_->size())};
}

void Arena::read(const Region& region, std::span<float> packed) const {
  CW_CHECK(static_cast<int64_t>(packed.size()) == region.count(), "{} values for a region of {}",
           packed.size(), region.count());
  const auto read_from = [&](const auto* values) {
    each_run(*placement_, region, [&](int64_t here, int64_t there, int64_t count) {
      copy(values + here, packed.data() + there, count);
    });
  };
  if (flat_.scalar_type() == at::kFloat)
    read_from(flat_.const_data_ptr<float>());
  else
    read_from(flat_.const_data_ptr<double>());
}

void Arena::write(const Region& region, std::span<const float> packed) {
  CW_CHECK(static_cast<int64_t>(packed.size()) == region.count(), "{} values for a region of {}",
           packed.size(), region.count());
  const auto write_to = [&](auto* values) {
    each_run(*placement_, region, [&](int64_t here, int64_t there, int64_t count) {
      copy(packed.data() + there, values + here, count);
    });
  };
  if (flat_.scalar_type() == at::kFloat)
    write_to(flat_.data_ptr<float>());
  else
    write_to(flat_.data_ptr<double>());
}

}  // namespace causeway

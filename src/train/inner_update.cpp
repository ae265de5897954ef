// SPDX-License-Identifier: Apache-2.0
#include "train/inner_update.h"

#include <utility>

#include "recipe/tensor_place.h"
#include "train/flat_parts.h"

namespace causeway {
namespace {

std::vector<std::span<float>> parts(std::span<const std::span<float>> states, size_t begin,
                                    size_t count) {
  std::vector<std::span<float>> out;
  for (const std::span<float> state : states) out.push_back(state.subspan(begin, count));
  return out;
}

}  // namespace

InnerUpdate::InnerUpdate(std::shared_ptr<const Placement> placement,
                         const InnerOptimizer& optimizer)
    : placement_(std::move(placement)), optimizer_(optimizer) {
  for (const Placement::Group& group : placement_->groups()) add_group(group);
}

/// Cuts the tensors that are taken whole out of a run.
void InnerUpdate::add_group(const Placement::Group& group) {
  const bool decays = group.decays || optimizer_.decays_all();
  int64_t begin = group.begin;
  const int64_t end = group.begin + group.count;
  const std::vector<Tensor>& tensors = placement_->layout().tensors();
  for (size_t i = 0; i < tensors.size(); ++i) {
    const int64_t offset = placement_->offset(i);
    const bool here = tensors[i].count > 0 && offset >= group.begin && offset < end;
    if (!here || !optimizer_.takes_whole(tensor_place(tensors[i]))) continue;
    if (offset > begin) runs_.push_back({begin, offset - begin, decays});
    wholes_.push_back({tensor_place(tensors[i]), static_cast<size_t>(offset),
                       static_cast<size_t>(tensors[i].count), decays});
    begin = offset + tensors[i].count;
  }
  if (end > begin) runs_.push_back({begin, end - begin, decays});
}

void InnerUpdate::start(std::span<const std::span<float>> states) const {
  for (const Whole& whole : wholes_)
    optimizer_.start_tensor(whole.place, parts(states, whole.begin, whole.count));
}

void InnerUpdate::apply(const Update& update, std::span<float> x, std::span<const float> g,
                        std::span<const std::span<float>> states) const {
  at::parallel_for(0, std::ssize(wholes_), 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const Whole& whole = wholes_[static_cast<size_t>(i)];
      Update here = update;
      here.decays = whole.decays;
      optimizer_.step_tensor(here, whole.place, x.subspan(whole.begin, whole.count),
                             g.subspan(whole.begin, whole.count),
                             parts(states, whole.begin, whole.count));
    }
  });
  for (const Placement::Group& run : runs_)
    each_flat_part(run.count, [&](size_t, int64_t first, int64_t count) {
      const auto begin = static_cast<size_t>(run.begin + first), size = static_cast<size_t>(count);
      Update here = update;
      here.decays = run.decays;
      optimizer_.step(here, x.subspan(begin, size), g.subspan(begin, size),
                      parts(states, begin, size));
    });
}

}  // namespace causeway

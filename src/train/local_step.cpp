// SPDX-License-Identifier: Apache-2.0
//
// The objective's side of a replica: parameters, gradient and batch as plain spans.
#include <algorithm>

#include "train/replica.h"

namespace causeway {
namespace {

class ReplicaSubject final : public Subject {
 public:
  ReplicaSubject(TrainReplica& replica, const at::Tensor& tokens, int64_t micro_tokens)
      : replica_(replica),
        tokens_(tokens),
        rows_(std::max<int64_t>(1, micro_tokens / (tokens.size(1) - 1))) {
    const Placement& placement = replica.arena("x").placement();
    const std::vector<Tensor>& tensors = placement.layout().tensors();
    for (size_t i = 0; i < tensors.size(); ++i)
      if (tensors[i].count > 0)
        places_.push_back({static_cast<size_t>(placement.offset(i)),
                           static_cast<size_t>(tensors[i].count), tensors[i].begin,
                           tensors[i].shape.size() == 2});
  }

  const std::vector<Place>& places() const override { return places_; }
  std::span<float> state(std::string_view name) override { return replica_.arena(name).values(); }
  double gradient() override { return replica_.loss_and_gradient(tokens_); }
  double loss() override {
    double sum = 0;
    for (int64_t row = 0; row < tokens_.size(0); row += rows_) {
      const at::Tensor part = tokens_.narrow(0, row, std::min(rows_, tokens_.size(0) - row));
      sum +=
          replica_.model().losses(replica_.arena("x"), part).to(at::kDouble).sum().item<double>();
    }
    return sum / static_cast<double>(tokens_.size(0) * (tokens_.size(1) - 1));
  }

 private:
  TrainReplica& replica_;
  const at::Tensor& tokens_;
  const int64_t rows_;  // that go through the model at once
  std::vector<Place> places_;
};

}  // namespace

Objective::Outcome TrainReplica::local_step(const at::Tensor& tokens, ObjectiveStep step) {
  gradient_replaced_ = false;
  step.steps_in_round = steps_in_round_;
  Objective::Outcome out;
  if (objective_ == nullptr) {
    out.loss = loss_and_gradient(tokens);
  } else {
    ReplicaSubject subject(*this, tokens, options_.micro_tokens);
    out = objective_->step(subject, step);
  }
  ++steps_in_round_;
  return out;
}

}  // namespace causeway

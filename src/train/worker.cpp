// SPDX-License-Identifier: Apache-2.0
#include "train/worker.h"

#include <ATen/Context.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cmath>

#include "optim/clip.h"

namespace causeway {

Worker::Worker(const Recipe& recipe, const BoundPlan& plan, Exchange& exchange, const Clock& clock,
               Parts parts)
    : recipe_(recipe),
      clock_(clock),
      id_(parts.id),
      replica_(std::move(parts.replica)),
      feed_(std::move(parts.feed)),
      engine_(std::make_unique<Engine>(plan, id_, *replica_, exchange)) {
  report_.worker = id_;
  unclipped_ = std::ranges::any_of(
      plan.channels(), [](const BoundChannel& channel) { return channel.port->unclipped(); });
  CW_CHECK(parts.orders == nullptr || recipe.train.objective.name == "plain",
           "followers know no objective {}", recipe.train.objective.name);
  if (parts.orders != nullptr) followers_.emplace(*parts.orders, *replica_);
}

Worker::Status Worker::advance() {
  const int64_t step = steps_ + 1;
  began_ns_ = clock_.now_ns();
  if (phase_ == Phase::kBegin) {
    if (auto begun = begin(); !begun) return fail(begun.error());
    phase_ = Phase::kAfterBackward;
  }
  const auto wait = [this] {
    busy_ns_ += clock_.now_ns() - began_ns_;
    return Status::kWaiting;
  };
  if (phase_ == Phase::kAfterBackward) {
    const Go go = engine_->at(Hook::kAfterBackward, step, tokens_, report_.rate);
    if (go == Go::kWait) return wait();
    if (auto clipped = clip(go); !clipped) return fail(clipped.error());
    phase_ = Phase::kBeforeUpdate;
  }
  if (phase_ == Phase::kBeforeUpdate) {
    if (engine_->at(Hook::kBeforeUpdate, step, tokens_, report_.rate) == Go::kWait) return wait();
    if (auto updated = update(); !updated) return fail(updated.error());
    phase_ = Phase::kAfterUpdate;
  }
  if (engine_->at(Hook::kAfterUpdate, step, tokens_, report_.rate) == Go::kWait) return wait();
  finish();
  return Status::kStepped;
}

/// Data and gradient, unless this worker is not drawn for the round.
Result<void> Worker::begin() {
  skipped_.clear();
  report_.trained = engine_->trains(steps_ + 1);
  report_.rate = recipe_.optimizer->rate() * recipe_.schedule.factor(steps_);
  objective_updates_ = true;
  if (!report_.trained) return {};
  const int64_t rows = recipe_.rows();
  const int64_t row_tokens = recipe_.shape->context() + 1;
  rows_.resize(static_cast<size_t>(rows * row_tokens));
  CW_TRY(feed_->next(rows_, row_tokens));
  const int32_t most = *std::ranges::max_element(rows_);
  if (most >= recipe_.shape->vocabulary())
    return failure(Fault::kBadInput,
                   "{}worker {}, step {}: the data has token {}; wanted: below {}, the model's "
                   "vocabulary",
                   recipe_.data.recorded.empty() ? "" : recipe_.data.recorded + ": ", id_,
                   steps_ + 1, most, recipe_.shape->vocabulary());
  CW_ASSIGN(report_.loss, loss_and_gradient());
  norm_ = replica_->gradient_norm();
  report_.gradient_norm = norm_;
  tokens_ += rows * (row_tokens - 1);
  return {};
}

Result<double> Worker::loss_and_gradient() {
  const int64_t row_tokens = recipe_.shape->context() + 1;
  if (followers_) return followers_->loss_and_gradient(rows_, row_tokens);
  const at::Tensor tokens =
      at::from_blob(rows_.data(), {recipe_.rows(), row_tokens}, at::kInt).to(at::kLong);
  const auto outcome =
      replica_->local_step(tokens, {.step = steps_ + 1,
                                    .worker = id_,
                                    .seed = static_cast<uint64_t>(recipe_.run.seed),
                                    .rate = report_.rate});
  objective_updates_ = outcome.updates;
  return outcome.loss;
}

/// Decides whether this step updates, and by which scale.
Result<void> Worker::clip(Go go) {
  updates_ = go == Go::kUpdate && objective_updates_;
  if (!updates_) return {};
  const double norm = replica_->gradient_replaced() ? replica_->gradient_norm() : norm_;
  clip_scale_ = unclipped_ ? 1.0 : clip_scale(norm, recipe_.train.clip);
  if (std::isfinite(norm)) return {};
  const std::string what = fmt::format("worker {}, step {}: the gradient is not finite (loss {})",
                                       id_, steps_ + 1, report_.loss);
  if (recipe_.train.on_nonfinite == OnNonFinite::kStop)
    return failure(Fault::kNumeric,
                   "{}; lower the learning rate, or set train.on_nonfinite = \"skip\"", what);
  skipped_ = what + "; the update was left out";
  updates_ = false;
  return {};
}

Result<void> Worker::update() {
  if (!updates_) return {};
  if (followers_) return followers_->update(report_.rate, clip_scale_);
  replica_->update(report_.rate, clip_scale_);
  return {};
}

void Worker::finish() {
  phase_ = Phase::kBegin;
  ++steps_;
  report_.step = steps_;
  report_.tokens = tokens_;
  report_.seconds = static_cast<double>(busy_ns_ + clock_.now_ns() - began_ns_) * 1e-9;
  busy_ns_ = 0;
}

Worker::Status Worker::fail(Error error) {
  error_ = std::move(error);
  return Status::kFailed;
}

void Worker::restore(int64_t steps, int64_t tokens) {
  CW_CHECK(!within_step());
  steps_ = steps;
  tokens_ = tokens;
}

}  // namespace causeway

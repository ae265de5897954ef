// SPDX-License-Identifier: Apache-2.0
#include "sim/toy_trainer.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "sync/mirror.h"

namespace causeway {
namespace {

constexpr uint32_t kSaveVersion = 1;
constexpr float kMomentum = 0.9F, kFirst = 0.9F, kSecond = 0.99F, kEpsilon = 1e-6F;

}  // namespace

FlatReplica::FlatReplica(std::vector<float> x, ToyInner inner)
    : inner_(std::move(inner)), x_(std::move(x)), g_(x_.size()) {
  moments_.assign(inner_.moments.size(), std::vector<float>(x_.size()));
}

std::vector<std::string> FlatReplica::names(const std::vector<std::string>& moments) {
  std::vector<std::string> out{"x", "g"};
  out.insert(out.end(), moments.begin(), moments.end());
  return out;
}

const std::vector<float>& FlatReplica::state(std::string_view name) const {
  if (name == "x") return x_;
  if (name == "g") return g_;
  for (size_t i = 0; i < moments_.size(); ++i)
    if (inner_.moments[i] == name) return moments_[i];
  CW_CHECK(false, "no state {}", name);
  return x_;
}

void FlatReplica::read(std::string_view name, const Region& region, std::span<float> packed) const {
  const std::vector<float>& from = state(name);
  auto out = packed.begin();
  for (const Span& span : region.spans)
    out = std::copy_n(from.begin() + span.begin, span.count, out);
  CW_CHECK(out == packed.end());
}

void FlatReplica::write(std::string_view name, const Region& region,
                        std::span<const float> packed) {
  auto& to = const_cast<std::vector<float>&>(state(name));
  auto in = packed.begin();
  for (const Span& span : region.spans) {
    std::copy_n(in, span.count, to.begin() + span.begin);
    in += span.count;
  }
  CW_CHECK(in == packed.end());
}

void FlatReplica::reset_optimizer() {
  for (std::vector<float>& moment : moments_) moment.assign(moment.size(), 0);
}

float* FlatReplica::moment(std::string_view name) {
  const auto found = std::ranges::find(inner_.moments, name);
  if (found == inner_.moments.end()) return nullptr;
  return moments_[static_cast<size_t>(found - inner_.moments.begin())].data();
}

void FlatReplica::update() {
  const float rate = inner_.rate, part = inner_.momentum_part;
  float *const u = moment("u"), *const v = moment("v");
  const float* const c = moment("c");
  for (size_t i = 0; i < x_.size(); ++i) {
    const float g = c == nullptr ? g_[i] : g_[i] - c[i];
    if (u == nullptr) {
      x_[i] -= rate * g;
    } else if (v == nullptr) {
      u[i] = kMomentum * u[i] + (1 - kMomentum) * g;
      x_[i] -= rate * ((1 - part) * g + part * u[i]);
    } else {
      u[i] = kFirst * u[i] + (1 - kFirst) * g;
      v[i] = kSecond * v[i] + (1 - kSecond) * g * g;
      x_[i] -= rate * u[i] / (std::sqrt(v[i]) + kEpsilon);
    }
  }
}

std::vector<std::vector<float>*> FlatReplica::kept() {
  std::vector<std::vector<float>*> out{&x_};
  for (std::vector<float>& moment : moments_) out.push_back(&moment);
  return out;
}

std::vector<const std::vector<float>*> FlatReplica::kept() const {
  std::vector<const std::vector<float>*> out{&x_};
  for (const std::vector<float>& moment : moments_) out.push_back(&moment);
  return out;
}

ToyTrainer::ToyTrainer(const ToyModel& model, const ToyInner& inner, const BoundPlan& plan,
                       WorkerId worker, Exchange& exchange)
    : model_(model),
      plan_(plan),
      worker_(worker),
      replica_(model.first(), inner),
      engine_(plan, worker, replica_, exchange) {}

Result<Trainer::Status> ToyTrainer::advance() {
  do {
    const bool fresh = !within_hook_;
    if (fresh) enter();
    const Go go = at_hook(fresh);
    if (go == Go::kWait) return Status::kWaiting;
    leave(go);
  } while (entered_);
  return Status::kStepped;
}

void ToyTrainer::enter() {
  const int64_t step = steps_ + 1;
  if (hook_ == Hook::kAfterBackward) {
    trained_ = engine_.trains(step);
    if (trained_) {
      model_.gradient(worker_, step, replica_.x(), replica_.g());
      // Unlike numbers, so that weights by tokens differ.
      tokens_ += 10 * (int64_t{worker_} % 7 + 1);
    }
  }
  if (hook_ == Hook::kAfterUpdate && updates_) replica_.update();
  entered_ = within_hook_ = true;
}

/// `fresh`: it comes here for the first time, so that what is due is launched now.
Go ToyTrainer::at_hook(bool fresh) {
  const bool lies = spoil_ && fresh && hook_ == Hook::kAfterUpdate && trained_ &&
                    !plan_.due(hook_, steps_ + 1).empty();
  if (!lies) return engine_.at(hook_, steps_ + 1, tokens_);
  // The lie is in what is sent: its own parameters stay what they are, unless a consensus came.
  float& first = replica_.x().front();
  const float own = first, lie = *spoil_;
  first = lie;
  spoil_.reset();
  const Go go = engine_.at(hook_, steps_ + 1, tokens_);
  if (std::bit_cast<uint32_t>(first) == std::bit_cast<uint32_t>(lie)) first = own;
  return go;
}

void ToyTrainer::leave(Go go) {
  within_hook_ = false;
  switch (hook_) {
    case Hook::kAfterBackward:
      updates_ = go == Go::kUpdate;
      hook_ = Hook::kBeforeUpdate;
      return;
    case Hook::kBeforeUpdate:
      hook_ = Hook::kAfterUpdate;
      return;
    case Hook::kAfterUpdate:
      hook_ = Hook::kAfterBackward;
      entered_ = false;
      ++steps_;
      return;
  }
}

Bytes ToyTrainer::save() const {
  CW_CHECK(!entered_, "saved within step {}", steps_ + 1);
  Bytes out;
  ByteWriter writer(out);
  writer.put(kSaveVersion);
  writer.put(steps_);
  writer.put(tokens_);
  for (const std::vector<float>* state : std::as_const(replica_).kept())
    writer.put(std::as_bytes(std::span(*state)));
  const Bytes engine = engine_.snapshot();
  writer.put(static_cast<uint64_t>(engine.size()));
  writer.put(ByteSpan(engine));
  return out;
}

Result<void> ToyTrainer::restore(ByteSpan saved) {
  CW_CHECK(!entered_, "restored within step {}", steps_ + 1);
  ByteReader reader(saved);
  CW_ASSIGN(const auto version, reader.get<uint32_t>());
  if (version != kSaveVersion)
    return failure(Fault::kCorrupt, "a toy's state has version {}; wanted: {}", version,
                   kSaveVersion);
  CW_ASSIGN(const auto steps, reader.get<int64_t>());
  CW_ASSIGN(const auto tokens, reader.get<int64_t>());
  std::vector<ByteSpan> states;
  for (const std::vector<float>* state : std::as_const(replica_).kept()) {
    CW_ASSIGN(const auto bytes, reader.take(state->size() * sizeof(float)));
    states.push_back(bytes);
  }
  CW_ASSIGN(const auto engine_bytes, reader.get<uint64_t>());
  CW_ASSIGN(const auto engine, reader.take(engine_bytes));
  if (reader.left() != 0 || steps < 0 || tokens < 0)
    return failure(Fault::kCorrupt, "a toy's state is damaged: step {}, {} bytes too many", steps,
                   reader.left());
  CW_TRY(engine_.restore(ByteSource::borrow(engine)));
  size_t index = 0;
  for (std::vector<float>* state : replica_.kept()) {
    std::memcpy(state->data(), states[index].data(), states[index].size());
    ++index;
  }
  steps_ = steps;
  tokens_ = tokens;
  return {};
}

Result<int64_t> ToyTrainer::join(ByteSpan snapshot) {
  CW_CHECK(!entered_, "joins within step {}", steps_ + 1);
  CW_ASSIGN(const auto joined, causeway::join(snapshot, plan_, replica_, engine_));
  steps_ = joined.steps;
  return engine_.counters().round;
}

Digest ToyTrainer::weights() const { return digest_of(std::as_bytes(std::span(replica_.x()))); }

}  // namespace causeway

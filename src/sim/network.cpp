// SPDX-License-Identifier: Apache-2.0
#include "sim/network.h"

#include <algorithm>
#include <cmath>

namespace causeway {
namespace {

constexpr double kWireUsMax = 60e6;  // until a message has left

int64_t us_of(double ms) { return std::llround(ms * 1'000); }

/// Either of two things that do not know each other happens.
double either(double a, double b) { return 1 - (1 - a) * (1 - b); }

}  // namespace

Link::Link(const LinkOptions& options, Chance chance) : options_(options), chance_(chance) {
  combine();
}

void Link::combine() {
  now_ = {false,
          1,
          options_.delay_ms,
          options_.jitter_ms,
          options_.loss,
          options_.duplicate,
          options_.reorder,
          options_.corrupt};
  for (const auto& [id, change] : changes_) {
    now_.cut = now_.cut || change.cut;
    now_.speed_factor *= change.speed_factor;
    now_.delay_ms += change.delay_ms;
    now_.jitter_ms += change.jitter_ms;
    now_.loss = either(now_.loss, change.loss);
    now_.duplicate = either(now_.duplicate, change.duplicate);
    now_.reorder = either(now_.reorder, change.reorder);
    now_.corrupt = either(now_.corrupt, change.corrupt);
  }
  bytes_per_us_ = options_.mbit_per_s * now_.speed_factor / 8;
}

void Link::begin(int64_t id, const LinkChange& change) {
  changes_.emplace_back(id, change);
  combine();
}

void Link::end(int64_t id) {
  std::erase_if(changes_, [id](const auto& entry) { return entry.first == id; });
  combine();
}

int64_t Link::queue_bytes(int64_t now_us) const {
  return std::llround(static_cast<double>(std::max<int64_t>(free_us_ - now_us, 0)) * bytes_per_us_);
}

Link::Arrivals Link::send(int64_t now_us, const SharedBytes& bytes) {
  ++counts_.sent;
  counts_.sent_bytes += bytes.size();
  Arrivals out;
  // All draws are made for every message: which fault holds must not shift those of later ones.
  const bool lost = chance_.happens(now_.loss);
  const bool doubled = chance_.happens(now_.duplicate);
  const bool broken = chance_.happens(now_.corrupt);
  if (now_.cut) {
    ++counts_.cut;
    return out;
  }
  const int64_t waiting = queue_bytes(now_us) + bytes.size();
  if (waiting > options_.queue_bytes) {
    ++counts_.overflowed;
    return out;
  }
  const double wire_us = static_cast<double>(bytes.size()) / bytes_per_us_;
  if (static_cast<double>(std::max<int64_t>(free_us_ - now_us, 0)) + wire_us > kWireUsMax) {
    ++counts_.overflowed;  // a connection that slow has timed out
    return out;
  }
  counts_.queue_bytes_max = std::max(counts_.queue_bytes_max, waiting);
  free_us_ = std::max(free_us_, now_us) + std::max<int64_t>(std::llround(wire_us), 1);
  if (lost) {
    ++counts_.lost;
    return out;
  }
  SharedBytes carried = bytes;
  if (broken) {
    ++counts_.corrupted;
    carried = damaged(bytes);
  }
  out.items[out.count++] = passage(free_us_, carried);
  if (doubled) {
    ++counts_.doubled;
    out.items[out.count++] = passage(free_us_, carried);
  }
  return out;
}

Link::Arrival Link::passage(int64_t left_us, const SharedBytes& bytes) {
  const double jitter_ms = now_.jitter_ms * chance_.uniform();
  int64_t at_us = left_us + us_of(now_.delay_ms + jitter_ms);
  if (chance_.happens(now_.reorder)) {
    ++counts_.reordered;
    return {at_us + us_of(now_.delay_ms + now_.jitter_ms + 1), bytes};
  }
  at_us = std::max(at_us, last_arrival_us_);
  last_arrival_us_ = at_us;
  return {at_us, bytes};
}

SharedBytes Link::damaged(const SharedBytes& bytes) {
  Bytes copy(bytes.view().begin(), bytes.view().end());
  const int64_t flips = copy.empty() ? 0 : chance_.between(1, 4);
  for (int64_t i = 0; i < flips; ++i) {
    const auto bit = static_cast<size_t>(chance_.between(0, std::ssize(copy) * 8 - 1));
    copy[bit / 8] ^= std::byte{1} << (bit % 8);
  }
  return SharedBytes(std::move(copy));
}

bool Link::arrive(const SharedBytes& bytes) {
  if (now_.cut) {
    ++counts_.cut;
    return false;
  }
  ++counts_.arrived;
  counts_.arrived_bytes += bytes.size();
  return true;
}

}  // namespace causeway

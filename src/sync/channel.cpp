// SPDX-License-Identifier: Apache-2.0
#include "sync/channel.h"

namespace causeway {
namespace {

/// Numbers n in [0, last] with n = phase modulo period, and n > 0.
int64_t due_up_to(const Channel& channel, int64_t last) {
  if (last < 1) return 0;
  const int64_t first = channel.phase % channel.period;
  const int64_t with_zero = last < first ? 0 : (last - first) / channel.period + 1;
  return first == 0 ? with_zero - 1 : with_zero;
}

}  // namespace

int64_t steps_at(Hook hook, int64_t step) { return hook == Hook::kBeforeUpdate ? step - 1 : step; }

bool is_due(const Channel& channel, Hook hook, int64_t step) {
  if (channel.hook != hook) return false;
  const int64_t done = steps_at(hook, step);
  return done > 0 && (done - channel.phase) % channel.period == 0;
}

int64_t firings(const Channel& channel, int64_t first, int64_t last) {
  return due_up_to(channel, steps_at(channel.hook, last)) -
         due_up_to(channel, steps_at(channel.hook, first - 1));
}

int64_t applications(const Channel& channel, int64_t first, int64_t last) {
  return firings(channel, first - channel.delay, last - channel.delay);
}

Value to_value(const Plan& plan) {
  Value::Array channels;
  for (const Channel& channel : plan.channels) channels.push_back(write_options(channel));
  Value out;
  out.set("channel", std::move(channels));
  return out;
}

Channel closing_channel(int64_t steps) {
  Channel out;
  out.name = "closing";
  out.port.name = "assign";
  out.port.options.set("state", "x");
  out.weight = Weight::kEqual;
  out.hook = Hook::kBeforeUpdate;  // of the step after the last one
  out.period = steps;
  out.closing = true;
  return out;
}

}  // namespace causeway

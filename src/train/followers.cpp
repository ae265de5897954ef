// SPDX-License-Identifier: Apache-2.0
#include "train/followers.h"

#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <array>
#include <optional>

#include "core/fields.h"

namespace causeway {
namespace {

constexpr int64_t kAuditBatches = 64;  // from one comparison of replicas to the next

/// Values are fixed: they cross the group.
enum class Task : uint8_t { kGradient = 1, kUpdate = 2 };
bool is_known(Task task) { return task == Task::kGradient || task == Task::kUpdate; }

struct Order {
  Task task = Task::kGradient;
  // First what has changed.
  bool reset = false;
  std::vector<std::string> states;  // that are broadcast, in this order
  int64_t updates = 0;
  std::optional<Digest> bits;  // of the replica then
  // kGradient.
  int64_t row_tokens = 0;
  std::vector<int32_t> rows;
  // kUpdate.
  double rate = 0, scale = 0;
};
void each_field(auto&& visit, auto& o)
  requires std::same_as<std::remove_const_t<std::remove_reference_t<decltype(o)>>, Order>
{
  visit(o.task), visit(o.reset), visit(o.states), visit(o.updates), visit(o.bits);
  visit(o.row_tokens), visit(o.rows), visit(o.rate), visit(o.scale);
}

/// Of all that decides how a replica goes on.
Digest bits_of(const TrainReplica& replica) {
  Hasher hasher;
  for (const std::string& state : replica.states())
    if (state != "g") hasher.add(std::as_bytes(replica.arena(state).values()));
  return hasher.digest();
}

Result<void> pass_states(const std::vector<std::string>& states, SiteGroup& group,
                         TrainReplica& replica) {
  for (const std::string& state : states)
    CW_TRY(group.broadcast(std::as_writable_bytes(replica.arena(state).values())));
  return {};
}

/// What all processes sum beside the gradient.
struct Sum {
  double loss = 0;
  bool leaves = false;
};

/// Computes this process's share of the rows, and sums over all.
Result<Sum> reduce(std::span<const int32_t> rows, int64_t row_tokens, bool leaves, SiteGroup& group,
                   TrainReplica& replica) {
  const int64_t count = std::ssize(rows) / row_tokens / group.size();
  const auto own = rows.subspan(static_cast<size_t>(group.rank() * count * row_tokens));
  const at::Tensor tokens =
      at::from_blob(const_cast<int32_t*>(own.data()), {count, row_tokens}, at::kInt).to(at::kLong);
  std::array<float, 2> rest = {static_cast<float>(replica.loss_and_gradient(tokens)),
                               leaves ? 1.0F : 0.0F};
  CW_TRY(group.all_reduce(replica.arena("g").values()));
  CW_TRY(group.all_reduce(rest));
  return Sum{rest[0], rest[1] > 0};
}

/// What decodes must fit this replica too.
Result<Order> read_order(ByteSpan bytes, const SiteGroup& group, const TrainReplica& replica) {
  CW_ASSIGN(Order order, read_fields<Order>(bytes));
  if (order.updates < 0 || order.updates == INT64_MAX)
    return failure(Fault::kCorrupt, "the site's leader says that it has updated {} times",
                   order.updates);
  const std::vector<std::string> known = replica.states();
  for (const std::string& state : order.states)
    if (std::ranges::find(known, state) == known.end())
      return failure(Fault::kCorrupt, "the site's leader sends a state `{}`, which is unknown here",
                     state);
  if (order.task != Task::kGradient) return order;
  const Model& model = replica.model();
  const bool fits = order.row_tokens >= 2 && order.row_tokens <= model.context() + 1 &&
                    !order.rows.empty() &&
                    std::ssize(order.rows) % (order.row_tokens * group.size()) == 0;
  const auto is_token = [&](int32_t token) { return token >= 0 && token < model.vocabulary(); };
  if (!fits || !std::ranges::all_of(order.rows, is_token))
    return failure(Fault::kCorrupt,
                   "the site's leader sends {} tokens in rows of {}, which are no batch of this "
                   "model for {} processes",
                   order.rows.size(), order.row_tokens, group.size());
  return order;
}

/// Takes over what has changed at the leader.
Result<void> catch_up(const Order& order, SiteGroup& group, TrainReplica& replica) {
  if (order.reset) replica.reset_optimizer();
  CW_TRY(pass_states(order.states, group, replica));
  replica.set_updates(order.updates);
  if (!order.bits || *order.bits == bits_of(replica)) return {};
  return failure(Fault::kCorrupt,
                 "rank {}: after {} updates this replica has other bits than the leader's: the "
                 "processes of a site must run the same program on the same kind of machine",
                 group.rank(), order.updates);
}

/// Gives the order, with all that has changed here.
Result<void> give(Order order, Orders& orders, TrainReplica& replica) {
  const auto changes = replica.take_changes();
  order.reset = changes.reset;
  order.states.assign(changes.states.begin(), changes.states.end());
  order.updates = replica.updates();
  CW_TRY(orders.give(write_fields(order)));
  return pass_states(order.states, orders.group(), replica);
}

}  // namespace

Result<double> Followers::loss_and_gradient(std::span<const int32_t> rows, int64_t row_tokens) {
  CW_CHECK(std::ssize(rows) % (row_tokens * orders_.group().size()) == 0,
           "{} tokens in rows of {} for {} processes", rows.size(), row_tokens,
           orders_.group().size());
  Order order{.row_tokens = row_tokens, .rows = {rows.begin(), rows.end()}};
  if (batches_++ % kAuditBatches == 0) order.bits = bits_of(replica_);
  CW_TRY(give(std::move(order), orders_, replica_));
  CW_ASSIGN(const Sum sum, reduce(rows, row_tokens, false, orders_.group(), replica_));
  if (sum.leaves) orders_.ask_to_leave();
  return sum.loss;
}

Result<void> Followers::update(double rate, double scale) {
  CW_TRY(give({.task = Task::kUpdate, .rate = rate, .scale = scale}, orders_, replica_));
  replica_.update(rate, scale);
  return {};
}

Result<int32_t> follow(Orders& orders, TrainReplica& replica, const std::atomic<bool>& leaves) {
  SiteGroup& group = orders.group();
  while (true) {
    CW_ASSIGN(const Orders::Word word, orders.next());
    if (word.exit_code) return *word.exit_code;
    CW_ASSIGN(const Order order, read_order(word.order, group, replica));
    CW_TRY(catch_up(order, group, replica));
    if (order.task == Task::kUpdate)
      replica.update(order.rate, order.scale);
    else
      CW_TRY(reduce(order.rows, order.row_tokens, leaves, group, replica));
  }
}

}  // namespace causeway

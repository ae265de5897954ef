// SPDX-License-Identifier: Apache-2.0
#include "sim/coverage.h"

#include <algorithm>
#include <map>

#include "core/fields.h"
#include "sim/fault.h"
#include "sim/world.h"

namespace causeway {
namespace {

struct Row {
  std::string group, name;
};

constexpr std::string_view kUp = "message to the hub", kDown = "message to a worker";
constexpr std::string_view kRecord = "record", kState = "worker's state", kLife = "life";
constexpr std::string_view kFault = "fault that struck";
constexpr std::string_view kAbsent = "absent from a round", kRemoved = "removed";
constexpr std::string_view kStruck = "bad offer", kAborted = "round aborted";
constexpr std::string_view kRefused = "offer refused", kFenced = "fenced";
constexpr std::string_view kRestart = "hub starts again", kRound = "round";
constexpr std::string_view kOther = "something else";

/// Reasons are told apart by a piece of their text, the first that fits.
struct Reason {
  std::string_view group, text;
};
constexpr Reason kReasons[] = {
    {kAbsent, "no word for"},
    {kAbsent, "left:"},
    {kAbsent, "follows until"},
    {kAbsent, "no offer came"},
    {kAbsent, "bytes had come"},
    {kAbsent, "declined:"},
    {kAbsent, "bad offers"},
    {kAbsent, "missed more than is kept"},
    {kAbsent, "no space left"},
    {kAbsent, "NaN or infinite"},
    {kAbsent, "squared norm"},
    {kAbsent, "digest"},
    {kAbsent, "belongs to step"},
    {kRemoved, "no word for"},
    {kRemoved, "left:"},
    {kRemoved, "bad offers"},
    {kRemoved, "missed more than is kept"},
    {kRemoved, "are not those of the others"},
    {kStruck, "belongs to step"},
    {kStruck, "there is no round"},
    {kStruck, "two offers for one round"},
    {kStruck, "squared norm"},
    {kStruck, "NaN or infinite"},
    {kStruck, "digest"},
    {kStruck, "channel"},
    {kAborted, "no quorum"},
    {kAborted, "has no offer"},
    {kAborted, "and it is gone"},
    {kAborted, "did not send it again"},
    {kRefused, "is closed"},
    {kRefused, "follows until"},
    {kFenced, "another process"},
    {kFenced, "no word for"},
    {kFenced, "left:"},
    {kFenced, "bad offers"},
    {kFenced, "missed more than is kept"},
};

constexpr std::string_view kStates[] = {"connect", "fetch", "train", "drain", "gone"};
constexpr std::string_view kLives[] = {"booted", "crashed", "paused", "resumed", "gone", "joined"};
constexpr std::string_view kTransitions[] = {
    "connect > fetch", "connect > train", "connect > gone", "fetch > train", "fetch > connect",
    "fetch > gone",    "train > connect", "train > drain",  "train > gone",  "drain > gone"};
constexpr std::string_view kRestarts[] = {"nothing pending",       "a round is open",
                                          "closed, not folded",    "folded, not committed",
                                          "its log's end is torn", "its log has lost entries"};
constexpr std::string_view kRounds[] = {"opened while another is open", "decision told again",
                                        "followed, not offered in",     "committed is applied",
                                        "aborted is settled",           "log is compacted",
                                        "audited by a member"};

template <class Variant, class Name, size_t... I>
std::vector<std::string> names_of(Name name, std::index_sequence<I...>) {
  return {std::string(name(Variant(std::in_place_index<I>)))...};
}

std::vector<Row> make_rows() {
  std::vector<Row> rows;
  const auto add = [&rows](std::string_view group, const auto& names) {
    for (const auto& name : names) rows.push_back({std::string(group), std::string(name)});
  };
  using Bodies = std::make_index_sequence<std::variant_size_v<Body>>;
  using Records = std::make_index_sequence<std::variant_size_v<Record>>;
  std::vector<std::string> bodies = names_of<Body>(message_name, Bodies());
  const auto first_of_hub = static_cast<std::ptrdiff_t>(Body(Welcome{}).index());
  add(kUp, std::vector(bodies.begin(), bodies.begin() + first_of_hub));
  // Chunks go both ways.
  bodies.erase(bodies.begin(), bodies.begin() + first_of_hub);
  bodies.emplace_back(message_name(Chunk{}));
  add(kDown, bodies);
  add(kRecord, names_of<Record>(record_name, Records()));
  add(kState, kTransitions);
  add(kState, std::array{kOther});
  for (const std::string_view life : kLives) {
    if (life != "gone" && life != "joined")
      rows.push_back({std::string(kLife), fmt::format("hub {}", life)});
    rows.push_back({std::string(kLife), fmt::format("worker {}", life)});
  }
  add(kRestart, kRestarts);
  add(kRound, kRounds);
  for (const std::string_view group : {kAbsent, kRemoved, kStruck, kAborted, kRefused, kFenced}) {
    for (const Reason& reason : kReasons)
      if (reason.group == group) rows.push_back({std::string(group), std::string(reason.text)});
    rows.push_back({std::string(group), std::string(kOther)});
  }
  for (const auto* fault : faults())
    rows.push_back({std::string(kFault), std::string(fault->name)});
  return rows;
}

const std::vector<Row>& rows() {
  static const std::vector<Row> all = make_rows();
  return all;
}

size_t row_of(std::string_view group, std::string_view name) {
  static const auto index = [] {
    std::map<std::pair<std::string_view, std::string_view>, size_t> out;
    for (size_t i = 0; i < rows().size(); ++i) out[{rows()[i].group, rows()[i].name}] = i;
    return out;
  }();
  const auto found = index.find({group, name});
  CW_CHECK(found != index.end(), "nobody counts `{}` of `{}`", name, group);
  return found->second;
}

}  // namespace

Coverage::Coverage() : counts_(rows().size()) {}

void Coverage::begin(const World& world) {
  states_.assign(static_cast<size_t>(world.workers()), WorkerMachine::State::kConnect);
  told_.clear();
  last_sequence_ = 0;
}

void Coverage::add(std::string_view group, std::string_view name) {
  ++counts_[row_of(group, name)];
}

void Coverage::add_text(std::string_view group, std::string_view text) {
  for (const Reason& reason : kReasons)
    if (reason.group == group && text.find(reason.text) != std::string_view::npos)
      return add(group, reason.text);
  add(group, kOther);
}

// ---- What is seen.

void Coverage::on_event(const World& world) {
  const Event& event = world.event();
  switch (event.kind) {
    case EventKind::kFaultBegin:
      return add(kFault, world.scenario().faults[event.number].kind);
    case EventKind::kWorkerTimer:
    case EventKind::kWorkerArrival:
    case EventKind::kWorkerComputed:
      return look_at_worker(world, event.worker);
    default:
      return;
  }
}

void Coverage::look_at_worker(const World& world, WorkerId worker) {
  const WorkerMachine* machine = world.worker(worker).machine();
  if (machine == nullptr) return;
  WorkerMachine::State& before = states_[static_cast<size_t>(worker)];
  const WorkerMachine::State now = machine->state();
  if (now == before) return;
  const auto name = [](WorkerMachine::State state) {
    return kStates[static_cast<size_t>(state) - 1];
  };
  const std::string transition = fmt::format("{} > {}", name(before), name(now));
  const bool known = std::find(std::begin(kTransitions), std::end(kTransitions), transition) !=
                     std::end(kTransitions);
  add(kState, known ? transition : kOther);
  before = now;
}

void Coverage::on_message(const World&, const Message& message, bool from_hub) {
  // What a worker would say, a hub never does, and the other way round.
  const bool hubs = message.body.index() >= Body(Welcome{}).index();
  if (hubs != from_hub && !std::holds_alternative<Chunk>(message.body)) return;
  add(from_hub ? kDown : kUp, message_name(message.body));
  if (const auto* decision = std::get_if<Decision>(&message.body)) {
    if (!told_.emplace(message.worker, decision->round).second) add(kRound, "decision told again");
  } else if (const auto* refused = std::get_if<OfferRefused>(&message.body)) {
    add_text(kRefused, refused->reason);
  } else if (const auto* fenced = std::get_if<Fenced>(&message.body)) {
    add_text(kFenced, fenced->reason);
  } else if (const auto* progress = std::get_if<Progress>(&message.body)) {
    if (progress->settled > 0) add(kRound, "audited by a member");
  }
}

void Coverage::on_record(const World& world, const Record& record, int64_t sequence, int64_t) {
  last_sequence_ = sequence;
  add(kRecord, record_name(record));
  if (const auto* closed = std::get_if<Closed>(&record)) {
    for (const Absence& absence : closed->absent) add_text(kAbsent, absence.reason);
  } else if (const auto* removed = std::get_if<Removed>(&record)) {
    add_text(kRemoved, removed->reason);
  } else if (const auto* struck = std::get_if<Struck>(&record)) {
    add_text(kStruck, struck->reason);
  } else if (const auto* aborted = std::get_if<Aborted>(&record)) {
    add_text(kAborted, aborted->reason);
  } else if (std::holds_alternative<Opened>(record)) {
    const HubMachine* machine = world.hub().machine();
    if (machine != nullptr && machine->ledger().rounds.size() > 1)
      add(kRound, "opened while another is open");
  }
}

void Coverage::on_compaction(const World&, int64_t sequence, int64_t) {
  last_sequence_ = sequence;
  add(kRound, "log is compacted");
}

void Coverage::on_settled(const World& world, WorkerId worker, int64_t round, const Digest&,
                          bool committed) {
  add(kRound, committed ? "committed is applied" : "aborted is settled");
  if (round < world.worker(worker).machine()->offer_from()) add(kRound, "followed, not offered in");
}

void Coverage::on_life(const World& world, WorkerId node, Life life) {
  const std::string_view name = kLives[static_cast<size_t>(life) - 1];
  add(kLife, fmt::format("{} {}", node == kHubNode ? "hub" : "worker", name));
  if (life != Life::kBooted) return;
  if (node == kHubNode) return hub_started(world);
  const auto index = static_cast<size_t>(node);
  if (index < states_.size()) states_[index] = WorkerMachine::State::kConnect;
}

/// What the log says that the hub was doing when it died.
void Coverage::hub_started(const World& world) {
  if (world.hub().incarnation() == 1) return;
  const Ledger& ledger = world.hub().machine()->ledger();
  if (world.hub().log()->torn_bytes() > 0) add(kRestart, "its log's end is torn");
  if (world.hub().log()->last_sequence() < last_sequence_)
    add(kRestart, "its log has lost entries");
  if (ledger.rounds.empty()) add(kRestart, "nothing pending");
  std::set<Digest> named{world.genesis_digest(), ledger.snapshot.digest, ledger.folder.digest};
  for (const auto& [number, decision] : ledger.decisions) named.insert(decision.result.digest);
  for (const auto& [number, round] : ledger.rounds) {
    if (!round.closed) {
      add(kRestart, "a round is open");
      continue;
    }
    const std::vector<BlobId> blobs = world.hub().spool()->ids();
    const bool folded = std::any_of(blobs.begin(), blobs.end(), [&](const BlobId& blob) {
      return blob.owner == kHubOwner && !named.contains(blob.digest);
    });
    add(kRestart, folded ? "folded, not committed" : "closed, not folded");
  }
}

// ---- What was seen.

void Coverage::merge(const Coverage& other) {
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
}

int64_t Coverage::count(std::string_view group, std::string_view name) const {
  return counts_[row_of(group, name)];
}

std::vector<std::string> Coverage::unseen() const {
  std::vector<std::string> out;
  for (size_t i = 0; i < counts_.size(); ++i)
    if (counts_[i] == 0 && rows()[i].name != kOther)
      out.push_back(fmt::format("{} / {}", rows()[i].group, rows()[i].name));
  return out;
}

std::string Coverage::table() const {
  std::string out, group;
  for (size_t i = 0; i < counts_.size(); ++i) {
    const Row& row = rows()[i];
    if (row.group != group) out += fmt::format("{}{}\n", group.empty() ? "" : "\n", row.group);
    group = row.group;
    if (counts_[i] == 0 && row.name == kOther) continue;
    out += counts_[i] > 0 ? fmt::format("  {:<34}{:>14}\n", row.name, counts_[i])
                          : fmt::format("  {:<34}{:>14}\n", row.name, "NEVER SEEN");
  }
  const auto named = std::count_if(rows().begin(), rows().end(),
                                   [](const Row& row) { return row.name != kOther; });
  return out + fmt::format("\n{} of {} seen\n", named - std::ssize(unseen()), named);
}

Bytes Coverage::encode() const {
  Bytes out;
  FieldWriter writer(out);
  writer(counts_);
  return out;
}

Result<Coverage> Coverage::decode(ByteSpan bytes) {
  CW_ASSIGN(auto counts, read_fields<std::vector<int64_t>>(bytes));
  Coverage out;
  if (counts.size() != out.counts_.size())
    return failure(Fault::kCorrupt, "{} counts; wanted: {}", counts.size(), out.counts_.size());
  out.counts_ = std::move(counts);
  return out;
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "site/gloo_group.h"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "site/gloo_links.h"
#include "site/rendezvous.h"
#include "site/ring.h"
#include "site/signals.h"
#include "site/watch.h"

namespace causeway::site {
namespace {

using Memory = GlooLinks::Memory;

// A transfer: long enough that its fixed cost is small, short enough for a processor's cache.
constexpr int64_t kSegmentBytes = 1 << 20;
constexpr auto kSegmentValues = static_cast<int64_t>(kSegmentBytes / sizeof(float));

enum class Kind : uint64_t { kJoin = 1, kAllReduce = 2, kBroadcast = 3 };

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::kJoin:
      return "join";
    case Kind::kAllReduce:
      return "all_reduce";
    case Kind::kBroadcast:
      return "broadcast";
  }
  return "something unknown";
}

/// The processes do not do the same; what() says what they do.
struct Mismatch : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class GlooGroup final : public SiteGroup {
 public:
  GlooGroup(const GroupPlace& place, int64_t timeout_ms, std::unique_ptr<GlooLinks> links,
            Meeting meeting)
      : rank_(place.rank),
        size_(place.size),
        timeout_ms_(timeout_ms),
        links_(std::move(links)),
        watch_(std::move(meeting.peers), place.rank == 0,
               [this](const std::string& why) { links_->interrupt(why); }) {}

  int32_t rank() const override { return rank_; }
  int32_t size() const override { return size_; }

  /// Returns once both neighbours are known to be there.
  Result<void> connect(const Ends& others, const Deadline& deadline) {
    return guarded({Kind::kJoin, size_}, deadline, [&](uint64_t number) {
      links_->connect(others);
      agree({Kind::kJoin, size_}, number, deadline);
    });
  }

  Result<void> all_reduce(std::span<float> values) override {
    const Deadline deadline = Deadline::in_ms(timeout_ms_);
    const Call call{Kind::kAllReduce, std::ssize(values)};
    return guarded(call, deadline, [&](uint64_t number) {
      agree(call, number, deadline);
      sum(values, number + 1, deadline);
    });
  }

  Result<void> broadcast(std::span<std::byte> bytes) override {
    const Deadline deadline = Deadline::in_ms(timeout_ms_);
    const Call call{Kind::kBroadcast, std::ssize(bytes)};
    return guarded(call, deadline, [&](uint64_t number) {
      agree(call, number, deadline);
      pass_on(bytes, number + 1, deadline);
    });
  }

 private:
  struct Call {
    Kind kind;
    int64_t count;
  };

  /// One collective: the same number of it in every process numbers its transfers.
  Result<void> guarded(const Call& call, const Deadline& deadline,
                       const std::function<void(uint64_t)>& body) {
    if (!lost_.empty())
      return failure(Fault::kPeerLost, "the site's group is lost since: {}", lost_);
    const NoPipeSignal quiet;
    try {
      body(++calls_ << 32);
      return {};
    } catch (const Mismatch& error) {
      return lose(Fault::kCorrupt, call, error.what());
    } catch (const std::exception& error) {
      if (const std::string why = links_->interrupted(); !why.empty())
        return lose(Fault::kPeerLost, call, why);
      if (deadline.passed())
        return lose(Fault::kPeerLost, call, "a process did not come within the time");
      return lose(Fault::kPeerLost, call, error.what());
    }
  }

  /// Neighbours tell each other what they are about to do. Gloo ends the program if a message is
  /// longer than what was to be received.
  void agree(const Call& call, uint64_t number, const Deadline& deadline) {
    std::array<uint64_t, 2> mine = {static_cast<uint64_t>(call.kind),
                                    static_cast<uint64_t>(call.count)};
    std::array<uint64_t, 2> theirs{};
    constexpr int64_t kBytes = sizeof(mine);
    Memory out(*links_, mine.data(), kBytes), in(*links_, theirs.data(), kBytes);
    in.receive_from_previous(number, 0, kBytes);
    out.send_to_next(number, 0, kBytes);
    in.wait_received(deadline);
    out.wait_all_sent(deadline);
    if (theirs != mine)
      throw Mismatch(fmt::format("rank {} called {} of {}", (rank_ + size_ - 1) % size_,
                                 name_of(static_cast<Kind>(theirs[0])), theirs[1]));
  }

  void sum(std::span<float> values, uint64_t number, const Deadline& deadline) {
    const auto bytes = static_cast<int64_t>(values.size_bytes());
    const RingSchedule ring({std::ssize(values), size_, rank_, kSegmentValues});
    if (arrived_.empty()) arrived_.resize(2 * kSegmentValues);
    // In turns: while one transfer of a kind is looked at, the next is on its way.
    Memory out(*links_, values.data(), bytes);
    Memory finals[2] = {{*links_, values.data(), bytes}, {*links_, values.data(), bytes}};
    Memory terms[2] = {{*links_, arrived(0), kSegmentBytes}, {*links_, arrived(1), kSegmentBytes}};
    constexpr int64_t kValue = sizeof(float);

    const auto begin = [&](int64_t transfer) {
      const Stretch in = ring.received(transfer), sent = ring.sent(transfer);
      const uint64_t id = number + static_cast<uint64_t>(transfer);
      const auto turn = static_cast<size_t>(transfer % 2);
      if (in.count > 0 && ring.adds(transfer))
        terms[turn].receive_from_previous(id, 0, in.count * kValue);
      else if (in.count > 0)
        finals[turn].receive_from_previous(id, in.begin * kValue, in.count * kValue);
      if (sent.count > 0) out.send_to_next(id, sent.begin * kValue, sent.count * kValue);
    };
    const auto finish = [&](int64_t transfer) {
      const Stretch in = ring.received(transfer);
      const auto turn = static_cast<size_t>(transfer % 2);
      if (in.count == 0) return;
      (ring.adds(transfer) ? terms : finals)[turn].wait_received(deadline);
      if (ring.adds(transfer)) add(values.subspan(in.begin, in.count), arrived(turn));
    };
    int64_t begun = 0;
    for (int64_t transfer = 0; transfer < ring.transfers(); ++transfer) {
      while (begun < ring.transfers() && begun <= transfer + 1 &&
             begun - ring.segments() < transfer)
        begin(begun++);
      finish(transfer);
    }
    out.wait_all_sent(deadline);
  }

  static void add(std::span<float> values, const float* terms) {
    for (float& value : values) value += *terms++;
  }

  float* arrived(size_t turn) { return arrived_.data() + turn * kSegmentValues; }

  /// Down the ring from the leader, segment by segment.
  void pass_on(std::span<std::byte> bytes, uint64_t number, const Deadline& deadline) {
    const int64_t count = std::ssize(bytes);
    Memory in[2] = {{*links_, bytes.data(), count}, {*links_, bytes.data(), count}};
    Memory out(*links_, bytes.data(), count);
    const int64_t segments = (count + kSegmentBytes - 1) / kSegmentBytes;
    const auto size_of = [&](int64_t i) {
      return std::min(kSegmentBytes, count - i * kSegmentBytes);
    };
    const auto id = [&](int64_t i) { return number + static_cast<uint64_t>(i); };
    const auto receive = [&](int64_t i) {
      if (i < segments) in[i % 2].receive_from_previous(id(i), i * kSegmentBytes, size_of(i));
    };
    if (rank_ > 0) receive(0);
    for (int64_t i = 0; i < segments; ++i) {
      if (rank_ > 0) {
        receive(i + 1);
        in[i % 2].wait_received(deadline);
      }
      if (rank_ + 1 == size_) continue;
      if (i >= 2) out.wait_sent(deadline);
      out.send_to_next(id(i), i * kSegmentBytes, size_of(i));
    }
    out.wait_all_sent(deadline);
  }

  Error lose(Fault fault, const Call& call, const std::string& why) {
    lost_ = fmt::format("{} of {} at rank {} of {}: {}", name_of(call.kind), call.count, rank_,
                        size_, why);
    watch_.give_up();
    links_.reset();
    return {fault, lost_};
  }

  const int32_t rank_, size_;
  const int64_t timeout_ms_;
  uint64_t calls_ = 0;
  std::string lost_;  // why, once it is
  std::vector<float> arrived_;
  std::unique_ptr<GlooLinks> links_;
  Watch watch_;  // ends before what it interrupts
};

}  // namespace

Result<std::unique_ptr<SiteGroup>> join_with_gloo(const GroupPlace& place, int64_t timeout_ms) {
  if (const std::string file = gloo_clash(); !file.empty())
    return failure(Fault::kBadInput, "Gloo of {} is in the way: link libgloo before it", file);
  const Deadline deadline = Deadline::in_ms(timeout_ms);
  CW_ASSIGN(Meeting meeting, meet(place, deadline));
  std::unique_ptr<GlooLinks> links;
  try {
    links = std::make_unique<GlooLinks>(GlooLinks::Options{place.rank, place.size, meeting.address},
                                        deadline);
  } catch (const std::exception& error) {
    return failure(Fault::kIo, "rank {}: no links at {}: {}", place.rank, meeting.address,
                   error.what());
  }
  CW_ASSIGN(const Ends others, exchange_ends(meeting, place, links->ends(), deadline));
  auto group = std::make_unique<GlooGroup>(place, timeout_ms, std::move(links), std::move(meeting));
  CW_TRY(group->connect(others, deadline));
  return std::unique_ptr<SiteGroup>(std::move(group));
}

}  // namespace causeway::site

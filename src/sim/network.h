// SPDX-License-Identifier: Apache-2.0
//
// One direction of one link: a queue before a wire of so many bits a second, then a delay. What is
// sent may be lost, doubled, late, out of order or damaged. Pure: it says when what arrives.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/options.h"
#include "core/shared_bytes.h"
#include "sim/chance.h"

namespace causeway {

struct LinkOptions {
  double mbit_per_s = 100;
  double delay_ms = 20, jitter_ms = 2;
  double loss = 0, duplicate = 0, reorder = 0, corrupt = 0;
  int64_t queue_bytes = 64 << 20;

  template <class Visit>
  void each(Visit&& visit) {
    visit("mbit_per_s", mbit_per_s, Range<double>{1e-3, 1e6}, "Mbit/s", "Speed, each way.");
    visit("delay_ms", delay_ms, Range<double>{0, 60'000}, "ms", "From one end to the other.");
    visit("jitter_ms", jitter_ms, Range<double>{0, 60'000}, "ms",
          "Added to the delay of a message: uniform, from 0 to this.");
    visit("loss", loss, Range<double>{0, 1}, "", "Part of the messages that is lost.");
    visit("duplicate", duplicate, Range<double>{0, 1}, "", "Part that arrives twice.");
    visit("reorder", reorder, Range<double>{0, 1}, "",
          "Part that is held up, so that later ones overtake it.");
    visit("corrupt", corrupt, Range<double>{0, 1}, "", "Part in which bits flip.");
    visit("queue_bytes", queue_bytes, Range<int64_t>{1'000, int64_t{1} << 40}, "bytes",
          "That wait for the wire; what comes beyond is dropped.");
  }
};

/// What a fault does to a link while it lasts. Several hold at once: parts combine as chances that
/// do not know each other, factors multiply, delays add.
struct LinkChange {
  bool cut = false;
  double speed_factor = 1;
  double delay_ms = 0, jitter_ms = 0;
  double loss = 0, duplicate = 0, reorder = 0, corrupt = 0;
};

struct LinkCounts {
  int64_t sent = 0, sent_bytes = 0;  ///< given to the link
  int64_t arrived = 0, arrived_bytes = 0;
  int64_t lost = 0, cut = 0, overflowed = 0;  ///< never arrive: by chance, cut, full queue
  int64_t doubled = 0, reordered = 0, corrupted = 0;
  int64_t undecodable = 0;  ///< arrived, but were no message
  int64_t queue_bytes_max = 0;
};

class Link {
 public:
  Link(const LinkOptions& options, Chance chance);

  struct Arrival {
    int64_t at_us = 0;
    SharedBytes bytes;
  };
  struct Arrivals {
    size_t count = 0;  ///< 0: nothing will arrive; 2: it was doubled
    std::array<Arrival, 2> items;
  };
  /// Gives a message to the link.
  Arrivals send(int64_t now_us, const SharedBytes& bytes);
  /// False if what was to arrive now is lost, because the link is cut.
  bool arrive(const SharedBytes& bytes);

  /// A change holds until it is ended. `id`: of the caller's choice; unique among those that hold.
  void begin(int64_t id, const LinkChange& change);
  void end(int64_t id);

  bool cut() const { return now_.cut; }
  /// Bytes that wait for the wire.
  int64_t queue_bytes(int64_t now_us) const;
  LinkCounts& counts() { return counts_; }
  const LinkCounts& counts() const { return counts_; }

 private:
  void combine();
  Arrival passage(int64_t left_us, const SharedBytes& bytes);
  SharedBytes damaged(const SharedBytes& bytes);

  const LinkOptions options_;
  LinkChange now_;
  double bytes_per_us_ = 1;
  std::vector<std::pair<int64_t, LinkChange>> changes_;
  Chance chance_;
  int64_t free_us_ = 0;          // when the wire has sent what waits
  int64_t last_arrival_us_ = 0;  // of those that keep their order
  LinkCounts counts_;
};

}  // namespace causeway

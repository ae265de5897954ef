// SPDX-License-Identifier: Apache-2.0
#include "sim/faults/place.h"

namespace causeway {
namespace {

class DiskFull final : public FaultKind {
 public:
  struct Options {
    Place place = Place::kWorker;
    int64_t spare_bytes = 0;

    template <class Visit>
    void each(Visit&& visit) {
      visit("place", place, place_choices(), "", "Whose disk.");
      visit("spare_bytes", spare_bytes, Range<int64_t>{0, int64_t{1} << 40}, "bytes",
            "That are left.");
    }
  };
  explicit DiskFull(const Options& options) : options_(options) {}

  void begin(World& world, const Strike& strike, Chance&) override {
    if (options_.place == Place::kHub) {
      world.tell(kHubNode, "has a full disk");
      return world.hub().disk().set_capacity(world.hub().disk().bytes_used() +
                                             options_.spare_bytes);
    }
    for (const WorkerId worker : strike.workers) {
      SimDisk& disk = world.worker(worker).disk();
      world.tell(worker, "has a full disk");
      disk.set_capacity(disk.bytes_used() + options_.spare_bytes);
    }
  }
  /// Somebody has made room; a hub that could not write its log is started again.
  void end(World& world, const Strike& strike) override {
    if (options_.place == Place::kHub) {
      world.tell(kHubNode, "has room on its disk again");
      world.hub().disk().set_capacity(world.scenario().disk.hub_bytes);
      return world.hub().restart_if_halted();
    }
    for (const WorkerId worker : strike.workers)
      world.worker(worker).disk().set_capacity(world.scenario().disk.worker_bytes);
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<FaultKind> faults_disk_full;
const Entry<FaultKind> faults_disk_full =
    entry<FaultKind, DiskFull>("disk_full", "a disk has no room left");

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
//
// The hub's log is left alone: no log of one copy survives that, it can only be noticed.
#include "sim/faults/place.h"

namespace causeway {
namespace {

/// How the names of the hub's own blobs begin (store/spool.h: the owner comes first).
constexpr std::string_view kOwnBlob = "blob_-1";

class BitRot final : public FaultKind {
 public:
  struct Options {
    Place place = Place::kHub;
    int64_t flips = 1;
    bool own = false;

    template <class Visit>
    void each(Visit&& visit) {
      visit("place", place, place_choices(), "", "Whose disk.");
      visit("flips", flips, Range<int64_t>{1, 1'000'000}, "bits", "How many.");
      visit("own", own, Any{}, "",
            "Also in the hub's own results and snapshots, which nobody can send again.");
    }
  };
  explicit BitRot(const Options& options) : options_(options) {}

  void begin(World& world, const Strike& strike, Chance& chance) override {
    if (options_.place == Place::kHub) return rot(world, kHubNode, world.hub().disk(), chance);
    for (const WorkerId worker : strike.workers)
      rot(world, worker, world.worker(worker).disk(), chance);
  }
  void end(World&, const Strike&) override {}

 private:
  void rot(World& world, WorkerId node, SimDisk& disk, Chance& chance) const {
    const auto listed = disk.list();
    CW_CHECK(listed.ok());
    std::vector<std::string> names;
    for (const std::string& name : *listed)
      if (!name.starts_with(HubNode::kLog) && (options_.own || !name.starts_with(kOwnBlob)))
        names.push_back(name);
    if (names.empty()) return;
    for (int64_t i = 0; i < options_.flips; ++i) {
      const auto& name = names[static_cast<size_t>(chance.between(0, std::ssize(names) - 1))];
      if (disk.flip_bit(name, chance.bits())) world.tell(node, "a bit of {} has flipped", name);
    }
  }
  const Options options_;
};

}  // namespace

extern const Entry<FaultKind> faults_bit_rot;
const Entry<FaultKind> faults_bit_rot = entry<FaultKind, BitRot>(
    "bit_rot", "bits flip on a disk: in the hub's spool, or a worker's checkpoint");

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
//
// A frame whose bytes are all ones: NaN in every codec that carries floats or a scale.
#include <cstring>
#include <limits>

#include "sim/faults/lie_fault.h"

namespace causeway {
namespace {

class NanOffer final : public LieFault {
 public:
  struct Options {
    bool in_model = false;

    template <class Visit>
    void each(Visit&& visit) {
      visit(
          "in_model", in_model, Any{}, "",
          "The worker's model itself has gone wrong once: its own engine sees that and declines.");
    }
  };
  explicit NanOffer(const Options& options) : options_(options) {}

  void begin(World& world, const Strike& strike, Chance& chance) override {
    LieFault::begin(world, strike, chance);
    if (!options_.in_model) return;
    for (const WorkerId worker : strike.workers)
      world.worker(worker).spoil(std::numeric_limits<float>::quiet_NaN());
  }
  void edit(const Course&, Offer& offer) override {
    if (options_.in_model) return;
    for (Part& part : offer.parts) fill_first_frame(part.bytes);
  }

 private:
  /// codec/signal.h: u32 length, u32 checksum, bytes.
  static void fill_first_frame(Bytes& bytes) {
    constexpr size_t kHeader = 8;
    uint32_t length = 0;
    if (bytes.size() < kHeader) return;
    std::memcpy(&length, bytes.data(), sizeof(length));
    if (length > bytes.size() - kHeader) return;
    std::memset(bytes.data() + kHeader, 0xff, length);
    const uint32_t crc = crc32c(ByteSpan(bytes).subspan(kHeader, length));
    std::memcpy(bytes.data() + sizeof(length), &crc, sizeof(crc));
  }
  const Options options_;
};

}  // namespace

extern const Entry<FaultKind> faults_nan_offer;
const Entry<FaultKind> faults_nan_offer = entry<FaultKind, NanOffer>(
    "nan_offer", "a worker's offers are not finite, under right checksums");

}  // namespace causeway

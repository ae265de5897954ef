// SPDX-License-Identifier: Apache-2.0
#include "sim/faults/lie_fault.h"

namespace causeway {
namespace {

class GarbageOffer final : public LieFault {
 public:
  struct Options {
    bool right_digest = true;

    template <class Visit>
    void each(Visit&& visit) {
      visit("right_digest", right_digest, Any{}, "",
            "The digest is that of the garbage; else that of the good bytes.");
    }
  };
  explicit GarbageOffer(const Options& options) : options_(options) {}

  void edit(const Course&, Offer& offer) override {
    if (!options_.right_digest) return;
    for (Part& part : offer.parts) spoil(part.bytes);
  }
  void edit(Message& message, std::vector<Message>&) override {
    auto* chunk = std::get_if<Chunk>(&message.body);
    if (options_.right_digest || chunk == nullptr) return;
    const ByteSpan good = chunk->bytes.view();
    Bytes bytes(good.begin(), good.end());
    spoil(bytes);
    chunk->bytes = SharedBytes(std::move(bytes));
  }

 private:
  void spoil(Bytes& bytes) {
    if (bytes.empty()) return;
    const auto bit = static_cast<size_t>(chance().between(0, 8 * std::ssize(bytes) - 1));
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
  }
  const Options options_;
};

}  // namespace

extern const Entry<FaultKind> faults_garbage_offer;
const Entry<FaultKind> faults_garbage_offer =
    entry<FaultKind, GarbageOffer>("garbage_offer", "a worker's offers have spoilt bytes");

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
// DeMo: the fast components of the momentum are exchanged, the rest stays. Peng and others, "DeMo:
// Decoupled Momentum Optimization", arXiv:2411.19870. Each tensor is cut into chunks (a matrix into
// tiles whose sides are the largest divisors up to `chunk`, a vector into runs):
//   m <- decay m + rate gradient;  send the k largest DCT-II coefficients of each chunk
//   m <- m - inverse DCT(sent);    gradient = sign(inverse DCT(mean))
// The codec selects: `topk` by layer takes each chunk for a layer. With the rule `senders` a
// coefficient's mean is over those that sent it. The inner optimizer is `sgd`. transform = false
// leaves the DCT out, for tensors that go whole. The port clips the worker's own gradient, by its
// norm over all parameters, and leaves out one that is not finite.
#include <algorithm>
#include <cmath>
#include <map>

#include "codec/finite.h"
#include "core/dct.h"
#include "core/elementwise.h"
#include "core/matrix.h"
#include "core/squared_norm.h"
#include "sync/port.h"

namespace causeway {
namespace {

int64_t edge_of(int64_t extent, int64_t limit) {
  for (int64_t edge = std::min(extent, limit); edge > 1; --edge)
    if (extent % edge == 0) return edge;
  return 1;
}

class Demo final : public Port {
 public:
  struct Options {
    int64_t chunk = 64;
    bool transform = true;
    double clip = 0;
    double decay = 0.999;

    template <class Visit>
    void each(Visit&& visit) {
      visit("chunk", chunk, Range<int64_t>{1, 1024}, "values", "Most values of a chunk's side.");
      visit("transform", transform, Any{}, "", "Send coefficients, not values.");
      visit("decay", decay, Range<double>{0, 1}, "", "Decay of the momentum.");
      visit("clip", clip, Range<double>{0}, "", "Most norm of the worker's gradient; 0: no clip.");
    }
  };
  explicit Demo(const Options& options) : options_(options) {}

  std::string bind(const ChannelPlace& place) override {
    parameters_ = place.layout.count();
    for (const TensorCut& cut : tensor_cuts(place.layout, place.region)) {
      const int64_t rows = cut.rows();
      const int64_t height = edge_of(rows, options_.chunk);
      const int64_t width = edge_of(cut.columns, options_.chunk);
      tensors_.push_back({rows, cut.columns, height, width});
      for (const int64_t edge : {height, width})
        if (!bases_.contains(edge)) bases_.emplace(edge, dct_matrix(edge));
    }
    return {};
  }
  std::vector<TensorCut> signal(const ChannelPlace& place, int32_t stage) const override {
    if (!options_.transform) return Port::signal(place, stage);
    std::vector<TensorCut> out;
    for (const Piece& t : tensors_)
      out.insert(out.end(), static_cast<size_t>(t.rows * t.columns / t.chunk()),
                 TensorCut{t.chunk(), t.width});
    return out;
  }
  std::vector<StateSpec> states(int64_t count) const override {
    return {{"demo_m", count, Holder::kWorker}};
  }
  std::string_view reads() const override { return "g"; }
  bool fits(Hook hook) const override { return hook == Hook::kAfterBackward; }
  bool unclipped() const override { return true; }
  bool whole() const override { return true; }
  void start(const Region&, const Replica&, States&) const override {}
  void begin(const Firing& firing, const Region& region, Replica& replica,
             States& states) const override {
    const auto momentum = states.edit("demo_m");
    std::vector<float> gradient(momentum.size());
    replica.read("g", region, gradient);
    if (!firing.trained || !all_finite(gradient)) return;
    elementwise(
        momentum.size(),
        [decay = static_cast<float>(options_.decay),
         rate = static_cast<float>(firing.rate * clip_scale(replica))](float& m, float g) {
          m = decay * m + rate * g;
        },
        momentum.data(), gradient.data());
  }
  void offer(const Firing&, const Region&, const Replica&, const States& states,
             std::span<float> signal) const override {
    move(states.get("demo_m"), signal, true);
  }
  bool settles() const override { return true; }
  void settle(const Firing&, const Region&, std::span<const float> sent,
              States& states) const override {
    const auto momentum = states.edit("demo_m");
    std::vector<float> gone(sent.size());
    move(sent, gone, false);
    elementwise(
        momentum.size(), [](float& m, float fast) { m -= fast; }, momentum.data(), gone.data());
  }
  void apply(const Firing&, const Region& region, std::span<const float> consensus,
             const StatesPart&, Replica& replica) const override {
    std::vector<float> values(consensus.size());
    move(consensus, values, false);
    for (float& value : values)
      value = static_cast<float>(value > 0) - static_cast<float>(value < 0);
    replica.write("g", region, values);
  }

 private:
  double clip_scale(const Replica& replica) const {
    if (options_.clip == 0) return 1;
    std::vector<float> all(static_cast<size_t>(parameters_));
    replica.read("g", Region{{{0, parameters_}}}, all);
    return std::min(1.0, options_.clip / (std::sqrt(squared_norm(all)) + 1e-6));
  }

  struct Piece {
    int64_t rows, columns, height, width;
    int64_t chunk() const { return height * width; }
  };

  /// Values to coefficients, chunk after chunk, or back.
  void move(std::span<const float> from, std::span<float> to, bool forward) const {
    if (!options_.transform) {
      std::ranges::copy(from, to.begin());
      return;
    }
    size_t begin = 0;
    for (const Piece& t : tensors_) {
      const auto size = static_cast<size_t>(t.rows * t.columns);
      move_tensor(t, from.subspan(begin, size), to.subspan(begin, size), forward);
      begin += size;
    }
  }

  void move_tensor(const Piece& t, std::span<const float> from, std::span<float> to,
                   bool forward) const {
    const MatrixView a(bases_.at(t.height), t.height, t.height);
    const MatrixView b(bases_.at(t.width), t.width, t.width);
    std::vector<float> tile(static_cast<size_t>(t.chunk())), half(tile), out(tile);
    int64_t chunk = 0;
    for (int64_t row = 0; row < t.rows; row += t.height)
      for (int64_t column = 0; column < t.columns; column += t.width, ++chunk) {
        const auto place = [&](int64_t i) { return (row + i) * t.columns + column; };
        const int64_t packed = chunk * t.chunk();
        for (int64_t i = 0; i < t.height; ++i)
          std::copy_n(from.begin() + (forward ? place(i) : packed + i * t.width), t.width,
                      tile.begin() + i * t.width);
        multiply(forward ? a : a.transposed(), MatrixView(tile, t.height, t.width), half);
        multiply(MatrixView(half, t.height, t.width), forward ? b.transposed() : b, out);
        for (int64_t i = 0; i < t.height; ++i)
          std::copy_n(out.begin() + i * t.width, t.width,
                      to.begin() + (forward ? packed + i * t.width : place(i)));
      }
  }

  const Options options_;
  int64_t parameters_ = 0;
  std::vector<Piece> tensors_;
  std::map<int64_t, std::vector<float>> bases_;
};

}  // namespace

extern const Entry<Port> ports_demo;
const Entry<Port> ports_demo =
    entry<Port, Demo>("demo", "fast components of the momentum, by DCT; a step by their sign");

}  // namespace causeway

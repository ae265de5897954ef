// SPDX-License-Identifier: Apache-2.0
// Workers on a grid of `dimensions` axes with `side` places each; a stage's groups are the lines
// along one axis. After as many stages as axes everybody has the mean of all, if every place is
// taken. Ryabinin and others, "Moshpit SGD: Communication-Efficient Decentralized Training on
// Heterogeneous Unreliable Devices", arXiv:2103.03239. Worker i sits at the digits of i in base
// `side`, the first axis the most significant. Where a channel has one stage, axes take turns.
#include <algorithm>
#include <map>

#include "sync/port.h"

namespace causeway {
namespace {

class Grid final : public Group {
 public:
  struct Options {
    int64_t side = 2;
    int64_t dimensions = 2;
    bool turns = false;

    template <class Visit>
    void each(Visit&& visit) {
      visit("side", side, Range<int64_t>{1, 65'536}, "", "Places along an axis.");
      visit("dimensions", dimensions, Range<int64_t>{1, 16}, "", "Axes.");
      visit("turns", turns, Any{}, "", "A firing goes along one axis, the next along the next.");
    }
    void check(const Location& where, Mistakes& mistakes) const {
      int64_t places = 1;
      for (int64_t i = 0; i < dimensions && places <= kPlacesMax; ++i) places *= side;
      if (places > kPlacesMax)
        mistakes.add(where, fmt::format("the grid has more than {} places", kPlacesMax));
    }
    static constexpr int64_t kPlacesMax = 1 << 20;
  };
  explicit Grid(const Options& options) : options_(options) {}

  void bind(const VirtualClock&, int64_t period) override { period_ = period; }
  bool parted() const override { return true; }
  std::vector<int32_t> members(const Gathering& gathering) const override {
    std::vector<int32_t> out(static_cast<size_t>(gathering.workers));
    for (size_t m = 0; m < out.size(); ++m) out[m] = static_cast<int32_t>(m);
    return out;
  }
  std::vector<std::vector<int32_t>> parts(const Gathering& gathering) const override {
    const int64_t turn =
        options_.turns ? std::max<int64_t>(gathering.steps_done / period_ - 1, 0) : gathering.stage;
    const int64_t axis = turn % options_.dimensions;
    int64_t step = 1;  // between neighbours of a line
    for (int64_t i = axis + 1; i < options_.dimensions; ++i) step *= options_.side;
    std::map<int64_t, std::vector<int32_t>> lines;
    for (int32_t m = 0; m < gathering.workers; ++m)
      lines[m - (m / step % options_.side) * step].push_back(m);
    std::vector<std::vector<int32_t>> out;
    for (auto& [first, line] : lines) out.push_back(std::move(line));
    return out;
  }

 private:
  const Options options_;
  int64_t period_ = 1;
};

}  // namespace

extern const Entry<Group> groups_grid;
const Entry<Group> groups_grid =
    entry<Group, Grid>("grid", "lines of a grid, along one axis a stage");

}  // namespace causeway

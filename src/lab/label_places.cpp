// SPDX-License-Identifier: Apache-2.0
//
// Greedy with repair: each label has a fixed list of places about its point, each with the price of
// what it covers. A label takes the cheapest place given where the others are, until none moves;
// the cheapest of a few such outcomes, which differ in who chose first, is taken.
#include "lab/label_places.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace causeway {
namespace {

// Prices. A label on a label cannot be read; everything else is a matter of looks.
constexpr double kOnLabel = 1000, kOnLabelPixel = 1;
constexpr double kOnBox = 150, kOnSegment = 50;
constexpr double kLeaderOnLabel = 250, kLeaderOnLeader = 120, kLeaderOnBox = 100,
                 kLeaderOnSegment = 8;
constexpr double kAwayPixel = 0.6;  // for each pixel from the point

constexpr double kClear = 9;  // from a point's centre to its label's edge
constexpr double kLed = 8;    // further off than this, a label has a leader
constexpr int kDirections = 32;
constexpr std::array<double, 9> kDistances = {0, 10, 24, 42, 64, 92, 126, 170, 230};
constexpr int kRounds = 12, kSides = 8;

struct Candidate {
  LabelPlace place;
  double price = 0;  // without the other labels
};

double overlap(const Box& a, const Box& b) {
  const double width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const double height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  return width > 0 && height > 0 ? width * height : 0;
}

bool holds(const Box& box, const Spot& spot) {
  return spot.x > box.left && spot.x < box.right && spot.y > box.top && spot.y < box.bottom;
}

// Liang and Barsky: the part of the segment that lies between each pair of sides.
bool crosses(const Segment& segment, const Box& box) {
  double enter = 0, leave = 1;
  const auto within = [&](double from, double by, double low, double high) {
    if (by == 0) return from > low && from < high;
    const double a = (low - from) / by, b = (high - from) / by;
    enter = std::max(enter, std::min(a, b));
    leave = std::min(leave, std::max(a, b));
    return enter < leave;
  };
  const auto& [from, to] = segment;
  return within(from.x, to.x - from.x, box.left, box.right) &&
         within(from.y, to.y - from.y, box.top, box.bottom);
}

double side(const Segment& line, const Spot& spot) {
  return (line.to.x - line.from.x) * (spot.y - line.from.y) -
         (line.to.y - line.from.y) * (spot.x - line.from.x);
}

bool cross(const Segment& a, const Segment& b) {
  return side(a, b.from) * side(a, b.to) < 0 && side(b, a.from) * side(b, a.to) < 0;
}

// Moves the box into the plot; one that is larger sticks out at the right and at the bottom.
Box inside(Box box, const Box& plot) {
  const double x = std::max(plot.left - box.left, std::min(0.0, plot.right - box.right));
  const double y = std::max(plot.top - box.top, std::min(0.0, plot.bottom - box.bottom));
  return {box.left + x, box.top + y, box.right + x, box.bottom + y};
}

// A leader ends at the middle of the label's side, or right over or under its point.
LabelPlace led_place(const LabelWish& wish, const Box& box) {
  const Spot nearest{std::clamp(wish.point.x, box.left, box.right),
                     std::clamp(wish.point.y, box.top, box.bottom)};
  const double gap = std::hypot(nearest.x - wish.point.x, nearest.y - wish.point.y);
  const bool beside = nearest.x != wish.point.x;
  const Spot near{nearest.x, beside ? (box.top + box.bottom) / 2 : nearest.y};
  return {.box = box, .led = gap > kClear + kLed, .leader = {wish.point, near}};
}

double leader_price(const LabelPlace& place, const Obstacles& obstacles) {
  if (!place.led) return 0;
  double price = 0;
  for (const Box& box : obstacles.boxes)
    if (!holds(box, place.leader.from) && crosses(place.leader, box)) price += kLeaderOnBox;
  for (const Segment& segment : obstacles.segments)
    if (cross(place.leader, segment)) price += kLeaderOnSegment;
  return price;
}

Candidate candidate(const LabelWish& wish, double angle, double distance,
                    const Obstacles& obstacles, const Box& plot) {
  const double c = std::cos(angle), s = std::sin(angle);
  const double reach = std::max(std::abs(c), std::abs(s));
  const Spot centre{wish.point.x + c / reach * (wish.width / 2 + kClear + distance),
                    wish.point.y + s / reach * (wish.height / 2 + kClear + distance)};
  const Box box{centre.x - wish.width / 2, centre.y - wish.height / 2, centre.x + wish.width / 2,
                centre.y + wish.height / 2};
  Candidate out{.place = led_place(wish, inside(box, plot))};
  // Right of the point reads best, then left, above and below.
  out.price = kAwayPixel * distance + 2 * (1 - c) + 3 * std::abs(s) +
              crowding(out.place.box, obstacles) + leader_price(out.place, obstacles);
  return out;
}

std::vector<Candidate> candidates(const LabelWish& wish, const Obstacles& obstacles,
                                  const Box& plot) {
  std::vector<Candidate> out;
  for (const double distance : kDistances)
    for (int i = 0; i < kDirections; ++i)
      out.push_back(candidate(wish, i * 2 * M_PI / kDirections, distance, obstacles, plot));
  return out;
}

double price_between(const LabelPlace& a, const LabelPlace& b) {
  double price = 0;
  if (const double pixels = overlap(a.box, b.box); pixels > 0)
    price += kOnLabel + kOnLabelPixel * pixels;
  if (a.led && crosses(a.leader, b.box)) price += kLeaderOnLabel;
  if (b.led && crosses(b.leader, a.box)) price += kLeaderOnLabel;
  if (a.led && b.led && cross(a.leader, b.leader)) price += kLeaderOnLeader;
  return price;
}

// One choice of places after another, and the cheapest of them.
class Placing {
 public:
  Placing(std::span<const LabelWish> labels, const Obstacles& obstacles, const Box& plot)
      : labels_(labels) {
    for (const LabelWish& wish : labels) choices_.push_back(candidates(wish, obstacles, plot));
  }

  // Takes the labels in the order in which a line that sweeps over the plot at `angle` meets their
  // points: whoever comes first has the places nearby.
  void start_from(double angle) {
    std::vector<size_t> order(labels_.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, {}, [&](size_t label) {
      return std::cos(angle) * labels_[label].point.x + std::sin(angle) * labels_[label].point.y;
    });
    taken_.assign(labels_.size(), nullptr);
    bool moved = true;
    for (int round = 0; round < kRounds && moved; ++round) {
      moved = false;
      for (const size_t label : order) {
        const Candidate* cheapest = cheapest_of(label);
        moved = moved || cheapest != taken_[label];
        taken_[label] = cheapest;
      }
    }
    if (const double price = total(); best_.empty() || price < best_price_) {
      best_ = taken_;
      best_price_ = price;
    }
  }

  std::vector<LabelPlace> best() const {
    std::vector<LabelPlace> out;
    for (const Candidate* choice : best_) out.push_back(choice->place);
    return out;
  }

 private:
  double price_of(size_t label, const Candidate& choice) const {
    double sum = choice.price;
    for (size_t other = 0; other < taken_.size(); ++other)
      if (other != label && taken_[other] != nullptr)
        sum += price_between(choice.place, taken_[other]->place);
    return sum;
  }

  const Candidate* cheapest_of(size_t label) const {
    const auto price = [&](const Candidate& choice) { return price_of(label, choice); };
    return &*std::ranges::min_element(choices_[label], {}, price);
  }

  double total() const {
    double sum = 0;
    for (size_t label = 0; label < taken_.size(); ++label) sum += price_of(label, *taken_[label]);
    return sum;
  }

  std::span<const LabelWish> labels_;
  std::vector<std::vector<Candidate>> choices_;
  std::vector<const Candidate*> taken_, best_;
  double best_price_ = 0;
};

}  // namespace

double crowding(const Box& box, const Obstacles& obstacles) {
  double price = 0;
  for (const Box& other : obstacles.boxes)
    if (const double pixels = overlap(box, other); pixels > 0) price += kOnBox + pixels;
  for (const Segment& segment : obstacles.segments)
    if (crosses(segment, box)) price += kOnSegment;
  return price;
}

std::vector<LabelPlace> place_labels(std::span<const LabelWish> labels, const Obstacles& obstacles,
                                     const Box& plot) {
  Placing placing(labels, obstacles, plot);
  for (int side = 0; side < kSides; ++side) placing.start_from(side * 2 * M_PI / kSides);
  return placing.best();
}

}  // namespace causeway

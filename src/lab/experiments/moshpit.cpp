// SPDX-License-Identifier: Apache-2.0
//
// Averaging in small groups. First alone: peers hold random vectors, and what counts is how fast
// they come to the mean of all. Then in training, beside methods that meet all at once or in pairs.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lab/experiment.h"
#include "lab/methods.h"
#include "lab/mixing.h"
#include "sync/simple_preset.h"

namespace causeway {
namespace {

constexpr int64_t kFullPeers = 64;
constexpr int64_t kCourseRounds = 8;
constexpr int64_t kPeerValues = 256;    ///< of a peer
constexpr uint64_t kCourses = 30;       ///< repeats of all rounds
constexpr uint64_t kFirstRounds = 400;  ///< repeats of one round, for the factor
constexpr const char* kMoshpitPaper = "Moshpit SGD, arXiv:2103.03239";

Mixing grid_mixing(int64_t side, int64_t axes, int64_t peers, const std::string& name) {
  int64_t places = 1;
  for (int64_t i = 0; i < axes; ++i) places *= side;
  return {name, plugin_with("grid", {{"side", side}, {"dimensions", axes}}), places, peers};
}

/// What the grid is where all its peers stand in its first places.
Mixing packed_mixing(int64_t side, int64_t axes, int64_t peers, const std::string& name) {
  Mixing out = grid_mixing(side, axes, peers, name);
  out.places = peers;
  return out;
}

Mixing dealt_mixing(int64_t size, int64_t peers) {
  return {fmt::format("random groups of {}", size), plugin_with("pairs", {{"size", size}}), peers,
          peers};
}

/// What a way of averaging does to the variance, in every repeat.
struct Course {
  Mixing mixing;
  std::vector<std::vector<double>> variances;  ///< by repeat, then round

  double mean(size_t round) const {
    double sum = 0;
    for (const auto& one : variances) sum += one[round];
    return sum / static_cast<double>(variances.size());
  }
  std::vector<double> after(size_t round) const {
    std::vector<double> out;
    for (const auto& one : variances) out.push_back(one[round]);
    return out;
  }
};

Course course_of(const Mixing& mixing, int64_t rounds, uint64_t repeats) {
  Course out{mixing, {}};
  for (uint64_t seed = 1; seed <= repeats; ++seed)
    out.variances.push_back(
        variances_of(mixing, draw_peers(mixing, kPeerValues, seed), rounds, seed));
  return out;
}

std::vector<Course> courses_of(const std::vector<Mixing>& mixings) {
  std::vector<Course> out;
  for (const Mixing& mixing : mixings) out.push_back(course_of(mixing, kCourseRounds, kCourses));
  return out;
}

std::string variance_text(double variance) {
  return variance == 0 ? "0" : fmt::format("{:.3g}", variance);
}

Table course_table(const std::vector<Course>& courses, const std::string& title) {
  Table out{title, {"who averages"}, {}};
  for (int64_t round = 1; round <= kCourseRounds; ++round)
    out.columns.push_back(fmt::format("round {}", round));
  for (const Course& course : courses) {
    out.rows.push_back({course.mixing.name});
    for (size_t round = 1; round <= kCourseRounds; ++round)
      out.rows.back().push_back(variance_text(course.mean(round)));
  }
  return out;
}

Chart course_chart(const std::vector<Course>& courses, const std::string& title) {
  Chart out;
  out.title = title;
  out.x_label = "rounds in which each peer meets one group; a variance of 0 has no point";
  out.y_label = "variance among peers, as a part of the first";
  out.log_y = true;
  for (const Course& course : courses) {
    ChartSeries series{course.mixing.name, {}, true};
    for (size_t round = 0; round <= kCourseRounds; ++round)
      series.points.push_back({static_cast<double>(round), course.mean(round), 0, ""});
    out.series.push_back(std::move(series));
  }
  std::ranges::reverse(out.series);  // grids end early: they are drawn over the others
  return out;
}

/// One round of random groups, against what is worked out.
struct Factor {
  int64_t peers, size;
  Interval seen;
  int64_t groups() const { return std::max<int64_t>(1, peers / size); }
};

std::vector<Factor> factors_of_dealt_groups() {
  std::vector<Factor> out;
  for (const auto& [peers, size] :
       {std::pair<int64_t, int64_t>{8, 2}, {10, 4}, {16, 4}, {33, 4}, {64, 4}, {64, 8}}) {
    const Course course = course_of(dealt_mixing(size, peers), 1, kFirstRounds);
    out.push_back({peers, size, interval_of(course.after(1))});
  }
  return out;
}

Table factor_table(const std::vector<Factor>& factors) {
  Table out{"One round of random groups: the variance is multiplied by",
            {"peers", "size", "groups r", "seen", "(r - 1) / (N - 1)", "(r - 1) / N + r / N^2"},
            {}};
  for (const Factor& one : factors)
    out.rows.push_back({fmt::format("{}", one.peers), fmt::format("{}", one.size),
                        fmt::format("{}", one.groups()), interval_text(one.seen),
                        fmt::format("{:.4f}", dealt_factor(one.peers, one.groups())),
                        fmt::format("{:.4f}", moshpit_factor(one.peers, one.groups()))});
  return out;
}

Relation exact_relation(const Course& course, size_t axes) {
  double most = 0;
  for (const double variance : course.after(axes)) most = std::max(most, variance);
  return {fmt::format("A full grid of {} axes has the exact mean after {} rounds", axes, axes),
          kMoshpitPaper,
          fmt::format("{}: {} of the first variance at most, {} a round before", course.mixing.name,
                      variance_text(most), variance_text(course.mean(axes - 1))),
          most == 0 ? Verdict::kSeen : Verdict::kNotSeen};
}

/// Of few peers: with many the bound lies nearer than repeats can tell.
Relation factor_relation(const std::vector<Factor>& factors) {
  constexpr int64_t kFew = 16;
  Relation out{
      fmt::format("Random groups multiply the variance by at most (r - 1) / N + r / N^2 in "
                  "the mean, up to {} peers",
                  kFew),
      kMoshpitPaper, "", Verdict::kSeen};
  for (const Factor& one : factors) {
    if (one.peers > kFew) continue;
    const double limit = moshpit_factor(one.peers, one.groups());
    out.seen +=
        fmt::format("{}{} of {:.4f}", out.seen.empty() ? "" : "; ", interval_text(one.seen), limit);
    const Verdict verdict = below(one.seen, limit);
    if (verdict == Verdict::kNotSeen || out.verdict == Verdict::kSeen) out.verdict = verdict;
  }
  return out;
}

Relation gaps_relation(const Course& dealt, const Course& grid, size_t round) {
  const Interval difference = paired_difference(dealt.after(round), grid.after(round));
  return {"Random groups beat a grid that is half empty", kMoshpitPaper,
          fmt::format("after {} rounds {:.3g} of the first variance, the grid {:.3g}", round,
                      dealt.mean(round), grid.mean(round)),
          below(difference, 0)};
}

void report_averaging(Report& report) {
  const auto full = courses_of(
      {grid_mixing(8, 2, kFullPeers, "grid 8 x 8"), grid_mixing(4, 3, kFullPeers, "grid 4 x 4 x 4"),
       grid_mixing(2, 6, kFullPeers, "grid of pairs, 6 axes"), dealt_mixing(8, kFullPeers),
       dealt_mixing(4, kFullPeers), dealt_mixing(2, kFullPeers)});
  const int64_t half = kFullPeers / 2;
  const auto gaps = courses_of({grid_mixing(4, 3, half, "grid 4 x 4 x 4, half of it empty"),
                                packed_mixing(4, 3, half, "the same, its first places taken"),
                                dealt_mixing(4, half), dealt_mixing(2, half)});
  const auto factors = factors_of_dealt_groups();
  const std::string full_title = fmt::format("{} peers", kFullPeers);
  const std::string gaps_title = fmt::format("{} peers", half);
  report.setting.push_back(fmt::format(
      "Averaging alone: {} normal values a peer, the mean of {} repeats; the factor of one round "
      "from {}. A round of a grid is one axis.",
      kPeerValues, kCourses, kFirstRounds));
  report.tables = {course_table(full, "Variance among " + full_title + ", first 1"),
                   factor_table(factors),
                   course_table(gaps, "Variance among " + gaps_title + ", first 1")};
  report.charts = {{"moshpit-full", course_chart(full, "Averaging in groups, " + full_title)},
                   {"moshpit-gaps", course_chart(gaps, "Averaging in groups, " + gaps_title)}};
  report.relations = {exact_relation(full[0], 2), exact_relation(full[1], 3),
                      exact_relation(full[2], 6), factor_relation(factors),
                      gaps_relation(gaps[2], gaps[0], 3)};
}

constexpr const char* kTwoAxes = "moshpit, 2 axes";
constexpr const char* kThreeAxes = "moshpit, 3 axes";

Arm mixing_arm(const std::string& series, const std::string& preset, const Scale& scale,
               int64_t workers, std::vector<std::string> set = {}) {
  set.push_back(fmt::format("sync.workers={}", workers));
  Arm out = variant_arm(series, preset, scale.period, std::move(set));
  out.x = static_cast<double>(workers);
  // The mean of a full grid is that of all: one rate serves both.
  out.tuned = fmt::format("{}, {} workers", preset == "moshpit" ? "fedavg" : preset, workers);
  return out;
}

std::vector<Arm> mixing_arms(const Scale& scale, int64_t few) {
  std::vector<Arm> out;
  for (const int64_t workers : {few, 2 * few}) {
    for (const char* preset : {"fedavg", "diloco", "noloco"})
      out.push_back(mixing_arm(preset, preset, scale, workers));
    out.push_back(mixing_arm(kTwoAxes, "moshpit", scale, workers, {"sync.dimensions=2"}));
  }
  out.push_back(mixing_arm(kThreeAxes, "moshpit", scale, 2 * few, {"sync.dimensions=3"}));
  return out;
}

Table mixing_table(const std::vector<ArmResult>& results) {
  Table out{"Loss at equal rounds",
            {"workers", "method", "loss", "beside fedavg", "bytes", "less than ddp", "rate"},
            {}};
  std::vector<const ArmResult*> rows;
  for (const ArmResult& one : results) rows.push_back(&one);
  std::ranges::stable_sort(rows, {}, [](const ArmResult* one) { return one->arm.x; });
  for (const ArmResult* one : rows)
    out.rows.push_back(
        {fmt::format("{:g}", one->arm.x), one->arm.series, interval_text(one->loss()),
         interval_text(
             paired_difference(one->nats(), result_at(results, "fedavg", one->arm.x).nats())),
         mean_bytes_text(one->bytes()), times_less_text(*one), fmt::format("{:.2g}", one->rate)});
  return out;
}

void report_mixing_trainings(const std::vector<ArmResult>& results, int64_t few, Report& report) {
  const std::string source = "Moshpit SGD";
  for (const int64_t workers : {few, 2 * few}) {
    const auto at = [&](const char* series) -> const ArmResult& {
      return result_at(results, series, static_cast<double>(workers));
    };
    const std::string of = fmt::format(", {} workers", workers);
    report.relations.push_back(about_equal("Moshpit (2 axes) trains as well as a mean of all" + of,
                                           source, at(kTwoAxes), at("fedavg")));
    if (workers != few)
      report.relations.push_back(
          about_equal("Moshpit (3 axes) trains as well as a mean of all" + of, source,
                      at(kThreeAxes), at("fedavg")));
    report.relations.push_back(
        not_worse("Random pairs with momentum are not worse than DiLoCo" + of, "NoLoCo",
                  at("noloco"), at("diloco")));
  }
}

class MoshpitExperiment final : public Experiment {
 public:
  using Options = NoOptions;
  explicit MoshpitExperiment(const Options&) {}

  Result<Report> run(Laboratory& laboratory) const override {
    Report report;
    report_averaging(report);
    const int64_t few = laboratory.options().workers;
    CW_ASSIGN(const auto results, laboratory.train(mixing_arms(laboratory.scale(), few)));
    report.setting.push_back(fmt::format(
        "Training: every worker draws from all sites' text, {} or {} of them. The model that is "
        "judged is the mean of all replicas, which no worker of noloco holds. Grids have the "
        "fewest places that hold all workers.",
        few, 2 * few));
    report.tables.push_back(mixing_table(results));
    report_mixing_trainings(results, few, report);
    report.trainings_json = trainings_json(results);
    return report;
  }
};

}  // namespace

extern const Entry<Experiment> experiments_moshpit;
const Entry<Experiment> experiments_moshpit = entry<Experiment, MoshpitExperiment>(
    "moshpit", "How fast do small groups come to the mean of all, and does training notice?");

}  // namespace causeway

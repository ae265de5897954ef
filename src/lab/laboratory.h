// SPDX-License-Identifier: Apache-2.0
//
// Trains what an experiment wants to compare: the same recipe with changes, several seeds each, at
// a learning rate that a sweep found. Trainings go side by side, one thread each. Every finished
// one is a file; what is there is not trained again, so an experiment that was stopped goes on.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/options.h"
#include "lab/measure.h"
#include "lab/statistics.h"

namespace causeway {

struct LabOptions {
  std::string data = "build/demo/sites";
  int64_t workers = 4;
  int64_t seeds = 3;
  int64_t steps = 0;
  int64_t jobs = 0;

  template <class Visit>
  void each(Visit&& visit) {
    visit("data", data, Required{}, "",
          "Folder with a folder for each site, which has train.txt and valid.txt.");
    visit("workers", workers, Range<int64_t>{2, 64}, "",
          "Workers: the first so many folders are the sites.");
    visit("seeds", seeds, Range<int64_t>{1, 30}, "", "Trainings of each setting.");
    visit("steps", steps, Range<int64_t>{0, 1'000'000}, "steps",
          "Steps of each worker; 0: as the experiment says.");
    visit("jobs", jobs, Range<int64_t>{0, 1024}, "",
          "Trainings at a time; 0: one for each core of the machine. Changes no result.");
  }
};

/// Sizes of an experiment's trainings; as they stand, size S, a minute of a core for each.
struct Scale {
  int64_t layers = 4, width = 128, heads = 4, context = 64;
  int64_t batch_tokens = 256;  ///< of one worker's step
  int64_t steps = 320;
  int64_t period = 32;         ///< local steps of a round, of methods that have rounds
  int64_t exam_tokens = 8192;  ///< of each site
};

/// A small model, for a few rounds or for twenty.
Scale small_scale(bool quick);

/// Whose text a worker trains on. Both are judged by the same text.
enum class Text : uint8_t {
  kMixed = 1,  ///< all sites': IID
  kOwn = 2,    ///< its own site's
};

/// One setting that is trained, once for each seed.
struct Arm {
  std::string series;  ///< for tables and charts: a method, or a variant
  double x = 0;        ///< its place along the axis, if the experiment has one
  Text text = Text::kMixed;
  std::vector<std::string> set;  ///< changes of the base recipe, as `--set` has them
  std::string tuned;             ///< arms of one name share a rate; empty: that of the series
};

struct ArmResult {
  Arm arm;
  double rate = 0;                ///< base learning rate that was taken
  std::vector<Outcome> outcomes;  ///< by seed

  std::vector<double> nats() const;
  Interval loss() const { return interval_of(nats()); }
  double bytes() const;      ///< mean of all seeds, all workers
  double ddp_bytes() const;  ///< the same for fp32 gradients every step
};

/// What is told while trainings go on; from any thread, one at a time.
struct LabNews {
  std::string what;  ///< "des_loc, own text, seed 2"
  double nats = 0;
  double seconds = 0;
  int64_t done = 0, all = 0;  ///< trainings; `all` grows where a sweep goes on
  bool found = false;         ///< it was there already
};

class Laboratory {
 public:
  /// `folder` takes the trainings. `root` is a recipe's table that the scale's replaces parts of.
  /// Clock, stop and `tell` outlive it. Fault::kBadInput if the data are not usable.
  static Result<Laboratory> make(const LabOptions& options, const Scale& scale,
                                 const std::string& folder, const Clock& clock,
                                 const std::atomic<bool>& stop,
                                 std::function<void(const LabNews&)> tell);

  /// All arms, in the order given. The rate: from that which the recipe of the first arm of a name
  /// states, twice and half of it are tried too with the first seed; while the best is the last of
  /// a side, one more there, up to kTries in all. Faults of measure.
  Result<std::vector<ArmResult>> train(const std::vector<Arm>& arms);

  const Scale& scale() const { return scale_; }
  const LabOptions& options() const { return options_; }
  const Clock& clock() const { return *clock_; }
  const std::atomic<bool>& stop() const { return *stop_; }
  /// Model, data, steps, seeds, rates: lines for a report.
  std::vector<std::string> setting() const;
  /// Recipe of an arm; for experiments that look at plans.
  Result<Recipe> recipe(const Arm& arm, int64_t seed) const;

  static constexpr int64_t kTries = 7;

 private:
  static constexpr int64_t kFirstTries = 3;  ///< that every sweep makes

  Laboratory(const LabOptions& options, const Scale& scale, std::string folder, const Clock& clock,
             const std::atomic<bool>& stop, std::function<void(const LabNews&)> tell);
  Value root(const Arm& arm, int64_t seed, Mistakes& mistakes) const;
  /// The rate that the sweep finds for the arm.
  Result<double> find_rate(const Arm& arm);
  /// Runs task(0) to task(tasks - 1), `jobs` at a time; the error of the first that failed.
  Result<void> side_by_side(size_t tasks, const std::function<Result<void>(size_t)>& task) const;
  Result<Outcome> outcome(const Arm& arm, int64_t seed, double rate);
  Result<double> stated_rate(const Arm& arm) const;

  LabOptions options_;
  Scale scale_;
  std::string folder_;
  const Clock* clock_;
  const std::atomic<bool>* stop_;
  std::function<void(const LabNews&)> tell_;
  std::vector<std::string> sites_;  ///< folders
  std::string text_digest_;         ///< of all that they have: other text is another training
  std::shared_ptr<const Exam> exam_;
  struct Count;
  std::shared_ptr<Count> count_;
};

/// The trainings of these arms as a JSON array, with rates and curves.
std::string trainings_json(const std::vector<ArmResult>& results);

}  // namespace causeway

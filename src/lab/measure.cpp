// SPDX-License-Identifier: Apache-2.0
#include "lab/measure.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "sync/account.h"
#include "train/weights.h"

namespace causeway {
namespace {

using nlohmann::json;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Outcome diverged(Outcome outcome) {
  outcome.diverged = true;
  outcome.nats = kInfinity;
  return outcome;
}

void add_round(const RoundOutcome& round, Outcome& outcome) {
  const auto members = std::max<int64_t>(1, std::ssize(round.members));
  outcome.round_bytes =
      std::max(outcome.round_bytes, (round.up_bytes + round.down_bytes) / members);
}

}  // namespace

Result<Outcome> measure(const Recipe& recipe, const Exam& exam, int64_t looks, const Clock& clock,
                        const std::atomic<bool>& stop) {
  const int64_t began_ns = clock.now_ns();
  CW_ASSIGN(const auto team, Team::make(recipe, clock));
  Outcome outcome;
  Team::Events events;
  events.on_step = [](const StepReport&, const std::string&) {};
  events.on_tick = [] {};
  events.on_round = [&](const RoundOutcome& round, double) { add_round(round, outcome); };
  const int64_t steps = recipe.run.steps;
  outcome.tokens = steps * recipe.workers() * recipe.train.batch_tokens;
  outcome.ddp_bytes =
      steps * ddp_step_bytes(recipe.shape->layout().count(), recipe.workers()).sum();
  for (int64_t look = 1; look <= looks; ++look) {
    const int64_t until = steps * look / looks;
    const auto went = team->run_to(until, events, stop);
    outcome.up_bytes = team->bytes().up;
    outcome.down_bytes = team->bytes().down;
    if (!went && went.error().fault == Fault::kNumeric) return diverged(std::move(outcome));
    if (!went) return went.error();
    if (team->steps() < until)
      return failure(Fault::kTimeout, "{}: stopped after {} of {} steps", recipe.run.name,
                     team->steps(), steps);
    outcome.nats = exam.nats(*team);
    if (!std::isfinite(outcome.nats)) return diverged(std::move(outcome));
    outcome.curve.push_back({until, outcome.bytes(), outcome.nats});
  }
  Arena mean(team->placement());
  team->mean_parameters(mean);
  outcome.weights_digest = weights_digest(mean).hex();
  outcome.seconds = static_cast<double>(clock.now_ns() - began_ns) * 1e-9;
  return outcome;
}

std::string outcome_json(const Outcome& outcome) {
  json curve = json::array();
  for (const CurvePoint& point : outcome.curve)
    curve.push_back({{"step", point.step}, {"bytes", point.bytes}, {"nats", point.nats}});
  return json{{"diverged", outcome.diverged},
              {"nats", outcome.nats},
              {"up_bytes", outcome.up_bytes},
              {"down_bytes", outcome.down_bytes},
              {"ddp_bytes", outcome.ddp_bytes},
              {"tokens", outcome.tokens},
              {"round_bytes", outcome.round_bytes},
              {"seconds", outcome.seconds},
              {"weights_digest", outcome.weights_digest},
              {"curve", std::move(curve)}}
             .dump(1) +
         "\n";
}

Result<Outcome> parse_outcome(const std::string& text) {
  try {
    const json in = json::parse(text);
    Outcome out;
    in.at("diverged").get_to(out.diverged);
    out.nats = out.diverged ? kInfinity : in.at("nats").get<double>();
    in.at("up_bytes").get_to(out.up_bytes);
    in.at("down_bytes").get_to(out.down_bytes);
    in.at("ddp_bytes").get_to(out.ddp_bytes);
    in.at("tokens").get_to(out.tokens);
    in.at("round_bytes").get_to(out.round_bytes);
    in.at("seconds").get_to(out.seconds);
    in.at("weights_digest").get_to(out.weights_digest);
    for (const json& point : in.at("curve"))
      out.curve.push_back({point.at("step").get<int64_t>(), point.at("bytes").get<int64_t>(),
                           point.at("nats").get<double>()});
    return out;
  } catch (const json::exception& error) {
    return failure(Fault::kCorrupt, "no outcome of a training: {}", error.what());
  }
}

}  // namespace causeway

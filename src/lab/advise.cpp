// SPDX-License-Identifier: Apache-2.0
#include "lab/advise.h"

#include <algorithm>
#include <cmath>

namespace causeway {
namespace {

constexpr std::string_view kBaseline = "ddp";

/// The column of the table that counts; -1: all panels together.
Result<int32_t> find_panel(const AdviseOptions& options, const LossTable& table) {
  const std::string wanted = options.panel.empty() ? "sites" : options.panel;
  const auto found = std::ranges::find(table.panels, wanted);
  if (found != table.panels.end()) return static_cast<int32_t>(found - table.panels.begin());
  if (options.panel.empty()) return -1;
  return failure(Fault::kBadInput, "the table of losses has no data `{}`; it has: {}", wanted,
                 fmt::join(table.panels, ", "));
}

/// What was measured of a method, or why there is nothing.
struct MeasuredGap {
  Interval gap;
  std::string missing;
};

MeasuredGap measured_gap(const std::string& preset, const LossTable& table, int32_t panel) {
  const auto found = std::ranges::find(table.methods, preset, &MethodLoss::method);
  if (found == table.methods.end()) {
    if (preset == kBaseline) return {{0, 0, 2}, {}};  // by what a gap is, in any number of seeds
    return {{}, "no loss in the table"};
  }
  const Interval gap = panel < 0 ? found->gap : found->gaps[static_cast<size_t>(panel)];
  if (gap.count == 0) return {gap, "no loss in the table for this data"};
  if (!std::isfinite(gap.mean)) return {gap, "diverged when it was measured"};
  return {gap, {}};
}

/// A recipe with the method in place of its own.
Recipe recipe_with(const AdviseOptions& options, Value sync, Mistakes& mistakes) {
  Value root = options.recipe;
  root.set("sync", std::move(sync));
  return read_recipe(root, options.base, mistakes, SiteText::kElsewhere);
}

AdviceRow make_row(const std::string& preset, const StepTime& step, const Interval& gap,
                   const LossTable& table, int64_t steps) {
  AdviceRow out{preset, step, gap};
  const auto tokens = [&](double nats) { return std::exp2(nats / table.doubling_nats); };
  const double seconds = static_cast<double>(steps) * step.seconds();
  out.tokens = tokens(gap.mean);
  out.seconds = seconds * out.tokens;
  out.seconds_low = seconds * tokens(gap.low());
  out.seconds_high = seconds * tokens(gap.high());
  return out;
}

void rank(std::vector<AdviceRow>& rows) {
  std::ranges::sort(rows, {}, [](const AdviceRow& row) {
    return std::tuple(row.seconds, row.step.bytes(), row.preset);
  });
  for (AdviceRow& row : rows) row.as_good_as_best = row.seconds_low <= rows.front().seconds_high;
}

}  // namespace

const AdviceRow* Advice::find(const std::string& preset) const {
  const auto found = std::ranges::find(rows, preset, &AdviceRow::preset);
  return found == rows.end() ? nullptr : &*found;
}

Value sync_table(const std::string& preset, int64_t period) {
  Value out;
  out.set("preset", preset);
  if (has_option(preset, "period")) out.set("period", period);
  return out;
}

Result<Advice> advise(const AdviseOptions& options, const LossTable& table) {
  if (table.methods.empty())
    return failure(Fault::kBadInput,
                   "the table of losses is empty ({}): there is nothing to go by; wanted: a "
                   "measured one, as `causeway lab bytes` writes it",
                   table.measured);
  CW_ASSIGN(const int32_t panel, find_panel(options, table));
  Mistakes mistakes;
  const Recipe bare = recipe_with(options, sync_table("none", 0), mistakes);
  if (!mistakes.empty()) return failure(Fault::kBadInput, "{}", mistakes.text());
  if (bare.workers() < 2)
    return failure(Fault::kBadInput, "one site exchanges with nobody; wanted: 2 or more");
  Advice out;
  out.parameters = bare.shape->layout().count();
  out.sites = bare.workers();
  out.period = options.period > 0 ? options.period : table.period;
  if (panel >= 0) out.panel = table.panels[static_cast<size_t>(panel)];
  WorkerLink link = options.link;
  if (options.hub_bits_per_second > 0)
    link.bits_per_second = std::min(link.bits_per_second, options.hub_bits_per_second / out.sites);
  out.bits_per_second = link.bits_per_second;
  for (const Entry<Preset>* entry : presets()) {
    const std::string preset(entry->name);
    if (preset == "none") continue;
    Mistakes own;
    const Recipe recipe = recipe_with(options, sync_table(preset, out.period), own);
    if (!own.empty()) {
      out.do_not_fit.push_back({preset, own.all().front().second});
      continue;
    }
    const auto plan = bind_plan(recipe);
    if (!plan) return plan.error();
    if (const auto crosses = can_cross_processes(**plan); !crosses) {
      const std::string& why = crosses.error().message;
      out.one_process_only.push_back({preset, why.substr(0, why.find(';'))});
      continue;
    }
    const MeasuredGap measured = measured_gap(preset, table, panel);
    if (!measured.missing.empty())
      out.not_measured.push_back({preset, measured.missing});
    else
      out.rows.push_back(make_row(preset, step_time(**plan, options.step_seconds, link),
                                  measured.gap, table, options.steps));
  }
  if (out.rows.empty())
    return failure(Fault::kBadInput, "the table of losses has no method that sites can use here");
  rank(out.rows);
  return out;
}

}  // namespace causeway

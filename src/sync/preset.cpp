// SPDX-License-Identifier: Apache-2.0
#include "sync/preset.h"

#include <algorithm>

namespace causeway {
namespace {

/// The codecs that hold for all channels of a preset. A second moment is divided by: rounding its
/// small values to zero, or adding what another round lost, would make it zero or negative. So it
/// goes without feedback and keeps a float's exponent.
void set_codecs(const SyncOptions& options, Channel& channel) {
  const auto set = [](const Plugin& said, Plugin& plugin) {
    if (said.name != "preset") plugin = said;
  };
  set(options.up, channel.up);
  set(options.down, channel.down);
  set(options.feedback, channel.feedback);
  set(options.down_feedback, channel.down_feedback);
  set(options.rule, channel.rule);
  const Value* state = channel.port.options.find("state");
  if (state == nullptr || state->string() != "v") return;
  channel.feedback = channel.down_feedback = {"none", {}};
  for (Plugin* codec : {&channel.up, &channel.down})
    if (codec->name != "fp32") *codec = {"bf16", {}};
}

void draw_members(const SyncOptions& options, const Location& where, std::vector<Channel>& channels,
                  Mistakes& mistakes) {
  if (options.participation >= 1.0 || channels.empty()) return;
  if (std::ranges::any_of(channels, [](const Channel& one) { return one.group.name != "all"; }))
    return mistakes.add(where, fmt::format("`participation` is {}; wanted: 1, as the preset `{}` "
                                           "says itself who takes part in a round",
                                           options.participation, options.preset));
  const auto shortest =
      std::min_element(channels.begin(), channels.end(),
                       [](const Channel& a, const Channel& b) { return a.period < b.period; });
  Value draw;
  draw.set("fraction", options.participation);
  draw.set("period", shortest->period);
  for (Channel& channel : channels) channel.group = {"sample", draw};
}

}  // namespace

SyncTable read_sync(const Value& table, Mistakes& mistakes) {
  SyncTable out;
  Value common = Value::Table{};
  out.preset_options = Value::Table{};
  common.where = out.preset_options.where = table.where;
  std::vector<std::string> common_names;
  for (const OptionInfo& info : describe_options<SyncOptions>()) common_names.push_back(info.name);
  if (!table.is(Value::Kind::kTable)) {
    read_options(table, out.options, mistakes);
    return out;
  }
  for (const auto& [key, value] : table.table()) {
    const bool ours =
        std::find(common_names.begin(), common_names.end(), key) != common_names.end();
    (ours ? common : out.preset_options).set(key, value);
  }
  read_options(common, out.options, mistakes);

  const Value* name = common.find("preset");
  Plugin choice{out.options.preset, {}};
  choice.options.where = name == nullptr ? table.where : name->where;
  out.preset_options.where = choice.options.where;
  const auto* preset = find_plugin(presets(), "preset", choice, mistakes);
  if (preset == nullptr) return out;
  // A misspelt key may have meant an option of either list.
  for (const OptionInfo& info : preset->describe()) common_names.push_back(info.name);
  options_detail::report_unknown(out.preset_options, common_names, mistakes);
  std::erase_if(out.preset_options.table(), [&](const auto& entry) {
    return std::find(common_names.begin(), common_names.end(), entry.first) == common_names.end();
  });
  preset->make(out.preset_options, mistakes);
  return out;
}

Value write_sync(const SyncTable& sync) {
  Value out = write_options(sync.options);
  Mistakes none;
  const auto* preset = find_plugin(presets(), "preset", {sync.options.preset, {}}, none);
  if (preset == nullptr) return out;
  const Value own = preset->resolve(sync.preset_options);
  for (const auto& [key, value] : own.table()) out.set(key, value);
  return out;
}

Training training_of(const SyncTable& sync) {
  Mistakes told_by_read;
  const auto preset =
      make_plugin(presets(), "preset", {sync.options.preset, sync.preset_options}, told_by_read);
  return preset == nullptr ? Training{} : preset->training();
}

bool has_option(std::string_view preset, std::string_view option) {
  for (const Entry<Preset>* entry : presets())
    if (entry->name == preset)
      return std::ranges::count(entry->describe(), option, &OptionInfo::name) > 0;
  return false;
}

Plan make_plan(const SyncTable& sync, const PresetContext& context, Mistakes& mistakes) {
  Plan plan;
  const SyncOptions& options = sync.options;
  Mistakes told_by_read;
  const auto preset =
      make_plugin(presets(), "preset", {options.preset, sync.preset_options}, told_by_read);
  PresetContext located = context;
  located.where = sync.preset_options.where;
  if (preset != nullptr) plan.channels = preset->channels(located, mistakes);
  for (Channel& channel : plan.channels) {
    set_codecs(options, channel);
    if (channel.weight == Weight::kTokens) channel.weight = options.weight;
    channel.port.options.where = located.where;
  }
  draw_members(options, located.where, plan.channels, mistakes);
  for (const Value& table : options.channel) {
    read_options(table, plan.channels.emplace_back(), mistakes);
    if (plan.channels.back().port.options.where.file.empty())
      plan.channels.back().port.options.where = table.where;
  }
  return plan;
}

}  // namespace causeway

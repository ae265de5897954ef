// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/plugin.h"
#include "sync/channel.h"

namespace causeway {

/// What a preset must know of the training it serves.
struct PresetContext {
  std::string optimizer;             ///< name of the inner optimizer
  std::vector<std::string> moments;  ///< its states: {"u", "v"}, {"u1", "u2", "v"}, {"b"}, {}
  Location where = {};               ///< of the [sync] table, for mistakes; make_plan sets it
  Value optimizer_options = Value::Table{};  ///< as resolved
  int32_t workers = 1;
  int64_t batch_tokens = 4096;  ///< of one step of one worker
  double clip = 1;              ///< most norm of a gradient; 0: no clip
};

/// What a method trains with, beside its channels.
struct Training {
  /// Inner optimizers that it is made for, the first one with the options it wants; empty: any.
  std::vector<Plugin> optimizers;
  /// What a local step optimises; an empty name: whatever the recipe says.
  Plugin objective{"", {}};
};

/// A named method: a function from a few options to channels.
class Preset {
 public:
  virtual ~Preset() = default;
  virtual std::vector<Channel> channels(const PresetContext& context, Mistakes& mistakes) const = 0;
  virtual Training training() const { return {}; }
};

/// Every preset, sorted by name.
Entries<Preset> presets();

/// What a recipe's [sync] table says beside the preset's own options. What names codecs, feedback,
/// weights and participation holds for every channel of the preset; `preset` there: as the method
/// has it.
struct SyncOptions {
  std::string preset = "none";
  int64_t workers = 0;
  Weight weight = Weight::kTokens;
  double participation = 1.0;
  Plugin up{"preset", {}};
  Plugin down{"preset", {}};
  Plugin feedback{"preset", {}};
  Plugin down_feedback{"preset", {}};
  Plugin rule{"preset", {}};
  std::vector<Value> channel;

  template <class Visit>
  void each(Visit&& visit) {
    visit("preset", preset, Required{}, "", "Method: see `causeway list presets`.");
    visit("workers", workers, Range<int64_t>{0, 65'536}, "",
          "Replicas; 0: one for each site. More than sites: they take turns.");
    visit("weight", weight,
          Choices<Weight>{
              {{"equal", Weight::kEqual}, {"tokens", Weight::kTokens}, {"fixed", Weight::kFixed}}},
          "", "What a worker counts in a mean: alike, by its tokens, or by its site's weight.");
    visit("participation", participation, Range<double>{0, 1}, "",
          "Part of the workers drawn for each round; the others rest.");
    visit("up", up, Required{}, "",
          "Codec of what workers send: a name, or a chain as \"topk(0.01)|int8|rice\".");
    visit("down", down, Required{}, "", "Codec of what they get back.");
    visit("feedback", feedback, Required{}, "", "Error feedback of what workers send.");
    visit("down_feedback", down_feedback, Required{}, "", "Error feedback of what they get back.");
    visit("rule", rule, Required{}, "", "How offers are combined.");
    visit("channel", channel, Any{}, "", "Channels beside the preset's: [[sync.channel]] tables.");
  }
};

/// A [sync] table taken apart.
struct SyncTable {
  SyncOptions options;
  Value preset_options;  ///< the rest: the preset's own
};

/// Whether the preset of that name is there and has that option.
bool has_option(std::string_view preset, std::string_view option);

/// Reads a [sync] table; unknown keys, of SyncOptions and of the preset, become mistakes.
SyncTable read_sync(const Value& table, Mistakes& mistakes);

/// The table with every default written out.
Value write_sync(const SyncTable& sync);

/// What the preset of a [sync] table trains with.
Training training_of(const SyncTable& sync);

/// The plan of a [sync] table: the preset's channels, then the hand-written ones.
Plan make_plan(const SyncTable& sync, const PresetContext& context, Mistakes& mistakes);

}  // namespace causeway

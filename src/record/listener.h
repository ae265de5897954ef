// SPDX-License-Identifier: Apache-2.0
//
// What a run says while it goes on. Progress, log, TensorBoard events, trace and report each
// listen.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace causeway {

struct SiteInfo {
  std::string name;
  int64_t train_tokens = 0, valid_tokens = 0;
};

struct ChannelInfo {
  std::string name, port, region, up, down;
  int64_t values = 0, period = 1;
  int64_t up_bytes = 0, down_bytes = 0;  ///< predicted, for one worker and one firing
};

/// Everything known before the first step.
struct RunInfo {
  std::string name, folder;
  std::string recipe_toml;  ///< resolved
  std::string method;       ///< preset, or "channels"
  std::vector<SiteInfo> sites;
  std::vector<int32_t> worker_sites;  ///< worker -> site
  std::vector<ChannelInfo> channels;
  int64_t parameters = 0;
  int64_t steps = 0;
  int64_t first_step = 0;          ///< 0, or where a resumed run goes on
  int64_t first_up_bytes = 0;      ///< sent before first_step, all workers
  int64_t first_down_bytes = 0;    ///< received before first_step, all workers
  int64_t tokens_per_step = 0;     ///< of one worker
  int64_t ddp_bytes_per_step = 0;  ///< up and down, all workers, fp32 gradients
  int64_t predicted_bytes = 0;     ///< of the whole run, up and down, all workers
  int64_t predicted_memory_bytes = 0;
};

/// One worker has finished one step. Delivered in order of step, then worker.
struct StepReport {
  int32_t worker = 0;
  int64_t step = 0;          ///< from 1
  double loss = 0;           ///< nats per token, before the update
  double gradient_norm = 0;  ///< the worker's own, before exchange and clip
  double rate = 0;           ///< learning rate of the step
  int64_t tokens = 0;        ///< trained by this worker so far
  double seconds = 0;        ///< that the step took
  bool trained = true;       ///< false: not drawn for this round
};

/// A round was committed or aborted.
struct RoundReport {
  int64_t round = 0, step = 0;
  std::vector<std::string> channels;
  std::vector<std::pair<int32_t, int64_t>> members;      ///< worker, weight in the first channel
  std::vector<std::pair<int32_t, std::string>> dropped;  ///< worker, reason
  int64_t up_bytes = 0, down_bytes = 0;                  ///< all workers
  double fold_seconds = 0;
  bool committed = true;
};

/// A validation of the mean of all replicas.
struct ValidReport {
  int64_t step = 0;
  std::string site;
  double nats_per_token = 0, bits_per_byte = 0;
  int64_t tokens = 0;
};

enum class Notice : uint8_t { kInfo = 1, kWarning = 2, kError = 3 };

/// How a run ended.
struct RunSummary {
  bool finished = false;  ///< false: left early, may be resumed
  int64_t steps = 0;
  double seconds = 0;
  std::string weights_digest;            ///< XXH3-128 of the mean parameters, fp32, global order
  int64_t up_bytes = 0, down_bytes = 0;  ///< all workers, whole run
  int64_t ddp_bytes = 0;                 ///< what fp32 gradients every step would have sent
  int64_t peak_memory_bytes = 0;
  std::vector<ValidReport> first_valid, last_valid;
  std::vector<std::pair<std::string, double>> yardstick;  ///< site, bits per byte of byte n-grams
  std::string sample;
  std::string checkpoint;
};

/// Called from one thread, in order; never while workers step. Implementations must not throw, and
/// keep their trouble (a full disk) to themselves until it can be told by `trouble`.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual void on_start(const RunInfo&) {}
  virtual void on_step(const StepReport&) {}
  virtual void on_round(const RoundReport&) {}
  virtual void on_valid(const ValidReport&) {}
  virtual void on_checkpoint(int64_t /*step*/, const std::string& /*path*/) {}
  virtual void on_notice(Notice, const std::string& /*text*/) {}
  /// Called a few times a second, for displays.
  virtual void on_tick() {}
  virtual void on_end(const RunSummary&) {}
};

}  // namespace causeway

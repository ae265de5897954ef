// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "record/listener.h"

namespace causeway {

struct SiteFacts {
  SiteInfo info;
  int64_t workers = 0;
  std::optional<double> first_bits_per_byte;  ///< of the first validation
  std::optional<double> last_bits_per_byte;   ///< of the last one up to the step
  int64_t last_step = 0;                      ///< when that was
};

/// What a run's log knows of the run up to a step.
struct RunFacts {
  std::string name, method, recipe_toml;
  int64_t step = 0, steps = 0;  ///< told of, and planned
  int64_t parameters = 0;
  int64_t trained_tokens = 0;            ///< all workers
  int64_t up_bytes = 0, down_bytes = 0;  ///< all workers
  int64_t ddp_bytes_per_step = 0;        ///< what fp32 gradients would send, all workers
  int64_t rounds = 0;                    ///< committed
  std::vector<SiteFacts> sites;          ///< sorted by name
  std::vector<ChannelInfo> channels;
};

/// Reads a `log.sqlite` as docs/formats.md has it, up to and with `step`; the run may go on
/// meanwhile. Any file is safe. Fault::kIo if it cannot be opened, kCorrupt if it is no log.
Result<RunFacts> read_run_facts(const std::string& log_path, int64_t step);

}  // namespace causeway

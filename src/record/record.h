// SPDX-License-Identifier: Apache-2.0
//
// What a run leaves and shows: one Listener for each.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "core/clock.h"
#include "core/error.h"
#include "record/listener.h"

namespace causeway {

/// `log.sqlite` in WAL mode: run, steps, rounds, members, validations, notices. Opened again by a
/// resumed run, which drops the rows past `first_step`. Tables: docs/formats.md.
Result<std::unique_ptr<Listener>> sqlite_log(const std::string& path, const Clock& clock);

/// TensorBoard events `events.out.tfevents.*`: scalars loss/SITE, gradient_norm/SITE, valid/SITE,
/// rate, tokens_per_second, bytes/up, bytes/down, bytes/ddp. `folder` must exist.
Result<std::unique_ptr<Listener>> tensorboard_events(const std::string& folder, const Clock& clock);

/// One JSON line per step and worker: {"step", "worker", "loss", "gradient_norm"}, all digits kept.
Result<std::unique_ptr<Listener>> trace_file(const std::string& path);

/// `report.html`, written at the end (also of a run that leaves early): self-contained.
std::unique_ptr<Listener> html_report(const std::string& path);

struct ProgressOptions {
  std::FILE* out = nullptr;
  bool terminal = false;  ///< live lines and colours; else a plain line now and then
  bool json = false;      ///< one JSON object a line, for machines; the last has "event": "end"
  int32_t width = 80;     ///< columns of the terminal
};
/// Progress for people, or for machines. `clock` outlives it.
std::unique_ptr<Listener> progress(ProgressOptions options, const Clock& clock);

}  // namespace causeway

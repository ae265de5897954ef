// SPDX-License-Identifier: Apache-2.0
//
// The three forms of progress(), and the words that the two for people share.
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

#include "core/clock.h"
#include "record/listener.h"
#include "record/words.h"

namespace causeway {

/// Live lines, redrawn in place at most eight times a second.
std::unique_ptr<Listener> terminal_progress(std::FILE* out, int32_t width, const Clock& clock);
/// A line every 5 % of the steps and at the latest after 10 seconds.
std::unique_ptr<Listener> plain_progress(std::FILE* out, const Clock& clock);
/// One JSON object a line; steps are thinned to about 1,000.
std::unique_ptr<Listener> json_progress(std::FILE* out);

/// What a run is, before it starts.
std::vector<Line> start_lines(const RunInfo& info);
/// What a run came to: a table of its sites, bytes beside DDP, sample, paths, weights.
std::vector<Line> end_lines(const RunInfo& info, const RunSummary& summary);
/// Drops and aborts; nothing to say of a round in which all went well.
std::optional<Line> round_line(const RoundReport& report, const RunInfo& info);
Line valid_line(const ValidReport& report);
Line notice_line(Notice level, const std::string& text);

}  // namespace causeway

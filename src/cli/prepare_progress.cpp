// SPDX-License-Identifier: Apache-2.0
#include "cli/prepare_progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "record/words.h"

namespace causeway {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kLiveSeconds = 0.125;
constexpr double kPlainSeconds = 30;  // and after each line twice as long
constexpr double kJsonSeconds = 1;
constexpr int64_t kPlainPercent = 10;

int64_t percent_of(const PrepareProgress& progress) {
  if (progress.bytes_total == 0) return 0;
  return std::clamp<int64_t>(100 * progress.bytes_read / progress.bytes_total, 0, 100);
}

Json json_of(const PrepareProgress& progress) {
  return {{"bytes_total", progress.bytes_total}, {"bytes_read", progress.bytes_read},
          {"text_bytes", progress.text_bytes},   {"tokens", progress.tokens},
          {"documents", progress.documents},     {"skipped", progress.skipped}};
}

void print(std::FILE* out, const Json& line) {
  fmt::print(out, "{}\n", line.dump(-1, ' ', false, Json::error_handler_t::replace));
  std::fflush(out);
}

}  // namespace

bool PrepareScreen::is_due(const PrepareProgress& progress) {
  const double waited = seconds_since(shown_ns_ == 0 ? began_ns_ : shown_ns_);
  if (form_ == PrepareForm::kLive) return waited >= kLiveSeconds;
  if (form_ == PrepareForm::kJson) return waited >= kJsonSeconds;
  if (percent_of(progress) / kPlainPercent > shown_percent_ / kPlainPercent) return true;
  if (waited < std::max(wait_s_, kPlainSeconds)) return false;
  wait_s_ = 2 * std::max(wait_s_, kPlainSeconds);
  return true;
}

void PrepareScreen::progress(const PrepareProgress& progress) {
  if (!has_first_) {
    has_first_ = true;
    first_ = progress;
    first_ns_ = clock_.now_ns();
    shown_percent_ = percent_of(progress);
  }
  if (!is_due(progress)) return;
  shown_ns_ = clock_.now_ns();
  shown_percent_ = percent_of(progress);
  if (form_ == PrepareForm::kJson) {
    Json event = {{"event", "progress"}, {"seconds", seconds_since(began_ns_)}};
    event.update(json_of(progress));
    print(out_, event);
    return;
  }
  clear_line();
  fmt::print(out_, "{}{}", line(progress), form_ == PrepareForm::kLive ? "" : "\n");
  std::fflush(out_);
}

std::string PrepareScreen::line(const PrepareProgress& progress) const {
  std::string out = progress.bytes_total > 0 ? fmt::format("{:3} %", percent_of(progress))
                                             : bytes_text(progress.bytes_read) + " read";
  out += fmt::format("  {} documents  {} tokens", count_text(progress.documents),
                     count_text(progress.tokens));
  const double seconds = seconds_since(first_ns_);
  const auto read = static_cast<double>(progress.bytes_read - first_.bytes_read);
  if (seconds <= 0 || read <= 0) return out;
  const auto text = static_cast<double>(progress.text_bytes - first_.text_bytes);
  out += fmt::format("  {}/s", bytes_text(std::llround(text / seconds)));
  if (progress.bytes_total > 0) {
    const auto left = static_cast<double>(progress.bytes_total - progress.bytes_read);
    out += fmt::format("  {} left", duration_text(std::max(0.0, left) * seconds / read));
  }
  return out;
}

void PrepareScreen::clear_line() const {
  if (form_ == PrepareForm::kLive) fmt::print(out_, "\r\x1b[K");
}

void PrepareScreen::trouble(const std::string& text) {
  if (form_ == PrepareForm::kJson) return print(out_, {{"event", "trouble"}, {"text", text}});
  clear_line();
  fmt::print(out_, "{}\n", printable_text(text));
  std::fflush(out_);
}

void PrepareScreen::end(const PrepareSummary& summary, const std::string& folder,
                        int64_t memory_bytes, const std::string& hint) {
  const PrepareProgress& all = summary.progress;
  const double seconds = seconds_since(began_ns_);
  if (form_ == PrepareForm::kJson) {
    Json event = {{"event", "end"}, {"finished", summary.finished}, {"folder", folder}};
    event.update(json_of(all));
    event.update(Json{{"train_tokens", summary.train_tokens},
                      {"valid_tokens", summary.valid_tokens},
                      {"duplicates", summary.duplicates},
                      {"replaced", summary.replaced},
                      {"cut", summary.cut},
                      {"shards", summary.shards},
                      {"seconds", seconds},
                      {"peak_memory_bytes", memory_bytes}});
    return print(out_, event);
  }
  clear_line();
  fmt::print(out_, "{} {} documents, {} of text, in {}\n",
             summary.finished ? "done:" : "left early after", grouped_text(all.documents),
             bytes_text(all.text_bytes), duration_text(seconds));
  fmt::print(out_, "tokens     {}: {} for training, {} for validation\n", grouped_text(all.tokens),
             grouped_text(summary.train_tokens), grouped_text(summary.valid_tokens));
  fmt::print(out_, "documents  {} skipped, {} duplicates left out, {} mended, {} cuts\n",
             grouped_text(all.skipped), grouped_text(summary.duplicates),
             grouped_text(summary.replaced), grouped_text(summary.cut));
  fmt::print(out_, "memory     {} at its peak\n", bytes_text(memory_bytes));
  fmt::print(out_, "folder     {}, {} {}\n", printable_text(folder), grouped_text(summary.shards),
             summary.shards == 1 ? "shard" : "shards");
  if (!summary.finished) fmt::print(out_, "{}\n", hint);
  std::fflush(out_);
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
//
// TensorBoard's event files, encoded by hand. A record is
//   u64 length | u32 masked crc32c(length) | data | u32 masked crc32c(data)
// and its data a protobuf Event. The fields used, by number:
//   Event: wall_time 1 (double), step 2 (int64), file_version 3 (string), summary 5, session_log 7
//   Summary: value 1; its Value: tag 1 (string), simple_value 2 (float)
//   SessionLog: status 1 (START = 1)
//
// Points of loss, gradient norm, rate and speed: every step of a run of fewer than 10,000 steps,
// else every n-th with n = ceil(steps / 10,000), and always the last. A site with many workers is
// shown by their mean. A resumed run opens a new file whose START event makes TensorBoard drop the
// points of the steps that are repeated; its byte counts start again at the step of the checkpoint.
#include <fcntl.h>

#include <bit>
#include <filesystem>

#include "core/bytes.h"
#include "core/hash.h"
#include "record/output_file.h"
#include "record/record.h"
#include "record/words.h"

namespace causeway {
namespace {

constexpr int64_t kPointsMax = 10'000;  // of one curve
constexpr int kNamesTried = 100;

/// A protobuf message in the making. Fields are written in the order of the calls.
class Message {
 public:
  Message& put_varint(int field, uint64_t value) {
    key(field, 0);
    varint(value);
    return *this;
  }
  Message& put_double(int field, double value) {
    key(field, 1);
    fixed(std::bit_cast<uint64_t>(value), 8);
    return *this;
  }
  Message& put_float(int field, float value) {
    key(field, 5);
    fixed(std::bit_cast<uint32_t>(value), 4);
    return *this;
  }
  Message& put_bytes(int field, std::string_view bytes) {
    key(field, 2);
    varint(bytes.size());
    bytes_ += bytes;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void key(int field, int wire_type) { varint(static_cast<uint64_t>(field) << 3 | wire_type); }
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }
  void fixed(uint64_t value, int size) {
    for (int i = 0; i < size; ++i) bytes_ += static_cast<char>(value >> (8 * i));
  }

  std::string bytes_;
};

void put_masked_crc(ByteWriter& writer, ByteSpan bytes) {
  const uint32_t crc = crc32c(bytes);
  writer.put(static_cast<uint32_t>(((crc >> 15) | (crc << 17)) + 0xa282ead8u));
}

/// What one site did in the step at hand.
struct SiteScalars {
  double loss = 0, gradient_norm = 0;
  int64_t workers = 0;
};

class Events final : public Listener {
 public:
  Events(std::unique_ptr<OutputFile> file, const Clock& clock)
      : clock_(clock), file_(std::move(file)) {
    write(event().put_bytes(3, "brain.Event:2"));
    file_->flush();
  }
  ~Events() override { close_step(); }

  void on_start(const RunInfo& info) override {
    for (const SiteInfo& site : info.sites) sites_.push_back(printable_text(site.name));
    for (const int32_t site : info.worker_sites)
      CW_CHECK(site >= 0 && static_cast<size_t>(site) < info.sites.size(), "site {}", site);
    worker_sites_ = info.worker_sites;
    steps_ = info.steps;
    first_step_ = info.first_step;
    up_bytes_ = info.first_up_bytes;
    down_bytes_ = info.first_down_bytes;
    every_ = std::max<int64_t>(1, (info.steps + kPointsMax - 1) / kPointsMax);
    ddp_bytes_per_step_ = info.ddp_bytes_per_step;
    tokens_per_step_ = info.tokens_per_step;
    at_step_.assign(sites_.size(), {});
    shown_ns_ = clock_.now_ns();
    if (first_step_ > 0) {
      // TensorBoard drops the points of this step and later ones.
      write(event(first_step_ + 1).put_bytes(7, Message().put_varint(1, 1).bytes()));
      file_->flush();
    }
  }
  void on_step(const StepReport& report) override;
  void on_round(const RoundReport& report) override {
    close_step();
    up_bytes_ += report.up_bytes;
    down_bytes_ += report.down_bytes;
    Message summary;
    put(summary, "bytes/up", static_cast<double>(up_bytes_));
    put(summary, "bytes/down", static_cast<double>(down_bytes_));
    put(summary, "bytes/ddp",
        static_cast<double>(ddp_bytes_per_step_) * static_cast<double>(report.step));
    write(event(report.step).put_bytes(5, summary.bytes()));
  }
  void on_valid(const ValidReport& report) override {
    close_step();
    Message summary;
    put(summary, "valid/" + printable_text(report.site), report.bits_per_byte);
    write(event(report.step).put_bytes(5, summary.bytes()));
  }
  void on_checkpoint(int64_t, const std::string&) override { file_->flush(); }
  void on_tick() override { file_->flush(); }
  void on_end(const RunSummary&) override {
    close_step();
    file_->flush();
  }

 private:
  Message event(int64_t step = 0) const {
    Message message;
    message.put_double(1, static_cast<double>(clock_.unix_ms()) / 1000);
    if (step != 0) message.put_varint(2, static_cast<uint64_t>(step));
    return message;
  }
  static void put(Message& summary, const std::string& tag, double value) {
    summary.put_bytes(1,
                      Message().put_bytes(1, tag).put_float(2, static_cast<float>(value)).bytes());
  }
  void write(const Message& event);
  void close_step();

  const Clock& clock_;
  std::unique_ptr<OutputFile> file_;
  std::vector<std::string> sites_;
  std::vector<int32_t> worker_sites_;
  int64_t steps_ = 0, first_step_ = 0, every_ = 1, ddp_bytes_per_step_ = 0, tokens_per_step_ = 0;
  int64_t step_ = 0;  // the step being gathered; 0: none
  std::vector<SiteScalars> at_step_;
  double rate_ = 0;
  int64_t tokens_unshown_ = 0, shown_ns_ = 0;
  int64_t up_bytes_ = 0, down_bytes_ = 0;
};

void Events::on_step(const StepReport& report) {
  if (report.step != step_) {
    close_step();
    step_ = report.step;
  }
  if (!report.trained) return;
  const auto worker = static_cast<size_t>(report.worker);
  CW_CHECK(worker < worker_sites_.size(), "worker {}", report.worker);
  SiteScalars& gathered = at_step_[static_cast<size_t>(worker_sites_[worker])];
  gathered.loss += report.loss;
  gathered.gradient_norm += report.gradient_norm;
  ++gathered.workers;
  rate_ = report.rate;
  tokens_unshown_ += tokens_per_step_;
}

// Writes the means of the gathered step, if it is one to show.
void Events::close_step() {
  const int64_t step = std::exchange(step_, 0);
  if (step == 0) return;
  Message summary;
  bool trained = false;
  for (size_t site = 0; site < at_step_.size(); ++site) {
    const SiteScalars gathered = std::exchange(at_step_[site], {});
    if (gathered.workers == 0) continue;
    trained = true;
    const auto workers = static_cast<double>(gathered.workers);
    put(summary, "loss/" + sites_[site], gathered.loss / workers);
    put(summary, "gradient_norm/" + sites_[site], gathered.gradient_norm / workers);
  }
  if (!trained || (step % every_ != 0 && step != steps_)) return;
  put(summary, "rate", rate_);
  if (const int64_t now_ns = clock_.now_ns(); now_ns > shown_ns_) {
    put(summary, "tokens_per_second",
        static_cast<double>(tokens_unshown_) * 1e9 / static_cast<double>(now_ns - shown_ns_));
    shown_ns_ = now_ns;
    tokens_unshown_ = 0;
  }
  write(event(step).put_bytes(5, summary.bytes()));
}

void Events::write(const Message& event) {
  const ByteSpan data = std::as_bytes(std::span(event.bytes()));
  Bytes record;
  ByteWriter writer(record);
  writer.put(static_cast<uint64_t>(data.size()));
  const Bytes length = record;
  put_masked_crc(writer, length);
  writer.put(data);
  put_masked_crc(writer, data);
  file_->write({reinterpret_cast<const char*>(record.data()), record.size()});
}

}  // namespace

Result<std::unique_ptr<Listener>> tensorboard_events(const std::string& folder,
                                                     const Clock& clock) {
  // TensorBoard reads files in the order of their names, so a run that is resumed within a second
  // takes the next second that is free.
  int64_t seconds = clock.unix_ms() / 1000;
  const auto path = [&] {
    return fmt::format("{}/events.out.tfevents.{:010}.causeway", folder, seconds);
  };
  std::error_code ignored;  // the opening that follows tells what is wrong
  for (int i = 0; i < kNamesTried && std::filesystem::exists(path(), ignored); ++i) ++seconds;
  CW_ASSIGN(auto file, OutputFile::open(path(), O_WRONLY | O_EXCL));
  return std::unique_ptr<Listener>(std::make_unique<Events>(std::move(file), clock));
}

}  // namespace causeway

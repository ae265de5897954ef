// SPDX-License-Identifier: Apache-2.0
//
// A trace is what two runs are compared by: every digit of every loss, one line per step and worker
// that trained. A resumed run goes on in the same file, so that its trace is that of a run that was
// never stopped.
#include <fcntl.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "record/output_file.h"
#include "record/record.h"

namespace causeway {
namespace {

// The shortest digits that read back as the same double; JSON has no other numbers.
std::string number(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : std::string("null");
}

// Bytes of whole lines up to the first one of a later step, or the first that is no trace line.
int64_t kept_bytes(const std::string& path, int64_t last_step) {
  std::ifstream in(path, std::ios::binary);
  int64_t kept = 0;
  // getline at the end of the file means that the last line had no end: it was torn.
  for (std::string line; std::getline(in, line) && !in.eof();) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object() || !json.contains("step") || !json["step"].is_number_integer() ||
        json["step"].get<int64_t>() > last_step)
      break;
    kept += static_cast<int64_t>(line.size()) + 1;
  }
  return kept;
}

class Trace final : public Listener {
 public:
  Trace(std::string path, std::unique_ptr<OutputFile> file)
      : path_(std::move(path)), file_(std::move(file)) {}

  void on_start(const RunInfo& info) override {
    file_->keep(info.first_step == 0 ? 0 : kept_bytes(path_, info.first_step));
  }
  void on_step(const StepReport& report) override {
    if (!report.trained) return;
    file_->write(
        fmt::format("{{\"step\": {}, \"worker\": {}, \"loss\": {}, \"gradient_norm\": {}}}\n",
                    report.step, report.worker, number(report.loss), number(report.gradient_norm)));
  }
  void on_checkpoint(int64_t, const std::string&) override { file_->flush(); }
  void on_tick() override { file_->flush(); }
  void on_end(const RunSummary&) override { file_->flush(); }

 private:
  std::string path_;
  std::unique_ptr<OutputFile> file_;
};

}  // namespace

Result<std::unique_ptr<Listener>> trace_file(const std::string& path) {
  CW_ASSIGN(auto file, OutputFile::open(path, O_RDWR));
  return std::unique_ptr<Listener>(std::make_unique<Trace>(path, std::move(file)));
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
//
// lying_worker: a worker that trains nothing and lies once, for tests of a hub's gates
// (tests/python/net/test_fault_strangers.py). What it offers then has right checksums and digests.
#include <CLI/CLI.hpp>
#include <bit>
#include <csignal>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <string>

#include "cli/worker_command.h"
#include "core/hash.h"
#include "core/log.h"
#include "service/dry_workplace.h"

namespace causeway {
namespace {

struct Lie {
  std::string kind;  // nan: one value is none; huge: all are 1e9; garbage: bytes that do not decode
  int64_t round = 1;
};

/// Writes over values of a part in fp32: frames of length, CRC-32C and values (codec/signal.h).
void overwrite_values(Bytes& part, float value, bool all) {
  constexpr size_t kHeadBytes = 2 * sizeof(uint32_t);
  for (size_t at = 0; at + kHeadBytes <= part.size();) {
    uint32_t size = 0;
    std::memcpy(&size, &part[at], sizeof(size));
    const std::span<std::byte> values(&part[at + kHeadBytes], size);
    for (size_t i = 0; i + sizeof(value) <= (all ? values.size() : sizeof(value));
         i += sizeof(value))
      std::memcpy(&values[i], &value, sizeof(value));
    const uint32_t checksum = crc32c(values);
    std::memcpy(&part[at + sizeof(size)], &checksum, sizeof(checksum));
    at += kHeadBytes + size;
  }
}

void tell(const Lie& lie, Offer& offer) {
  for (Part& part : offer.parts) {
    if (lie.kind == "garbage")
      part.bytes.assign(part.bytes.size(), std::byte{0xA5});
    else if (lie.kind == "huge")
      overwrite_values(part.bytes, 1e9F, true);
    else
      overwrite_values(part.bytes, std::numeric_limits<float>::quiet_NaN(), false);
  }
}

/// Between a trainer and the machine that makes digests of what it is given.
class LyingExchange final : public Exchange {
 public:
  LyingExchange(Exchange& exchange, const Lie& lie) : exchange_(exchange), lie_(lie) {}

  void launch(Offer offer) override {
    if (offer.round == lie_.round) tell(lie_, offer);
    exchange_.launch(std::move(offer));
  }
  Poll poll(int64_t round, WorkerId worker, const Commit*& commit) override {
    return exchange_.poll(round, worker, commit);
  }
  void settled(int64_t round, WorkerId worker, const Digest& replicated) override {
    exchange_.settled(round, worker, replicated);
  }
  bool expects(int64_t round, WorkerId worker) const override {
    return exchange_.expects(round, worker);
  }

 private:
  Exchange& exchange_;
  const Lie& lie_;
};

class LyingWorkplace final : public Workplace {
 public:
  LyingWorkplace(WorkerId worker, const Lie& lie) : honest_(worker), lie_(lie) {}

  Result<void> open(const Charter& charter, const std::string& folder) override {
    return honest_.open(charter, folder);
  }
  const std::string& run() const override { return honest_.run(); }
  const BoundPlan& plan() const override { return honest_.plan(); }
  const Digest& layout() const override { return honest_.layout(); }
  int64_t steps() const override { return honest_.steps(); }
  Result<Fresh> trainer(Exchange& exchange) override {
    // Replaced with its trainer: that one has ended by then, or is not used any more.
    between_ = std::make_unique<LyingExchange>(exchange, lie_);
    return honest_.trainer(*between_);
  }

 private:
  DryWorkplace honest_;
  const Lie& lie_;
  std::unique_ptr<LyingExchange> between_;
};

int run(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app("A worker that trains nothing and lies once, for tests.", "lying_worker");
  app.require_subcommand(1);
  int exit_code = kDone;
  Lie lie;
  add_worker_command(
      app,
      {"worker", "Lies once.",
       "lying_worker worker --hub 127.0.0.1:7437 --insecure --worker 3 --lie nan --at-round 5",
       [&lie](WorkerId worker, const OwnPart&, const Clock&, Orders*)
           -> std::unique_ptr<Workplace> { return std::make_unique<LyingWorkplace>(worker, lie); }},
      exit_code);
  CLI::App* command = app.get_subcommand("worker");
  command->add_option("--lie", lie.kind)
      ->required()
      ->check(CLI::IsMember({"nan", "huge", "garbage"}));
  command->add_option("--at-round", lie.round)->check(CLI::PositiveNumber);
  start_logging(LogLevel::kInfo);
  return run_command(app, argc, argv, exit_code);
}

}  // namespace
}  // namespace causeway

int main(int argc, char** argv) { return causeway::run(argc, argv); }

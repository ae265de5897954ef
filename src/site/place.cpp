// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <charconv>
#include <cstring>
#include <string_view>
#include <system_error>

#include "site/group.h"

namespace causeway {
namespace {

constexpr int32_t kSizeMax = 1024;
constexpr int32_t kPortCount = 8, kPortDefault = 29500, kPortMax = 65535;
constexpr const char* kLoopback = "127.0.0.1";

/// The names by which a launcher tells a process its place.
struct Launcher {
  const char *rank, *size, *local_rank;
  const char *local_size, *machines;  ///< either says how many are on one machine; or null
  std::array<const char*, 3> run;     ///< together they name one start; null where there is none
  bool needs_port;                    ///< else kPortDefault serves
};

constexpr Launcher kTorchrun = {
    "RANK",       "WORLD_SIZE",
    "LOCAL_RANK", "LOCAL_WORLD_SIZE",
    nullptr,      {"TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", nullptr},
    true};
constexpr Launcher kMpirun = {"OMPI_COMM_WORLD_RANK",
                              "OMPI_COMM_WORLD_SIZE",
                              "OMPI_COMM_WORLD_LOCAL_RANK",
                              "OMPI_COMM_WORLD_LOCAL_SIZE",
                              nullptr,
                              {"PMIX_NAMESPACE", nullptr, nullptr},
                              false};
constexpr Launcher kSrun = {"SLURM_PROCID",
                            "SLURM_STEP_NUM_TASKS",
                            "SLURM_LOCALID",
                            nullptr,
                            "SLURM_STEP_NUM_NODES",
                            {"SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_RESTART_COUNT"},
                            false};

/// mpirun comes before srun, as under Slurm it starts its processes through srun; torchrun first,
/// as either may start it.
const Launcher* find_launcher(Environment environment) {
  if (environment("RANK") || environment("WORLD_SIZE")) return &kTorchrun;
  if (environment(kMpirun.rank) || environment(kMpirun.size)) return &kMpirun;
  if (environment(kSrun.size)) return &kSrun;
  return nullptr;
}

struct Range {
  int32_t first, last;
};

Result<int32_t> number(Environment environment, const char* name, Range range) {
  const char* text = environment(name);
  if (!text)
    return failure(Fault::kBadInput, "{} is not set; wanted a whole number from {} to {}", name,
                   range.first, range.last);
  int32_t value = 0;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  if (error != std::errc() || stop != end || value < range.first || value > range.last)
    return failure(Fault::kBadInput, "{} is '{}'; wanted a whole number from {} to {}", name,
                   std::string_view(text).substr(0, 64), range.first, range.last);
  return value;
}

/// Processes on a machine, the most where machines differ; 0 if the launcher does not say.
Result<int32_t> find_local_size(Environment environment, const Launcher& launcher, int32_t size) {
  if (launcher.local_size && environment(launcher.local_size))
    return number(environment, launcher.local_size, {1, size});
  if (!launcher.machines || !environment(launcher.machines)) return 0;
  CW_ASSIGN(const int32_t machines, number(environment, launcher.machines, {1, kSizeMax}));
  return (size + machines - 1) / machines;
}

Result<std::string> find_master(Environment environment, int32_t size, bool one_machine) {
  if (one_machine) return std::string(kLoopback);
  const char* master = environment("MASTER_ADDR");
  if (!master)
    return failure(Fault::kBadInput,
                   "MASTER_ADDR is not set; wanted the host of rank 0, as {} processes are on "
                   "several machines",
                   size);
  const std::string_view host = master;
  if (host.empty() || host.size() > 255)
    return failure(Fault::kBadInput, "MASTER_ADDR is '{}'; wanted the name or address of a host",
                   host.substr(0, 64));
  // By hand on one machine. A host's own name says nothing: it may mean the loopback there alone.
  if (host == "localhost" || host == "::1" || host.starts_with("127."))
    return std::string(kLoopback);
  return std::string(host);
}

/// Sets the ports and names the run by them, since no two launchers of a machine share a port.
Result<void> find_ports(Environment environment, const Launcher& launcher, GroupPlace& place) {
  int32_t base = kPortDefault;
  if (launcher.needs_port || environment("MASTER_PORT")) {
    CW_ASSIGN(base, number(environment, "MASTER_PORT", {1, kPortMax}));
  }
  place.port = base + kPortCount <= kPortMax ? base + 1 : base - kPortCount;
  place.port_count = kPortCount;
  if (environment("CAUSEWAY_GROUP_PORT")) {
    CW_ASSIGN(place.port, number(environment, "CAUSEWAY_GROUP_PORT", {1, kPortMax}));
    place.port_count = 1;
  }
  place.run = fmt::format("{} {}", launcher.rank, base);
  for (const char* name : launcher.run) {
    const char* text = name ? environment(name) : nullptr;
    place.run += fmt::format(" {}", text ? text : "-");
  }
  return {};
}

}  // namespace

Result<GroupPlace> place_from(Environment environment) {
  GroupPlace place;
  const Launcher* launcher = find_launcher(environment);
  if (!launcher) return place;
  CW_ASSIGN(place.size, number(environment, launcher->size, {1, kSizeMax}));
  CW_ASSIGN(place.rank, number(environment, launcher->rank, {0, place.size - 1}));
  if (place.size == 1 && !environment(launcher->local_rank)) return place;
  CW_ASSIGN(place.local_rank, number(environment, launcher->local_rank, {0, place.size - 1}));
  if (place.size == 1) return place;
  CW_ASSIGN(const int32_t local, find_local_size(environment, *launcher, place.size));
  CW_ASSIGN(place.master, find_master(environment, place.size, local == place.size));
  place.local_size = local > 0 ? local : place.master == kLoopback ? place.size : 1;
  CW_TRY(find_ports(environment, *launcher, place));
  return place;
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "train/checkpoint.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "core/durable.h"
#include "shape/json_file.h"
#include "train/companions.h"
#include "train/weights.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kFormat = 1;
constexpr std::string_view kAside = ".writing-";
// Rounds in flight, where a plan has delays: those of a worker, and those of the exchange.
constexpr std::string_view kOpenRounds = "sync/open_rounds";
constexpr std::string_view kRounds = "sync/rounds";
constexpr size_t kConfigBytesMax = size_t{16} << 20;

bool same_content(const std::string& a, const std::string& b) {
  const auto first = MappedFile::open(a), second = MappedFile::open(b);
  return first && second && std::ranges::equal((*first)->bytes(), (*second)->bytes());
}

std::string state_entry(const std::string& channel, const std::string& state) {
  return "sync/" + channel + "/" + state;
}

TensorToWrite bytes_entry(std::string_view name, const Bytes& bytes) {
  return {std::string(name), DType::kU8, {std::ssize(bytes)}, bytes};
}

/// What a part has under `name` as bytes, or nothing.
Result<std::optional<ByteSpan>> find_bytes(const Safetensors& file, std::string_view name) {
  const auto found = file.tensors().find(name);
  if (found == file.tensors().end()) return std::optional<ByteSpan>();
  if (found->second.dtype != DType::kU8)
    return failure(Fault::kCorrupt, "`{}` is of type {}; wanted: U8", name,
                   dtype_name(found->second.dtype));
  return std::optional(found->second.bytes);
}

/// Every vector of `states`, by channel, as flat tensors.
void add_states(const BoundPlan& plan, const std::vector<States>& states,
                std::vector<TensorToWrite>& out) {
  for (size_t i = 0; i < states.size(); ++i)
    for (const auto& [name, entry] : states[i].entries())
      out.push_back({state_entry(plan.channels()[i].spec.name, name),
                     DType::kF32,
                     {static_cast<int64_t>(entry.values.size())},
                     std::as_bytes(std::span(entry.values))});
}

Result<void> read_states(const Safetensors& file, const BoundPlan& plan,
                         std::vector<States>& states) {
  for (size_t i = 0; i < states.size(); ++i)
    for (const auto& [name, entry] : states[i].entries())
      CW_TRY(
          file.read_floats(state_entry(plan.channels()[i].spec.name, name), states[i].edit(name)));
  return {};
}

json counters_json(const Worker& worker) {
  const EngineCounters& counters = worker.engine().counters();
  return {{"steps", worker.steps()},
          {"tokens", worker.tokens()},
          {"updates", worker.replica().updates()},
          {"steps_in_round", worker.replica().steps_in_round()},
          {"cursor", worker.feed().cursor()},
          {"round", counters.round},
          {"versions", counters.versions},
          {"tokens_at", counters.tokens_at},
          {"up_bytes", counters.traffic.up_bytes},
          {"down_bytes", counters.traffic.down_bytes},
          {"rounds", counters.traffic.rounds}};
}

Result<void> restore_counters(const json& from, int64_t step, Worker& worker) {
  EngineCounters counters;
  counters.round = from.at("round").get<int64_t>();
  counters.versions = from.at("versions").get<std::vector<int64_t>>();
  counters.tokens_at = from.at("tokens_at").get<std::vector<int64_t>>();
  counters.traffic = {from.at("up_bytes").get<int64_t>(), from.at("down_bytes").get<int64_t>(),
                      from.at("rounds").get<int64_t>()};
  const auto steps = from.at("steps").get<int64_t>();
  const auto tokens = from.at("tokens").get<int64_t>();
  const auto updates = from.at("updates").get<int64_t>();
  // Not in checkpoints from before there were objectives that ask.
  const auto in_round = from.value("steps_in_round", int64_t{0});
  if (steps != step || counters.round < 0 || tokens < 0 || updates < 0 || updates > steps ||
      in_round < 0 || in_round > steps)
    return failure(Fault::kCorrupt, "the manifest's counters of worker {} fit no run of {} steps",
                   worker.id(), step);
  if (counters.versions.size() != worker.engine().states().size() ||
      counters.tokens_at.size() != worker.engine().states().size())
    return failure(Fault::kCorrupt, "the manifest has {} channels; this plan has {}",
                   counters.versions.size(), worker.engine().states().size());
  worker.engine().restore(std::move(counters));
  worker.replica().set_updates(updates);
  worker.replica().set_steps_in_round(in_round);
  if (auto found = worker.feed().seek(from.at("cursor").get<std::vector<int64_t>>()); !found)
    return failure(Fault::kCorrupt, "worker {}: {}", worker.id(), found.error().message);
  worker.restore(steps, tokens);
  return {};
}

std::string worker_part(WorkerId id) { return fmt::format("worker-{}.safetensors", id); }

Result<json> write_parts(const std::string& folder, const Team& team, const Arena& mean) {
  json parts = json::object();
  const auto add = [&](const std::string& name, std::span<const TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata) -> Result<void> {
    const std::string path = folder + "/" + name;
    CW_ASSIGN(const Digest digest, write_safetensors(path, tensors, metadata));
    parts[name] = {{"xxh3", digest.hex()}, {"bytes", fs::file_size(path)}};
    return {};
  };
  for (const auto& worker : team.workers()) {
    std::vector<TensorToWrite> tensors;
    for (const std::string& state : worker->replica().states())
      if (state != "g")
        for (TensorToWrite& entry : weight_entries(worker->replica().arena(state), state + "/"))
          tensors.push_back(std::move(entry));
    add_states(team.plan(), worker->engine().states(), tensors);
    const Bytes open = worker->engine().open_snapshot();
    if (!worker->engine().open_rounds().empty()) tensors.push_back(bytes_entry(kOpenRounds, open));
    CW_TRY(add(worker_part(worker->id()), tensors, {}));
  }
  std::vector<TensorToWrite> folder_states;
  add_states(team.plan(), team.exchange().states(), folder_states);
  const Bytes rounds = team.exchange().snapshot();
  if (team.exchange().has_rounds()) folder_states.push_back(bytes_entry(kRounds, rounds));
  CW_TRY(add("exchange.safetensors", folder_states, {}));
  CW_TRY(add("model.safetensors", weight_entries(mean), {{"format", "pt"}}));
  return parts;
}

/// What makes the folder a model that other programs open: config.json, and what the run keeps in
/// its folder `model`.
Result<void> write_model_files(const std::string& folder, const std::string& run_folder,
                               const Model& model) {
  const std::string source = run_folder + "/model";
  const std::string came = fmt::format("{}/config.json", source);
  std::string config = model.config_json();
  if (std::error_code none; fs::exists(came, none)) {
    CW_ASSIGN(const std::string text, read_text(came, kConfigBytesMax));
    CW_ASSIGN(config, adapted_config(text, model.context(), "float32", came));
  }
  CW_TRY(write_file(folder + "/config.json", config));
  return carry_companions(source, folder, true);
}

/// What vouches for a manifest: the digest of everything else in it.
std::string manifest_digest(const json& manifest) {
  json rest = manifest;
  rest.erase("self");
  return digest_of(rest.dump(-1, ' ', false, json::error_handler_t::replace)).hex();
}

Result<json> read_manifest(const std::string& folder) {
  std::ifstream in(folder + "/manifest.json", std::ios::binary);
  json manifest = json::parse(in, nullptr, false);
  if (manifest.is_discarded() || !manifest.is_object())
    return failure(Fault::kCorrupt, "{}/manifest.json is no JSON object", folder);
  const auto format = manifest.find("format");
  if (format == manifest.end() || *format != kFormat)
    return failure(Fault::kCorrupt, "{}: format {}; this program reads {}", folder,
                   format == manifest.end() ? "unknown" : format->dump(), kFormat);
  const auto self = manifest.find("self");
  if (self == manifest.end() || *self != manifest_digest(manifest))
    return failure(Fault::kCorrupt, "{}/manifest.json is damaged: it has not its own hash", folder);
  return manifest;
}

/// The manifest must name exactly the parts that a checkpoint of this team has, so that none is
/// read without its hash.
Result<void> verify_parts(const std::string& folder, const json& manifest, const Team& team) {
  std::set<std::string> wanted{"exchange.safetensors", "model.safetensors"};
  for (const auto& worker : team.workers()) wanted.insert(worker_part(worker->id()));
  const json& parts = manifest.at("parts");
  for (const std::string& name : wanted) {
    const json& part = parts.at(name);
    const auto file = MappedFile::open(folder + "/" + name);
    if (!file) return failure(Fault::kCorrupt, "{}", file.error().message);
    if (digest_of((*file)->bytes()).hex() != part.at("xxh3").get<std::string>())
      return failure(Fault::kCorrupt, "{}/{} is damaged: its hash is not the manifest's", folder,
                     name);
  }
  if (parts.size() != wanted.size())
    return failure(Fault::kCorrupt, "{}: the manifest names {} parts; wanted: {}", folder,
                   parts.size(), fmt::join(wanted, ", "));
  return {};
}

Result<void> read_worker(const std::string& folder, const json& counters, const Team& team,
                         int64_t step, Worker& worker) {
  CW_ASSIGN(const Safetensors file, Safetensors::open(folder + "/" + worker_part(worker.id())));
  for (const std::string& state : worker.replica().states()) {
    if (state == "g") continue;
    Arena& arena = worker.replica().arena(state);
    const auto& tensors = arena.placement().layout().tensors();
    for (size_t i = 0; i < tensors.size(); ++i)
      if (tensors[i].alias_of.empty())
        CW_TRY(file.read_floats(
            state + "/" + tensors[i].name,
            arena.values().subspan(static_cast<size_t>(arena.placement().offset(i)),
                                   static_cast<size_t>(tensors[i].count))));
  }
  CW_TRY(read_states(file, team.plan(), worker.engine().states()));
  CW_TRY(restore_counters(counters, step, worker));
  CW_ASSIGN(const auto open, find_bytes(file, kOpenRounds));
  if (!open) return {};
  return worker.engine().restore_open(step, *open);
}

Result<void> read_all(const std::string& folder, const json& manifest, Team& team) {
  if (manifest.at("recipe").get<std::string>() != digest_of(continuation_key(team.recipe())).hex())
    return failure(
        Fault::kBadInput,
        "{} was written by another recipe; only the run's folder, threads, pinning, checkpoints "
        "and validations may change before a run is resumed",
        folder);
  CW_TRY(verify_parts(folder, manifest, team));
  const json& workers = manifest.at("workers");
  if (workers.size() != team.workers().size())
    return failure(Fault::kCorrupt, "{} has {} workers; the recipe {}", folder, workers.size(),
                   team.workers().size());
  for (const auto& worker : team.workers())
    CW_TRY(read_worker(folder, workers.at(static_cast<size_t>(worker->id())), team,
                       manifest.at("step").get<int64_t>(), *worker));
  for (const auto& worker : team.workers())
    if (worker->engine().counters().round != team.workers().front()->engine().counters().round)
      return failure(Fault::kCorrupt, "{}: the manifest's workers are in unlike rounds", folder);
  CW_ASSIGN(const Safetensors file, Safetensors::open(folder + "/exchange.safetensors"));
  CW_ASSIGN(const auto rounds, find_bytes(file, kRounds));
  if (rounds)
    CW_TRY(team.exchange().restore(*rounds));
  else
    team.exchange().resume_after(team.workers().front()->engine().counters().round);
  return read_states(file, team.plan(), team.exchange().states());
}

}  // namespace

std::string continuation_key(const Recipe& recipe) {
  Recipe same = recipe;
  const RunOptions free;
  same.run.folder = free.folder;
  same.run.threads = free.threads;
  same.run.pin = free.pin;
  same.run.checkpoint_every = free.checkpoint_every;
  same.run.keep = free.keep;
  same.run.valid_every = free.valid_every;
  same.run.valid_tokens = free.valid_tokens;
  return to_toml(same.resolved());
}

Result<std::string> write_checkpoint(const std::string& run_folder, const Team& team,
                                     const Arena& mean) {
  const std::string parent = run_folder + "/checkpoints";
  const std::string name = fmt::format("{:09d}", team.steps());
  const std::string aside = parent + "/" + std::string(kAside) + name;
  const std::string path = parent + "/" + name;
  std::error_code error;
  fs::remove_all(aside, error);
  if (!fs::create_directories(aside, error) && error)
    return failure(Fault::kIo, "{}: cannot be made: {}", aside, error.message());

  auto written = [&]() -> Result<void> {
    CW_ASSIGN(json parts, write_parts(aside, team, mean));
    json workers = json::array();
    for (const auto& worker : team.workers()) workers.push_back(counters_json(*worker));
    json manifest = {{"format", kFormat},
                     {"step", team.steps()},
                     {"recipe", digest_of(continuation_key(team.recipe())).hex()},
                     {"weights", "xxh3:" + weights_digest(mean).hex()},
                     {"workers", std::move(workers)},
                     {"parts", std::move(parts)}};
    CW_TRY(write_model_files(aside, run_folder, team.model()));
    manifest["self"] = manifest_digest(manifest);
    CW_TRY(write_file(aside + "/manifest.json", manifest.dump(1) + "\n"));
    return sync_path(aside);
  }();
  if (!written) {
    fs::remove_all(aside, error);
    return written.error();
  }
  // After a resume the same step may be there already: the same bits, which stay.
  if (same_content(aside + "/manifest.json", path + "/manifest.json")) {
    fs::remove_all(aside, error);
    return path;
  }
  fs::remove_all(path, error);
  if (std::rename(aside.c_str(), path.c_str()) != 0) return io_error(path, "cannot be made");
  CW_TRY(sync_path(parent));
  return path;
}

std::vector<std::string> list_checkpoints(const std::string& run_folder) {
  std::vector<std::pair<int64_t, std::string>> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(run_folder + "/checkpoints", error)) {
    const std::string name = entry.path().filename().string();
    int64_t step = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), step);
    if (bad == std::errc() && end == name.data() + name.size() &&
        fs::exists(entry.path() / "manifest.json", error))
      found.emplace_back(step, entry.path().string());
  }
  std::sort(found.rbegin(), found.rend());
  std::vector<std::string> out;
  for (auto& [step, path] : found) out.push_back(std::move(path));
  return out;
}

void prune_checkpoints(const std::string& run_folder, int64_t keep) {
  std::error_code error;
  const auto all = list_checkpoints(run_folder);
  for (size_t i = static_cast<size_t>(keep); i < all.size(); ++i) fs::remove_all(all[i], error);
  for (const auto& entry : fs::directory_iterator(run_folder + "/checkpoints", error))
    if (entry.path().filename().string().starts_with(kAside)) fs::remove_all(entry.path(), error);
}

Result<void> read_checkpoint(const std::string& folder, Team& team) {
  CW_ASSIGN(const json manifest, read_manifest(folder));
  try {
    return read_all(folder, manifest, team);
  } catch (const json::exception& broken) {
    return failure(Fault::kCorrupt, "{}/manifest.json: {}", folder, broken.what());
  }
}

}  // namespace causeway

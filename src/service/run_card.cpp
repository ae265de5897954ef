// SPDX-License-Identifier: Apache-2.0
#include "service/run_card.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "core/durable.h"

namespace causeway {
namespace {

std::string path_of(const std::string& folder) { return folder + "/run.json"; }

std::string hex(uint64_t value) { return fmt::format("{:016x}", value); }

Result<uint64_t> number_of(const nlohmann::json& json, const std::string& key, size_t at = 0) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string()) return failure(Fault::kCorrupt, "no `{}`", key);
  const std::string text = found->get<std::string>();
  uint64_t value = 0;
  const char* const begin = text.data() + std::min(at, text.size());
  const char* const end = text.data() + std::min(at + 16, text.size());
  const auto read = std::from_chars(begin, end, value, 16);
  if (end - begin != 16 || read.ptr != end)
    return failure(Fault::kCorrupt, "`{}` is {}", key, text);
  return value;
}

Result<Digest> digest_in(const nlohmann::json& json, const std::string& key) {
  Digest out;
  CW_ASSIGN(out.high, number_of(json, key));
  CW_ASSIGN(out.low, number_of(json, key, 16));
  return out;
}

Result<RunCard> parse(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return failure(Fault::kCorrupt, "is no JSON object");
  const auto recipe = json.find("recipe"), bytes = json.find("genesis_bytes"),
             starts = json.find("starts");
  if (recipe == json.end() || !recipe->is_string() || bytes == json.end() ||
      !bytes->is_number_integer() || starts == json.end() || !starts->is_number_integer())
    return failure(Fault::kCorrupt, "lacks `recipe`, `genesis_bytes` or `starts`");
  RunCard card;
  CW_ASSIGN(card.run, number_of(json, "run"));
  CW_ASSIGN(card.genesis.digest, digest_in(json, "genesis"));
  CW_ASSIGN(card.weights, digest_in(json, "weights"));
  card.recipe = recipe->get<std::string>();
  card.genesis.bytes = bytes->get<int64_t>();
  card.starts = starts->get<int64_t>();
  return card;
}

}  // namespace

Result<std::optional<RunCard>> read_run_card(const std::string& folder) {
  std::ifstream file(path_of(folder), std::ios::binary);
  if (!file) return std::optional<RunCard>();
  const std::string text(std::istreambuf_iterator<char>(file), {});
  auto card = parse(text);
  if (!card)
    return failure(Fault::kCorrupt,
                   "{} {}; it says which run the folder is of: put it back from a "
                   "copy, or begin in an empty folder",
                   path_of(folder), card.error().message);
  return std::optional(*std::move(card));
}

Result<void> write_run_card(const std::string& folder, const RunCard& card) {
  const nlohmann::json json = {{"run", hex(card.run)},
                               {"genesis", card.genesis.digest.hex()},
                               {"genesis_bytes", card.genesis.bytes},
                               {"weights", card.weights.hex()},
                               {"starts", card.starts},
                               {"recipe", card.recipe}};
  return write_file_atomically(path_of(folder), json.dump(1) + "\n");
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
//
// The manifest of a prepared folder: docs/formats.md.
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "data/shard.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kFormat = 1;
// A million inputs with long paths.
constexpr uintmax_t kManifestBytesMax = uintmax_t{1} << 30;

Result<json> read_object(const std::string& path) {
  std::error_code error;
  const uintmax_t size = fs::file_size(path, error);
  if (error)
    return failure(Fault::kIo,
                   "{}: {}; a folder without it is no prepared one, or is not finished: run the "
                   "same `causeway prepare` again",
                   path, error.message());
  if (size > kManifestBytesMax)
    return failure(Fault::kBadInput, "{}: {} bytes, at most {} wanted", path, size,
                   kManifestBytesMax);
  std::ifstream in(path, std::ios::binary);
  json manifest = json::parse(in, nullptr, false);
  if (!manifest.is_object()) return failure(Fault::kBadInput, "{}: is no JSON object", path);
  const auto self = manifest.find("self");
  if (manifest.value("format", json()) != kFormat || self == manifest.end())
    return failure(Fault::kBadInput, "{}: is no manifest of format {}", path, kFormat);
  const json own = std::move(*self);
  manifest.erase("self");
  if (own != digest_of(manifest.dump(-1, ' ', false, json::error_handler_t::replace)).hex())
    return failure(Fault::kBadInput, "{}: is damaged: it has not its own hash", path);
  return manifest;
}

std::optional<Digest> digest_from(const std::string& hex) {
  if (hex.size() != 32 || hex.find_first_not_of("0123456789abcdef") != hex.npos)
    return std::nullopt;
  return Digest{std::stoull(hex.substr(0, 16), nullptr, 16),
                std::stoull(hex.substr(16), nullptr, 16)};
}

Result<PreparedSplit> read_split(const std::string& folder, const json& split) {
  PreparedSplit out;
  for (const json& shard : split.at("shards")) {
    const auto name = shard.at("name").get<std::string>();
    if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos)
      return failure(Fault::kBadInput, "{}/manifest.json: `{}` is no file of its folder", folder,
                     name);
    const std::string path = fmt::format("{}/{}", folder, name);
    const auto bytes = shard.at("bytes").get<int64_t>();
    std::error_code error;
    const uintmax_t size = fs::file_size(path, error);
    if (error) return failure(Fault::kIo, "{}: {}", path, error.message());
    if (bytes < 0 || size != static_cast<uintmax_t>(bytes))
      return failure(Fault::kBadInput, "{}: has {} bytes; the manifest says {}", path, size, bytes);
    out.files.push_back(path);
    out.bytes += bytes;
  }
  out.tokens = split.at("tokens").get<int64_t>();
  out.documents = split.at("documents").get<int64_t>();
  return out;
}

}  // namespace

Result<Prepared> read_prepared(const std::string& folder) {
  CW_ASSIGN(const json manifest, read_object(folder + "/manifest.json"));
  try {
    Prepared out;
    const json& tokenizer = manifest.at("tokenizer");
    const auto digest = digest_from(tokenizer.at("digest").get<std::string>());
    if (!digest)
      return failure(Fault::kBadInput, "{}/manifest.json: no digest of a tokenizer", folder);
    out.tokenizer = *digest;
    out.vocabulary = tokenizer.at("vocabulary").get<int64_t>();
    CW_ASSIGN(out.train, read_split(folder, manifest.at("splits").at("train")));
    CW_ASSIGN(out.valid, read_split(folder, manifest.at("splits").at("valid")));
    return out;
  } catch (const json::exception& error) {
    return failure(Fault::kBadInput, "{}/manifest.json: {}", folder, error.what());
  }
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "prepare/journal.h"

#include <fstream>

#include "prepare/growing_file.h"

namespace causeway {
namespace {

using nlohmann::json;

constexpr int kFormat = 1;
constexpr const char* kStartOver = "start over with --overwrite, or give another folder";

std::string text_of(const json& value, int indent = -1) {
  return value.dump(indent, ' ', false, json::error_handler_t::replace);
}

json json_of(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kBool:
      return value.boolean();
    case Value::Kind::kInteger:
      return value.integer();
    case Value::Kind::kFloat:
      return value.number();
    case Value::Kind::kString:
      return value.string();
    default:
      CW_CHECK(false, "an option that is {}", value.kind_name());
  }
}

template <class Options>
void add_options(const Options& options, json& out) {
  const Value table = write_options(options);
  for (const auto& [name, value] : table.table())
    if (name != "record_bytes") out[name] = json_of(value);
}

json json_of(const std::vector<ShardEntry>& shards) {
  json out = json::array();
  for (const ShardEntry& shard : shards)
    out.push_back({{"name", shard.name},
                   {"tokens", shard.tokens},
                   {"documents", shard.documents},
                   {"bytes", shard.bytes},
                   {"xxh3", {shard.digest.high, shard.digest.low}}});
  return out;
}

json json_of(const ShardProgress& progress) {
  return {{"shards", json_of(progress.closed)},
          {"tokens", progress.tokens},
          {"documents", progress.documents}};
}

ShardProgress progress_from(const json& from) {
  ShardProgress out;
  for (const json& shard : from.at("shards"))
    out.closed.push_back({shard.at("name"),
                          shard.at("tokens"),
                          shard.at("documents"),
                          shard.at("bytes"),
                          {shard.at("xxh3").at(0), shard.at("xxh3").at(1)}});
  out.tokens = from.at("tokens");
  out.documents = from.at("documents");
  return out;
}

json json_of(const Counters& counters) {
  return {{"documents", counters.documents},
          {"text_bytes", counters.text_bytes},
          {"tokens", counters.tokens},
          {"skipped", counters.skipped},
          {"duplicates", counters.duplicates},
          {"replaced", counters.replaced},
          {"cut", counters.cut}};
}

Counters counters_from(const json& from) {
  return {from.at("documents"),  from.at("text_bytes"), from.at("tokens"), from.at("skipped"),
          from.at("duplicates"), from.at("replaced"),   from.at("cut")};
}

/// A split as the manifest has it.
json split_json(const ShardProgress& progress) {
  CW_CHECK(progress.tokens == 0, "the last shard is not finished");
  json shards = json_of(progress.closed);
  int64_t tokens = 0, documents = 0, bytes = 0;
  for (size_t i = 0; i < progress.closed.size(); ++i) {
    const ShardEntry& shard = progress.closed[i];
    shards[i]["xxh3"] = shard.digest.hex();
    tokens += shard.tokens;
    documents += shard.documents;
    bytes += shard.bytes;
  }
  return {{"shards", std::move(shards)},
          {"tokens", tokens},
          {"documents", documents},
          {"bytes", bytes}};
}

Result<json> read_json(const OutputFolder& folder, const char* name) {
  std::ifstream in(folder.path() + "/" + name, std::ios::binary);
  json value = json::parse(in, nullptr, false);
  if (!value.is_object())
    return failure(Fault::kCorrupt, "{}/{}: is damaged; {}", folder.path(), name, kStartOver);
  return value;
}

/// The first difference between two tables, in words.
std::string difference(const json& before, const json& now) {
  for (const auto& [name, value] : now.items())
    if (before.value(name, json()) != value)
      return fmt::format("`{}` was {}, now {}", name, text_of(before.value(name, json())),
                         text_of(value));
  return "its options are of another version";
}

std::string input_difference(const json& before, const json& now) {
  const size_t common = std::min(before.size(), now.size());
  for (size_t i = 0; i < common; ++i)
    if (before[i] != now[i])
      return fmt::format("input {} was {}, now {}", i + 1, text_of(before[i]), text_of(now[i]));
  return fmt::format("it was begun with {} inputs, now {}", before.size(), now.size());
}

}  // namespace

json identity_of(const Tokenizer& tokenizer, std::optional<int32_t> end,
                 const DocumentOptions& documents, const PrepareOptions& options,
                 const DocumentReader& reader) {
  json inputs = json::array();
  for (size_t i = 0; i < reader.files().size(); ++i)
    inputs.push_back({{"path", reader.files()[i]}, {"bytes", reader.sizes()[i]}});
  json out = {{"format", kFormat},
              {"tokenizer",
               {{"file", kTokenizerName},
                {"digest", tokenizer.digest().hex()},
                {"vocabulary", tokenizer.vocabulary()},
                {"xxh3", digest_of(tokenizer.json()).hex()},
                {"end", end ? json(*end) : json()}}},
              {"inputs", std::move(inputs)}};
  add_options(documents, out["options"]);
  add_options(options, out["options"]);
  // As it is read again: a path that is no UTF-8 is not the same as it was.
  return json::parse(text_of(out));
}

Result<void> expect_same_identity(const OutputFolder& folder, const json& identity) {
  CW_ASSIGN(const json before, read_json(folder, kStartedName));
  if (before == identity) return {};
  std::string what;
  if (before.value("format", json()) != kFormat)
    what = "another version of this program began it";
  else if (before.value("options", json()) != identity.at("options"))
    what = difference(before.value("options", json::object()), identity.at("options"));
  else if (before.value("tokenizer", json()) != identity.at("tokenizer"))
    what = "its tokenizer is another one";
  else
    what = input_difference(before.value("inputs", json::array()), identity.at("inputs"));
  return failure(Fault::kBadInput, "{}: has an unfinished preparation of something else: {}; {}",
                 folder.path(), what, kStartOver);
}

Result<void> write_journal(const OutputFolder& folder, const Journal& journal) {
  const json out = {{"position",
                     {{"file", journal.position.file},
                      {"byte", journal.position.byte},
                      {"line", journal.position.line}}},
                    {"counters", json_of(journal.counters)},
                    {"train", json_of(journal.train)},
                    {"valid", json_of(journal.valid)}};
  return write_durably(folder.path(), kJournalName, text_of(out) + "\n");
}

Result<Journal> read_journal(const OutputFolder& folder) {
  CW_ASSIGN(const json from, read_json(folder, kJournalName));
  try {
    const json& at = from.at("position");
    return Journal{{at.at("file"), at.at("byte"), at.at("line")},
                   counters_from(from.at("counters")),
                   progress_from(from.at("train")),
                   progress_from(from.at("valid"))};
  } catch (const json::exception& error) {
    return failure(Fault::kCorrupt, "{}/{}: is damaged: {}; {}", folder.path(), kJournalName,
                   error.what(), kStartOver);
  }
}

Result<void> write_manifest(const OutputFolder& folder, const json& identity,
                            const Journal& journal) {
  json manifest = identity;
  manifest["splits"] = {{"train", split_json(journal.train)}, {"valid", split_json(journal.valid)}};
  manifest["totals"] = json_of(journal.counters);
  manifest["self"] = digest_of(text_of(manifest)).hex();
  return write_durably(folder.path(), kManifestName, text_of(manifest, 1) + "\n");
}

}  // namespace causeway

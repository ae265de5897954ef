// SPDX-License-Identifier: Apache-2.0
#include "lab/report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/durable.h"

namespace causeway {
namespace {

using nlohmann::json;

json table_json(const Table& table) {
  return {{"title", table.title}, {"columns", table.columns}, {"rows", table.rows}};
}

json relation_json(const Relation& relation) {
  return {{"claim", relation.claim},
          {"source", relation.source},
          {"seen", relation.seen},
          {"verdict", verdict_text(relation.verdict)}};
}

Table relations_table(const Report& report) {
  Table out{"What papers say, and what was seen", {"claim", "source", "seen", ""}, {}};
  for (const Relation& one : report.relations)
    out.rows.push_back({one.claim, one.source, one.seen, verdict_text(one.verdict)});
  return out;
}

/// A cell must not end its column, nor its row.
std::string cell_markdown(const std::string& text) {
  std::string out;
  for (const char one : text) {
    if (one == '|') out += '\\';
    out += one == '\n' ? ' ' : one;
  }
  return out;
}

std::string row_markdown(const std::vector<std::string>& cells) {
  std::string out = "|";
  for (const std::string& cell : cells) out += " " + cell_markdown(cell) + " |";
  return out + "\n";
}

std::string table_markdown(const Table& table) {
  std::string out = "### " + table.title + "\n\n" + row_markdown(table.columns) + "|";
  for (size_t i = 0; i < table.columns.size(); ++i) out += "---|";
  out += "\n";
  for (const auto& row : table.rows) out += row_markdown(row);
  return out + "\n";
}

}  // namespace

std::string report_json(const Report& report) {
  json out = {{"name", report.name},        {"question", report.question},
              {"setting", report.setting},  {"tables", json::array()},
              {"relations", json::array()}, {"charts", json::array()},
              {"trainings", json::array()}};
  for (const Table& table : report.tables) out["tables"].push_back(table_json(table));
  for (const Relation& one : report.relations) out["relations"].push_back(relation_json(one));
  for (const auto& [file, chart] : report.charts) out["charts"].push_back(file + ".png");
  if (!report.trainings_json.empty()) out["trainings"] = json::parse(report.trainings_json);
  for (const auto& [key, text] : report.more_json) out[key] = json::parse(text);
  return out.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string report_markdown(const Report& report) {
  std::string out = fmt::format("## lab {}\n\n{}\n\n", report.name, report.question);
  for (const std::string& line : report.setting) out += "- " + line + "\n";
  out += "\n";
  for (const Table& table : report.tables) out += table_markdown(table);
  if (!report.relations.empty()) out += table_markdown(relations_table(report));
  for (const auto& [file, chart] : report.charts)
    out += fmt::format("![{}]({}.png)\n", chart.title, file);
  return out;
}

Result<void> write_report(const Report& report, const std::string& folder) {
  for (const auto& [name, text] : {std::pair{"results.json", report_json(report)},
                                   {"results.md", report_markdown(report)},
                                   {"report.html", report_html(report)}})
    CW_TRY(write_file_atomically(folder + "/" + name, text));
  for (const auto& [file, chart] : report.charts) {
    CW_ASSIGN(const std::string image, chart_png(chart));
    CW_TRY(write_file_atomically(folder + "/" + file + ".png", image));
  }
  return {};
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "lab/page.h"
#include "lab/report.h"

namespace causeway {
namespace {

constexpr std::string_view kReportStyle = R"(
:root { --seen: #2e8b57; --not: #c0392b; --unclear: #8a6d1a; }
@media (prefers-color-scheme: dark) { :root { --seen: #5fc48d; --not: #ff7b6b; --unclear: #d9b44a; } }
body { max-width: 1100px; }
ul { color: var(--soft); padding-left: 20px; }
svg { width: 100%; height: auto; margin: 16px 0; }
div.wide { overflow-x: auto; }
div.wide td { white-space: nowrap; }
table.claims td, table.claims th { text-align: left; vertical-align: top; }
.seen { color: var(--seen); } .not { color: var(--not); } .unclear { color: var(--unclear); }
)";

std::string row_html(const std::vector<std::string>& cells, const char* tag) {
  std::string out = "<tr>";
  for (const std::string& cell : cells) out += fmt::format("<{0}>{1}</{0}>", tag, escaped(cell));
  return out + "</tr>\n";
}

std::string table_html(const Table& table) {
  std::string out = fmt::format("<h2>{}</h2>\n<div class=\"wide\"><table>\n", escaped(table.title));
  out += row_html(table.columns, "th");
  for (const auto& row : table.rows) out += row_html(row, "td");
  return out + "</table></div>\n";
}

std::string relations_html(const std::vector<Relation>& relations) {
  std::string out =
      "<h2>What papers say, and what was seen</h2>\n<table class=\"claims\">\n"
      "<tr><th>claim</th><th>source</th><th>seen</th><th></th></tr>\n";
  for (const Relation& one : relations) {
    const std::string verdict = verdict_text(one.verdict);
    out += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"{}\">{}</td></tr>\n",
                       escaped(one.claim), escaped(one.source), escaped(one.seen),
                       verdict.substr(0, verdict.find(' ')), verdict);
  }
  return out + "</table>\n";
}

}  // namespace

std::string report_html(const Report& report) {
  std::string out = page_start("lab", kReportStyle);
  out += fmt::format("<h1>{}</h1>\n<p>{}</p>\n<ul>\n", escaped("lab " + report.name),
                     escaped(report.question));
  for (const std::string& line : report.setting) out += fmt::format("<li>{}</li>\n", escaped(line));
  out += "</ul>\n";
  for (const auto& [file, chart] : report.charts) out += chart_svg(chart) + "\n";
  if (!report.relations.empty()) out += relations_html(report.relations);
  for (const Table& table : report.tables) out += table_html(table);
  return out + page_end();
}

}  // namespace causeway

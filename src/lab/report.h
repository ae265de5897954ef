// SPDX-License-Identifier: Apache-2.0
//
// What an experiment found, as data; written as JSON, Markdown, PNG and a page.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "lab/chart.h"
#include "lab/relation.h"

namespace causeway {

struct Table {
  std::string title;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
};

struct Report {
  std::string name;                  ///< of the experiment, for the files
  std::string question;              ///< a sentence
  std::vector<std::string> setting;  ///< model, data, steps, seeds, rates: a line each
  std::vector<Table> tables;
  std::vector<Relation> relations;
  std::vector<std::pair<std::string, Chart>> charts;  ///< by name of the file, without ending
  std::string trainings_json;  ///< an array: each training, whole; may be empty
  /// Further entries of results.json: key, JSON text.
  std::vector<std::pair<std::string, std::string>> more_json;
};

std::string report_json(const Report& report);
std::string report_markdown(const Report& report);
std::string report_html(const Report& report);

/// Writes results.json, results.md, report.html and the charts' PNGs. Fault::kIo.
Result<void> write_report(const Report& report, const std::string& folder);

}  // namespace causeway

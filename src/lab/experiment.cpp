// SPDX-License-Identifier: Apache-2.0
#include "lab/experiment.h"

namespace causeway {

Result<Report> run_experiment(const Entry<Experiment>& entry, const Experiment& experiment,
                              Laboratory& laboratory, const std::string& folder) {
  CW_ASSIGN(Report report, experiment.run(laboratory));
  report.name = entry.name;
  report.question = entry.summary;
  const auto setting = laboratory.setting();
  report.setting.insert(report.setting.begin(), setting.begin(), setting.end());
  CW_TRY(write_report(report, folder));
  return report;
}

}  // namespace causeway

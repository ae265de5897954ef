// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace causeway {

/// report.html as it was when the program was built. `{{data}}` stands where the run's JSON goes.
extern const std::string_view kReportTemplate;

}  // namespace causeway

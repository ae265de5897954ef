// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace causeway {

/// The name that a site's certificate has: the site's own, with `-` for what a certificate's name
/// may not have.
std::string certificate_name(const std::string& site);

}  // namespace causeway

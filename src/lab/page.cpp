// SPDX-License-Identifier: Apache-2.0
#include "lab/page.h"

#include <fmt/format.h>

namespace causeway {
namespace {

constexpr std::string_view kPageStyle = R"(
:root { color-scheme: light dark; --ink: #1b2329; --soft: #5d6972; --page: #f6f7f8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ed; --soft: #95a2ac; --page: #11161a; } }
body { margin: 0 auto; max-width: 900px; padding: 32px 20px; color: var(--ink); background: var(--page);
  font: 15px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
p { color: var(--soft); }
table { width: 100%; border-collapse: collapse; margin-bottom: 24px; }
th, td { padding: 6px 8px; text-align: right; border-bottom: 1px solid #8884; }
th:first-child, td:first-child { text-align: left; }
)";

}  // namespace

std::string page_start(std::string_view title, std::string_view style) {
  return fmt::format(R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Causeway: {}</title>
<style>{}{}</style>
</head>
<body>
)",
                     title, kPageStyle, style);
}

std::string page_end() { return "</body>\n</html>\n"; }

std::string escaped(std::string_view text) {
  std::string out;
  for (const char one : text) switch (one) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += one;
    }
  return out;
}

}  // namespace causeway

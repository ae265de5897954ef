// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lab/page.h"
#include "lab/personal.h"

namespace causeway {
namespace {

constexpr std::string_view kPersonalStyle = R"(
:root { --shared: #1769aa; --alone: #b8860b; --tuned: #2e8b57; }
@media (prefers-color-scheme: dark) { :root { --shared: #5aa9e6; --alone: #d9b44a; --tuned: #5fc48d; } }
td.bars { width: 45%; }
i { display: block; height: 8px; margin: 2px 0; }
i.shared, b.shared { background: var(--shared); } i.alone, b.alone { background: var(--alone); }
i.tuned, b.tuned { background: var(--tuned); }
b.shared, b.alone, b.tuned { display: inline-block; width: 12px; height: 12px; margin: 0 6px 0 14px; }
td.best { font-weight: 700; }
)";

std::string row_html(const PersonalRow& row, double most) {
  const std::array<std::pair<const char*, double>, 3> bars{
      {{"shared", row.shared}, {"alone", row.alone}, {"tuned", row.tuned}}};
  const double least = std::min({row.shared, row.alone, row.tuned});
  std::string out = fmt::format("<tr><td>{}</td>", escaped(row.site));
  for (const auto& [name, value] : bars)
    out += fmt::format("<td{}>{:.4f}</td>", value == least ? " class=\"best\"" : "", value);
  out += "<td class=\"bars\">";
  for (const auto& [name, value] : bars)
    out += fmt::format("<i class=\"{}\" style=\"width:{:.1f}%\"></i>", name, 100 * value / most);
  return out + "</td></tr>\n";
}

}  // namespace

std::string personal_html(const PersonalReport& report) {
  double most = 1e-9;
  for (const PersonalRow& row : report.rows)
    most = std::max({most, row.shared, row.alone, row.tuned});
  std::string out = page_start("personal models", kPersonalStyle);
  out += fmt::format(
      "<h1>Personal models</h1>\n<p>{}: bits per byte on each site's validation text, less is "
      "better. Shared: the run's model after {} steps. Tuned: the shared model after {} more steps "
      "on the site, at {:g} times the learning rate. Alone: a model of the site after {} "
      "steps.</p>\n",
      escaped(report.run), report.run_steps, report.tune_steps, report.tune_rate,
      report.run_steps + report.tune_steps);
  out +=
      "<p><b class=\"shared\"></b>shared<b class=\"alone\"></b>alone<b class=\"tuned\"></b>tuned"
      "</p>\n<table>\n<tr><th>site</th><th>shared</th><th>alone</th><th>tuned</th><th></th></tr>\n";
  for (const PersonalRow& row : report.rows) out += row_html(row, most);
  return out + "</table>\n" + page_end();
}

}  // namespace causeway

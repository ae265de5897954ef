// SPDX-License-Identifier: Apache-2.0
//
// A plug-in is one file x/plugins/NAME.cpp that defines one `const Entry<X>`; CMake globs the
// folder and writes the sorted table (cmake/plugins.cmake). Nothing registers itself at run time.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/options.h"

namespace causeway {

template <class Interface>
struct Entry {
  std::string_view name;
  std::string_view summary;  ///< one line for `causeway list`
  std::vector<OptionInfo> (*describe)();
  /// Adds to `mistakes` what is wrong with `options`; then the object has defaults for those.
  std::unique_ptr<Interface> (*make)(const Value& options, Mistakes& mistakes);
  /// `options` with every default written out.
  Value (*resolve)(const Value& options);
};

template <class Interface>
using Entries = std::span<const Entry<Interface>* const>;

namespace plugin_detail {
void report_unknown(std::string_view kind, const std::string& name, const Location& where,
                    const std::vector<std::string>& names, Mistakes& mistakes);

/// Reads options and, if they have a `check(const Location&, Mistakes&)`, what only their
/// combination shows; if that fails, all options are defaults.
template <class Options>
Options read_checked(const Value& value, Mistakes& mistakes) {
  Options options;
  read_options(value, options, mistakes);
  if constexpr (requires { options.check(value.where, mistakes); }) {
    const size_t before = mistakes.size();
    options.check(value.where, mistakes);
    if (mistakes.size() != before) options = Options{};
  }
  return options;
}
}  // namespace plugin_detail

/// The entry for `Implementation`, which has a nested `Options` and a constructor from it. Options
/// may have `void check(const Location& where, Mistakes&) const` for what one field's range cannot
/// say.
template <class Interface, class Implementation>
constexpr Entry<Interface> entry(std::string_view name, std::string_view summary) {
  using Options = typename Implementation::Options;
  return {name, summary, [] { return describe_options<Options>(); },
          [](const Value& value, Mistakes& mistakes) -> std::unique_ptr<Interface> {
            return std::make_unique<Implementation>(
                plugin_detail::read_checked<Options>(value, mistakes));
          },
          [](const Value& value) {
            Options options;
            Mistakes ignored;
            read_options(value, options, ignored);
            return write_options(options);
          }};
}

/// The entry called `plugin.name`, or null with a mistake that names the nearest one. `kind` is for
/// the message: "codec".
template <class Interface>
const Entry<Interface>* find_plugin(Entries<Interface> entries, std::string_view kind,
                                    const Plugin& plugin, Mistakes& mistakes) {
  std::vector<std::string> names;
  for (const Entry<Interface>* one : entries) {
    if (one->name == plugin.name) return one;
    names.emplace_back(one->name);
  }
  plugin_detail::report_unknown(kind, plugin.name, plugin.options.where, names, mistakes);
  return nullptr;
}

/// Makes the plug-in, or returns null with a mistake if there is none of that name.
template <class Interface>
std::unique_ptr<Interface> make_plugin(Entries<Interface> entries, std::string_view kind,
                                       const Plugin& plugin, Mistakes& mistakes) {
  const Entry<Interface>* found = find_plugin(entries, kind, plugin, mistakes);
  return found == nullptr ? nullptr : found->make(plugin.options, mistakes);
}

/// An Options struct without fields.
struct NoOptions {
  template <class Visit>
  void each(Visit&&) {}
};

}  // namespace causeway

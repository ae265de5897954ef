// SPDX-License-Identifier: Apache-2.0
#include "recipe/shared_recipe.h"

#include "core/toml.h"

namespace causeway {
namespace {

/// The table of this site among those that are here, or null.
const Value* own_site(const OwnPart& own, const std::string& name) {
  for (const Value& site : own.site) {
    const Value* known = site.is(Value::Kind::kTable) ? site.find("name") : nullptr;
    if (known != nullptr && known->is(Value::Kind::kString) && known->string() == name)
      return &site;
  }
  return nullptr;
}

/// A shared site's table with what is known here of its text. Nothing but name and weight comes
/// from the hub: which files are read is said here, whatever it says.
Value with_text(const Value& shared, const OwnPart& own) {
  const Value* name = shared.find("name");
  const bool named = name != nullptr && name->is(Value::Kind::kString);
  const Value* here = named ? own_site(own, name->string()) : nullptr;
  Value out = here != nullptr ? *here : Value(Value::Table{});
  for (const char* key : {"name", "weight"})
    if (const Value* value = shared.find(key)) out.set(key, *value);
  return out;
}

/// Nor where anything lies on this machine.
void take_paths_away(Value& root) {
  if (Value* run = root.find("run"); run != nullptr && run->is(Value::Kind::kTable)) {
    run->set("folder", std::string());
    run->set("pin", false);
  }
  if (Value* model = root.find("model"); model != nullptr && model->is(Value::Kind::kTable))
    model->set("init", std::string());
}

}  // namespace

std::string shared_recipe(const Recipe& recipe) {
  Value root = recipe.resolved();
  Value run = *root.find("run");
  run.set("folder", std::string());
  run.set("threads", int64_t{0});
  run.set("pin", false);
  root.set("run", std::move(run));
  Value model = *root.find("model");
  model.set("init", std::string());
  root.set("model", std::move(model));
  Value data = *root.find("data");
  data.set("tokenizer", std::string("bytes"));
  data.set("recorded", std::string());
  Value::Array sites;
  for (const RecipeSite& site : recipe.sites) {
    Value& table = sites.emplace_back();
    table.set("name", site.options.name);
    table.set("weight", site.options.weight);
  }
  data.set("site", std::move(sites));
  root.set("data", std::move(data));
  return to_toml(root);
}

Recipe read_shared_recipe(const std::string& shared, const OwnPart& own, Mistakes& mistakes) {
  Value root = parse_toml(shared, "the hub's recipe", mistakes);
  if (!mistakes.empty()) return {};
  const Value* found = root.find("data");
  Value data = found != nullptr && found->is(Value::Kind::kTable) ? *found : Value(Value::Table{});
  Value::Array sites;
  if (const Value* all = data.find("site"); all != nullptr && all->is(Value::Kind::kArray))
    for (const Value& site : all->array())
      sites.push_back(site.is(Value::Kind::kTable) ? with_text(site, own) : site);
  data.set("site", std::move(sites));
  data.set("tokenizer", own.tokenizer);
  data.set("recorded", own.recorded);
  root.set("data", std::move(data));
  take_paths_away(root);
  Recipe recipe = read_recipe(root, own.base, mistakes, SiteText::kElsewhere);
  recipe.run.threads = own.threads;
  return recipe;
}

}  // namespace causeway

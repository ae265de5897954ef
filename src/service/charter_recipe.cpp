// SPDX-License-Identifier: Apache-2.0
#include "service/charter_recipe.h"

#include "core/durable.h"

namespace causeway {
namespace {

std::string_view text_of(const SharedBytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.view().data()), bytes.view().size()};
}

}  // namespace

Result<Recipe> read_charter_recipe(const Charter& charter, OwnPart own, const std::string& folder) {
  own.tokenizer = "bytes";
  if (charter.tokenizer.size() > 0) {
    own.tokenizer = folder + "/tokenizer.json";
    CW_TRY(write_file_atomically(own.tokenizer, text_of(charter.tokenizer)));
  }
  Mistakes mistakes;
  Recipe recipe = read_shared_recipe(std::string(text_of(charter.recipe)), own, mistakes);
  if (!mistakes.empty()) return failure(Fault::kBadInput, "{}", mistakes.text());
  if (recipe.shape->layout().digest() != charter.layout)
    return failure(Fault::kRefused, "the model of the hub's recipe is another one here");
  return recipe;
}

}  // namespace causeway

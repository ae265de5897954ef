// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/token_texts.h"

#include "core/hash.h"

namespace causeway {

size_t TokenTexts::slot_of(std::string_view text) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = static_cast<size_t>(digest_of(text).low) & mask;
  while (slots_[slot] != 0 && this->text(slots_[slot] - 1) != text) slot = (slot + 1) & mask;
  return slot;
}

void TokenTexts::grow() {
  slots_.assign(slots_.empty() ? 64 : 2 * slots_.size(), 0);
  for (size_t i = 0; i < entries_.size(); ++i)
    slots_[slot_of(text(i))] = static_cast<uint32_t>(i + 1);
}

bool TokenTexts::add(std::string_view text, int32_t token) {
  if (2 * (entries_.size() + 1) > slots_.size()) grow();
  const size_t slot = slot_of(text);
  if (slots_[slot] != 0) return false;
  entries_.push_back({buffer_.size(), static_cast<uint32_t>(text.size()), token});
  buffer_ += text;
  slots_[slot] = static_cast<uint32_t>(entries_.size());
  return true;
}

int32_t TokenTexts::find(std::string_view text) const {
  if (slots_.empty()) return kNone;
  const uint32_t found = slots_[slot_of(text)];
  return found == 0 ? kNone : entries_[found - 1].token;
}

}  // namespace causeway

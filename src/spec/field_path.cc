#include "src/spec/field_path.h"

#include <charconv>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/spec/document.h"

namespace fumehood {
namespace {

constexpr std::string_view kPlainKeyLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

// The item of `list` that `path` begins with, and how much of `path` names it.
const Node* FollowIndex(const Node& list, std::string_view path, size_t& length) {
  size_t index = 0;
  const auto [end, error] = std::from_chars(path.data() + 1, path.data() + path.size(), index);
  if (error != std::errc() || index >= list.items.size()) return nullptr;
  length = static_cast<size_t>(end - path.data()) + 1;
  return &list.items[index];
}

const Node* FollowKey(const Node& map, std::string_view path, bool at_top, size_t& length) {
  for (const Node& item : map.items) {
    const std::string step = KeyStep(item.key, at_top);
    if (!path.starts_with(step)) continue;
    const std::string_view rest = path.substr(step.size());
    if (!rest.empty() && rest[0] != '.' && rest[0] != '[') continue;
    length = step.size();
    return &item;
  }
  return nullptr;
}

}  // namespace

std::string KeyStep(std::string_view key, bool at_top) {
  const bool plain = !key.empty() && key.size() <= 128 && key.find_first_not_of(kPlainKeyLetters) == std::string_view::npos;
  if (!plain) return "[" + ShortQuoted(key) + "]";
  return at_top ? std::string(key) : fmt::format(".{}", key);
}

std::string FieldPath::ToString() const {
  const bool whole = parent_ == nullptr && key_.data() == nullptr;
  if (whole) return "";
  const std::string above = parent_ == nullptr ? "" : parent_->ToString();
  // A null data pointer marks a list's item: an empty key has one too, and is told apart by its pointer.
  if (key_.data() == nullptr) return fmt::format("{}[{}]", above, index_);
  return above + KeyStep(key_, above.empty());
}

bool IsWithinField(std::string_view path, std::string_view field) {
  if (!path.starts_with(field)) return false;
  return field.empty() || path.size() == field.size() || path[field.size()] == '.' || path[field.size()] == '[';
}

const Node* FindByPath(const Node& document, std::string_view path) {
  const Node* node = &document;
  while (!path.empty()) {
    size_t length = 0;
    const Node* next = node->kind == Node::Kind::kList ? FollowIndex(*node, path, length)
                       : node->kind == Node::Kind::kMap ? FollowKey(*node, path, node == &document, length)
                                                        : nullptr;
    if (next == nullptr || length > path.size()) return node;
    node = next;
    path.remove_prefix(length);
  }
  return node;
}

}  // namespace fumehood

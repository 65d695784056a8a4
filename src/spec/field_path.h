// FieldPath: where a value stands in a spec, as a chain on the stack, so that the text is made only for a problem.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fumehood {

class FieldPath {
 public:
  FieldPath() = default;  // the whole document
  static FieldPath Top(std::string_view key) { return FieldPath(nullptr, key, 0); }

  FieldPath Key(std::string_view key) const& { return FieldPath(this, key, 0); }
  FieldPath Item(size_t index) const& { return FieldPath(this, {}, index); }
  // A step below a temporary would point to it after its end.
  FieldPath Key(std::string_view key) const&& = delete;
  FieldPath Item(size_t index) const&& = delete;

  std::string ToString() const;  // "inputs[2].mode", "env['odd name']"

 private:
  FieldPath(const FieldPath* parent, std::string_view key, size_t index) : parent_(parent), key_(key), index_(index) {}

  const FieldPath* parent_ = nullptr;  // not owned: lives further up the stack
  std::string_view key_;
  size_t index_ = 0;
};

// The text of one step from a map to the value of `key`: ".mode", "['odd name']", and without the dot at the top.
std::string KeyStep(std::string_view key, bool at_top);

// Is `path` that field, or something in it? Everything is in the field "", which is the whole document.
bool IsWithinField(std::string_view path, std::string_view field);

struct Node;
// The value that `path`, as ToString writes it, leads to, or the nearest one above it; never null.
const Node* FindByPath(const Node& document, std::string_view path);

}  // namespace fumehood

#include "src/spec/tree_builder.h"

#include <fmt/format.h>

namespace fumehood {
namespace {
// Text can grow past the size of the file only through YAML's aliases; four times is generous for honest ones.
constexpr size_t kMaxTreeBytes = 4 * kMaxDocumentBytes;
}  // namespace

bool TreeBuilder::Refuse(std::string why) {
  if (refusal_.empty()) refusal_ = std::move(why);
  return false;
}

bool TreeBuilder::Spend(size_t nodes, size_t bytes) {
  nodes_ += nodes;
  bytes_ += bytes;
  if (nodes_ > kMaxDocumentNodes) return Refuse(fmt::format("holds more than {} values", kMaxDocumentNodes));
  if (bytes_ > kMaxTreeBytes) return Refuse(fmt::format("holds more than {} bytes of text after its aliases", kMaxTreeBytes));
  return refusal_.empty();
}

bool TreeBuilder::Open(Node container) {
  if (open_.size() == kMaxDocumentDepth) return Refuse(fmt::format("is nested deeper than {} levels", kMaxDocumentDepth));
  if (!Spend(1, 0)) return false;
  TakeKey(container);
  open_.push_back(std::move(container));
  return true;
}

bool TreeBuilder::Close() {
  if (!refusal_.empty() || open_.empty()) return false;
  Node done = std::move(open_.back());
  open_.pop_back();
  return Place(std::move(done));
}

bool TreeBuilder::Add(Node value) {
  if (!Spend(1, value.text.size())) return false;
  TakeKey(value);
  return Place(std::move(value));
}

void TreeBuilder::Key(Node key) {
  if (Spend(0, key.text.size())) key_ = std::move(key);
}

const Node* TreeBuilder::last() const {
  if (!open_.empty()) return open_.back().items.empty() ? nullptr : &open_.back().items.back();
  return root_ ? &*root_ : nullptr;
}

bool TreeBuilder::Place(Node value) {
  if (open_.empty()) {
    root_ = std::move(value);
  } else {
    open_.back().items.push_back(std::move(value));
  }
  return true;
}

void TreeBuilder::TakeKey(Node& value) {
  if (!key_) return;
  value.key = std::move(key_->text);
  value.key_line = key_->line;
  value.key_column = key_->column;
  key_.reset();
}

}  // namespace fumehood

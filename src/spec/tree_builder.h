// TreeBuilder: a Node from the events of a parser, within the bounds of document.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "src/spec/document.h"

namespace fumehood {

class TreeBuilder {
 public:
  // Each returns false once a bound is passed; refusal() then says which, and all later events are ignored.
  bool Open(Node container);
  bool Close();
  bool Add(Node value);
  void Key(Node key);  // of the next value; its text, line and column

  bool in_map() const { return !open_.empty() && open_.back().kind == Node::Kind::kMap; }
  bool expects_key() const { return in_map() && !key_; }
  const std::string& refusal() const { return refusal_; }
  bool Refuse(std::string why);
  // Counts nodes and bytes that the caller is about to add as part of one value; false when that is too much.
  bool Spend(size_t nodes, size_t bytes);
  size_t depth() const { return open_.size(); }
  std::optional<Node> Take() { return std::move(root_); }
  // The value that was closed or added last, while its container is still open or it is the root; else null.
  const Node* last() const;

 private:
  bool Place(Node value);
  void TakeKey(Node& value);

  std::vector<Node> open_;  // containers, outermost first
  std::optional<Node> key_;
  std::optional<Node> root_;
  std::string refusal_;
  size_t nodes_ = 0;
  size_t bytes_ = 0;
};

}  // namespace fumehood

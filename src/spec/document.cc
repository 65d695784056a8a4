#include "src/spec/document.h"

#include <cmath>

#include <fmt/format.h>

#include "src/base/text.h"

namespace fumehood {

Node TextNode(std::string_view text) {
  Node node;
  node.kind = Node::Kind::kString;
  node.text = text;
  return node;
}

Node IntNode(int64_t value) {
  Node node;
  node.kind = Node::Kind::kInt;
  node.integer = value;
  node.text = fmt::format("{}", value);
  return node;
}

Node DoubleNode(double value) {
  Node node;
  node.kind = Node::Kind::kDouble;
  node.real = value;
  node.text = fmt::format("{}", value);
  return node;
}

Node BoolNode(bool value) {
  Node node;
  node.kind = Node::Kind::kBool;
  node.boolean = value;
  node.text = value ? "true" : "false";
  return node;
}

Node ListNode() {
  Node node;
  node.kind = Node::Kind::kList;
  return node;
}

Node MapNode() {
  Node node;
  node.kind = Node::Kind::kMap;
  return node;
}

void AddEntry(Node& map, std::string_view key, Node value) {
  value.key = key;
  map.items.push_back(std::move(value));
}

const Node* FindEntry(const Node& map, std::string_view key) {
  for (const Node& item : map.items) {
    if (item.key == key) return &item;
  }
  return nullptr;
}

std::string ShortQuoted(std::string_view text) {
  constexpr size_t kShown = 60;
  if (text.size() <= kShown) return Quoted(text);
  size_t end = kShown;
  // Never cut inside a character: continuation bytes of UTF-8 are 10xxxxxx.
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) --end;
  return fmt::format("{}... ({} bytes)", Quoted(text.substr(0, end)), text.size());
}

std::string Describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull: return "empty";
    case Node::Kind::kBool: return node.boolean ? "true" : "false";
    case Node::Kind::kInt: return fmt::format("{}", node.integer);
    case Node::Kind::kDouble: return node.text.empty() ? fmt::format("{}", node.real) : node.text.substr(0, 40);
    case Node::Kind::kString: return "the text " + ShortQuoted(node.text);
    case Node::Kind::kList: return "a list";
    case Node::Kind::kMap: return "a map";
  }
  return "";
}

}  // namespace fumehood

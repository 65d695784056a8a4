// Node: a value read from JSON, YAML or TOML, with its place in the text: what the three formats have in common.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fumehood {

enum class Format { kJson, kYaml, kToml };

// Bounds on what a file may make us hold. A spec of 100,000 arguments is far below each.
inline constexpr size_t kMaxDocumentBytes = size_t{4} << 20;
inline constexpr size_t kMaxDocumentNodes = 500000;   // also after YAML's aliases were written out
inline constexpr size_t kMaxDocumentDepth = 64;

struct Node {
  enum class Kind { kNull, kBool, kInt, kDouble, kString, kList, kMap };

  Kind kind = Kind::kNull;
  int line = 0;  // both from 1; 0: not read from a text
  int column = 0;
  bool boolean = false;
  int64_t integer = 0;
  double real = 0;
  std::string text;         // of a string; of a number or boolean as it was written, empty where that is not known
  std::vector<Node> items;  // of a list or map
  std::string key;          // of an item of a map
  int key_line = 0;
  int key_column = 0;
};

Node TextNode(std::string_view text);
Node IntNode(int64_t value);
Node DoubleNode(double value);
Node BoolNode(bool value);
Node ListNode();
Node MapNode();
void AddEntry(Node& map, std::string_view key, Node value);
const Node* FindEntry(const Node& map, std::string_view key);  // null when it is not there

// "the text 'abc'", "3.5", "a list": for messages. Long text is shortened.
std::string Describe(const Node& node);
std::string ShortQuoted(std::string_view text);

}  // namespace fumehood

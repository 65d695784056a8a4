#include "src/spec/print.h"
#include "src/spec/yaml_scalar.h"

namespace fumehood {
namespace {

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789./-";

// Words that readers of YAML 1.1 take for booleans are quoted too, so that the file means the same everywhere.
bool IsBooleanElsewhere(std::string_view text) {
  for (const std::string_view word : {"y", "n", "yes", "no", "on", "off"}) {
    if (text.size() != word.size()) continue;
    bool same = true;
    for (size_t i = 0; i < word.size(); ++i) same = same && (text[i] | 0x20) == word[i];
    if (same) return true;
  }
  return false;
}

std::string YamlText(const std::string& text) {
  const bool simple = !text.empty() && text.size() < 100 && (kLetters.find(text[0]) != std::string_view::npos || text[0] == '/') &&
                      text.find_first_not_of(kPlain) == std::string::npos;
  return simple && !IsTypedYamlScalar(text) && !IsBooleanElsewhere(text) ? text : DoubleQuoted(text);
}

void PrintBlock(const Node& node, size_t indent, std::string& out);

// What follows `key:` or `-`.
void PrintValue(const Node& node, size_t indent, std::string& out) {
  const bool map = node.kind == Node::Kind::kMap;
  if (node.kind == Node::Kind::kString) {
    out += ' ' + YamlText(node.text) + '\n';
  } else if (!map && node.kind != Node::Kind::kList) {
    out += node.kind == Node::Kind::kNull ? " null\n" : ' ' + node.text + '\n';
  } else if (node.items.empty()) {
    out += map ? " {}\n" : " []\n";
  } else {
    out += '\n';
    PrintBlock(node, indent, out);
  }
}

// A key of more than 1024 characters is not seen as one unless "? " announces it.
void PrintKey(const std::string& key, size_t indent, std::string& out) {
  const std::string text = YamlText(key);
  constexpr size_t kLongestPlainKey = 1000;
  if (text.size() > kLongestPlainKey) {
    out += "? " + text + '\n';
    out.append(indent, ' ');
    out += ':';
  } else {
    out += text + ':';
  }
}

void PrintBlock(const Node& node, size_t indent, std::string& out) {
  for (const Node& item : node.items) {
    out.append(indent, ' ');
    if (node.kind == Node::Kind::kMap) {
      PrintKey(item.key, indent, out);
      PrintValue(item, indent + 2, out);
    } else if (item.kind == Node::Kind::kMap && !item.items.empty()) {
      std::string record;
      PrintBlock(item, indent + 2, record);
      out += "- " + record.substr(indent + 2);  // the first field goes on the line of the dash
    } else {
      out += '-';
      PrintValue(item, indent + 2, out);
    }
  }
}

}  // namespace

std::string PrintYaml(const Node& document) {
  if (document.items.empty()) return "{}\n";
  std::string out;
  PrintBlock(document, 0, out);
  return out;
}

}  // namespace fumehood

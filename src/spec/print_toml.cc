// TOML: plain values first, then a [table] for each map and a [[table]] for each record of a list, as people write it.
#include "src/spec/print.h"

namespace fumehood {
namespace {

constexpr std::string_view kBareKey = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

std::string TomlKey(const std::string& key) {
  const bool bare = !key.empty() && key.find_first_not_of(kBareKey) == std::string::npos;
  return bare ? key : DoubleQuoted(key);
}

void PrintInline(const Node& node, std::string& out) {
  const bool map = node.kind == Node::Kind::kMap;
  if (node.kind == Node::Kind::kString) {
    out += DoubleQuoted(node.text);
  } else if (!map && node.kind != Node::Kind::kList) {
    out += node.text;
  } else {
    out += map ? "{" : "[";
    for (size_t i = 0; i < node.items.size(); ++i) {
      if (i > 0) out += ", ";
      if (map) out += TomlKey(node.items[i].key) + " = ";
      PrintInline(node.items[i], out);
    }
    out += map ? "}" : "]";
  }
}

void PrintPairs(const Node& map, std::string& out) {
  for (const Node& item : map.items) {
    out += TomlKey(item.key) + " = ";
    PrintInline(item, out);
    out += '\n';
  }
}

bool IsRecords(const Node& node) {
  if (node.kind != Node::Kind::kList || node.items.empty()) return false;
  for (const Node& item : node.items) {
    if (item.kind != Node::Kind::kMap) return false;
  }
  return true;
}

}  // namespace

std::string PrintToml(const Node& document) {
  std::string pairs;
  std::string tables;
  for (const Node& item : document.items) {
    if (item.kind == Node::Kind::kMap) {
      tables += "\n[" + TomlKey(item.key) + "]\n";
      PrintPairs(item, tables);
    } else if (IsRecords(item)) {
      for (const Node& record : item.items) {
        tables += "\n[[" + TomlKey(item.key) + "]]\n";
        PrintPairs(record, tables);
      }
    } else {
      pairs += TomlKey(item.key) + " = ";
      PrintInline(item, pairs);
      pairs += '\n';
    }
  }
  return pairs + tables;
}

}  // namespace fumehood

#include "src/spec/node_reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"

namespace fumehood {
namespace {

bool IsScalar(const Node& node) {
  return node.kind == Node::Kind::kBool || node.kind == Node::Kind::kInt || node.kind == Node::Kind::kDouble;
}

bool LooksLikeNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.-+eE") == std::string_view::npos;
}

// Why a value is no number, with what to do about the two usual slips.
std::string NoNumberMessage(const Node& node, std::string_view wanted) {
  std::string message = fmt::format("is {}; {} is needed", Describe(node), wanted);
  if (node.kind != Node::Kind::kString) return message;
  if (LooksLikeNumber(node.text)) return message + ": leave the quotes out";
  return message + ", without a unit";
}

}  // namespace

bool NodeReader::Text(const Node& node, const FieldPath& path, std::string& out) {
  if (node.kind == Node::Kind::kString || (IsScalar(node) && !node.text.empty())) {
    out = node.text;
    return true;
  }
  const char* how = node.kind == Node::Kind::kDouble ? ": put it in quotes" : "";
  Report(node, path, fmt::format("is {}; text is needed{}", Describe(node), how));
  return false;
}

bool NodeReader::PrivateText(const Node& node, const FieldPath& path, std::string& out) {
  if (node.kind == Node::Kind::kString || (IsScalar(node) && !node.text.empty())) {
    out = node.text;
    return true;
  }
  const bool number = node.kind == Node::Kind::kDouble;
  Report(node, path, number ? "is a number; text is needed: put it in quotes" : fmt::format("is {}; text is needed", Describe(node)));
  return false;
}

bool NodeReader::Whole(const Node& node, const FieldPath& path, int64_t& out) {
  if (node.kind == Node::Kind::kInt) {
    out = node.integer;
    return true;
  }
  Report(node, path, NoNumberMessage(node, "a whole number"));
  return false;
}

bool NodeReader::Number(const Node& node, const FieldPath& path, double& out) {
  if (node.kind == Node::Kind::kInt || node.kind == Node::Kind::kDouble) {
    out = node.kind == Node::Kind::kInt ? static_cast<double>(node.integer) : node.real;
    return true;
  }
  Report(node, path, NoNumberMessage(node, "a number"));
  return false;
}

bool NodeReader::Flag(const Node& node, const FieldPath& path, bool& out) {
  if (node.kind == Node::Kind::kBool) {
    out = node.boolean;
    return true;
  }
  Report(node, path, fmt::format("is {}; true or false is needed", Describe(node)));
  return false;
}

bool NodeReader::TextList(const Node& node, const FieldPath& path, std::vector<std::string>& out) {
  if (node.kind != Node::Kind::kList) {
    Report(node, path, fmt::format("is {}; a list of texts is needed", Describe(node)));
    return false;
  }
  std::vector<std::string> texts(node.items.size());
  bool all = true;
  for (size_t i = 0; i < texts.size(); ++i) all = Text(node.items[i], path.Item(i), texts[i]) && all;
  out = std::move(texts);
  return all;
}

bool NodeReader::TextMap(const Node& node, const FieldPath& path, std::map<std::string, std::string>& out) {
  if (node.kind != Node::Kind::kMap) {
    Report(node, path, fmt::format("is {}; a map of names to texts is needed", Describe(node)));
    return false;
  }
  bool all = true;
  for (const Node& item : node.items) all = Text(item, path.Key(item.key), out[item.key]) && all;
  return all;
}

bool NodeReader::Record(const Node& node, const FieldPath& path, NamesOf names, const EntryReader& read) {
  if (node.kind != Node::Kind::kMap) {
    Report(node, path, fmt::format("is {}; a map with {} is needed", Describe(node), Join(names(), ", ")));
    return false;
  }
  for (const Node& entry : node.items) {
    const FieldPath below = path.Key(entry.key);
    if (entry.kind == Node::Kind::kNull) {
      const std::vector<std::string> known = names();
      if (std::find(known.begin(), known.end(), entry.key) == known.end()) ReportUnknown(entry, below, known);
    } else if (!read(entry, below)) {
      ReportUnknown(entry, below, names());
    }
  }
  return true;
}

void NodeReader::ReportUnknown(const Node& entry, const FieldPath& path, const std::vector<std::string>& names) {
  std::string hint = problems_.full() ? "" : NearestHint(entry.key, names);
  if (hint.empty()) hint = "; known here: " + Join(names, ", ");
  problems_.AddAtKey(path, entry, "is not a known name" + hint);
}

}  // namespace fumehood

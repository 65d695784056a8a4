#include "src/spec/import.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"

namespace fumehood {
namespace {

int LineAt(std::string_view text, size_t offset) {
  return 1 + static_cast<int>(std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(offset), '\n'));
}

// Line of the first byte that makes `text` invalid: lines are valid or not each for itself, since no sequence of UTF-8
// holds a line feed.
int FirstInvalidLine(std::string_view text) {
  int line = 1;
  for (size_t begin = 0; begin < text.size(); ++line) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (!IsValidUtf8(text.substr(begin, end - begin))) return line;
    begin = end + 1;
  }
  return line;
}

bool IsReadableText(std::string_view text, ProblemList& problems) {
  if (text.size() > kMaxDocumentBytes) {
    problems.Add("", fmt::format("is {} long; at most {} are read: put long scripts and lists into files of their own",
                                 HumanBytes(static_cast<long long>(text.size())),
                                 HumanBytes(static_cast<long long>(kMaxDocumentBytes))));
    return false;
  }
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos) {
    problems.Add("", "holds a NUL byte: this is not a text file", LineAt(text, nul));
    return false;
  }
  if (!IsValidUtf8(text)) {
    problems.Add("", "is not valid UTF-8: save it as UTF-8", FirstInvalidLine(text));
    return false;
  }
  return true;
}

void ReportDuplicateKeys(const Node& map, const FieldPath& path, ProblemList& problems) {
  std::vector<const Node*> items;
  for (const Node& item : map.items) items.push_back(&item);
  std::stable_sort(items.begin(), items.end(), [](const Node* a, const Node* b) { return a->key < b->key; });
  for (size_t i = 1; i < items.size(); ++i) {
    if (items[i]->key != items[i - 1]->key) continue;
    problems.AddAtKey(path.Key(items[i]->key), *items[i],
                      fmt::format("is given twice, first in line {}", items[i - 1]->key_line));
  }
}

// The three formats can all spell U+0000 by an escape; no path, argument or variable can hold it.
void CheckTree(const Node& node, const FieldPath& path, ProblemList& problems) {
  const auto has_nul = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  if (node.kind == Node::Kind::kString && has_nul(node.text)) problems.Add(path, node, "holds a NUL character, which is not allowed");
  if (node.kind == Node::Kind::kMap) {
    ReportDuplicateKeys(node, path, problems);
    for (const Node& item : node.items) {
      if (has_nul(item.key)) problems.AddAtKey(path.Key(item.key), item, "the name holds a NUL character, which is not allowed");
      CheckTree(item, path.Key(item.key), problems);
    }
  }
  if (node.kind == Node::Kind::kList) {
    for (size_t i = 0; i < node.items.size(); ++i) CheckTree(node.items[i], path.Item(i), problems);
  }
}

std::optional<Node> ImportAs(Format format, std::string_view text, ProblemList& problems) {
  switch (format) {
    case Format::kJson: return ImportJson(text, problems);
    case Format::kYaml: return ImportYaml(text, problems);
    case Format::kToml: return ImportToml(text, problems);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Node> ImportDocument(std::string_view text, Format format, ProblemList& problems) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (!IsReadableText(text, problems)) return std::nullopt;
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::optional<Node> node = ImportAs(format, text, problems);
  if (node) CheckTree(*node, FieldPath(), problems);
  return node;
}

}  // namespace fumehood

// TOML by toml++, compiled so that it returns its errors instead of throwing them.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 64
#include <toml++/toml.h>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/spec/import.h"
#include "src/spec/toml_guard.h"

namespace fumehood {
namespace {

class TomlConverter {
 public:
  explicit TomlConverter(ProblemList& problems) : problems_(problems) {}

  Node Convert(const toml::node& from, const FieldPath& path, size_t depth);
  bool refused() const { return refused_; }

 private:
  Node ConvertTable(const toml::table& table, const FieldPath& path, size_t depth);
  Node ConvertArray(const toml::array& array, const FieldPath& path, size_t depth);
  Node ConvertScalar(const toml::node& from, const FieldPath& path);
  void Refuse(const Node& at, std::string why) {
    if (!refused_) problems_.Add("", std::move(why), at.line, at.column);
    refused_ = true;
  }

  ProblemList& problems_;  // not owned
  size_t nodes_ = 0;
  bool refused_ = false;
};

Node At(Node node, const toml::source_region& region) {
  node.line = static_cast<int>(region.begin.line);
  node.column = static_cast<int>(region.begin.column);
  return node;
}

Node TomlConverter::Convert(const toml::node& from, const FieldPath& path, size_t depth) {
  Node place = At(Node(), from.source());
  if (refused_) return place;
  if (++nodes_ > kMaxDocumentNodes) Refuse(place, fmt::format("holds more than {} values", kMaxDocumentNodes));
  if (depth > kMaxDocumentDepth) Refuse(place, fmt::format("is nested deeper than {} levels", kMaxDocumentDepth));
  if (refused_) return place;
  if (const toml::table* table = from.as_table()) return At(ConvertTable(*table, path, depth), from.source());
  if (const toml::array* array = from.as_array()) return At(ConvertArray(*array, path, depth), from.source());
  return At(ConvertScalar(from, path), from.source());
}

Node TomlConverter::ConvertTable(const toml::table& table, const FieldPath& path, size_t depth) {
  Node map = MapNode();
  for (const auto& [key, value] : table) {
    const FieldPath below = path.Key(key.str());
    Node item = Convert(value, below, depth + 1);
    item.key_line = static_cast<int>(key.source().begin.line);
    item.key_column = static_cast<int>(key.source().begin.column);
    AddEntry(map, key.str(), std::move(item));
  }
  return map;
}

Node TomlConverter::ConvertArray(const toml::array& array, const FieldPath& path, size_t depth) {
  Node list = ListNode();
  for (size_t i = 0; i < array.size(); ++i) list.items.push_back(Convert(array[i], path.Item(i), depth + 1));
  return list;
}

Node TomlConverter::ConvertScalar(const toml::node& from, const FieldPath& path) {
  if (const auto* text = from.as_string()) return TextNode(text->get());
  if (const auto* whole = from.as_integer()) return IntNode(whole->get());
  if (const auto* flag = from.as_boolean()) return BoolNode(flag->get());
  if (const auto* real = from.as_floating_point()) {
    Node node = DoubleNode(real->get());
    node.text.clear();  // toml++ keeps no source text: 1.10 would come back as 1.1
    return node;
  }
  Node place = At(Node(), from.source());
  problems_.Add(path, place, "is a date or a time; no field is one: put it in quotes");
  return place;
}

}  // namespace

std::optional<Node> ImportToml(std::string_view text, ProblemList& problems) {
  if (const auto hazard = FindTomlHazard(text)) {
    problems.Add("",
                 hazard->kind == TomlHazard::Kind::kDeepKey
                     ? fmt::format("is nested deeper than {} levels", kMaxDocumentDepth)
                     : "is not valid TOML here: a letter beyond ASCII outside of quotes: put the name or text in quotes",
                 hazard->line);
    return std::nullopt;
  }
  const toml::parse_result result = toml::parse(text);
  if (!result) {
    const toml::parse_error& error = result.error();
    const std::string message = Quoted(error.description());
    problems.Add("", "is not valid TOML here: " + message.substr(1, message.size() - 2),
                 static_cast<int>(error.source().begin.line), static_cast<int>(error.source().begin.column));
    return std::nullopt;
  }
  TomlConverter converter(problems);
  Node root = converter.Convert(result.table(), FieldPath(), 0);
  if (converter.refused()) return std::nullopt;
  return root;
}

}  // namespace fumehood

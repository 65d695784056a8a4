#include "src/cli/notebook_parameters.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/spec/import.h"
#include "src/spec/parse.h"
#include "src/spec/yaml_scalar.h"

namespace fumehood {
namespace {

constexpr const char* kFlag = "--parameter";

// A name that each language of a notebook takes for a variable's.
bool IsVariableName(std::string_view name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
  const bool begins = !name.empty() && kLetters.find(name[0]) != std::string_view::npos;
  return begins && std::all_of(name.begin(), name.end(), [&](char c) { return kLetters.find(c) != std::string_view::npos || (c >= '0' && c <= '9'); });
}

// The text that a shell hands over: a number, true, null as YAML has them; a list or map in brackets, and text in quotes, whole;
// all else is text as it stands, also where YAML would see a sign in it (*.tsv, a: b).
std::optional<Node> TypedValue(const std::string& text, ProblemList& problems) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == std::string::npos) return TextNode("");
  if (std::string_view("[{\"'").find(text[begin]) != std::string_view::npos) return ImportDocument(text, Format::kYaml, problems);
  if (text == "None") return Node();  // as papermill has it
  return TypeYamlScalar("?", text).value_or(TextNode(text));
}

void WriteNumber(JsonWriter& json, double value) {
  if (!std::isfinite(value)) {
    json.Raw(std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
    return;
  }
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";  // 1.0 is no whole number to a notebook
  json.Raw(text);
}

void Write(JsonWriter& json, const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull: json.Null(); return;
    case Node::Kind::kBool: json.Bool(node.boolean); return;
    case Node::Kind::kInt: json.Int(node.integer); return;
    case Node::Kind::kDouble: WriteNumber(json, node.real); return;
    case Node::Kind::kString: json.String(node.text); return;
    case Node::Kind::kList:
      json.BeginArray();
      for (const Node& item : node.items) Write(json, item);
      json.EndArray();
      return;
    case Node::Kind::kMap:
      json.BeginObject();
      for (const Node& item : node.items) {
        json.Key(item.key);
        Write(json, item);
      }
      json.EndObject();
      return;
  }
}

void Set(Node& all, const std::string& name, Node value) {
  std::erase_if(all.items, [&](const Node& item) { return item.key == name; });
  AddEntry(all, name, std::move(value));
}

void ReadFileOf(const std::string& path, Node& all, std::vector<Problem>& problems) {
  const auto complain = [&](std::string message) { problems.push_back({"", std::move(message), "--parameters"}); };
  const auto format = FormatOfPath(path);
  if (!format) return complain(Quoted(path) + " is no file of parameters (.yaml, .json, .toml)");
  const auto text = ReadSpecText(path);
  if (!text) return complain(text.error().message());
  ProblemList found(path);
  const std::optional<Node> document = ImportDocument(*text, *format, found);
  for (Problem& problem : found.Take()) problems.push_back(std::move(problem));
  if (!document) return;
  if (document->kind != Node::Kind::kMap) return complain(Quoted(path) + " holds " + Describe(*document) + "; names and their values are needed");
  for (const Node& item : document->items) {
    if (IsVariableName(item.key)) {
      Set(all, item.key, item);
    } else {
      problems.push_back({"", fmt::format("{} is no name for a variable", Quoted(item.key)), path, item.key_line, item.key_column});
    }
  }
}

void ReadGiven(const std::string& text, Node& all, std::vector<Problem>& problems) {
  const auto complain = [&](std::string message) { problems.push_back({"", std::move(message), kFlag}); };
  const size_t equals = text.find('=');
  if (equals == std::string::npos) return complain(Quoted(text) + " has no =; it is written as NAME=VALUE");
  const std::string name = text.substr(0, equals);
  if (!IsVariableName(name)) return complain(Quoted(name) + " is no name for a variable");
  ProblemList found;
  auto value = TypedValue(text.substr(equals + 1), found);
  for (const Problem& problem : found.Take()) complain(fmt::format("{}: {}", name, problem.message));
  if (value) Set(all, name, std::move(*value));
}

}  // namespace

NotebookParameters ReadNotebookParameters(const std::string& file, const std::vector<std::string>& given) {
  NotebookParameters parameters;
  Node all = MapNode();
  if (!file.empty()) ReadFileOf(file, all, parameters.problems);
  for (const std::string& text : given) ReadGiven(text, all, parameters.problems);
  JsonWriter json;
  Write(json, all);
  parameters.json = json.Take();
  return parameters;
}

}  // namespace fumehood

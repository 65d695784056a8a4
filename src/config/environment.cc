#include "src/config/environment.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/config/profiles.h"
#include "src/config/settings.h"
#include "src/spec/yaml_scalar.h"

namespace fumehood {
namespace {

constexpr std::string_view kPrefix = "FUMEHOOD_";
constexpr std::string_view kMaximumPrefix = "FUMEHOOD_MAXIMUM_";
constexpr const char* kExecutorType = "EXECUTOR_TYPE";

// Not settings, but ours, by their beginnings: what a run gets from the hood, and what the suites and scripts read.
constexpr std::string_view kNotSettings[] = {"FUMEHOOD_DB_", "FUMEHOOD_RUN_", "FUMEHOOD_REQUIRE", "FUMEHOOD_TEST",
                                            "FUMEHOOD_BUILD", "FUMEHOOD_NO_SUDO"};

std::string UpperCase(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return upper;
}

// A number where the text is one; else text.
Node ValueNode(const std::string& text, bool is_list) {
  if (!is_list) return TypeYamlScalar("?", text).value_or(TextNode(text));
  Node list = ListNode();
  std::string spaced = text;
  std::replace(spaced.begin(), spaced.end(), ',', ' ');
  for (const std::string& word : SplitWords(spaced)) list.items.push_back(TextNode(word));
  return list;
}

const LimitField* FindLimitVariable(bool of_maximum, std::string_view variable) {
  for (const LimitField& field : kLimitFields) {
    if (variable == LimitVariable(field, of_maximum)) return &field;
  }
  return nullptr;
}

bool IsKnownElsewhere(std::string_view variable) {
  return std::any_of(std::begin(kNotSettings), std::end(kNotSettings), [&](std::string_view known) { return variable.starts_with(known); });
}

// Compared behind what they all begin with, which would make any two look alike.
std::string NearestVariable(std::string_view variable) {
  std::vector<std::string> names;
  for (const std::string& name : VariableNames()) {
    if (name.starts_with(kPrefix)) names.push_back(name.substr(kPrefix.size()));
  }
  const std::string nearest = NearestName(variable.substr(kPrefix.size()), names);
  return nearest.empty() ? "; .env.example lists them" : fmt::format("; did you mean '{}{}'?", kPrefix, nearest);
}

void ApplyVariable(const std::string& variable, const std::string& value, Config& config, ProblemList& problems) {
  NodeReader reader(problems);
  const FieldPath path;
  for (const Setting& setting : Settings()) {
    if (setting.variable == variable) return setting.read(reader, ValueNode(value, setting.is_list), path, config);
  }
  const Node node = ValueNode(value, false);
  if (const LimitField* field = FindLimitVariable(true, variable)) {
    return ReadLimit(reader, node, path, *field, Power::kSet, config.maximum);
  }
  if (const LimitField* field = FindLimitVariable(false, variable)) {
    return ReadLimit(reader, node, path, *field, Power::kSet, config.profiles.at("default"));
  }
  if (IsKnownElsewhere(variable)) return;
  problems.Add("", "is not a known variable" + NearestVariable(variable));
}

}  // namespace

std::string LimitVariable(const LimitField& field, bool of_maximum) {
  return std::string(of_maximum ? kMaximumPrefix : kPrefix) + UpperCase(field.name);
}

std::vector<std::string> VariableNames() {
  std::vector<std::string> names{kExecutorType};
  for (const Setting& setting : Settings()) names.emplace_back(setting.variable);
  for (const LimitField& field : kLimitFields) names.push_back(LimitVariable(field, false));
  for (const LimitField& field : kLimitFields) names.push_back(LimitVariable(field, true));
  return names;
}

void ApplyEnvironment(const Environment& environment, Config& config, std::vector<Problem>& problems) {
  for (auto entry = environment.lower_bound(std::string(kPrefix)); entry != environment.end(); ++entry) {
    const auto& [variable, value] = *entry;
    if (!variable.starts_with(kPrefix)) break;
    ProblemList found(variable);
    if (!value.empty()) ApplyVariable(variable, value, config, found);
    for (Problem& problem : found.Take()) problems.push_back(std::move(problem));
  }
  const auto type = environment.find(kExecutorType);
  if (type == environment.end() || type->second.empty()) return;
  ProblemList found(kExecutorType);
  NodeReader reader(found);
  ReadExecutor(reader, TextNode(type->second), FieldPath(), config);
  for (Problem& problem : found.Take()) problems.push_back(std::move(problem));
}

}  // namespace fumehood

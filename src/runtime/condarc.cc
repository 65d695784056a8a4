#include "src/runtime/condarc.h"

#include <algorithm>
#include <cctype>

#include "src/spec/import.h"

namespace fumehood {
namespace {

std::string ValueOf(const Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

bool IsNameByte(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// conda takes a single text where it wants a list, too.
std::vector<std::string> TextsOf(const Node& node) {
  if (node.kind == Node::Kind::kString) return {node.text};
  std::vector<std::string> texts;
  for (const Node& item : node.items) {
    if (item.kind == Node::Kind::kString) texts.push_back(item.text);
  }
  return texts;
}

}  // namespace

std::string ExpandPath(std::string_view text, const Environment& environment, const std::string& home) {
  std::string expanded;
  if (text == "~" || text.starts_with("~/")) {
    expanded = home;
    text.remove_prefix(1);
  }
  while (!text.empty()) {
    const size_t dollar = std::min(text.find('$'), text.size());
    expanded += text.substr(0, dollar);
    text.remove_prefix(dollar);
    if (text.empty()) break;
    const bool braced = text.size() > 1 && text[1] == '{';
    size_t end = braced ? 2 : 1;
    while (end < text.size() && IsNameByte(text[end])) ++end;
    const std::string name(text.substr(braced ? 2 : 1, end - (braced ? 2 : 1)));
    const bool whole = !name.empty() && (!braced || (end < text.size() && text[end] == '}'));
    if (whole && braced) ++end;
    const auto found = environment.find(name);
    expanded += whole && found != environment.end() ? found->second : text.substr(0, end);
    text.remove_prefix(end);
  }
  return expanded;
}

Result<CondarcPlaces> ParseCondarc(std::string_view text, const Environment& environment, const std::string& home) {
  ProblemList problems;
  const auto document = ImportDocument(text, Format::kYaml, problems);
  if (!document) {
    const std::vector<Problem> found = problems.Take();
    return Error(ErrorCode::kInvalidArgument, found.empty() ? "not YAML" : ProblemText(found.front()));
  }
  CondarcPlaces places;
  if (document->kind != Node::Kind::kMap) return places;  // an empty file, too
  for (const Node& entry : document->items) {
    // envs_path is what conda took before it had lists.
    const bool envs = entry.key == "envs_dirs" || entry.key == "envs_path";
    if (!envs && entry.key != "root_prefix") continue;
    for (const std::string& path : TextsOf(entry)) {
      (envs ? places.envs_dirs : places.root_prefix).push_back(ExpandPath(path, environment, home));
    }
  }
  return places;
}

std::vector<std::string> CondarcPaths(const Environment& environment, const std::string& home, const std::string& root_prefix) {
  std::vector<std::string> folders{"/etc/conda", "/var/lib/conda", root_prefix};
  const std::string xdg = ValueOf(environment, "XDG_CONFIG_HOME");
  if (!xdg.empty()) folders.push_back(xdg + "/conda");
  if (!home.empty()) {
    folders.push_back(home + "/.config/conda");
    folders.push_back(home + "/.conda");
  }
  folders.push_back(ValueOf(environment, "CONDA_PREFIX"));
  std::vector<std::string> paths;
  for (const std::string& folder : folders) {
    if (folder.empty()) continue;
    for (const char* name : {"/.condarc", "/condarc", "/condarc.d/", "/.mambarc"}) paths.push_back(folder + name);
  }
  if (!home.empty()) {
    paths.push_back(home + "/.condarc");
    paths.push_back(home + "/.mambarc");
  }
  for (const char* name : {"CONDARC", "MAMBARC"}) {
    if (const std::string path = ValueOf(environment, name); !path.empty()) paths.push_back(ExpandPath(path, environment, home));
  }
  return paths;
}

}  // namespace fumehood

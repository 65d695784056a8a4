#include "src/runtime/activation_cache.h"

#include <fcntl.h>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/record/json_reader.h"
#include "src/record/json_text.h"
#include "src/record/sha256.h"
#include "src/runtime/prefix_file.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

// Of the file and of what an activation does with it: a newer version that does otherwise has another number.
constexpr int kVersion = 1;
constexpr size_t kMaxKeptBytes = size_t{4} << 20;

long long Nanoseconds(const timespec& time) { return static_cast<long long>(time.tv_sec) * 1'000'000'000 + time.tv_nsec; }

// A text that is another for any other file, or the same file changed. ctime: the other times can be set back.
std::string StampOf(const std::optional<struct stat>& info) {
  if (!info) return "absent";
  return fmt::format("{}:{} {} {} {}", info->st_dev, info->st_ino, info->st_size, Nanoseconds(info->st_mtim), Nanoseconds(info->st_ctim));
}

// Each part ends with a NUL, which no name and no variable has.
void AddPart(std::string& state, std::string_view part) {
  state += part;
  state += '\0';
}

Result<void> AddFile(int dir, const std::string& path, std::string& state) {
  AddPart(state, path);
  for (const bool follow : {false, true}) {
    FH_ASSIGN_OR_RETURN(const auto info, FindStat(dir, path, follow));
    AddPart(state, StampOf(info));
  }
  return {};
}

constexpr std::string_view kKept = "activation-";
std::string FileName(const std::string& key) { return fmt::format("{}{}.json", kKept, key); }

// Of states that the prefix had before.
void RemoveOthers(int directory, const std::string& name) {
  const auto entries = ListDir(directory);
  if (!entries) return;  // they only take room
  for (const DirEntry& entry : *entries) {
    if (entry.name.starts_with(kKept) && entry.name != name) (void)RemoveTree(directory, entry.name);
  }
}

Result<EnvironmentDifference> ParseKept(std::string_view text) {
  FH_ASSIGN_OR_RETURN(JsonReader top, JsonReader::Parse(text));
  EnvironmentDifference difference;
  if (top.Int("version") != kVersion) top.Fail("version", "is another one's");
  for (JsonReader& entry : top.Objects("set")) {
    std::string name = entry.Text("name");
    difference.set[std::move(name)] = entry.Text("value");
    FH_TRY(entry.Finish());
  }
  for (JsonReader& entry : top.Objects("unset")) {
    difference.unset.insert(entry.Text("name"));
    FH_TRY(entry.Finish());
  }
  FH_TRY(top.Finish());
  return difference;
}

std::string PrintKept(const EnvironmentDifference& difference) {
  JsonWriter json;
  json.BeginObject().Key("version").Int(kVersion).Key("set").BeginArray();
  for (const auto& [name, value] : difference.set) {
    json.BeginObject();
    WriteText(json, "name", name);
    WriteText(json, "value", value);
    json.EndObject();
  }
  json.EndArray().Key("unset").BeginArray();
  for (const std::string& name : difference.unset) {
    json.BeginObject();
    WriteText(json, "name", name);
    json.EndObject();
  }
  json.EndArray().EndObject();
  return json.Take() + "\n";
}

}  // namespace

Result<std::string> ActivationKey(const ActivationInput& input) {
  FH_ASSIGN_OR_RETURN(const Fd prefix, OpenDir(kHere, input.prefix));
  FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(prefix));
  std::string state;
  AddPart(state, fmt::format("{} {}:{} {}", kVersion, info.st_dev, info.st_ino, input.is_base));
  AddPart(state, input.prefix);
  AddPart(state, input.conda_root);
  for (const char* path : {"conda-meta/history", "conda-meta/state"}) FH_TRY(AddFile(prefix.get(), path, state));
  for (const std::string folder : {"etc/conda/env_vars.d", "etc/conda/activate.d"}) {
    FH_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesBeneath(prefix.get(), folder));
    for (const std::string& name : names) FH_TRY(AddFile(prefix.get(), folder + "/" + name, state));
  }
  for (const auto& [name, value] : input.base) {
    AddPart(state, name);
    AddPart(state, value);
  }
  return Sha256Hex(state);
}

Result<std::optional<EnvironmentDifference>> FindActivation(int directory, const std::string& key) {
  FH_ASSIGN_OR_RETURN(const auto text, FindFile(directory, FileName(key), kMaxKeptBytes));
  if (!text) return std::optional<EnvironmentDifference>();
  auto difference = ParseKept(*text);
  if (!difference) return std::optional<EnvironmentDifference>();
  return std::optional(std::move(*difference));
}

Result<void> KeepActivation(int directory, const std::string& key, const EnvironmentDifference& difference) {
  RemoveOthers(directory, FileName(key));
  return WriteFileAtomically(directory, FileName(key), PrintKept(difference), 0600, Durability::kLater);
}

Result<EnvironmentDifference> ActivateKept(int directory, const ActivationInput& input, const RunActivation& run) {
  // Before the scripts run: what changes meanwhile has another key, and the difference is then made once more.
  FH_ASSIGN_OR_RETURN(const std::string key, ActivationKey(input));
  FH_ASSIGN_OR_RETURN(auto kept, FindActivation(directory, key));
  if (kept) return std::move(*kept);
  FH_ASSIGN_OR_RETURN(EnvironmentDifference difference, ActivateConda(input, run));
  (void)KeepActivation(directory, key, difference);  // the next launch makes it again
  return difference;
}

}  // namespace fumehood

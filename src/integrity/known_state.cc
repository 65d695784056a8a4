#include "src/integrity/known_state.h"

#include <algorithm>

#include "src/record/json_text.h"
#include "src/record/sha256.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

constexpr int64_t kVersion = 1;
constexpr const char* kInputs = "inputs";
constexpr const char* kDatabases = "databases";
constexpr size_t kMaxBytes = size_t{64} << 20;

std::string DirectoryOf(const std::string& state_dir, const char* kind) { return state_dir + "/health/" + kind; }

std::string NameOf(const std::string& path) { return Sha256Hex(path).substr(0, 32) + ".json"; }

void WriteSeen(JsonWriter& json, const std::string& path, const SeenBy& seen) {
  json.BeginObject().Key("version").Int(kVersion);
  WriteText(json, "path", path);
  json.Key("run_id").String(seen.run_id).Key("at").String(seen.at);
}

SeenBy ReadSeen(JsonReader& json, std::string& path) {
  if (json.Int("version") != kVersion) json.Fail("version", "is not this program's");
  path = json.Text("path");
  SeenBy seen;
  seen.run_id = json.String("run_id");
  seen.at = json.String("at");
  return seen;
}

void WritePart(JsonWriter& json, const char* key, const std::optional<FileSight>& sight) {
  if (sight) WriteSight(json, key, *sight);
}

std::optional<FileSight> ReadPart(JsonReader& json, const char* key) {
  return json.Has(key) ? std::optional<FileSight>(ReadSight(json, key)) : std::nullopt;
}

Result<void> Put(const std::string& state_dir, const char* kind, const std::string& path, const std::string& text) {
  const std::string directory = DirectoryOf(state_dir, kind);
  FH_TRY(MakeDirs(directory, 0700));
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenDir(kHere, directory));
  return WriteFileAtomically(dir.get(), NameOf(path), text, 0600, Durability::kLater);
}

// Two paths with one name would be a collision of SHA-256; of a file that somebody renamed, the path tells.
template <typename T>
std::optional<T> Find(const std::string& state_dir, const char* kind, const std::string& path, Result<T> (*parse)(std::string_view)) {
  const auto text = FindFile(kHere, DirectoryOf(state_dir, kind) + "/" + NameOf(path), kMaxBytes);
  if (!text || !*text) return std::nullopt;
  auto known = parse(**text);
  if (!known || known->path != path) return std::nullopt;
  return std::move(known).value();
}

}  // namespace

std::string PrintKnown(const KnownInput& input) {
  JsonWriter json;
  WriteSeen(json, input.path, input.seen);
  WriteContent(json, input.content);
  return json.EndObject().Take() + "\n";
}

std::string PrintKnown(const KnownDatabase& database) {
  JsonWriter json;
  WriteSeen(json, database.path, database.seen);
  WritePart(json, "file", database.sight.file);
  WritePart(json, "wal", database.sight.wal);
  WritePart(json, "journal", database.sight.journal);
  json.Key("sha256").String(database.sha256).Key("settled").Bool(database.settled).Key("checked").Bool(database.checked);
  json.Key("checked_at").String(database.checked_at).Key("unfinished_after_s").Int(database.unfinished_after_s).Key("damage").BeginArray();
  for (const std::string& finding : database.damage) json.String(finding);
  return json.EndArray().EndObject().Take() + "\n";
}

Result<KnownInput> ParseKnownInput(std::string_view text) {
  FH_ASSIGN_OR_RETURN(JsonReader json, JsonReader::Parse(text));
  KnownInput input;
  input.seen = ReadSeen(json, input.path);
  input.content = ReadContent(json);
  FH_TRY(json.Finish());
  return input;
}

Result<KnownDatabase> ParseKnownDatabase(std::string_view text) {
  FH_ASSIGN_OR_RETURN(JsonReader json, JsonReader::Parse(text));
  KnownDatabase database;
  database.seen = ReadSeen(json, database.path);
  database.sight = {.file = ReadPart(json, "file"), .wal = ReadPart(json, "wal"), .journal = ReadPart(json, "journal")};
  database.sha256 = json.String("sha256");
  database.settled = json.Bool("settled");
  database.checked = json.Bool("checked");
  database.checked_at = json.String("checked_at");
  database.unfinished_after_s = json.Int("unfinished_after_s");
  database.damage = json.Strings("damage");
  FH_TRY(json.Finish());
  return database;
}

std::optional<KnownInput> KnownState::FindInput(const std::string& path) const { return Find(state_dir_, kInputs, path, ParseKnownInput); }

std::optional<KnownDatabase> KnownState::FindDatabase(const std::string& path) const {
  return Find(state_dir_, kDatabases, path, ParseKnownDatabase);
}

Result<void> KnownState::Remember(const KnownInput& input) const { return Put(state_dir_, kInputs, input.path, PrintKnown(input)); }

Result<void> KnownState::Remember(const KnownDatabase& database) const {
  return Put(state_dir_, kDatabases, database.path, PrintKnown(database));
}

std::vector<KnownDatabase> KnownState::AllDatabases() const {
  std::vector<KnownDatabase> all;
  const auto dir = OpenDir(kHere, DirectoryOf(state_dir_, kDatabases));
  const auto entries = dir ? ListDir(dir->get()) : Result<std::vector<DirEntry>>(dir.error());
  if (!entries) return all;
  for (const DirEntry& entry : *entries) {
    const auto text = ReadFile(dir->get(), entry.name, kMaxBytes);
    auto known = text ? ParseKnownDatabase(*text) : Result<KnownDatabase>(text.error());
    if (known) all.push_back(std::move(known).value());
  }
  std::sort(all.begin(), all.end(), [](const KnownDatabase& a, const KnownDatabase& b) { return a.path < b.path; });
  return all;
}

}  // namespace fumehood

// The catalog's files, as text and back.
#include <algorithm>
#include <iterator>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/record/json_reader.h"
#include "src/runtime/catalog.h"

namespace fumehood {
namespace {

// Of a table of names, the one that was written; anything else is a failure of the reader.
template <typename Enum, size_t kCount>
Enum ReadName(JsonReader& json, std::string_view key, const char* const (&names)[kCount]) {
  const std::string text = json.String(key);
  const auto found = std::find(std::begin(names), std::end(names), text);
  if (found == std::end(names)) {
    json.Fail(key, "is none of the known names");
    return Enum{};
  }
  return static_cast<Enum>(found - std::begin(names));
}

void WriteSource(JsonWriter& json, const RuntimeSource& source) {
  json.BeginObject().Key("kind").String(Name(source.kind)).Key("location").String(source.location);
  json.Key("digest").String(source.digest).Key("owned").Bool(source.owned).EndObject();
}

RuntimeSource ReadSource(JsonReader& json) {
  RuntimeSource source;
  source.kind = ReadName<RuntimeKind>(json, "kind", kRuntimeKindNames);
  source.location = json.String("location");
  source.digest = json.String("digest");
  source.owned = json.Bool("owned");
  return source;
}

}  // namespace

std::string PrintEntry(const CatalogEntry& entry) {
  JsonWriter json;
  json.BeginObject().Key("version").Int(1).Key("name").String(entry.name).Key("language").String(entry.language);
  json.Key("sources").BeginArray();
  for (const RuntimeSource& source : entry.sources) WriteSource(json, source);
  json.EndArray().Key("imports").BeginArray();
  for (const std::string& import : entry.imports) json.String(import);
  json.EndArray().Key("made_by").String(entry.made_by).Key("added_at").String(entry.added_at);
  if (!entry.made_from.empty()) json.Key("made_from").String(entry.made_from);
  return json.EndObject().Take() + "\n";
}

Result<CatalogEntry> ParseEntry(const std::string& text) {
  FH_ASSIGN_OR_RETURN(JsonReader json, JsonReader::Parse(text));
  if (json.Int("version") != 1) json.Fail("version", "is of a newer Fumehood");
  CatalogEntry entry;
  entry.name = json.String("name");
  entry.language = json.String("language");
  for (JsonReader& source : json.Objects("sources")) {
    entry.sources.push_back(ReadSource(source));
    FH_TRY(source.Finish());
  }
  if (entry.sources.empty()) json.Fail("sources", "is empty");
  entry.imports = json.Strings("imports");
  entry.made_by = json.String("made_by");
  entry.added_at = json.String("added_at");
  if (json.Has("made_from")) entry.made_from = json.String("made_from");
  FH_TRY(json.Finish());
  return entry;
}

std::string PrintWarmImports(const std::vector<std::string>& imports) {
  JsonWriter json;
  json.BeginObject().Key("version").Int(1).Key("imports").BeginArray();
  for (const std::string& import : imports) json.String(import);
  return json.EndArray().EndObject().Take() + "\n";
}

Result<std::vector<std::string>> ParseWarmImports(const std::string& text) {
  FH_ASSIGN_OR_RETURN(JsonReader json, JsonReader::Parse(text));
  if (json.Int("version") != 1) json.Fail("version", "is of a newer Fumehood");
  std::vector<std::string> imports = json.Strings("imports");
  FH_TRY(json.Finish());
  return imports;
}

std::string PrintHealth(const RuntimeHealth& health) {
  JsonWriter json;
  json.BeginObject().Key("version").Int(1).Key("state").String(kHealthStateNames[static_cast<size_t>(health.state)]);
  json.Key("reason").String(health.reason).Key("interpreter_version").String(health.version);
  json.Key("checked_at").String(health.checked_at).Key("deep").Bool(health.deep);
  json.Key("fingerprint").String(health.fingerprint).Key("identity").String(health.identity);
  return json.EndObject().Take() + "\n";
}

Result<RuntimeHealth> ParseHealth(const std::string& text) {
  FH_ASSIGN_OR_RETURN(JsonReader json, JsonReader::Parse(text));
  if (json.Int("version") != 1) json.Fail("version", "is of a newer Fumehood");
  RuntimeHealth health;
  health.state = ReadName<HealthState>(json, "state", kHealthStateNames);
  health.reason = json.String("reason");
  health.version = json.String("interpreter_version");
  health.checked_at = json.String("checked_at");
  health.deep = json.Bool("deep");
  health.fingerprint = json.String("fingerprint");
  health.identity = json.String("identity");
  FH_TRY(json.Finish());
  return health;
}

}  // namespace fumehood

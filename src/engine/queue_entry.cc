#include "src/engine/queue_entry.h"

#include <algorithm>
#include <iterator>

#include "src/base/json_writer.h"
#include "src/record/json_reader.h"
#include "src/record/json_text.h"
#include "src/record/queue_file.h"
#include "src/spec/parse.h"
#include "src/spec/print.h"

namespace fumehood {
namespace {

constexpr int64_t kVersion = 1;
constexpr const char* kKept[] = {"EXECUTOR_TYPE", "HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"};

}  // namespace

std::map<std::string, std::string> KeptEnvironment(const std::map<std::string, std::string>& environment) {
  std::map<std::string, std::string> kept;
  for (const auto& [name, value] : environment) {
    const bool wanted = name.starts_with("FUMEHOOD_") || std::find(std::begin(kKept), std::end(kKept), name) != std::end(kKept);
    if (wanted) kept[name] = value;
  }
  return kept;
}

std::string PrintQueueEntry(const QueueEntry& entry) {
  JsonWriter json;
  json.BeginObject().Key("version").Int(kVersion).Key("run_id").String(entry.run_id);
  WriteText(json, "cwd", entry.submitter.cwd);
  json.Key("environment").BeginObject();
  for (const auto& [name, value] : entry.submitter.env) WriteText(json, name, value);
  json.EndObject().Key("idempotency_key").String(entry.idempotency_key).Key("rerun_of").String(entry.rerun_of);
  json.Key("spec").String(PrintSpec(entry.spec, Format::kJson));
  return json.EndObject().Take() + "\n";
}

Result<QueueEntry> ParseQueueEntry(std::string_view text) {
  FH_ASSIGN_OR_RETURN(JsonReader json, JsonReader::Parse(text));
  const int64_t version = json.Int("version");
  if (version > kVersion) return Error(ErrorCode::kUnsupported, "a waiting run of a newer version of Fumehood");
  QueueEntry entry;
  entry.run_id = json.String("run_id");
  entry.submitter.cwd = json.Text("cwd");
  JsonReader environment = json.Object("environment");
  entry.submitter.env = environment.Texts();
  FH_TRY(environment.Finish());
  entry.idempotency_key = json.String("idempotency_key");
  entry.rerun_of = json.String("rerun_of");
  const std::string spec = json.String("spec");
  FH_TRY(json.Finish());
  auto parsed = ParseSpec(spec, Format::kJson, "the queue");
  if (!parsed) return Error(ErrorCode::kCorrupt, "the spec of a waiting run: " + parsed.error().message());
  entry.spec = std::move(parsed).value();
  return entry;
}

Result<QueueEntry> ReadQueueEntry(const std::string& state_dir, const RunId& id) {
  FH_ASSIGN_OR_RETURN(const std::string text, ReadQueueFile(state_dir, id));
  auto entry = ParseQueueEntry(text);
  if (!entry) return std::move(entry).error().Within("the queue file of run " + id);
  if (entry->run_id != id) return Error(ErrorCode::kCorrupt, "the queue file of run " + id + " is another's");
  return entry;
}

}  // namespace fumehood

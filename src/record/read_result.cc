#include "src/record/read_result.h"

#include <limits>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/record/json_reader.h"
#include "src/record/sha256.h"

namespace fumehood {
namespace {

// A million outputs with long names; a larger record is not read into memory.
constexpr size_t kMaxRecordBytes = size_t{1} << 30;

Result<JsonReader> ParseRecord(std::string_view text) {
  FH_ASSIGN_OR_RETURN(JsonReader json, JsonReader::Parse(text));
  const int64_t version = json.Int("version");
  if (version > kRecordVersion) {
    return Error(ErrorCode::kUnsupported, fmt::format("written by a newer Fumehood (version {} of the record)", version));
  }
  if (version != kRecordVersion) json.Fail("version", "is not a version that there was");
  return json;
}

std::optional<int> OptionalInt32(JsonReader& json, std::string_view key) {
  const auto value = json.OptionalInt(key);
  if (!value) return std::nullopt;
  if (*value < std::numeric_limits<int>::min() || *value > std::numeric_limits<int>::max()) json.Fail(key, "is out of range");
  return static_cast<int>(*value);
}

int Int32(JsonReader& json, std::string_view key) { return OptionalInt32(json, key).value_or(0); }

template <typename Enum>
Enum ParseName(JsonReader& json, std::string_view key, std::optional<Enum> (*parse)(const std::string&)) {
  const std::string name = json.String(key);
  const std::optional<Enum> value = parse(name);
  if (!value) json.Fail(key, "has the unknown value " + Quoted(name));
  return value.value_or(Enum{});
}

Result<Usage> ParseUsage(JsonReader json) {
  Usage usage;
  usage.cpu_user_s = json.Double("cpu_user_s");
  usage.cpu_system_s = json.Double("cpu_system_s");
  usage.wall_s = json.Double("wall_s");
  usage.memory_peak_mb = json.Double("memory_peak_mb");
  usage.pids_peak = json.Int("pids_peak");
  usage.read_bytes = json.Int("read_bytes");
  usage.written_bytes = json.Int("written_bytes");
  usage.throttled_s = json.Double("throttled_s");
  FH_TRY(json.Finish());
  return usage;
}

Result<Isolation> ParseIsolation(JsonReader json) {
  Isolation isolation;
  isolation.cgroup = json.String("cgroup");
  isolation.controllers = json.Strings("controllers");
  isolation.namespaces = json.Strings("namespaces");
  isolation.seccomp = json.Bool("seccomp");
  isolation.no_new_privs = json.Bool("no_new_privs");
  isolation.no_capabilities = json.Bool("no_capabilities");
  isolation.landlock_abi = Int32(json, "landlock_abi");
  isolation.filesystem = json.String("filesystem");
  isolation.network = json.String("network");
  isolation.disk = json.String("disk");
  isolation.uid = json.Int("uid");
  isolation.weakened = json.Strings("weakened");
  FH_TRY(json.Finish());
  return isolation;
}

Result<std::vector<OutputFile>> ParseFiles(JsonReader& json, std::string_view key) {
  std::vector<OutputFile> files;
  for (JsonReader& element : json.Objects(key)) {
    OutputFile file;
    file.path = element.Text("path");
    file.size_bytes = element.Int("size_bytes");
    file.sha256 = element.StringOrNull("sha256");
    FH_TRY(element.Finish());
    files.push_back(std::move(file));
  }
  return files;
}

template <typename T>
Result<T> ReadRecord(int dir, const char* name, Result<T> (*parse)(std::string_view)) {
  FH_ASSIGN_OR_RETURN(const std::string text, ReadFile(dir, name, kMaxRecordBytes));
  auto parsed = parse(text);
  if (!parsed) return std::move(parsed).error().Within(name);
  return parsed;
}

}  // namespace

Result<RunResult> ParseResult(std::string_view text) {
  FH_ASSIGN_OR_RETURN(JsonReader json, ParseRecord(text));
  RunResult result;
  result.run_id = json.String("run_id");
  result.name = json.Text("name");
  result.status = ParseName(json, "status", ParseRunStatus);
  result.exit_code = OptionalInt32(json, "exit_code");
  result.signal = OptionalInt32(json, "signal");
  result.reason = ParseName(json, "reason", ParseReason);
  result.completion_notes = json.Text("completion_notes");
  result.submitted_at = json.String("submitted_at");
  result.started_at = json.String("started_at");
  result.finished_at = json.String("finished_at");
  result.attempt = Int32(json, "attempt");
  FH_ASSIGN_OR_RETURN(result.usage, ParseUsage(json.Object("usage")));
  FH_ASSIGN_OR_RETURN(result.isolation, ParseIsolation(json.Object("isolation")));
  FH_ASSIGN_OR_RETURN(result.outputs, ParseFiles(json, "outputs"));
  result.run_dir = json.Text("run_dir");
  result.stdout_path = json.Text("stdout_path");
  result.stderr_path = json.Text("stderr_path");
  result.log_path = json.Text("log_path");
  FH_TRY(json.Finish());
  return result;
}

Result<AttemptExit> ParseExit(std::string_view text) {
  FH_ASSIGN_OR_RETURN(JsonReader json, ParseRecord(text));
  AttemptExit exit;
  exit.attempt = Int32(json, "attempt");
  exit.code = OptionalInt32(json, "code");
  exit.signal = OptionalInt32(json, "signal");
  exit.reason = ParseName(json, "reason", ParseReason);
  exit.evidence = json.Text("evidence");
  exit.started_at = json.String("started_at");
  exit.finished_at = json.String("finished_at");
  exit.oom_kills = json.Int("oom_kills");
  exit.pids_limit_hits = json.Int("pids_limit_hits");
  FH_ASSIGN_OR_RETURN(exit.usage, ParseUsage(json.Object("usage")));
  FH_TRY(json.Finish());
  return exit;
}

Result<KeeperHandle> ParseKeeperHandle(std::string_view text) {
  FH_ASSIGN_OR_RETURN(JsonReader json, ParseRecord(text));
  KeeperHandle handle;
  handle.process.pid = Int32(json, "pid");
  const int64_t start_ticks = json.Int("start_ticks");
  if (handle.process.pid <= 0) json.Fail("pid", "is no process");
  if (start_ticks < 0) json.Fail("start_ticks", "is negative");
  handle.process.start_ticks = static_cast<uint64_t>(start_ticks);
  handle.process.boot_id = json.String("boot_id");
  handle.attempt = Int32(json, "attempt");
  handle.hood_uid = json.Int("hood_uid");
  JsonReader cgroup = json.Object("cgroup");
  handle.cgroup_version = cgroup.String("version");
  handle.cgroup_name = cgroup.Text("name");
  handle.cgroup_v2_parent = cgroup.Text("v2_parent");
  handle.cgroup_v2_kill_parent = cgroup.Text("v2_kill_parent");
  JsonReader parents = cgroup.Object("v1_parents");
  handle.cgroup_v1_parents = parents.Texts();
  FH_TRY(parents.Finish());
  FH_TRY(cgroup.Finish());
  FH_TRY(json.Finish());
  return handle;
}

Result<CollectedOutputs> ParseOutputs(std::string_view text) {
  FH_ASSIGN_OR_RETURN(JsonReader json, ParseRecord(text));
  CollectedOutputs outputs;
  FH_ASSIGN_OR_RETURN(outputs.files, ParseFiles(json, "files"));
  outputs.file_count = json.Int("file_count");
  outputs.total_bytes = json.Int("total_bytes");
  outputs.globs = json.Strings("globs");
  outputs.missing = json.Strings("missing");
  outputs.skipped_count = json.Int("skipped_count");
  for (JsonReader& element : json.Objects("skipped")) {
    SkippedOutput skipped{element.Text("path"), element.String("why")};
    FH_TRY(element.Finish());
    outputs.skipped.push_back(std::move(skipped));
  }
  if (outputs.file_count != static_cast<int64_t>(outputs.files.size())) json.Fail("file_count", "does not count the files");
  FH_TRY(json.Finish());
  outputs.manifest_sha256 = Sha256Hex(text);
  return outputs;
}

Result<RunResult> ReadResult(int run_dir) { return ReadRecord(run_dir, layout::kResult, ParseResult); }
Result<AttemptExit> ReadExit(int attempt_dir) { return ReadRecord(attempt_dir, layout::kExit, ParseExit); }
Result<KeeperHandle> ReadKeeperHandle(int run_dir) { return ReadRecord(run_dir, layout::kKeeper, ParseKeeperHandle); }
Result<CollectedOutputs> ReadOutputs(int run_dir) { return ReadRecord(run_dir, layout::kOutputs, ParseOutputs); }

}  // namespace fumehood

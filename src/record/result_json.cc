#include "src/record/result_json.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>

#include "src/record/json_text.h"
#include "src/record/run_dir.h"
#include "src/sys/errno_error.h"

namespace fumehood {
namespace {

// Six decimals: a microsecond, or about a byte of a MiB; what is beyond is noise, and not every JSON reader keeps it.
double Rounded(double value) { return std::round(value * 1e6) / 1e6; }

void WriteOptional(JsonWriter& json, std::string_view key, const std::optional<int>& value) {
  json.Key(key);
  if (value) {
    json.Int(*value);
  } else {
    json.Null();
  }
}

void WriteStrings(JsonWriter& json, std::string_view key, const std::vector<std::string>& values) {
  json.Key(key).BeginArray();
  for (const std::string& value : values) json.String(value);
  json.EndArray();
}

void WriteUsage(JsonWriter& json, const Usage& usage) {
  json.Key("usage").BeginObject();
  json.Key("cpu_user_s").Double(Rounded(usage.cpu_user_s));
  json.Key("cpu_system_s").Double(Rounded(usage.cpu_system_s));
  json.Key("wall_s").Double(Rounded(usage.wall_s));
  json.Key("memory_peak_mb").Double(Rounded(usage.memory_peak_mb));
  json.Key("pids_peak").Int(usage.pids_peak);
  json.Key("read_bytes").Int(usage.read_bytes);
  json.Key("written_bytes").Int(usage.written_bytes);
  json.Key("throttled_s").Double(Rounded(usage.throttled_s));
  json.EndObject();
}

void WriteIsolation(JsonWriter& json, const Isolation& isolation) {
  json.BeginObject();
  json.Key("cgroup").String(isolation.cgroup);
  WriteStrings(json, "controllers", isolation.controllers);
  WriteStrings(json, "namespaces", isolation.namespaces);
  json.Key("seccomp").Bool(isolation.seccomp);
  json.Key("no_new_privs").Bool(isolation.no_new_privs);
  json.Key("no_capabilities").Bool(isolation.no_capabilities);
  json.Key("landlock_abi").Int(isolation.landlock_abi);
  json.Key("filesystem").String(isolation.filesystem);
  json.Key("network").String(isolation.network);
  json.Key("disk").String(isolation.disk);
  json.Key("uid").Int(isolation.uid);
  WriteStrings(json, "weakened", isolation.weakened);
  json.EndObject();
}

void WriteOutputs(JsonWriter& json, const std::vector<OutputFile>& outputs) {
  json.Key("outputs").BeginArray();
  for (const OutputFile& output : outputs) {
    json.BeginObject();
    WriteText(json, "path", output.path);
    json.Key("size_bytes").Int(output.size_bytes).Key("sha256").String(output.sha256).EndObject();
  }
  json.EndArray();
}

}  // namespace

std::string PrintResult(const RunResult& result) {
  JsonWriter json;
  json.BeginObject().Key("version").Int(kRecordVersion);
  json.Key("run_id").String(result.run_id);
  WriteText(json, "name", result.name);
  json.Key("status").String(Name(result.status));
  WriteOptional(json, "exit_code", result.exit_code);
  WriteOptional(json, "signal", result.signal);
  json.Key("reason").String(Name(result.reason));
  WriteText(json, "completion_notes", result.completion_notes);
  json.Key("submitted_at").String(result.submitted_at);
  json.Key("started_at").String(result.started_at);
  json.Key("finished_at").String(result.finished_at);
  json.Key("attempt").Int(result.attempt);
  WriteUsage(json, result.usage);
  json.Key("isolation");
  WriteIsolation(json, result.isolation);
  WriteOutputs(json, result.outputs);
  WriteText(json, "run_dir", result.run_dir);
  WriteText(json, "stdout_path", result.stdout_path);
  WriteText(json, "stderr_path", result.stderr_path);
  WriteText(json, "log_path", result.log_path);
  return json.EndObject().Take();
}

std::string PrintIsolation(const Isolation& isolation) {
  JsonWriter json;
  WriteIsolation(json, isolation);
  return json.Take();
}

std::string PrintExit(const AttemptExit& exit) {
  JsonWriter json;
  json.BeginObject().Key("version").Int(kRecordVersion);
  json.Key("attempt").Int(exit.attempt);
  WriteOptional(json, "code", exit.code);
  WriteOptional(json, "signal", exit.signal);
  json.Key("reason").String(Name(exit.reason));
  WriteText(json, "evidence", exit.evidence);
  json.Key("started_at").String(exit.started_at);
  json.Key("finished_at").String(exit.finished_at);
  json.Key("oom_kills").Int(exit.oom_kills);
  json.Key("pids_limit_hits").Int(exit.pids_limit_hits);
  WriteUsage(json, exit.usage);
  return json.EndObject().Take();
}

Result<void> PublishResult(int run_dir, const RunResult& result, Durability durability) {
  return PublishFile(run_dir, layout::kResult, PrintResult(result) + "\n", 0600, durability);
}

Result<void> PrepareResult(int run_dir, const RunResult& result) {
  FH_ASSIGN_OR_RETURN(const Fd file, OpenAt(run_dir, layout::kPrepared, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  FH_TRY(WriteAll(file.get(), PrintResult(result) + "\n"));
  return Sync(file.get());
}

Result<void> PublishPreparedResult(int run_dir) {
  if (renameat2(run_dir, layout::kPrepared, run_dir, layout::kResult, RENAME_NOREPLACE) != 0) {
    const int error = errno;
    if (error == EEXIST) (void)unlinkat(run_dir, layout::kPrepared, 0);
    return ErrnoError(error, "publish the result");
  }
  return Sync(run_dir);
}

Result<void> PublishExit(int attempt_dir, const AttemptExit& exit, Durability durability) {
  return PublishFile(attempt_dir, layout::kExit, PrintExit(exit) + "\n", 0600, durability);
}

}  // namespace fumehood

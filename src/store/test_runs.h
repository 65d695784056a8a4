// Run directories as the launcher and the keeper leave them, made with their own writers: for tests and for the benchmark of the store.
#pragma once

#include <fcntl.h>

#include <chrono>
#include <string>

#include <fmt/format.h>

#include "src/base/clock.h"
#include "src/base/json_writer.h"
#include "src/base/ulid.h"
#include "src/record/event_log.h"
#include "src/record/result_json.h"
#include "src/record/run_dir.h"
#include "src/spec/print.h"
#include "src/sys/file.h"

namespace fumehood {

struct MadeRun {
  RunId id = NewRunId();
  AnalysisSpec spec{.name = "fit", .command = {"python3", "fit.py"}};
  RunStatus status = RunStatus::kCompleted;  // kRunning: without a result
  Reason reason = Reason::kExited;
  int exit_code = 0;
  double memory_peak_mb = 100;
  double wall_s = 1.5;
  int64_t memory_limit_mb = 2048;
  int64_t input_bytes = -1;  // -1: without inputs
  int64_t ended_ago_s = 0;
};

inline RunResult ResultOf(const MadeRun& made, const std::string& state_dir) {
  RunResult result;
  result.run_id = made.id;
  result.name = made.spec.name;
  result.status = made.status;
  result.reason = made.reason;
  result.exit_code = made.exit_code;
  const WallTime submitted = TimeOfRunId(made.id);
  const auto wall = std::chrono::microseconds(static_cast<int64_t>(made.wall_s * 1e6));
  const WallTime finished = made.ended_ago_s > 0 ? Now() - std::chrono::seconds(made.ended_ago_s) : submitted + std::chrono::milliseconds(10) + wall;
  result.submitted_at = Rfc3339(submitted);
  result.started_at = Rfc3339(submitted + std::chrono::milliseconds(10));
  result.finished_at = Rfc3339(finished);
  result.usage = {.cpu_user_s = made.wall_s * 0.8, .cpu_system_s = made.wall_s * 0.1, .wall_s = made.wall_s, .memory_peak_mb = made.memory_peak_mb,
                  .pids_peak = 3, .read_bytes = 4096, .written_bytes = 8192, .throttled_s = 0.25};
  result.isolation = {.cgroup = "v2", .controllers = {"memory", "cpu", "pids"}, .namespaces = {"user", "mount", "pid"}, .seccomp = true,
                      .no_new_privs = true, .no_capabilities = true, .landlock_abi = 3, .filesystem = "overlay", .network = "none", .disk = "sampled"};
  result.outputs = {{"fit.csv", 1234, std::string(64, 'a')}};
  result.run_dir = fmt::format("{}/runs/{}", state_dir, made.id);
  result.completion_notes = made.status == RunStatus::kCompleted ? "" : "exit code 1: see stderr.log";
  return result;
}

inline std::string ResolvedOf(const MadeRun& made) {
  JsonWriter json;
  json.BeginObject().Key("version").Int(1).Key("name").String(made.spec.name).Key("workdir").String("/home/ada/project");
  json.Key("runtime").BeginObject().Key("name").String(made.spec.runtime).Key("identity").String(std::string(64, 'c')).EndObject();
  json.Key("limits").BeginObject().Key("memory_limit_mb").Int(made.memory_limit_mb).Key("cpu_quota").Double(1.5).Key("pids_limit").Int(256);
  json.Key("timeout_seconds").Int(1800).Key("disk_limit_mb").Int(10240).EndObject();
  return json.EndObject().Take() + "\n";
}

inline Result<void> MakeRun(const std::string& state_dir, const MadeRun& made) {
  FH_ASSIGN_OR_RETURN(const Fd runs, OpenRunsDir(state_dir));
  FH_TRY(MakeDir(runs.get(), made.id, 0700));
  FH_ASSIGN_OR_RETURN(const Fd run, OpenBeneath(runs.get(), made.id, O_RDONLY | O_DIRECTORY));
  FH_TRY(WriteFileAtomically(run.get(), layout::kSpec, PrintSpec(made.spec, Format::kJson), 0600, Durability::kLater));
  FH_TRY(WriteFileAtomically(run.get(), layout::kResolved, ResolvedOf(made), 0600, Durability::kLater));
  if (made.input_bytes >= 0) {
    const std::string inputs = fmt::format(R"({{"version":1,"inputs":[{{"path":"/data/a","bytes":{}}}],"databases":[]}})", made.input_bytes);
    FH_TRY(WriteFileAtomically(run.get(), layout::kInputs, inputs, 0600, Durability::kLater));
  }
  FH_ASSIGN_OR_RETURN(EventLog events, EventLog::Open(run.get()));
  JsonWriter members;
  members.Key("run_id").String(made.id).Key("name").String(made.spec.name).Key("uid").Int(1000);
  FH_TRY(events.Append("submitted", members.text()));
  FH_TRY(events.Append("started", "\"pid\":4242"));
  if (!IsFinal(made.status)) return {};
  return PublishResult(run.get(), ResultOf(made, state_dir), Durability::kLater);
}

}  // namespace fumehood

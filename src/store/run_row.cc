#include "src/store/run_row.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "src/base/clock.h"
#include "src/base/text.h"
#include "src/base/ulid.h"
#include "src/record/json_reader.h"
#include "src/record/pins.h"
#include "src/record/read_result.h"
#include "src/record/sha256.h"
#include "src/record/start_event.h"
#include "src/spec/parse.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

int64_t Microseconds(WallTime time) { return time.time_since_epoch().count(); }

int64_t Microseconds(const std::string& rfc3339) {
  const auto time = ParseRfc3339(rfc3339);
  return time ? Microseconds(*time) : 0;
}

std::string TimeText(int64_t microseconds) {
  return microseconds == 0 ? std::string() : Rfc3339(WallTime(std::chrono::microseconds(microseconds)));
}

std::string LabelOf(const std::map<std::string, std::string>& labels, const char* name) {
  const auto found = labels.find(name);
  return found == labels.end() ? std::string() : found->second;
}

// What the labels say in columns of their own.
void SetFromLabels(RunRow& row) {
  row.pipeline = LabelOf(row.labels, kPipelineLabel);
  row.step = LabelOf(row.labels, kStepLabel);
  row.share = LabelOf(row.labels, "user");
  if (row.share.empty()) row.share = fmt::format("uid:{}", row.uid);
}

void AddResult(const RunResult& result, RunRow& row) {
  row.name = result.name;
  row.status = result.status;
  row.reason = result.reason;
  if (result.exit_code) row.exit_code = *result.exit_code;
  row.attempt = result.attempt;
  row.started_us = Microseconds(result.started_at);
  row.finished_us = Microseconds(result.finished_at);
  row.memory_peak_mb = result.usage.memory_peak_mb;
  row.cpu_s = result.usage.cpu_user_s + result.usage.cpu_system_s;
  row.wall_s = result.usage.wall_s;
  row.pids_peak = result.usage.pids_peak;
  row.read_bytes = result.usage.read_bytes;
  row.written_bytes = result.usage.written_bytes;
  row.throttled_s = result.usage.throttled_s;
}

void AddSpec(const AnalysisSpec& spec, RunRow& row) {
  if (row.name.empty()) row.name = spec.name;
  row.runtime = spec.runtime;
  row.profile = spec.profile;
  row.priority = spec.priority;
  row.labels = spec.labels;
  row.analysis = AnalysisFingerprint(spec);
}

Result<JsonReader> ReadObject(const RunDir& run, const char* name) {
  FH_ASSIGN_OR_RETURN(const std::string text, ReadFile(run.fd.get(), name));
  return JsonReader::Parse(text);
}

// resolved.json and inputs.json hold more than is wanted here, so their readers are not asked whether they know all members.
void AddResolved(const RunDir& run, RunRow& row) {
  auto resolved = ReadObject(run, layout::kResolved);
  if (!resolved) return;
  if (row.name.empty()) row.name = resolved->String("name");
  row.runtime_lock = resolved->Object("runtime").String("identity");
  JsonReader limits = resolved->Object("limits");
  row.memory_limit_mb = limits.Int("memory_limit_mb");
  row.cpu_quota = limits.Double("cpu_quota");
  row.pids_limit = limits.Int("pids_limit");
  row.timeout_seconds = limits.Int("timeout_seconds");
  row.disk_limit_mb = limits.Int("disk_limit_mb");
}

void AddInputs(const RunDir& run, RunRow& row) {
  const auto text = FindFile(run.fd.get(), layout::kInputs, size_t{64} << 20);
  if (!text) return;
  row.input_bytes = 0;  // without the file it was given none
  if (!*text) return;
  auto inputs = JsonReader::Parse(**text);
  if (!inputs) return;
  for (const char* kind : {"inputs", "databases"}) {
    for (JsonReader& given : inputs->Objects(kind)) row.input_bytes += std::max<int64_t>(0, given.Int("bytes"));
  }
}

void AddSubmission(const RunDir& run, RunRow& row) {
  const auto fd = OpenAt(run.fd.get(), layout::kEvents, O_RDONLY | O_NOFOLLOW);
  if (!fd) return;
  constexpr size_t kFirstLine = 65536;  // the longest that an event may be
  std::string text(kFirstLine, '\0');
  const ssize_t got = read(fd->get(), text.data(), text.size());
  if (got <= 0) return;
  text.resize(static_cast<size_t>(got));
  auto event = JsonReader::Parse(std::string_view(text).substr(0, text.find('\n')));
  if (!event || event->String("type") != "submitted") return;
  if (event->Has("uid")) row.uid = event->Int("uid");
  if (event->Has("idempotency_key")) row.idempotency_key = event->String("idempotency_key");
  if (event->Has("rerun_of")) row.rerun_of = event->String("rerun_of");
}

}  // namespace

std::string AnalysisFingerprint(const std::string& runtime, const std::vector<std::string>& command, const std::vector<std::string>& data_paths) {
  // The longest first: one path may begin another.
  std::vector<std::string> paths = data_paths;
  std::erase_if(paths, [](const std::string& path) { return path.size() < 2; });
  std::sort(paths.begin(), paths.end(), [](const auto& a, const auto& b) { return a.size() != b.size() ? a.size() > b.size() : a < b; });
  Sha256 digest;
  const auto add = [&](std::string_view text) {
    digest.Update(fmt::format("{}:", text.size()));
    digest.Update(text);
  };
  add(runtime);
  constexpr char kSomePath = '\x1f';
  for (std::string word : command) {
    for (const std::string& path : paths) {
      for (size_t at = word.find(path); at != std::string::npos; at = word.find(path, at + 1)) {
        word = word.substr(0, at).append(1, kSomePath).append(word, at + path.size());
      }
    }
    add(word);
  }
  constexpr size_t kEnough = 32;
  return digest.FinishHex().substr(0, kEnough);
}

std::string AnalysisFingerprint(const AnalysisSpec& spec) {
  std::vector<std::string> paths;
  for (const InputSpec& input : spec.inputs) {
    paths.push_back(input.path);
    if (!input.to.empty()) paths.push_back(input.to);
  }
  for (const DatabaseSpec& database : spec.databases) paths.push_back(database.path);
  return AnalysisFingerprint(spec.runtime, spec.command, paths);
}

RunRow RowOfSpec(const RunId& id, const AnalysisSpec& spec, int64_t uid) {
  RunRow row;
  row.id = id;
  row.waits = true;
  row.uid = uid;
  row.submitted_us = Microseconds(TimeOfRunId(id));
  AddSpec(spec, row);
  row.memory_limit_mb = spec.memory_limit_mb.value_or(0);
  row.cpu_quota = spec.cpu_quota.value_or(0);
  row.pids_limit = spec.pids_limit.value_or(0);
  row.timeout_seconds = spec.timeout_seconds.value_or(0);
  row.disk_limit_mb = spec.disk_limit_mb.value_or(0);
  SetFromLabels(row);
  return row;
}

RunRow ReadRunRow(const std::string& state_dir, const RunDir& run) {
  RunRow row;
  row.id = run.id;
  row.submitted_us = Microseconds(TimeOfRunId(run.id));
  const auto result = ReadResult(run.fd.get());
  if (result) AddResult(*result, row);
  if (!result) {
    row.status = result.error().code() == ErrorCode::kNotFound ? RunStatus::kRunning : RunStatus::kUnknown;
    row.started_us = Microseconds(StartedAt(run));
  }
  if (const auto text = ReadFile(run.fd.get(), layout::kSpec)) {
    if (const auto spec = ParseSpec(*text, Format::kJson, layout::kSpec)) AddSpec(*spec, row);
  }
  AddResolved(run, row);
  AddInputs(run, row);
  AddSubmission(run, row);
  SetFromLabels(row);
  row.pinned = IsPinned(state_dir, run.id);
  return row;
}

RunResult ResultOfRow(const std::string& state_dir, const RunRow& row) {
  RunResult result;
  result.run_id = row.id;
  result.name = row.name;
  result.status = row.status;
  result.reason = row.reason;
  if (row.exit_code) result.exit_code = static_cast<int>(*row.exit_code);
  result.attempt = static_cast<int>(row.attempt);
  result.submitted_at = TimeText(row.submitted_us);
  result.started_at = TimeText(row.started_us);
  result.finished_at = TimeText(row.finished_us);
  result.usage.cpu_user_s = row.cpu_s;
  result.usage.wall_s = row.wall_s;
  result.usage.memory_peak_mb = row.memory_peak_mb;
  result.usage.pids_peak = row.pids_peak;
  result.run_dir = state_dir + "/" + layout::kRuns + "/" + row.id;
  return result;
}

}  // namespace fumehood

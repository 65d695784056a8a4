#include "src/store/row_codec.h"

#include <iterator>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/record/json_reader.h"

namespace fumehood {
namespace {

// The order of Bind and ReadRow below.
constexpr const char* kColumns[] = {
    "run_id", "name", "status", "final", "waits", "reason", "exit_code", "attempt", "runtime", "runtime_lock", "profile", "uid", "priority",
    "labels", "pipeline", "step", "share", "idempotency_key", "rerun_of", "pinned", "submitted_us", "started_us", "finished_us",
    "memory_limit_mb", "cpu_quota", "pids_limit", "timeout_seconds", "disk_limit_mb", "memory_peak_mb", "cpu_s", "wall_s", "pids_peak",
    "read_bytes", "written_bytes", "throttled_s", "input_bytes", "analysis", "disk_bytes", "disk_files",
};

std::string PrintLabels(const std::map<std::string, std::string>& labels) {
  JsonWriter json;
  json.BeginObject();
  for (const auto& [name, value] : labels) json.Key(name).String(value);
  return json.EndObject().Take();
}

std::map<std::string, std::string> ParseLabels(const std::string& text) {
  if (text == "{}") return {};
  auto json = JsonReader::Parse(text);
  std::map<std::string, std::string> labels;
  return json ? json->Members() : labels;
}

void Bind(const RunRow& row, Statement& to) {
  to.Add(row.id).Add(row.name).Add(Name(row.status)).Add(int64_t{IsFinal(row.status)});
  to.Add(int64_t{row.waits}).Add(Name(row.reason)).Add(row.exit_code).Add(row.attempt);
  to.Add(row.runtime).Add(row.runtime_lock).Add(row.profile).Add(row.uid).Add(row.priority);
  to.Add(PrintLabels(row.labels)).Add(row.pipeline).Add(row.step).Add(row.share);
  to.Add(row.idempotency_key).Add(row.rerun_of).Add(int64_t{row.pinned});
  to.Add(row.submitted_us).Add(row.started_us).Add(row.finished_us);
  to.Add(row.memory_limit_mb).Add(row.cpu_quota).Add(row.pids_limit).Add(row.timeout_seconds);
  to.Add(row.disk_limit_mb).Add(row.memory_peak_mb).Add(row.cpu_s).Add(row.wall_s).Add(row.pids_peak);
  to.Add(row.read_bytes).Add(row.written_bytes).Add(row.throttled_s);
  to.Add(row.input_bytes).Add(row.analysis).Add(row.disk_bytes).Add(row.disk_files);
}

// What was measured of a directory is kept when the run's row is read anew.
std::string UpsertSql() {
  std::string columns;
  std::string values;
  std::string updates;
  for (const char* column : kColumns) {
    columns += fmt::format("{}{}", columns.empty() ? "" : ", ", column);
    values += values.empty() ? "?" : ", ?";
    const std::string_view name = column;
    const bool measured = name == "disk_bytes" || name == "disk_files";
    updates += fmt::format("{}{} = {}", updates.empty() ? "" : ", ", column,
                           measured ? fmt::format("CASE WHEN excluded.{0} < 0 THEN runs.{0} ELSE excluded.{0} END", column) : fmt::format("excluded.{}", column));
  }
  return fmt::format("INSERT INTO runs ({}) VALUES ({}) ON CONFLICT (run_id) DO UPDATE SET {} WHERE runs.final <= excluded.final", columns, values, updates);
}

}  // namespace

const std::string& RowColumns() {
  static const std::string kList = [] {
    std::string list;
    for (const char* column : kColumns) list += fmt::format("{}{}", list.empty() ? "" : ", ", column);
    return list;
  }();
  return kList;
}

RunRow ReadRow(const Statement& from) {
  RunRow row;
  int at = 0;
  row.id = from.Text(at++);
  row.name = from.Text(at++);
  row.status = ParseRunStatus(from.Text(at++)).value_or(RunStatus::kUnknown);
  ++at;  // final: follows from the status
  row.waits = from.Int(at++) != 0;
  row.reason = ParseReason(from.Text(at++)).value_or(Reason::kNone);
  if (!from.IsNull(at)) row.exit_code = from.Int(at);
  ++at;
  row.attempt = from.Int(at++);
  row.runtime = from.Text(at++);
  row.runtime_lock = from.Text(at++);
  row.profile = from.Text(at++);
  row.uid = from.Int(at++);
  row.priority = from.Int(at++);
  row.labels = ParseLabels(from.Text(at++));
  row.pipeline = from.Text(at++);
  row.step = from.Text(at++);
  row.share = from.Text(at++);
  row.idempotency_key = from.Text(at++);
  row.rerun_of = from.Text(at++);
  row.pinned = from.Int(at++) != 0;
  row.submitted_us = from.Int(at++);
  row.started_us = from.Int(at++);
  row.finished_us = from.Int(at++);
  row.memory_limit_mb = from.Int(at++);
  row.cpu_quota = from.Double(at++);
  row.pids_limit = from.Int(at++);
  row.timeout_seconds = from.Int(at++);
  row.disk_limit_mb = from.Int(at++);
  row.memory_peak_mb = from.Double(at++);
  row.cpu_s = from.Double(at++);
  row.wall_s = from.Double(at++);
  row.pids_peak = from.Int(at++);
  row.read_bytes = from.Int(at++);
  row.written_bytes = from.Int(at++);
  row.throttled_s = from.Double(at++);
  row.input_bytes = from.Int(at++);
  row.analysis = from.Text(at++);
  row.disk_bytes = from.Int(at++);
  row.disk_files = from.Int(at++);
  return row;
}

Result<RowWriter> RowWriter::Open(const Database& database) {
  RowWriter writer;
  FH_ASSIGN_OR_RETURN(writer.upsert_, database.Prepare(UpsertSql()));
  FH_ASSIGN_OR_RETURN(writer.remove_, database.Prepare("DELETE FROM runs WHERE run_id = ?"));
  FH_ASSIGN_OR_RETURN(writer.remove_labels_, database.Prepare("DELETE FROM run_labels WHERE run_id = ?"));
  FH_ASSIGN_OR_RETURN(writer.add_label_, database.Prepare("INSERT OR IGNORE INTO run_labels (name, value, run_id) VALUES (?, ?, ?)"));
  FH_ASSIGN_OR_RETURN(writer.add_key_, database.Prepare("INSERT OR IGNORE INTO idempotency_keys (idempotency_key, run_id) VALUES (?, ?)"));
  return writer;
}

Result<void> RowWriter::Write(const RunRow& row) {
  Bind(row, upsert_);
  FH_TRY(upsert_.Run());
  // The labels of a run never change, so those that are there may stay.
  for (const auto& [name, value] : row.labels) {
    add_label_.Bind(1, name).Bind(2, value).Bind(3, row.id);
    FH_TRY(add_label_.Run());
  }
  if (row.idempotency_key.empty()) return {};
  add_key_.Bind(1, row.idempotency_key).Bind(2, row.id);
  return add_key_.Run();
}

Result<void> RowWriter::Remove(const RunId& id) {
  remove_.Bind(1, id);
  FH_TRY(remove_.Run());
  remove_labels_.Bind(1, id);
  return remove_labels_.Run();
}

}  // namespace fumehood

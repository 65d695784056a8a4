// Writes RunResult and the evidence of one attempt as JSON. ParseResult and ParseExit (read_result.h) read them back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "fumehood/result.h"
#include "fumehood/run_result.h"
#include "src/sys/file.h"

namespace fumehood {

// Of result.json, exit.json, outputs.json and keeper.json; readers refuse a larger one.
inline constexpr int kRecordVersion = 1;

// exit.json: how an attempt ended, as the keeper saw it from outside the hood.
struct AttemptExit {
  int attempt = 1;
  std::optional<int> code;
  std::optional<int> signal;
  Reason reason = Reason::kNone;
  std::string evidence;         // what the reason was read from: "memory.events: oom_kill 1"
  std::string started_at, finished_at;
  int64_t oom_kills = 0;
  int64_t pids_limit_hits = 0;
  Usage usage;
};

// One line, without a newline. Numbers of Usage are rounded to six decimals. A text that is not UTF-8 is written with
// replacement characters, and once more, exactly, in hexadecimal as NAME_hex.
std::string PrintResult(const RunResult& result);
std::string PrintIsolation(const Isolation& isolation);  // as it stands in the result
std::string PrintExit(const AttemptExit& exit);

// result.json in two steps, with the closing of the event chain between them: a crash there leaves the true result, whole, for whoever
// comes next. The second fails with kAlreadyExists where another was first.
Result<void> PrepareResult(int run_dir, const RunResult& result);  // synced
Result<void> PublishPreparedResult(int run_dir);                   // synced

// result.json, exit.json: once and atomically. kAlreadyExists: another writer was first, and its file stands.
Result<void> PublishResult(int run_dir, const RunResult& result, Durability durability);
Result<void> PublishExit(int attempt_dir, const AttemptExit& exit, Durability durability);

}  // namespace fumehood

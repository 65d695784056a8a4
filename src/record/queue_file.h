// Queue files: a run that waits for its start is one file, <state>/queue/<run-id>.json, until it has a directory in runs/. What stands
// in it is the engine's (src/engine/queue_entry.h); here is how it comes, is found and goes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fumehood/result.h"
#include "fumehood/run_result.h"
#include "src/sys/fd.h"

namespace fumehood {

// <state>/queue, made with mode 0700 where it is not there.
Result<Fd> OpenQueueDir(const std::string& state_dir);

// Durable when it returns. kAlreadyExists: this run waits already.
Result<void> PutQueueFile(const std::string& state_dir, const RunId& id, std::string_view text);
// kNotFound: it does not wait (any more).
Result<std::string> ReadQueueFile(const std::string& state_dir, const RunId& id);
Result<bool> Waits(const std::string& state_dir, const RunId& id);
// No error where it is gone already.
Result<void> RemoveQueueFile(const std::string& state_dir, const RunId& id);
// Sorted, so by time of submission. What is no queue file is passed over.
Result<std::vector<RunId>> ListWaiting(const std::string& state_dir);

// "01J….json" -> the run's id; empty for any other name.
std::optional<RunId> RunOfQueueFile(std::string_view name);

}  // namespace fumehood

// QueueEntry: all that the start of a waiting run needs, whoever starts it. Written when it is submitted, never changed.
#pragma once

#include <string>
#include <string_view>

#include "fumehood/analysis_spec.h"
#include "fumehood/result.h"
#include "fumehood/run_result.h"
#include "src/executor/local/resolve.h"

namespace fumehood {

struct QueueEntry {
  RunId run_id;
  AnalysisSpec spec;
  // Its directory, and of its environment the variables that the configuration is read from: the run starts under the configuration
  // that its submitter has, as it is then.
  Submitter submitter;
  std::string idempotency_key;  // empty: none
  RunId rerun_of;               // empty: of none
};

std::string PrintQueueEntry(const QueueEntry& entry);
Result<QueueEntry> ParseQueueEntry(std::string_view text);  // kCorrupt
Result<QueueEntry> ReadQueueEntry(const std::string& state_dir, const RunId& id);

// Of the submitter's environment what a queue entry keeps: it may hold no secret.
std::map<std::string, std::string> KeptEnvironment(const std::map<std::string, std::string>& environment);

}  // namespace fumehood

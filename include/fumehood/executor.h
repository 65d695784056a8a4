// The face that users and orchestrators see: one interface, wherever the runs execute.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "fumehood/analysis_spec.h"
#include "fumehood/config.h"
#include "fumehood/result.h"
#include "fumehood/run_result.h"

namespace fumehood {

enum class LogStream { kStdout, kStderr, kExecution };

struct LogQuery {
  LogStream stream = LogStream::kStdout;
  int64_t offset = 0;                  // bytes; negative: counted from the end
  int64_t limit = int64_t{1} << 20;    // at most so many bytes
};

struct LogChunk {
  std::string data;
  int64_t next_offset = 0;  // ask from here the next time
  bool complete = false;    // the run has ended and nothing follows
};

class Executor {
 public:
  virtual ~Executor() = default;

  // Returns once the run is durable: from then on it has an id, a record, and an end, whatever happens to the caller.
  virtual Result<RunId> run_analysis(const AnalysisSpec& spec) = 0;
  // Errors: kNotFound for a run that was never there.
  virtual Result<RunResult> check_status(const RunId& id) = 0;
  // True: it ended because of us. False: it had ended already. On return nothing of the run is alive.
  virtual Result<bool> kill(const RunId& id) = 0;
  virtual Result<LogChunk> get_logs(const RunId& id, const LogQuery& query) = 0;
};

// The executor that the configuration names; EXECUTOR_TYPE has been honoured when the configuration was read.
Result<std::unique_ptr<Executor>> get_executor(const Config& config);

}  // namespace fumehood

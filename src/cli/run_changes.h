// What a run changed, opened for `diff`, `apply` and `run --apply`.
#pragma once

#include <string>
#include <vector>

#include "fumehood/config.h"
#include "fumehood/result.h"
#include "fumehood/run_result.h"
#include "src/record/diff.h"
#include "src/sys/fd.h"

namespace fumehood {

struct RunChanges {
  RunResult result;
  std::string workdir;  // of the submitter, on the host
  Fd upper;             // what the run wrote
  Fd project;           // the work directory as it is now
  Difference difference;
};

Result<RunChanges> OpenChanges(const Config& config, const RunId& id);

}  // namespace fumehood

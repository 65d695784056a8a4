// Reads back what result_json.h, outputs.h and run_dir.h write. All errors of content are kCorrupt; of a newer version,
// kUnsupported.
#pragma once

#include <string_view>

#include "fumehood/result.h"
#include "fumehood/run_result.h"
#include "src/record/outputs.h"
#include "src/record/result_json.h"
#include "src/record/run_dir.h"

namespace fumehood {

Result<RunResult> ParseResult(std::string_view text);
Result<AttemptExit> ParseExit(std::string_view text);
Result<KeeperHandle> ParseKeeperHandle(std::string_view text);
// All files of the manifest, and what is missing and skipped; manifest_sha256 is that of `text`.
Result<CollectedOutputs> ParseOutputs(std::string_view text);

// kNotFound: there is none (yet).
Result<RunResult> ReadResult(int run_dir);
Result<AttemptExit> ReadExit(int attempt_dir);
Result<KeeperHandle> ReadKeeperHandle(int run_dir);
Result<CollectedOutputs> ReadOutputs(int run_dir);

}  // namespace fumehood

// The flags by which commands choose runs: --status, --label, --since and so on.
#pragma once

#include <vector>

#include "src/cli/command.h"
#include "src/store/store.h"

namespace fumehood {

std::vector<Flag> RunFilterFlags();
// All that is wrong with them at once, on top of `problems`.
RunFilter RunFilterFrom(const Arguments& arguments, std::vector<Problem>& problems);

// One flag of them that another command takes too.
Flag LabelFlag();
Flag SinceFlag();
std::map<std::string, std::string> LabelsFrom(const Arguments& arguments, std::vector<Problem>& problems);
std::optional<int64_t> MomentFrom(const Arguments& arguments, const std::string& flag, std::vector<Problem>& problems);  // microseconds

}  // namespace fumehood

// The same answers as Store::List without a store, from every run's directory: slow with many runs, but it needs no room on the disk.
#pragma once

#include <string>

#include "src/store/store.h"

namespace fumehood {

Result<RunPage> ListFromRuns(const std::string& state_dir, const WaitingRuns& waiting, const RunQuery& query);

}  // namespace fumehood
